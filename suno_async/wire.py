"""Bytes out and bytes in, on the API's side: pure functions, everything odd about the service settled here."""

from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from .endpoints import Call, Job, Request
from .errors import (
    AlreadyExists,
    ApiError,
    DecodeError,
    InvalidJob,
    RateLimited,
    ServerError,
    TaskFailed,
)
from .fields import before_v6, misfits
from .models import Doubt, Result, Stage, Update
from .providers import Provider

__all__ = [
    "UNREADABLE",
    "Reply",
    "accepted",
    "answer",
    "check",
    "created_nothing",
    "encode",
    "result",
    "update",
]

R = TypeVar("R")
D = TypeVar("D")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes from strangers."""


class Reply(NamedTuple):
    """An HTTP answer, before anybody believed it."""

    status: int
    body: bytes
    retry_after: float | None = None


class _Envelope(Struct, Generic[D], frozen=True):
    code: int
    msg: str | None = None
    data: D | None = None


class _Answer(Struct, frozen=True):
    """Any answer; `data` is left for whoever knows its shape."""

    code: int
    msg: str | None = None
    data: Raw = Raw(b"null")


class _Accepted(Struct, frozen=True, rename="camel"):
    task_id: str | None = None


class _Page(Struct, Generic[R], frozen=True, rename="camel"):
    """A details page: the state in one of two fields, the result inside `response`."""

    task_id: str | None = None
    status: str | None = None
    success_flag: str | int | None = None
    response: R | None = None
    error_code: float | str | None = None
    error_message: str | None = None


class _BarePage(_Page[Any], frozen=True, rename="camel"):
    response: Raw = Raw(b"null")


class _Failure(Struct, frozen=True, rename="camel"):
    error_message: str | None = None


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)
_BARE_PAGE = msgspec.json.Decoder(_Envelope[_BarePage], strict=False)
_FAILURE = msgspec.json.Decoder(_Failure)


# ---- out -------------------------------------------------------------------------------------------------------------


def check(request: Request[Any]) -> None:
    """Refuse what every gateway would refuse: InvalidJob with all problems, before anything is sent."""
    problems = list(misfits(request))
    try:
        problems += request.problems()
    except (TypeError, AttributeError):  # a rule met a value of a wrong type; that is in the list by now
        if not problems:
            raise
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def encode(request: Request[Any], provider: Provider, callback_url: str = "") -> bytes:
    """The body of a request as the older paths want it."""
    older = before_v6(getattr(request, "model", None))
    gone: frozenset[str] = frozenset() if older else provider.gone.get(request.path, frozenset())
    names = _names(type(request))
    body = {names[name]: value for name, value in request.sent().items() if name not in gone}
    if callback_url:
        body["callBackUrl"] = callback_url
    return msgspec.json.encode(body)


@cache
def _names(request: type[Struct]) -> dict[str, str]:
    return {field.name: field.encode_name for field in msgspec.structs.fields(request)}


# ---- in --------------------------------------------------------------------------------------------------------------


def answer(reply: Reply, provider: Provider, path: str) -> bytes:
    """The `data` of a good answer; ApiError for a refusal, DecodeError for JSON of an unknown shape."""
    try:
        envelope = _ANSWER.decode(reply.body)
    except UNREADABLE as exc:
        raise _unreadable(reply, path, exc) from exc
    if envelope.code != 200 or reply.status >= 400:
        raise _refusal(reply, envelope, provider, path)
    return bytes(envelope.data)


def _unreadable(reply: Reply, path: str, exc: Exception) -> ApiError | DecodeError:
    start = reply.body[:200].decode(errors="replace")
    if reply.status == 429:  # from something in front of the API, in HTTP's own meaning
        return RateLimited(0, start, path, status=429, retry_after=reply.retry_after)
    if reply.status < 300 and isinstance(exc, msgspec.ValidationError):
        return DecodeError(f"{path}: {exc} in {start!r}")
    return ServerError(0, start, path, status=reply.status, retry_after=reply.retry_after)


def _refusal(reply: Reply, envelope: _Answer, provider: Provider, path: str) -> ApiError:
    code = reply.status if envelope.code == 200 else envelope.code
    message = envelope.msg or ""
    existing = _task_id(bytes(envelope.data)) if code in (400, 409) else ""
    kind = AlreadyExists if existing else provider.refusal(code, message, path)
    return kind(
        code, message, path, status=reply.status, retry_after=reply.retry_after, existing_task_id=existing or None
    )


def created_nothing(error: Exception) -> bool:
    """Whether a failed submit surely made no task: the API itself refused it, or HTTP did before the API."""
    return isinstance(error, ApiError) and (error.code != 0 or 300 <= error.status < 500)


def accepted(reply: Reply, provider: Provider, path: str) -> str:
    """The id of the task that a submit made."""
    task_id = _task_id(answer(reply, provider, path))
    if not task_id:
        raise DecodeError(f"{path}: accepted, but no task id in {reply.body[:200]!r}")
    return task_id


def _task_id(data: bytes) -> str:
    try:
        return msgspec.json.decode(data, type=_Accepted).task_id or ""
    except UNREADABLE:
        return ""


def result(reply: Reply, call: type[Call[R]], provider: Provider) -> R:
    """What a call was answered with. TaskFailed if the answer says that it came to nothing."""
    data = answer(reply, provider, provider.path(call))
    try:
        value: R = msgspec.json.decode(data, type=call.result, strict=False)
    except UNREADABLE as exc:
        raise DecodeError(f"{provider.path(call)}: {exc} in {data[:200]!r}") from exc
    if isinstance(value, Result) and not value.whole:
        reason = getattr(value, "error_message", None) or getattr(value, "error_msg", None) or ""
        raise TaskFailed("", call.__name__, None, reason)
    return value


def update(reply: Reply, job: type[Job[R]], provider: Provider, task_id: str) -> Update[R]:
    """What a details page says of a task.

    Raises ApiError or DecodeError when it says nothing; a task that is not visible (yet) is PENDING with a doubt.
    """
    try:
        envelope = _pages(job).decode(reply.body)
    except UNREADABLE:
        return _update_without_result(reply, job, provider, task_id)
    if envelope.code == 200 and reply.status < 400 and envelope.data is not None:
        read = _read(envelope.data, envelope.data.response, job, task_id)
        if read.stage is not Stage.FAILED:
            return read
    return _update_without_result(reply, job, provider, task_id)


@cache
def _pages(job: type[Job[R]]) -> msgspec.json.Decoder[_Envelope[_Page[R]]]:
    return msgspec.json.Decoder(_Envelope[_Page[job.result]], strict=False)  # type: ignore[name-defined]


def _update_without_result(reply: Reply, job: type[Job[R]], provider: Provider, task_id: str) -> Update[R]:
    """The long way: refusals, tasks that are not visible, and pages whose result we can't read but don't need."""
    try:
        data = answer(reply, provider, job.details)
    except ApiError as refused:
        if refused.code in (404, 422):  # the id is the only parameter, so it is what they don't know
            return Update(task_id=task_id, stage=Stage.PENDING, message=refused.message, doubt=Doubt.MISSING)
        raise
    if data == b"null":
        return Update(task_id=task_id, stage=Stage.PENDING, doubt=Doubt.MISSING)
    try:
        page = _BARE_PAGE.decode(reply.body).data or _BarePage()
    except UNREADABLE as exc:
        raise DecodeError(f"{job.details}: {exc} in {reply.body[:200]!r}") from exc
    read = _read(page, None, job, task_id)
    response = bytes(page.response)
    if read.doubt is not Doubt.NONE and response != b"null":
        raise DecodeError(f"{job.details}: unknown shape of a result: {response[:200]!r}")
    if read.stage is Stage.FAILED and not read.message:
        return msgspec.structs.replace(read, message=_reason(response))
    return read


def _read(page: _Page[Any], found: R | None, job: type[Job[R]], task_id: str) -> Update[R]:
    word = page.status if page.status is not None else page.success_flag
    stage, doubt = staged(job.statuses.get(word, Stage.PENDING) if word is not None else Stage.PENDING, found)
    if word == "CALLBACK_EXCEPTION":
        stage, doubt = staged(Stage.COMPLETE, found)
        if doubt is not Doubt.NONE:
            doubt = Doubt.UNDELIVERED
    if isinstance(found, Result):
        found.came_from(task_id)
    return Update(
        task_id=task_id,
        stage=stage,
        result=found,
        status=str(word or ""),
        code=_number(page.error_code),
        message=page.error_message or "",
        doubt=doubt,
    )


def staged(stage: Stage, found: Any) -> tuple[Stage, Doubt]:
    """The stage a task is really at: a success whose files are not there yet is not COMPLETE."""
    if stage is not Stage.COMPLETE or (isinstance(found, Result) and found.whole):
        return stage, Doubt.NONE
    begun = isinstance(found, Result) and found.begun
    return (Stage.FIRST if begun else Stage.PENDING), Doubt.LATE_FILES


def _number(code: float | str | None) -> int | None:
    try:
        return None if code is None else int(code)
    except (ValueError, OverflowError):
        return None


def _reason(response: bytes) -> str:
    """Where failed tasks were seen to tell it: inside `response` (NOTES §15)."""
    try:
        return _FAILURE.decode(response).error_message or ""
    except UNREADABLE:
        return ""
