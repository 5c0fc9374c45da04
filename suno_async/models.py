"""The words: stages, updates, and what finished tasks give."""

import enum
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import force_setattr

from .errors import ContentRejected, TaskFailed

__all__ = [
    "Doubt",
    "File",
    "Lyrics",
    "LyricsVariant",
    "Model",
    "Music",
    "Result",
    "Source",
    "Stage",
    "Style",
    "Track",
    "Update",
]

R = TypeVar("R")


class Model(enum.StrEnum):
    """Model names known when this was written (NOTES §3). Others are passed on unchecked."""

    V6 = "V6"
    V6_WILD = "V6_WILD"
    V6_MINI = "V6_MINI"
    V5_5 = "V5_5"
    V5 = "V5"
    V4_5PLUS = "V4_5PLUS"
    V4_5ALL = "V4_5ALL"
    V4_5 = "V4_5"
    V4 = "V4"


class Stage(enum.IntEnum):
    """How far a task is. It only rises, and COMPLETE and FAILED are final."""

    PENDING = 0
    TEXT = 1
    FIRST = 2
    COMPLETE = 3
    FAILED = 4


class Doubt(enum.Enum):
    """Why an update is not to be taken at its word yet; time settles it (see `pace.settle`)."""

    NONE = enum.auto()
    MISSING = enum.auto()
    """The service does not know the task: too early, or never."""
    LATE_FILES = enum.auto()
    """It says success but the files are not there yet."""
    UNDELIVERED = enum.auto()
    """It says our callback address failed, which tells nothing about the song."""


class Source(enum.StrEnum):
    """How the news came."""

    LOOK = "look"
    CALLBACK = "callback"
    CONFIRMED = "callback, confirmed by a look"


class File(NamedTuple):
    """One file of a result, as `download` saves it."""

    url: str
    title: str
    id: str
    suffix: str
    """Used when the address tells none."""


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a finished task gives."""

    called: ClassVar[Mapping[str, str]] = {}
    """Names that callbacks use for fields of this struct, where they differ from the details page."""

    parts: ClassVar[tuple[type, ...]] = ()
    """Results of their own inside this one."""

    task_id: str = msgspec.field(default="", name="_taskId")  # ours; theirs is often null
    """The task this came from."""

    def came_from(self, task_id: str) -> None:
        """Note the origin. For the reader of an answer, before anybody else sees the value."""
        force_setattr(self, "task_id", task_id)

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
    duration: float | None = None
    """Seconds; None until the track is ready."""
    source_audio_url: str | None = None
    source_stream_audio_url: str | None = None
    source_image_url: str | None = None
    created: int | str | None = msgspec.field(default=None, name="createTime")
    """As the service says it; `created_at` is the readable form."""

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

    tracks: tuple[Track, ...] = msgspec.field(default=(), name="sunoData")

    def came_from(self, task_id: str) -> None:
        super().came_from(task_id)
        for track in self.tracks:
            track.came_from(task_id)

    @property
    def begun(self) -> bool:
        return any(track.audio_url for track in self.tracks)

    @property
    def whole(self) -> bool:
        return bool(self.tracks) and all(track.audio_url for track in self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()


class LyricsVariant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One of the texts written for a prompt."""

    text: str | None = None
    title: str | None = None
    status: str | None = None
    """complete or failed."""
    error_message: str | None = None


class Lyrics(Result, frozen=True, kw_only=True, rename="camel"):
    """The texts of a lyrics task."""

    called = {"variants": "data"}

    variants: tuple[LyricsVariant, ...] = msgspec.field(default=(), name="data")
    lyrics_data: tuple[LyricsVariant, ...] = ()
    """Another name of theirs for `variants`; empty once read."""

    def came_from(self, task_id: str) -> None:
        super().came_from(task_id)
        if self.lyrics_data:
            force_setattr(self, "variants", self.variants or self.lyrics_data)
            force_setattr(self, "lyrics_data", ())

    @property
    def whole(self) -> bool:
        return any(variant.text for variant in self.variants)


class Style(Result, frozen=True, kw_only=True, rename="camel"):
    """A style text made richer."""

    text: str | None = msgspec.field(default=None, name="result")
    credits_consumed: float | None = None
    credits_remaining: float | None = None
    error_message: str | None = None
    error_msg: str | None = None  # the name on the wire; the docs have the one above

    @property
    def whole(self) -> bool:
        return bool(self.text)


class Update(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """What one look or one callback says of a task."""

    task_id: str
    stage: Stage
    result: R | None = None
    """Partial before COMPLETE."""
    status: str = ""
    """The service's own word."""
    code: int | None = None
    """Why it failed, if the service says."""
    message: str = ""
    doubt: Doubt = Doubt.NONE
    source: Source = Source.LOOK

    def failure(self) -> TaskFailed:
        """The error that a task ended by this update raises."""
        rejected = self.status == "SENSITIVE_WORD_ERROR" or self.code in _REJECTED
        kind = ContentRejected if rejected else TaskFailed
        return kind(self.task_id, self.status, self.code, self.message)


_REJECTED = {400, 413}  # lyrics refused or under copyright; audio equals a known work (NOTES §5)


def moment(said: int | str | None) -> datetime | None:
    """A time in any of the service's spellings (NOTES §14.16), None when it cannot be read."""
    try:
        if isinstance(said, str) and not said.isdigit():
            at = datetime.fromisoformat(said)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None if said is None else datetime.fromtimestamp(int(said) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
