"""The words of songs: which text is sung, and when."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..api.requests import GetTimestampedLyrics, Request
from ..api.results import AlignedWord, File, Lyrics, Track
from ..files.links import Requests
from ..files.names import file_names
from ..files.wanted import Wanted

__all__ = ["Timed", "clean", "lyrics_of", "written"]

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tabs and line feeds, those that turn the direction of what follows, and lone surrogates."""


class Timed(NamedTuple):
    """Where the times of words come from."""

    requests: Requests
    asked: bool
    """Whether the service is asked, which may cost credits."""

    async def of(self, track: Track) -> tuple[AlignedWord, ...]:
        """Return the words of a track with their times. SunoError."""
        return (await self.requests.run(GetTimestampedLyrics(track))).words


def lyrics_of(track: Track, job: Request[Any] | None) -> str:
    """Return what is sung; empty for an instrumental.

    Args:
        track: The track. Its prompt is the final lyrics, or the idea of the song.
        job: What was asked for, if that is known; without it an idea cannot be told from lyrics.
    """
    if getattr(job, "instrumental", False):
        return ""
    text = (track.prompt or "").strip()
    idea = "" if getattr(job, "custom", True) else (getattr(job, "prompt", None) or "").strip()
    if not text or text == idea:
        text = (getattr(job, "lyrics", None) or "").strip()
    return clean(text)


def clean(text: str) -> str:
    """Return a text as players can show it.

    Args:
        text: Any text.
    """
    return UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def written(lyrics: Lyrics, task_id: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of files, for each variant of lyrics that has a text.

    Args:
        lyrics: The lyrics.
        task_id: Id of their task.
    """
    each = [one for one in lyrics.variants if one.text]
    files = [File("", one.title or "lyrics", f"{task_id} {number}", ".txt") for number, one in enumerate(each, 1)]
    names = file_names([Wanted(file, take=number) for number, file in enumerate(files, 1)])
    for one, name in zip(each, names, strict=True):
        yield name, f"{clean(one.text or '').strip()}\n"
