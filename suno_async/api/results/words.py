"""Lyrics, style texts, and the timing of words."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import force_setattr

from ..export import Exported
from ..representation import short_repr
from .base import Origin, PathStep, Result

__all__ = ["AlignedWord", "Lyrics", "LyricsVariant", "Style", "TimedLyrics"]


class LyricsVariant(Struct, Exported, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One of the lyrics written for a prompt."""

    essential: ClassVar[tuple[str, ...]] = ("text",)
    not_exported = frozenset({"kie_error"})

    text: str | None = None
    """The lyrics."""
    title: str | None = None
    """Title."""
    status: str | None = None
    """complete or failed."""
    error_message: str | None = None
    """Reason of a failure."""
    kie_error: str | None = field(default=None, name="error_message")
    """Internal: `error_message` as KIE's callbacks spell it. Always None."""

    callback_names: ClassVar[Mapping[str, str]] = {"error_message": "errorMessage"}

    def __repr__(self) -> str:
        return short_repr(self)


class Lyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The result of a lyrics task.

    Source: https://docs.kie.ai/old-model/suno-api/generate-lyrics
    """

    not_exported = frozenset({"lyrics_data"})
    callback_names = {"variants": "data"}
    essential = ("variants", "lyrics_data")
    jobs_result_path = ("resultObject",)

    variants: tuple[LyricsVariant, ...] = field(default=(), name="data")
    """The lyrics, in several variants."""
    lyrics_data: tuple[LyricsVariant, ...] = ()
    """Internal: another name of `variants`. Always empty."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        if self.lyrics_data:
            force_setattr(self, "variants", self.variants or self.lyrics_data)
            force_setattr(self, "lyrics_data", ())
        for variant in self.variants:
            if variant.kie_error is not None:
                force_setattr(variant, "error_message", variant.error_message or variant.kie_error)
                force_setattr(variant, "kie_error", None)

    @property
    def complete(self) -> bool:
        return any(variant.text for variant in self.variants or self.lyrics_data)


class Style(Result, frozen=True, kw_only=True, rename="camel"):
    """A detailed style text.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("text",)

    text: str | None = field(default=None, name="result")
    """The text."""
    credits_consumed: float | None = None
    """Credits that it cost."""
    credits_remaining: float | None = None
    """Credits that are left."""
    error_message: str | None = None
    """Reason of a failure, as documented."""
    error_msg: str | None = None
    """Reason of a failure, as answers have it."""

    @property
    def complete(self) -> bool:
        return bool(self.text)


class AlignedWord(Struct, Exported, frozen=True, kw_only=True, gc=False, rename="camel"):
    """A word of a song, with its time."""

    word: str = ""
    """The word; may include section marks and line feeds."""
    success: bool | None = None
    """Whether it could be aligned."""
    start: float | None = field(default=None, name="startS")
    """Start in seconds."""
    end: float | None = field(default=None, name="endS")
    """End in seconds."""
    palign: float | None = None
    """Quality of the alignment; not documented further."""

    callback_names: ClassVar[Mapping[str, str]] = {
        "start": "start_s",
        "end": "end_s",
    }  # seen by a client at the jobs API

    def __repr__(self) -> str:
        return short_repr(self)


class TimedLyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The words of a track, with their times.

    At the jobs API the same answer is documented; a record with a result is read in the same form. `raw` has all of it.

    Source: https://docs.kie.ai/old-model/suno-api/get-timestamped-lyrics
    """

    callback_names = {"words": "aligned_words", "waveform": "waveform_data"}
    essential = ("words",)

    words: tuple[AlignedWord, ...] = field(default=(), name="alignedWords")
    """The words; empty for a track without singing."""
    waveform: tuple[float, ...] = field(default=(), name="waveformData")
    """Points of the waveform."""
    hoot_cer: float | None = None
    """Score of the alignment."""
    is_streamed: bool | None = None
    """Whether the audio is a stream; not documented further."""
