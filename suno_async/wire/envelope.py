"""Answers of the API: the envelope around the data, refusals, and what the answers to submits and calls mean."""

import re
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from ..api.providers import Provider
from ..api.requests import Call, Job, Request
from ..api.results import Origin, Result
from ..api.updates import Source, Stage, Update
from ..errors import (
    AlreadyExists,
    ApiError,
    ConnectError,
    DecodeError,
    Maintenance,
    RateLimited,
    ServerError,
    TaskFailed,
)
from . import jobs_api, lenient, readings
from .shapes import UNREADABLE

__all__ = [
    "Envelope",
    "Reply",
    "accepted",
    "answer",
    "created_nothing",
    "open_envelope",
    "readable",
    "refusal",
    "result",
    "with_code",
]

R = TypeVar("R")


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    """HTTP status."""
    body: bytes
    """The body."""
    retry_after: float | None = None
    """Value of the header Retry-After in seconds, if there is one."""

    def __repr__(self) -> str:
        return f"<Reply {self.status} {len(self.body)} bytes>"


class Envelope(Struct, frozen=True, gc=False):
    """What every answer has; `data` is not parsed, since its form depends on the request."""

    code: int
    msg: Any = None
    data: Raw = Raw(b"null")

    @property
    def message(self) -> str:
        """`msg`, if it is text."""
        return self.msg if isinstance(self.msg, str) else ""


class _TaskId(Struct, frozen=True, gc=False):
    essential: ClassVar[tuple[str, ...]] = ("taskId", "task_id")

    taskId: str | None = None  # noqa: N815  their two spellings, side by side
    task_id: str | None = None


def readable(reply: Reply) -> Reply:
    """Return an answer whose body is well-formed JSON, repaired if necessary; the same if nothing helps.

    The body of a server error is not repaired: it may be of anything in front of the API.

    Args:
        reply: The answer.
    """
    try:
        msgspec.json.decode(reply.body)
    except UNREADABLE:
        if reply.status < 500:
            with suppress(*UNREADABLE):
                return reply._replace(body=lenient.repaired(reply.body))
    return reply


def with_code(reply: Reply) -> Reply:
    """Return an answer that has data and whose code is null, missing or a boolean with the code of a success.

    Whether it is one, its data must show. Any other answer is returned as it is.

    Args:
        reply: The answer, whose body is JSON.
    """
    with suppress(*UNREADABLE):
        page: Any = msgspec.json.decode(reply.body)
        if reply.status < 300 and isinstance(page, dict) and isinstance(cast(Any, page).get("data"), dict):
            held = cast("dict[str, Any]", page)
            if held.get("code") is None or isinstance(held["code"], bool):
                return reply._replace(body=msgspec.json.encode(held | {"code": 200}))
    return reply


_ENVELOPE = msgspec.json.Decoder(Envelope, strict=False)


def answer(reply: Reply, provider: Provider, path: str, *, once: bool = False) -> bytes:
    """Return the `data` of an answer, as JSON.

    Args:
        reply: The answer.
        provider: The gateway.
        path: Path of the request.
        once: Whether the same thing is made once only, so that a refusal may name the task that made it.

    Raises:
        ApiError: If the answer is a refusal.
        DecodeError: If the answer is JSON of an unknown form.
    """
    envelope = open_envelope(reply, path)
    if envelope.code != 200 or reply.status >= 400:
        raise refusal(reply, envelope, provider, path, once=once)
    return bytes(envelope.data)


def _unreadable(reply: Reply, path: str, exc: Exception) -> ApiError | DecodeError:
    start = reply.body[:200].decode(errors="replace")
    if reply.status == 429:  # from something in front of the API, in HTTP's own meaning
        return RateLimited(0, start, path, status=429, retry_after=reply.retry_after)
    if reply.status < 300 and isinstance(exc, msgspec.ValidationError):
        return DecodeError(f"{path}: {exc}", body=reply.body)
    return ServerError(0, start, path, status=reply.status, retry_after=reply.retry_after)


def refusal(reply: Reply, envelope: Envelope, provider: Provider, path: str, *, once: bool = False) -> ApiError:
    """Return the error that a refusal means.

    Args:
        reply: The answer.
        envelope: Its envelope.
        provider: The gateway.
        path: Path of the request.
        once: Whether the same thing is made once only, so that a refusal may name the task that made it.
    """
    code = reply.status if envelope.code == 200 else envelope.code
    message = envelope.message
    existing = _existing(bytes(envelope.data)) if once and code in (400, 409) else ""
    kind = AlreadyExists if existing else provider.refusal(code, message, path, reply.status)
    return kind(
        code,
        message,
        path,
        status=reply.status,
        retry_after=reply.retry_after,
        existing_task_id=existing or None,
        names_task=bool(_task_id(bytes(envelope.data)).strip()),
        gateway=provider.name,
    )


MAY_HIDE_A_TASK = (408, 499, 504, 524)
"""Time-outs, as HTTP status or as code: what was asked may go on behind them."""
CREATED_NOTHING = (500, 501, 505, 531, 4030)
"""Codes of the API's own failures, besides the refusals of the gateway's table: nothing was created, or refunded."""


def created_nothing(error: Exception) -> bool:
    """Return whether a failed submit surely created no task. What is not known to have created none may have.

    Args:
        error: The error of the submit.
    """
    if not isinstance(error, ApiError) or error.names_task:
        return False
    if error.status in MAY_HIDE_A_TASK or error.code in MAY_HIDE_A_TASK:
        return False
    if not error.code:  # no answer of the API: a proxy refused, or has lost the answer
        return 300 <= error.status < 500
    if error.code in CREATED_NOTHING or isinstance(error, RateLimited | Maintenance):
        return True
    return 400 <= error.code < 500 and type(error) is not ApiError  # a refusal of the table


def may_be_sent_again(error: Exception) -> bool:
    """Return whether even a paid request may be sent again after this: it created nothing, and was refused for now.

    Args:
        error: The error of the submit.
    """
    if isinstance(error, ConnectError):
        return True
    return isinstance(error, RateLimited | Maintenance) and created_nothing(error)


def accepted(reply: Reply, provider: Provider, kind: type[Request[R]]) -> str | Update[R]:
    """Return the id of the task that a submit made, or its end where the jobs API answers a call at once.

    Args:
        reply: The answer to the submit.
        provider: The gateway.
        kind: The class of the request.

    Raises:
        ApiError: If the answer is a refusal.
        DecodeError: If it names no task.
    """
    path = provider.path(kind)
    reply = readable(reply)
    try:
        data = answer(reply, provider, path, once=kind.unique)
    except DecodeError:
        reply = with_code(reply)
        data = answer(reply, provider, path, once=kind.unique)
    if not issubclass(kind, Job):
        found = jobs_api.answers(data, kind, Origin(body=reply.body, path=("data",)))
        if found is not None:
            told: Update[R] = Update(task_id="", stage=Stage.COMPLETE, result=found, source=Source.ANSWER)
            return told.came_from(reply.body)
    task_id = _task_id(data)
    if not task_id:
        raise DecodeError(f"{path}: accepted, but no task id", body=reply.body)
    return task_id


def _task_id(data: bytes) -> str:
    try:
        found = msgspec.json.decode(data, type=_TaskId)
    except UNREADABLE:
        try:
            found = lenient.fitted(msgspec.json.decode(data), _TaskId)
        except UNREADABLE:
            return ""
    return (found.taskId or found.task_id or "").strip()


def _existing(data: bytes) -> str:
    """The task that a refusal of a second request names, in an object or bare
    (docs/service.md#retries-and-idempotency).
    """
    try:
        bare = msgspec.json.decode(data, type=str)
    except UNREADABLE:
        return _task_id(data)
    return bare if re.fullmatch(r"[0-9A-Fa-f]{32}", bare) else ""  # the form that ids have; other text is a message


def result(reply: Reply, call: type[Call[R]], provider: Provider) -> R:
    """Return the result of a call.

    Args:
        reply: The answer.
        call: The class of the call.
        provider: The gateway.

    Raises:
        ApiError: If the answer is a refusal.
        DecodeError: If the result cannot be read.
        TaskFailed: If the answer says that the call failed.
    """
    path = provider.path(call)
    data = answer(reply, provider, path)
    try:
        value: R = msgspec.json.decode(data, type=call.result, strict=False)
    except UNREADABLE:
        return _read_again(reply, call, path)
    if isinstance(value, Result):
        if not value.complete or value == readings.nothing(call.result):
            return _read_again(reply, call, path)
        value.came_from(Origin(_task_id(data), body=reply.body, path=("data",)))
    return value


def _read_again(reply: Reply, call: type[Call[R]], path: str) -> R:
    """The result of a call, wherever the answer has it and in whatever spelling."""
    reply = readable(reply)
    data = bytes(open_envelope(reply, path).data)
    origin = Origin(_task_id(data), body=reply.body, path=("data",))
    try:
        reading = readings.best([(msgspec.json.decode(data), origin)], call)
    except UNREADABLE as exc:
        raise DecodeError(f"{path}: {exc}", body=reply.body) from exc
    if reading.found is None:
        raise DecodeError(f"{path}: no {call.result.__name__}", body=reply.body)
    if not reading.fit[0]:
        reason = getattr(reading.found, "error_message", None) or getattr(reading.found, "error_msg", None) or ""
        raise TaskFailed("", call.__name__, None, reason or "the answer has no result", body=reply.body)
    return cast("R", readings.came_from(reading))


def open_envelope(reply: Reply, path: str) -> Envelope:
    """Return the envelope of an answer, a refusal or not.

    Args:
        reply: The answer.
        path: Path of the request.

    Raises:
        ServerError: If the answer is no JSON.
        DecodeError: If it is JSON of an unknown form.
    """
    try:
        return _ENVELOPE.decode(reply.body)
    except UNREADABLE as exc:
        if (mended := readable(reply)) is not reply:
            with suppress(*UNREADABLE):
                return _ENVELOPE.decode(mended.body)
        raise _unreadable(reply, path, exc) from exc
