"""The words: models, stages and updates."""

import enum
from typing import Any, Generic, TypeVar

import msgspec

from ..errors import ContentRejected, TaskFailed

__all__ = [
    "JobRecord",
    "Provisional",
    "Source",
    "Stage",
    "Update",
    "rises",
]

R = TypeVar("R")


class Stage(enum.IntEnum):
    """How far a task is. It only rises, and COMPLETE and FAILED are final."""

    PENDING = 0
    TEXT = 1
    FIRST = 2
    COMPLETE = 3
    FAILED = 4


def rises(old: Stage, new: Stage) -> bool:
    """Return whether a task at stage `old` moves when an update says `new`.

    The one rule of stages: they only rise, and a final stage never changes.
    """
    return new > old and old < Stage.COMPLETE


class Provisional(enum.Enum):
    """Why an update is not to be taken at its word yet; time settles it (see `pace.settle`)."""

    NONE = enum.auto()
    MISSING = enum.auto()
    """The service does not know the task: too early, or never."""
    LATE_FILES = enum.auto()
    """It says success but the files are not there yet."""
    UNDELIVERED = enum.auto()
    """It says our callback address failed, which tells nothing about the song."""


class Source(enum.StrEnum):
    """How an update came."""

    POLL = "poll"
    CALLBACK = "callback"
    CONFIRMED = "callback, confirmed by a poll"
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
    """What one poll or one callback says of a task."""

    task_id: str
    stage: Stage
    result: R | None = None
    """Partial before COMPLETE."""
    status: str = ""
    """The service's own word."""
    code: int | None = None
    """Why it failed, if the service says."""
    message: str = ""
    provisional: Provisional = Provisional.NONE
    source: Source = Source.POLL
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
