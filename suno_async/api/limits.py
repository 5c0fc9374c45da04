"""Limits: what a model accepts, and how often something may be sent."""

from typing import NamedTuple

__all__ = ["Limits", "Rate"]


class Limits(NamedTuple):
    """What a model accepts.

    Where pages disagree, the widest limit counts. None: no page states a limit (docs/service.md#models-and-limits).
    """

    lyrics: int = 5000
    """Characters of the lyrics."""
    style: int = 1000
    """Characters of the style."""
    title: int = 100
    """Characters of the title."""
    title_extended: int = 100
    """Characters of the title of a continuation."""
    idea: int = 3000
    """Characters of the prompt of generate, without custom mode."""
    idea_for_audio: int | None = 500
    """Characters of the prompt of upload-cover and mashup, without custom mode."""
    negative_tags: int | None = None
    """Characters of the negative tags."""
    separate_lyrics: bool = False
    """True: `lyrics` is a field of its own. False: lyrics are sent as `prompt`."""
    duration: bool = False
    """Whether a desired length can be given."""
    voice: bool = False
    """Whether it sings with a voice of your own (persona_model voice_persona)."""
    upload_minutes: int = 8
    """Length of an uploaded song in minutes."""
    song_minutes: int | None = 8
    """Length of a song that it makes, in minutes."""


class Rate(NamedTuple):
    """At most `calls` in any window of `seconds`."""

    calls: int
    """Number of calls."""
    seconds: float
    """Length of the window."""
