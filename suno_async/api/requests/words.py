"""Lyrics, styles, and the timing of words."""

from collections.abc import Collection, Iterator
from typing import Annotated

from msgspec import Meta

from ...errors import Problem
from ..fields import AudioId, Text
from ..results import Lyrics, Style, TimedLyrics
from ..updates import Stage
from .base import Call, Job, TrackCall
from .tracks import missing

__all__ = ["BoostStyle", "GenerateLyrics", "GetTimestampedLyrics"]


class GenerateLyrics(Job[Lyrics], frozen=True, kw_only=True):
    """Write lyrics, in several variants, about a theme.

    Source: https://docs.kie.ai/old-model/suno-api/generate-lyrics
    """

    path = "/api/v1/lyrics"
    operation = "generate-lyrics"
    token_id = 10
    details = "/api/v1/lyrics/record-info"
    result = Lyrics
    quick = True
    statuses = {
        "PENDING": Stage.PENDING,
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        "GENERATE_LYRICS_FAILED": Stage.FAILED,
        "SENSITIVE_WORD_ERROR": Stage.FAILED,
    }
    required = ("prompt",)

    prompt: Annotated[str, Meta(min_length=1, max_length=200, description="The theme.")]


class BoostStyle(Call[Style], frozen=True, kw_only=True):
    """Make a richer style text from a few words.

    Source: https://docs.kie.ai/old-model/suno-api/boost-music-style
    """

    path = "/api/v1/style/generate"
    operation = "boost-music-style"
    token_id = 12
    result = Style
    required = ("content",)

    content: Text
    """A few words of style."""


class GetTimestampedLyrics(TrackCall[TimedLyrics], frozen=True, kw_only=True):
    """When each word of a track is sung.

    Source: https://docs.kie.ai/old-model/suno-api/get-timestamped-lyrics
    """

    path = "/api/v1/generate/get-timestamped-lyrics"
    operation = "timeStamped-lyrics"  # their capital S
    token_id = 11
    result = TimedLyrics
    repeatable = True
    required = ("task_id", "audio_id")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id", "audio_id")
