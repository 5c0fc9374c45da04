"""Which files are meant by a result, a track, a stem or a file."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from ..api.results import File, RecoveredTrack, Result, Stem, Track, UploadedFile
from ..api.results.base import origin_of
from ..errors import ConfigurationError
from .media import KINDS, kind_of

__all__ = ["Saveable", "Wanted", "is_kind", "playable", "wanted"]

Saveable = Result | File | Stem
"""What can be downloaded: a result or any part of one, such as a track, a stem or a file."""


NEW = 3600.0
"""Seconds after a track was begun for which its file may be late: patience with its task and with its host, twice."""


class Wanted(NamedTuple):
    """One file that is to be fetched."""

    file: File
    task_id: str = ""
    """Id of the task that made it; empty if that is unknown."""
    take: int = 0
    """Number of its track in its task, from 1; 0 if there is only one."""
    same: int = 0
    """How many files of the same id and kind come before it in its result."""
    upstream: str = ""
    """Its address at the upstream service, where the result has one."""
    track_id: str = ""
    """Id of its track, which recovery knows; empty if it is no audio of a track."""
    streams: bool = False
    """Whether it is a stream, whose file is not there yet."""
    made: float | None = None
    """When its track was made, in Unix seconds, if that is known."""

    def is_new(self, now: float) -> bool:
        """Return whether hosts may not serve it yet; also if it is not known when it was made.

        Args:
            now: Unix seconds.
        """
        return self.made is None or now - self.made < NEW


def wanted(what: Saveable) -> list[Wanted]:
    """Return the files of a result or of a part of one, in its order.

    Raises:
        ConfigurationError: It is neither.
    """
    found: list[Wanted] = []
    for one in _all(what):
        same = sum((other.file.id, other.file.suffix) == (one.file.id, one.file.suffix) for other in found)
        found.append(one._replace(same=same))
    return found


def is_kind(one: Wanted, only: str | None) -> bool:
    """Return whether a file is of the kind that is asked for: audio, image, video or midi; None for any.

    Raises:
        ConfigurationError: There is no such kind.
    """
    if only is not None and only not in KINDS:
        raise ConfigurationError(f"only must be one of {', '.join(KINDS)} or None, got {only!r}")
    return only is None or kind_of(one.file.suffix) == only


def playable(what: Saveable) -> Wanted:
    """Return the one file that is meant where only one can be: the audio, or else the only file.

    A track whose file is not there yet is played from the address of its stream.

    Raises:
        ConfigurationError: There is no file, or there are several.
    """
    if isinstance(what, Track) and not what.audio_url and what.stream_audio_url:
        title = what.title or "untitled"
        file = File(what.stream_audio_url, title, what.id, ".mp3")
        return Wanted(file, upstream=what.source_stream_audio_url or "", streams=True, made=_made(what))
    each = wanted(what)
    if len(each) > 1:
        each = [one for one in each if kind_of(one.file.suffix) == "audio"]
    if len(each) == 1:
        return each[0]
    name = type(what).__name__
    if not each:
        raise ConfigurationError(f"this {name} has no file: wait for its task, or name a part of it that has one")
    raise ConfigurationError(f"this {name} has {len(each)} files: name one of its parts, such as a track")


def _all(what: Any) -> Iterator[Wanted]:
    match what:
        case File():
            yield Wanted(what)
        case Stem():
            for one in what.each():
                if one.audio_url:
                    yield Wanted(File(one.audio_url, one.name or "stem", one.id, ".mp3"))
        case UploadedFile():
            if what.download_url:
                name, suffix = os.path.splitext(what.file_name or "upload")
                suffix = suffix.lower() if suffix[1:].isascii() and suffix[1:].isalnum() else ""
                yield Wanted(File(what.download_url, name, what.file_path or "", suffix))
        case Track() | RecoveredTrack():
            yield from _track(what, _take(what))
        case Result():
            tracks: Any = getattr(what, "tracks", ())
            for place, track in enumerate(tracks, 1):
                yield from _track(track, place if len(tracks) > 1 else 0, what.task_id)
            if not tracks:
                yield from (Wanted(file, what.task_id) for file in what.files())
        case _:
            raise ConfigurationError(
                f"result must be what awaiting a task returns, or a part of that, got {what!r}: await it first"
            )


def _track(track: Track | RecoveredTrack, take: int, task_id: str = "") -> Iterator[Wanted]:
    for file in track.files():
        audio = kind_of(file.suffix) == "audio"
        upstream = None
        if isinstance(track, Track):
            upstream = track.source_audio_url if audio else track.source_image_url
        mine = track.task_id or task_id
        yield Wanted(
            file,
            mine,
            take,
            upstream=upstream or "",
            track_id=track.id if audio and isinstance(track, Track) else "",
            made=_made(track),
        )


def _made(track: Track | RecoveredTrack) -> float | None:
    at = track.created_at if isinstance(track, Track) else None
    return None if at is None else at.timestamp()


def _take(track: Track | RecoveredTrack) -> int:
    """The number of a track that stands alone, as its task has it; 0 if its task has only this one."""
    origin = origin_of(track)
    if origin is None or not origin.path or not isinstance(origin.path[-1], int):
        return 0
    beside: Any = origin._replace(path=origin.path[:-1]).raw()
    return origin.path[-1] + 1 if isinstance(beside, list) and len(cast(Any, beside)) > 1 else 0
