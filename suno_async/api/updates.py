"""Stages, and updates: what one poll or one callback says of a task."""

import enum
import math
from typing import Any, Generic, Self, TypeVar, cast

import msgspec
from msgspec.structs import force_setattr

from ..errors import ContentRejected, TaskFailed
from .export import Exported
from .representation import short_line

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
    """How far a task is. A stage only rises; COMPLETE and FAILED are final."""

    PENDING = 0
    """Accepted; nothing is ready."""
    TEXT = 1
    """The lyrics are ready."""
    FIRST = 2
    """The first track is ready."""
    COMPLETE = 3
    """The whole result is ready."""
    FAILED = 4
    """Ended without a result."""


class Provisional(enum.Enum):
    """Why the meaning of an update still depends on how long that lasts."""

    NONE = enum.auto()
    """It does not: the update means what it says."""
    MISSING = enum.auto()
    """The service does not know the task: not yet, or not at all."""
    LATE_FILES = enum.auto()
    """The service reports success, but the files are not there yet."""
    UNDELIVERED = enum.auto()
    """The service reports that our callback address failed; the song may be fine."""
    CONTRADICTORY = enum.auto()
    """A callback says two things at once, such as a failure beside files: only a poll can tell."""


class Source(enum.StrEnum):
    """How an update came."""

    POLL = "poll"
    """From the details page."""
    CALLBACK = "callback"
    """From a callback."""
    CONFIRMED = "callback, confirmed by a poll"
    """From the details page, because of a callback."""
    ANSWER = "answer to the request"
    """From the answer to the submit."""


# What each poll and callback is compared with. Python 3.11 takes 75 ns to reach a member of an enum through its class,
# as long as a call takes, and 8 by a name of the module.
STAGES = PENDING, TEXT, FIRST, COMPLETE, FAILED = tuple(Stage)
SETTLED = Provisional.NONE


def rises(old: Stage, new: Stage) -> bool:
    """Return whether something at one stage goes on to another: stages only rise, and a final one never changes."""
    return old < COMPLETE and old < new


class JobRecord(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What KIE's jobs API says of a task, beside its result.

    Source: https://docs.kie.ai/market/common/get-task-detail
    """

    task_id: str = ""
    model: str | None = None
    """Name of the operation, such as ai-music-api/generate."""
    state: str = ""
    """waiting, queuing, generating, success or fail."""
    param: str | None = None
    """The request, as JSON text."""
    result_json: str | None = None
    """The result, as JSON text."""
    response: msgspec.Raw = msgspec.Raw(b"null")
    """The result again, already parsed; seen live."""
    fail_code: str | int | None = None
    """Code of the failure."""
    fail_msg: str | None = None
    """Reason of the failure."""
    cost_time: int | None = None
    """Milliseconds."""
    complete_time: int | None = None
    """Milliseconds since 1970."""
    create_time: int | None = None
    """Milliseconds since 1970."""
    update_time: int | None = None
    """Milliseconds since 1970."""
    progress: int | None = None
    """Percent; video models only."""
    credits_consumed: float | None = None
    """Credits that the task cost; seen live."""
    consume_credits: float | None = None
    """The same under another name; seen live."""

    def __repr__(self) -> str:  # `param` holds the callback address with its token
        return short_line(f"<JobRecord {self.task_id} {self.state}")


class _ReadFrom:
    """What an update was read from, beside the fields of the struct, so that no encoder writes it: it may hold our
    callback address and its token.
    """

    __slots__ = ("_body", "_cut", "_record")

    _body: bytes
    _cut: bool
    _record: JobRecord | None


class Update(_ReadFrom, msgspec.Struct, Exported, Generic[R], frozen=True, kw_only=True, gc=False):
    """What one poll or one callback says of a task."""

    not_exported = frozenset({"provisional"})

    task_id: str
    """Id of the task."""
    stage: Stage
    """How far the task is."""
    result: R | None = None
    """The result; before COMPLETE the part that is ready."""
    status: str = ""
    """The service's own word for the stage."""
    code: int | None = None
    """Code of the failure, if the service gives one."""
    message: str = ""
    """Reason of the failure, if the service gives one."""
    provisional: Provisional = Provisional.NONE
    """Why the meaning still depends on how long that lasts."""
    source: Source = Source.POLL
    """How the update came."""

    def came_from(self, body: bytes, record: JobRecord | None = None, *, cut: bool = False) -> Self:
        """Set what it was read from, and return it. Called once, where that is read.

        Args:
            body: The answer or callback.
            record: The record of KIE's jobs API. None (default): there is none.
            cut: Whether result and record were left out, since they can be read from the body again.
        """
        force_setattr(self, "_body", body)
        force_setattr(self, "_record", record)
        if cut:
            force_setattr(self, "_cut", True)
        return self

    def replaced(self, **changes: Any) -> Self:
        """Return the same update with other values of some fields.

        Args:
            changes: The new values, by field. With another result it has no body, which tells the former one.
        """
        body = b"" if "result" in changes else self.body
        return msgspec.structs.replace(self, **changes).came_from(body, self.record)

    def cut(self) -> Self:
        """Return the same update without its result and its record, which can be read from the body again; itself if
        there is no body. What is decoded takes as much memory as the body.
        """
        if not self.body or self.is_cut:
            return self
        return msgspec.structs.replace(self, result=None).came_from(self.body, cut=True)

    @property
    def is_cut(self) -> bool:
        """Whether result and record were left out."""
        return getattr(self, "_cut", False)

    @property
    def body(self) -> bytes:
        """The answer or callback that it was read from; one that was no well-formed JSON, as it was repaired. Empty if
        it was made otherwise. It is no field: encoders, `pickle` and copies leave it out.
        """
        return getattr(self, "_body", b"")

    @property
    def record(self) -> JobRecord | None:
        """The record of KIE's jobs API; None at the legacy API. It is no field, either."""
        return getattr(self, "_record", None)

    @property
    def raw(self) -> Any:
        """`body` as JSON, with all unknown fields, parsed at each access; None if it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    @property
    def credits(self) -> float | None:
        """Credits that the task cost, where the service tells: the jobs API and some callbacks. None elsewhere."""
        if self.record is not None:
            return _credits(self.record.credits_consumed, self.record.consume_credits)
        if not any(name in self.body for name in _CREDITS):
            return None
        raw = self.raw
        data: Any = cast("dict[str, Any]", raw).get("data") if isinstance(raw, dict) else None
        said = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        return _credits(*(said.get(name.decode()) for name in _CREDITS))

    def failure(self, refunded: bool | None = None) -> TaskFailed:
        """Return the error that a task raises when this update ends it, or the waiting for it.

        Args:
            refunded: Whether the credits were given back (default: None, that is not known).
        """
        rejected = self.status == "SENSITIVE_WORD_ERROR" or self.code in _REJECTED
        kind = ContentRejected if rejected else TaskFailed
        return kind(self.task_id, self.status, self.code, self.message, refunded=refunded, body=self.body)

    def __repr__(self) -> str:
        return short_line(f"<Update {self.task_id} {self.stage.name.lower()} by {self.source.value}")


_CREDITS = (b"creditsConsumed", b"consumeCredits")
"""Names under which the service tells what a task cost (docs/service.md#price-list)."""


def _credits(*told: Any) -> float | None:
    """The first usable number among those that were told."""
    for one in told:
        if isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < math.inf:
            return float(one)
    return None


_REJECTED = {400, 413}  # lyrics refused or under copyright; audio equals a known work (docs/service.md#callback-codes)
