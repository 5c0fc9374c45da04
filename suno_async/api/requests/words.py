"""Lyrics, style texts, and the timing of words."""

from typing import Annotated

from msgspec import Meta

from ..fields import AudioId, Text
from ..results import Lyrics, Style, TimedLyrics, Track
from ..updates import Stage
from .base import FROM_TRACK, Call, FromSource, Job

__all__ = ["BoostStyle", "GenerateLyrics", "GetTimestampedLyrics"]


class GenerateLyrics(Job[Lyrics], frozen=True, kw_only=True):
    """Write lyrics, in several variants, about a theme.

    Args:
        prompt: The theme, 1 to 200 characters.

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

    prompt: Annotated[str, Meta(min_length=1, max_length=200)]


class BoostStyle(Call[Style], frozen=True, kw_only=True):
    """Write a detailed style text from a few words.

    Args:
        content: A few words of style.

    Source: https://docs.kie.ai/old-model/suno-api/boost-music-style
    """

    path = "/api/v1/style/generate"
    operation = "boost-music-style"
    token_id = 12
    result = Style
    required = ("content",)

    content: Text


class GetTimestampedLyrics(FromSource[Track], Call[TimedLyrics], frozen=True, kw_only=True):
    """Get the time of each word of a track.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.

    Source: https://docs.kie.ai/old-model/suno-api/get-timestamped-lyrics
    """

    path = "/api/v1/generate/get-timestamped-lyrics"
    operation = "timeStamped-lyrics"  # their capital S
    token_id = 11
    result = TimedLyrics
    required = ("task_id", "audio_id")
    from_source = FROM_TRACK

    task_id: Text | None = None
    audio_id: AudioId | None = None
