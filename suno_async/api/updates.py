"""The words: models, stages and updates."""

import enum
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, Self, TypeVar

import msgspec

from ..errors import ContentRejected, TaskFailed

__all__ = ["Doubt", "JobRecord", "Limits", "Model", "Source", "Stage", "Update", "limits_of", "moment"]

R = TypeVar("R")


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


_V6 = Limits(
    title=80,
    idea_for_audio=None,
    negative_tags=1000,
    separate_lyrics=True,
    duration=True,
    voice=True,
    song_minutes=None,
)


class Model(enum.StrEnum):
    """Model names known when this was written, and what each takes. Other names are passed on unchecked."""

    limits: Limits

    def __new__(cls, name: str, limits: Limits = Limits()) -> Self:  # noqa: B008  a value
        model = str.__new__(cls, name)
        model._value_ = name
        model.limits = limits
        return model

    V6 = "V6", _V6
    V6_WILD = "V6_WILD", _V6
    V6_MINI = "V6_MINI", _V6
    V5_5 = "V5_5", Limits(duration=True, voice=True, song_minutes=None)
    V5 = "V5", Limits(voice=True)
    V4_5PLUS = "V4_5PLUS", Limits()
    V4_5ALL = "V4_5ALL", Limits(title=80, title_extended=80, upload_minutes=1)
    V4_5 = "V4_5", Limits()
    V4 = "V4", Limits(lyrics=3000, style=200, title=80, title_extended=80, song_minutes=4)


def limits_of(model: object) -> Limits | None:
    """What a model takes; None for names we don't know."""
    known = Model.__members__.get(model) if isinstance(model, str) else None
    return known.limits if known else None


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
    ANSWER = "answer to the request"


class JobRecord(msgspec.Struct, frozen=True, rename="camel"):
    """What KIE's jobs route tells of a task, beside its result."""

    task_id: str = ""
    model: str | None = None
    """The operation, as ai-music-api/generate."""
    state: str = ""
    param: str | None = None
    """The request, as JSON text."""
    result_json: str | None = None
    response: msgspec.Raw = msgspec.Raw(b"null")
    """The result again, already parsed; seen live."""
    fail_code: str | int | None = None
    fail_msg: str | None = None
    cost_time: int | None = None
    """Milliseconds."""
    complete_time: int | None = None
    """Milliseconds since 1970, like the other two times."""
    create_time: int | None = None
    update_time: int | None = None
    progress: int | None = None
    """Per cent; video models only."""
    credits_consumed: float | None = None
    """Seen live."""


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
    body: bytes = b""
    """The answer or callback it was read from."""
    record: JobRecord | None = None
    """What the jobs route tells beside the result; None elsewhere."""

    @property
    def raw(self) -> Any:
        """`body` as JSON, with all that we don't know, parsed when asked for; None if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def failure(self) -> TaskFailed:
        """The error that a task ended by this update raises."""
        rejected = self.status == "SENSITIVE_WORD_ERROR" or self.code in _REJECTED
        kind = ContentRejected if rejected else TaskFailed
        return kind(self.task_id, self.status, self.code, self.message)

    def __repr__(self) -> str:
        return f"<Update {self.task_id} {self.stage.name.lower()} by {self.source.value}>"


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
