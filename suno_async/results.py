"""What finished tasks and answered calls give: one struct for each, however a gateway spells it.

Fields carry our names; `rename="camel"` and the odd `name=` carry those of the details page, `called` those of
callbacks where they are not simply snake_case.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, cast

import msgspec
from msgspec import Struct, field
from msgspec.structs import force_setattr

from .models import Doubt, Stage, moment

__all__ = [
    "AlignedWord",
    "Cover",
    "File",
    "Lyrics",
    "LyricsVariant",
    "Midi",
    "MidiInstrument",
    "MidiNote",
    "Music",
    "Origin",
    "Persona",
    "RecoveredTrack",
    "Recovery",
    "Result",
    "Stem",
    "Stems",
    "Style",
    "TimedLyrics",
    "Track",
    "UploadedFile",
    "Video",
    "Voice",
    "VoiceCheck",
    "VoicePhrase",
    "Wav",
    "staged",
]

Step = str | int | tuple[str, ...]
"""One way down a JSON value: a name, a place, or the first of some names that is there."""


class Origin(NamedTuple):
    """Where a result came from: its task, the model asked for if that is known, and its place in a body."""

    task_id: str = ""
    model: str = ""
    body: bytes = b""
    path: tuple[Step, ...] = ()

    def inside(self, *steps: Step) -> "Origin":
        """The origin of a part."""
        return Origin(self.task_id, self.model, self.body, self.path + steps)  # `_replace` takes three times as long

    def raw(self) -> Any:
        """The JSON at that place, None if there is none."""
        try:
            value = msgspec.json.decode(self.body)
            for step in self.path:
                value = _inside(value, step)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None
        return value


def _inside(value: Any, step: Step) -> Any:
    if not isinstance(step, int) and type(value) is list:
        return cast(Any, value)  # the list that should have been under that name
    if isinstance(step, tuple):
        step = next((name for name in step if name in value), step[0])
    held = value[step]
    return msgspec.json.decode(held) if step == "resultJson" else held  # JSON as text, on the jobs route


class File(NamedTuple):
    """One file of a result, as `download` saves it."""

    url: str
    title: str
    id: str
    suffix: str
    """Used when the address tells none."""


class Result(Struct, frozen=True, kw_only=True, rename="camel", dict=True):
    """What a finished task or an answered call gives."""

    called: ClassVar[Mapping[str, str]] = {}
    """Names that callbacks use for fields of this struct, where they are not the field's own. A struct inside a result
    may have them, too."""
    in_job: ClassVar[tuple[str, ...]] = ()
    """Where `resultJson` of the jobs route holds it: names from the outside in."""
    parts: ClassVar[tuple[type, ...]] = ()
    """Results of their own inside this one."""

    task_id: str = field(default="", name="_taskId")  # ours; theirs is often null
    """The task this came from."""

    def came_from(self, origin: Origin) -> None:
        """Note the origin. For the reader of an answer, before anybody else sees the value."""
        force_setattr(self, "task_id", origin.task_id)
        force_setattr(self, "origin", origin)  # beside the fields: it is no part of the value

    @property
    def raw(self) -> Any:
        """The JSON this was read from, with all that we don't know; None if it was not read from an answer.

        Parsed when asked for, and anew each time.
        """
        origin: Origin | None = self.__dict__.get("origin")
        return None if origin is None else origin.raw()

    @property
    def begun(self) -> bool:
        """Whether a part of it is there."""
        return self.whole

    @property
    def whole(self) -> bool:
        """Whether everything that was announced is there."""
        return True

    def files(self) -> Iterator[File]:
        """What there is to download."""
        return iter(())


def staged(stage: Stage, found: Any) -> tuple[Stage, Doubt]:
    """The stage a task is really at: a success whose files are not there yet is not COMPLETE."""
    whole = found.whole if isinstance(found, Result) else found is not None
    if stage is not Stage.COMPLETE or whole:
        return stage, Doubt.NONE
    begun = isinstance(found, Result) and found.begun
    return (Stage.FIRST if begun else Stage.PENDING), Doubt.LATE_FILES


# ---- music -----------------------------------------------------------------------------------------------------------


class Track(Result, frozen=True, kw_only=True, rename="camel"):
    """One song. Addresses are None or empty until their file exists, and expire after 14 days (NOTES §8)."""

    id: str = ""
    title: str | None = None
    audio_url: str | None = None
    stream_audio_url: str | None = None
    """Playable earlier than `audio_url`, but may serve nothing: do not save from it."""
    image_url: str | None = None
    prompt: str | None = None
    """The final lyrics, or the prompt."""
    tags: str | None = None
    model_name: str | None = None
    """The upstream name, such as chirp-bluejay; never V4, V5, …"""
    model: str = field(default="", name="_model")  # ours; theirs is the line above
    """The model that was asked for, if that is known: V4, V5, …"""
    duration: float | None = None
    """Seconds; None until the track is ready."""
    source_audio_url: str | None = None
    source_stream_audio_url: str | None = None
    source_image_url: str | None = None
    created: int | str | None = field(default=None, name="createTime")
    """As the service says it; `created_at` is the readable form."""

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        force_setattr(self, "model", origin.model)

    @property
    def created_at(self) -> datetime | None:
        """When it was made. Text without a zone is taken as UTC: the pages do not say what it is."""
        return moment(self.created)

    @property
    def whole(self) -> bool:
        return bool(self.audio_url)

    def files(self) -> Iterator[File]:
        title = self.title or "untitled"
        if self.audio_url:
            yield File(self.audio_url, title, self.id, ".mp3")
        if self.image_url:
            yield File(self.image_url, title, self.id, ".jpeg")


class Music(Result, frozen=True, kw_only=True, rename="camel"):
    """The tracks of a music task: usually two, sometimes one."""

    called = {"tracks": "data"}
    parts = (Track,)

    tracks: tuple[Track, ...] = field(default=(), name="sunoData")

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        for place, track in enumerate(self.tracks):
            track.came_from(origin.inside(("sunoData", "data"), place))

    @property
    def begun(self) -> bool:
        return any(track.audio_url for track in self.tracks)

    @property
    def whole(self) -> bool:
        return bool(self.tracks) and all(track.audio_url for track in self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()


class RecoveredTrack(Result, frozen=True, kw_only=True, rename="camel"):
    """One song whose file was restored, or not."""

    id: str = ""
    title: str | None = None
    audio_url: str | None = field(default=None, name="audio_url")  # snake_case on the details page, too
    """May end in .m4a."""
    status: str | None = None
    """success or failed."""
    error: str | None = None
    """clip_error, account_missing, … (NOTES §12)."""

    @property
    def whole(self) -> bool:
        return bool(self.audio_url)

    def files(self) -> Iterator[File]:
        if self.audio_url:
            yield File(self.audio_url, self.title or "untitled", self.id, ".mp3")


class Recovery(Result, frozen=True, kw_only=True, rename="camel"):
    """The songs of an old task, restored as far as could be; each says how it went.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    called = {"tracks": "data"}
    parts = (RecoveredTrack,)

    tracks: tuple[RecoveredTrack, ...] = field(default=(), name="data")

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        for place, track in enumerate(self.tracks):
            track.came_from(origin.inside("data", place))

    @property
    def whole(self) -> bool:
        return bool(self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()


# ---- words -----------------------------------------------------------------------------------------------------------


class LyricsVariant(Struct, frozen=True, kw_only=True, rename="camel"):
    """One of the texts written for a prompt."""

    text: str | None = None
    title: str | None = None
    status: str | None = None
    """complete or failed."""
    error_message: str | None = None
    kie_error: str | None = field(default=None, name="error_message")
    """KIE's callbacks spell `error_message` so; None once read."""

    called: ClassVar[Mapping[str, str]] = {"error_message": "errorMessage"}


class Lyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The texts of a lyrics task."""

    called = {"variants": "data"}
    in_job = ("resultObject",)

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
    def whole(self) -> bool:
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
    def whole(self) -> bool:
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

    called: ClassVar[Mapping[str, str]] = {"start": "start_s", "end": "end_s"}  # seen by a client on the jobs route


class TimedLyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The words of a track in time.

    The jobs route is documented with the same answer at once; a result in its record was not seen and is read in the
    same shape. `raw` has it as it came.
    """

    called = {"words": "aligned_words", "waveform": "waveform_data"}

    words: tuple[AlignedWord, ...] = field(default=(), name="alignedWords")
    """Empty for a track without singing."""
    waveform: tuple[float, ...] = field(default=(), name="waveformData")
    hoot_cer: float | None = None
    """Alignment score."""
    is_streamed: bool | None = None


# ---- made from a track -----------------------------------------------------------------------------------------------


class Cover(Result, frozen=True, kw_only=True, rename="camel"):
    """Pictures for a music task: usually two.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    images: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return bool(self.images)

    def files(self) -> Iterator[File]:
        for place, url in enumerate(self.images, 1):
            yield File(url, f"cover {place}", f"{self.task_id} {place}", ".png")


class Wav(Result, frozen=True, kw_only=True, rename="camel"):
    """A track as WAV."""

    audio_url: str | None = field(default=None, name="audioWavUrl")  # camelCase also in callbacks
    result_urls: tuple[str, ...] = ()
    """Where the jobs route puts `audio_url`; empty once read."""

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        if self.result_urls:
            force_setattr(self, "audio_url", self.audio_url or self.result_urls[0])
            force_setattr(self, "result_urls", ())

    @property
    def whole(self) -> bool:
        return bool(self.audio_url or self.result_urls)

    def files(self) -> Iterator[File]:
        if self.audio_url:
            yield File(self.audio_url, "audio", self.task_id, ".wav")


class Video(Result, frozen=True, kw_only=True, rename="camel"):
    """A music video of a track."""

    video_url: str | None = None
    result_urls: tuple[str, ...] = ()
    """Where the jobs route puts `video_url`; empty once read."""

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        if self.result_urls:
            force_setattr(self, "video_url", self.video_url or self.result_urls[0])
            force_setattr(self, "result_urls", ())

    @property
    def whole(self) -> bool:
        return bool(self.video_url or self.result_urls)

    def files(self) -> Iterator[File]:
        if self.video_url:
            yield File(self.video_url, "video", self.task_id, ".mp4")


class Stem(Struct, frozen=True, kw_only=True):
    """One voice or instrument of a track, or a pair: the one that was named and the track without it."""

    id: str = ""
    """Names it to `generate_midi(stems, audio_id=…)`."""
    name: str = field(default="", name="stem_type_group_name")
    """For people."""
    audio_url: str | None = None
    duration: float | None = None
    """Seconds."""
    extract: "Stem | None" = None
    remove: "Stem | None" = None

    def each(self) -> Iterator["Stem"]:
        """The stem itself, or the two of the pair."""
        if self.extract is None and self.remove is None:
            yield self
        for one in (self.extract, self.remove):
            if one is not None:
                yield one


class Stems(Result, frozen=True, kw_only=True, rename="camel"):
    """A track taken apart. Which addresses are there depends on the way it was separated.

    Its shape on the jobs route was not seen; the older ones are read there. `raw` has it as it came.
    """

    origin_url: str | None = None
    origin_data: tuple[Stem, ...] = ()
    """As the service lists them; `stems` is the flat form."""
    vocal_url: str | None = None
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

    @property
    def stems(self) -> tuple[Stem, ...]:
        """Every stem that has an id; a pair gives the one that was named and then the rest."""
        return tuple(stem for entry in self.origin_data for stem in entry.each())

    @property
    def urls(self) -> dict[str, str]:
        """What is there: address by name (vocal, drums, Lead Vocal, …)."""
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
    def whole(self) -> bool:
        return bool(self.urls)

    def files(self) -> Iterator[File]:
        for name, url in self.urls.items():
            yield File(url, name, f"{self.task_id} {name}", ".mp3")


class MidiNote(Struct, frozen=True, kw_only=True):
    """One note."""

    pitch: int = 0
    """0 to 127; 60 is middle C."""
    start: float = 0.0
    """Seconds."""
    end: float = 0.0
    """Seconds."""
    velocity: float = 0.0
    """0 to 1."""


class MidiInstrument(Struct, frozen=True, kw_only=True):
    """The notes of one instrument."""

    name: str = ""
    notes: tuple[MidiNote, ...] = ()


class Midi(Result, frozen=True, kw_only=True, rename="camel"):
    """Separated stems as notes. May be empty after a separation of type split_stem (NOTES §12).

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    state: str | None = None
    instruments: tuple[MidiInstrument, ...] = ()


# ---- voices ----------------------------------------------------------------------------------------------------------


class Persona(Result, frozen=True, kw_only=True, rename="camel"):
    """The manner of a track, for other songs: give `persona_id` to them. Made once a track, so keep it.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    persona_id: str | None = None
    name: str | None = None
    description: str | None = None

    @property
    def whole(self) -> bool:
        return bool(self.persona_id)


class VoicePhrase(Result, frozen=True, kw_only=True, rename="camel"):
    """What a person must read or sing, to prove that a voice is theirs.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    phrase: str | None = field(default=None, name="validateInfo")

    @property
    def whole(self) -> bool:
        return bool(self.phrase)


class Voice(Result, frozen=True, kw_only=True, rename="camel"):
    """An own voice: give `voice_id` as `persona_id`, with `persona_model="voice_persona"`.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    called = {"voice_id": "voiceId"}

    voice_id: str | None = None

    @property
    def whole(self) -> bool:
        return bool(self.voice_id)


class VoiceCheck(Result, frozen=True, kw_only=True, rename="camel"):
    """Whether a voice can be used.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    is_available: bool | None = None

    @property
    def whole(self) -> bool:
        return self.is_available is not None


# ---- files -----------------------------------------------------------------------------------------------------------


class UploadedFile(Result, frozen=True, kw_only=True, rename="camel"):
    """A file on the gateway's upload host, for 3 days (NOTES §8)."""

    download_url: str | None = None
    """Give this to the music endpoints."""
    file_name: str | None = None
    file_path: str | None = None
    file_size: int | None = None
    """Bytes."""
    mime_type: str | None = None
    uploaded_at: str | None = None
    """ISO 8601 with Z."""
    expires_at: str | None = None
    """Not in live answers."""

    @property
    def whole(self) -> bool:
        return bool(self.download_url)
