"""Values that bound things: what a model takes, and how often something may be asked."""

from typing import NamedTuple

__all__ = ["Limits", "Rate"]


class Limits(NamedTuple):
    """What a model takes: characters, unless said otherwise, and the widest of all pages (NOTES §3).

    What one era accepts is not refused here. None: no page states a limit.
    """

    lyrics: int = 5000
    style: int = 1000
    title: int = 100
    title_extended: int = 100
    """The title of a continuation."""
    idea: int = 3000
    """The prompt of generate, without custom mode."""
    idea_for_audio: int | None = 500
    """The prompt of upload-cover and mashup, without custom mode."""
    negative_tags: int | None = None
    separate_lyrics: bool = False
    """Whether `lyrics` is a field of its own; else the words are sent as `prompt`."""
    duration: bool = False
    """Whether a length can be wished for."""
    voice: bool = False
    """Whether it sings with an own voice (persona_model voice_persona)."""
    upload_minutes: int = 8
    song_minutes: int | None = 8


class Rate(NamedTuple):
    """At most `calls` in any window of `seconds`."""

    calls: int
    seconds: float
