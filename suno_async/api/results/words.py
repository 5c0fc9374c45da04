"""Lyrics, styles, and words in time."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import force_setattr

from .base import Origin, Result

__all__ = ["AlignedWord", "Lyrics", "LyricsVariant", "Style", "TimedLyrics"]


class LyricsVariant(Struct, frozen=True, kw_only=True, rename="camel"):
    """One of the texts written for a prompt."""

    text: str | None = None
    title: str | None = None
    status: str | None = None
    """complete or failed."""
    error_message: str | None = None
    kie_error: str | None = field(default=None, name="error_message")
    """KIE's callbacks spell `error_message` so; None once read."""

    callback_names: ClassVar[Mapping[str, str]] = {"error_message": "errorMessage"}


class Lyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The texts of a lyrics task."""

    callback_names = {"variants": "data"}
    jobs_result_path = ("resultObject",)

    variants: tuple[LyricsVariant, ...] = field(default=(), name="data")
    lyrics_data: tuple[LyricsVariant, ...] = ()
    """Another name of theirs for `variants`; empty once read."""

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
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
    """A style text made richer.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    text: str | None = field(default=None, name="result")
    credits_consumed: float | None = None
    credits_remaining: float | None = None
    error_message: str | None = None
    error_msg: str | None = None  # the name on the wire; the docs have the one above

    @property
    def complete(self) -> bool:
        return bool(self.text)


class AlignedWord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A word of a song and when it is sung."""

    word: str = ""
    """May hold section marks and line feeds."""
    success: bool | None = None
    """Whether it could be aligned."""
    start: float | None = field(default=None, name="startS")
    """Seconds."""
    end: float | None = field(default=None, name="endS")
    """Seconds."""
    palign: float | None = None

    callback_names: ClassVar[Mapping[str, str]] = {
        "start": "start_s",
        "end": "end_s",
    }  # seen by a client on the jobs route


class TimedLyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The words of a track in time.

    The jobs route is documented with the same answer at once; a result in its record was not seen and is read in the
    same shape. `raw` has it as it came.
    """

    callback_names = {"words": "aligned_words", "waveform": "waveform_data"}

    words: tuple[AlignedWord, ...] = field(default=(), name="alignedWords")
    """Empty for a track without singing."""
    waveform: tuple[float, ...] = field(default=(), name="waveformData")
    hoot_cer: float | None = None
    """Alignment score."""
    is_streamed: bool | None = None
