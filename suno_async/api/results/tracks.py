"""What is made from a track: WAV, videos, stems, MIDI, cover pictures."""

from collections.abc import Iterator
from typing import ClassVar, Self

from msgspec import Struct, field
from msgspec.structs import force_setattr

from ..export import Exported
from ..representation import short_repr
from .base import File, Origin, PathStep, Result

__all__ = ["Cover", "Midi", "MidiInstrument", "MidiNote", "Stem", "Stems", "Video", "Wav"]


class Cover(Result, frozen=True, kw_only=True, rename="camel"):
    """Cover pictures of a music task.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("images",)

    images: tuple[str, ...] = ()
    """Addresses of the pictures: usually two."""

    @classmethod
    def from_urls(cls, urls: tuple[str, ...]) -> Self | None:
        return cls(images=urls)

    @property
    def complete(self) -> bool:
        return bool(self.images)

    def files(self) -> Iterator[File]:
        for place, url in enumerate(self.images, 1):
            yield File(url, f"cover {place}", f"{self.task_id} {place}", ".png")


class Wav(Result, frozen=True, kw_only=True, rename="camel"):
    """A track as WAV."""

    essential = ("audio_url", "result_urls")
    not_exported = frozenset({"result_urls"})

    audio_url: str | None = field(default=None, name="audioWavUrl")  # camelCase also in callbacks
    """Address of the WAV."""
    result_urls: tuple[str, ...] = ()
    """Internal: the jobs API's place of `audio_url`. Always empty."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        if self.result_urls:
            force_setattr(self, "audio_url", self.audio_url or self.result_urls[0])
            force_setattr(self, "result_urls", ())

    @property
    def complete(self) -> bool:
        return bool(self.audio_url or self.result_urls)

    def files(self) -> Iterator[File]:
        if self.audio_url:
            yield File(self.audio_url, "audio", self.task_id, ".wav")


class Video(Result, frozen=True, kw_only=True, rename="camel"):
    """A music video of a track."""

    essential = ("video_url", "result_urls")
    not_exported = frozenset({"result_urls"})

    video_url: str | None = None
    """Address of the MP4."""
    result_urls: tuple[str, ...] = ()
    """Internal: the jobs API's place of `video_url`. Always empty."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        if self.result_urls:
            force_setattr(self, "video_url", self.video_url or self.result_urls[0])
            force_setattr(self, "result_urls", ())

    @property
    def complete(self) -> bool:
        return bool(self.video_url or self.result_urls)

    def files(self) -> Iterator[File]:
        if self.video_url:
            yield File(self.video_url, "video", self.task_id, ".mp4")


class Stem(Struct, Exported, frozen=True, kw_only=True, gc=False):
    """One voice or instrument of a track; or a pair, `extract` and `remove`, when one instrument was asked for."""

    essential: ClassVar[tuple[str, ...]] = ("id",)

    id: str = ""
    """Id, for `generate_midi(stems, audio_id=…)`."""
    name: str = field(default="", name="stem_type_group_name")
    """Name, to be shown."""
    audio_url: str | None = None
    """Address of the file."""
    duration: float | None = None
    """Length in seconds."""
    extract: "Stem | None" = None
    """Of a pair: the instrument."""
    remove: "Stem | None" = None
    """Of a pair: the track without the instrument."""

    def each(self) -> Iterator["Stem"]:
        """Yield the stem itself, or the two of a pair."""
        if self.extract is None and self.remove is None:
            yield self
        for one in (self.extract, self.remove):
            if one is not None:
                yield one

    def __repr__(self) -> str:
        return short_repr(self)


_STEMS = (
    *("vocal", "instrumental", "backing_vocals", "drums", "bass", "guitar", "piano", "keyboard", "percussion"),
    *("strings", "synth", "fx", "brass", "woodwinds"),
)


class Stems(Result, frozen=True, kw_only=True, rename="camel"):
    """The stems of a track. Which addresses are there depends on the type of the separation.

    At the jobs API its form is not documented; those of the legacy API are tried. `raw` has all of it.
    """

    essential = tuple(f"{name}_url" for name in _STEMS)

    origin_url: str | None = None
    """Address of the track that was separated."""
    origin_data: tuple[Stem, ...] = ()
    """The stems as the service lists them, pairs included; `stems` is the flat list."""
    vocal_url: str | None = None
    """Address of the voice; the other addresses are named likewise."""
    instrumental_url: str | None = None
    backing_vocals_url: str | None = None
    drums_url: str | None = None
    bass_url: str | None = None
    guitar_url: str | None = None
    piano_url: str | None = None
    """KIE only."""
    keyboard_url: str | None = None
    percussion_url: str | None = None
    strings_url: str | None = None
    synth_url: str | None = None
    fx_url: str | None = None
    brass_url: str | None = None
    woodwinds_url: str | None = None

    @classmethod
    def from_urls(cls, urls: tuple[str, ...]) -> Self | None:
        return cls(origin_data=tuple(Stem(audio_url=url) for url in urls))

    @property
    def stems(self) -> tuple[Stem, ...]:
        """Every stem that has an id; of a pair first the instrument, then the rest."""
        return tuple(stem for entry in self.origin_data for stem in entry.each())

    @property
    def urls(self) -> dict[str, str]:
        """The addresses that are there, by name (vocal, drums, Lead Vocal, …)."""
        named = {
            name.removesuffix("_url").replace("_", " "): url
            for name in self.__struct_fields__
            if name.endswith("_url") and name != "origin_url" and (url := getattr(self, name))
        }
        for place, stem in enumerate(self.stems, 1):
            if stem.audio_url and stem.audio_url not in named.values():
                name = stem.name or f"stem {place}"
                named[name if name not in named else f"{name} {place}"] = stem.audio_url
        return named

    @property
    def complete(self) -> bool:
        return bool(self.urls)

    def files(self) -> Iterator[File]:
        for name, url in self.urls.items():
            yield File(url, name, f"{self.task_id} {name}", ".mp3")


class MidiNote(Struct, Exported, frozen=True, kw_only=True, gc=False):
    """One note."""

    pitch: int = 0
    """Pitch, 0 to 127; 60 is middle C."""
    start: float = 0.0
    """Start in seconds."""
    end: float = 0.0
    """End in seconds."""
    velocity: float = 0.0
    """Velocity, 0 to 1."""

    def __repr__(self) -> str:
        return short_repr(self)


class MidiInstrument(Struct, Exported, frozen=True, kw_only=True, gc=False):
    """The notes of one instrument."""

    essential: ClassVar[tuple[str, ...]] = ("notes",)

    name: str = ""
    """Name of the instrument."""
    notes: tuple[MidiNote, ...] = ()
    """Its notes."""

    def __repr__(self) -> str:
        return short_repr(self)


class Midi(Result, frozen=True, kw_only=True, rename="camel"):
    """Separated stems as MIDI. May be empty after a separation of type split_stem (docs/service.md#midi).

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("instruments",)

    state: str | None = None
    """The service's word for the state of the transcription."""
    instruments: tuple[MidiInstrument, ...] = ()
    """The instruments."""
