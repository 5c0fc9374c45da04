"""Results for unit tests, made without a service."""

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ..api.results import Lyrics, LyricsVariant, Music, Result, Track

__all__ = ["make_lyrics", "make_music", "make_result", "make_track"]

R = TypeVar("R", bound=Result)
FILES = "https://files.example"
"""A host that never exists (RFC 2606)."""


def make_track(**fields: Any) -> Track:
    """Return a complete track.

    Args:
        fields: Fields of `Track`; the others have plausible values, with addresses of files that do not exist.

    Raises:
        TypeError: A name is no field of `Track`.
    """
    track = Track(
        id="8551662c-0e7b-4f1e-9d3c-5a3c6f2b7d10",
        title="Rain",
        audio_url=f"{FILES}/rain.mp3",
        stream_audio_url=f"{FILES}/rain",
        image_url=f"{FILES}/rain.jpeg",
        prompt="rain in Lisbon",
        tags="fado, calm",
        model_name="chirp-bluejay",
        model="V5",
        duration=142.5,
        created=1_750_000_000_000,
    )
    return replace(track, **fields)


def make_music(*tracks: Track, task_id: str = "resolved", **fields: Any) -> Music:
    """Return the result of a music task.

    Args:
        tracks: Its tracks (default: two).
        task_id: Id of its task.
        fields: Fields of `Track`, for both tracks if none are given.

    Raises:
        TypeError: A name is no field of `Track`, or fields are given besides tracks.
    """
    if tracks and fields:
        raise TypeError("give tracks, or fields of tracks, but not both")
    if not tracks:
        first = make_track(**{"task_id": task_id} | fields)
        second = {"id": f"{first.id}-2", "audio_url": f"{FILES}/rain-2.mp3", "image_url": f"{FILES}/rain-2.jpeg"}
        tracks = first, replace(first, **{name: value for name, value in second.items() if name not in fields})
    return Music(tracks=tracks, task_id=task_id)


def make_lyrics(*texts: str, title: str = "Rain", task_id: str = "resolved") -> Lyrics:
    """Return the result of a lyrics task.

    Args:
        texts: The texts (default: two verses).
        title: Title of each.
        task_id: Id of its task.
    """
    texts = texts or ("[Verse]\nRain on the river", "[Verse]\nRain on the roofs")
    variants = tuple(LyricsVariant(text=text, title=title, status="complete") for text in texts)
    return Lyrics(variants=variants, task_id=task_id)


def make_result(result: type[R], /, **fields: Any) -> R:
    """Return a result of any kind, with a sample value in every field: `make_result(Stems, vocal_url="…")`.

    Args:
        result: The class, as Stems, Video or one of your own.
        fields: Fields of it that have other values.

    Raises:
        TypeError: A name is no field of the class.
    """
    from ..emulator.samples import Sampler  # loads the emulator, which other tests need not

    sampler = Sampler(lambda name, suffix: f"{FILES}/{name}{suffix}", lambda name: name)
    made = msgspec.convert(sampler.build(result), result, strict=False)
    return replace(made, **{"task_id": "resolved"} | fields)
