"""Bytes out and bytes in, on the API's side: pure functions, everything odd about the service settled here."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Optional, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from .endpoints import Call, Job, Request
from .errors import (
    AlreadyExists,
    ApiError,
    DecodeError,
    InvalidJob,
    Problem,
    RateLimited,
    ServerError,
    TaskFailed,
)
from .fields import before_v6, misfits
from .models import Doubt, Result, Stage, Update
from .nested import at
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

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes from strangers."""


class Reply(NamedTuple):
    """An HTTP answer, before anybody believed it."""

    status: int
    body: bytes
    retry_after: float | None = None


class _Answer(Struct, frozen=True):
    """Any answer; `data` is left for whoever knows its shape."""

    code: int
    msg: Any = None
    data: Raw = Raw(b"null")

    @property
    def message(self) -> str:
        return self.msg if isinstance(self.msg, str) else ""


class _Accepted(Struct, frozen=True, rename="camel"):
    task_id: str | None = None


class _State(Struct, frozen=True, rename="camel"):
    """What a details page says beside the result."""

    status: str | int | None = None
    success_flag: str | int | None = None
    error_code: float | str | None = None
    error_message: str | None = None


class _Failure(Struct, frozen=True, rename="camel"):
    error_message: str | None = None


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)
_STATE = msgspec.json.Decoder(_State, strict=False)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


# ---- out -------------------------------------------------------------------------------------------------------------


def check(request: Request[Any], provider: Provider | None = None) -> None:
    """Refuse what every gateway would refuse, and what this one would silently do otherwise.

    InvalidJob with all problems, before anything is sent.
    """
    problems = list(misfits(request))
    try:
        problems += request.problems()
    except (TypeError, AttributeError):  # a rule met a value of a wrong type; that is in the list by now
        if not problems:
            raise
    if provider is not None and not problems:
        model, sent = getattr(request, "model", None), request.sent()
        problems += (
            Problem(name, f"can only be {always} at {provider.name} with {model}", sent[name])
            for name, always in _gone(request, provider).items()
            if name in sent and sent[name] is not always
        )
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def _gone(request: Request[Any], provider: Provider) -> Mapping[str, bool]:
    return {} if before_v6(getattr(request, "model", None)) else provider.gone.get(request.path, {})


def encode(request: Request[Any], provider: Provider, callback_url: str = "") -> bytes:
    """The body of a request as the older paths want it."""
    gone, names = _gone(request, provider), _names(type(request))
    body = {names[name]: value for name, value in request.sent().items() if name not in gone}
    if callback_url:
        body["callBackUrl"] = callback_url
    return _ENCODER.encode(body)


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
    message = envelope.message
    existing = _task_id(bytes(envelope.data)) if code in (400, 409) else ""
    kind = AlreadyExists if existing else provider.refusal(code, message, path)
    return kind(
        code, message, path, status=reply.status, retry_after=reply.retry_after, existing_task_id=existing or None
    )


def created_nothing(error: Exception) -> bool:
    """Whether a failed submit surely made no task: the API itself refused it, or HTTP did before the API."""
    if not isinstance(error, ApiError):
        return False
    if error.status >= 500:  # something in front of the API may speak JSON, too; a refusal has a code of the table
        return error.code != 0 and not isinstance(error, ServerError)
    return error.code != 0 or error.status >= 300


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
        page = _pages(job).decode(reply.body)
    except UNREADABLE:
        return _the_long_way(reply, job, provider, task_id)
    if page.code == 200 and reply.status < 400 and page.data is not None and not job.state_in_code:
        read = _read(_word(page.data), page.data, page.data.found, job, task_id)
        if read.stage is not Stage.FAILED and (read.doubt is Doubt.NONE or page.data.found is not None):
            return read
    return _the_long_way(reply, job, provider, task_id)


@cache
def _pages(job: type[Job[Any]]) -> msgspec.json.Decoder[Any]:
    """State and result in one go, where the result lies beside the state; else the state alone."""
    beside = len(job.held_in) == 2 and job.held_in[0] == "data"
    kind, name = (job.result, job.held_in[1]) if beside else (None, "found")
    found = ("found", Optional[kind], msgspec.field(name=name, default=None))  # noqa: UP045  made at run time
    data: Any = msgspec.defstruct("Page", [found], bases=(_State,), frozen=True, rename="camel")
    fields: list[Any] = [("code", int), ("data", Optional[data], None)]  # noqa: UP045  made at run time
    return msgspec.json.Decoder(msgspec.defstruct("Details", fields, frozen=True), strict=False)


def _the_long_way(reply: Reply, job: type[Job[R]], provider: Provider, task_id: str) -> Update[R]:
    """Refusals, tasks that are not visible, failures, results that lie elsewhere or that we can't read."""
    try:
        answered = _ANSWER.decode(reply.body)
    except UNREADABLE as exc:
        raise _unreadable(reply, job.details, exc) from exc
    said = job.state_in_code and reply.status < 400 and answered.code in job.statuses
    if not said and (answered.code != 200 or reply.status >= 400):
        refused = _refusal(reply, answered, provider, job.details)
        if refused.code in (404, 422):  # the id is the only parameter, so it is what they don't know
            return Update(task_id=task_id, stage=Stage.PENDING, message=refused.message, doubt=Doubt.MISSING)
        raise refused
    data = bytes(answered.data)
    if data == b"null" and not said:
        return Update(task_id=task_id, stage=Stage.PENDING, doubt=Doubt.MISSING)
    try:
        state = _STATE.decode(data) if data.startswith(b"{") else _State()
    except UNREADABLE as exc:
        raise DecodeError(f"{job.details}: {exc} in {reply.body[:200]!r}") from exc
    found, puzzle = _found(reply.body, job)
    read = _read(answered.code if said else _word(state), state, found, job, task_id)
    if puzzle is not None and read.doubt is not Doubt.NONE:
        raise DecodeError(f"{job.details}: {puzzle} in {reply.body[:200]!r}") from puzzle
    if read.stage is Stage.FAILED and not read.message:
        return msgspec.structs.replace(read, message=_reason(reply.body, job, answered))
    return read


def _found(body: bytes, job: type[Job[Any]]) -> tuple[Any, Exception | None]:
    """The result, or why it can't be read; null where we want a list or text is the same as nothing."""
    try:
        value = at(job.held_in, Any)(body)
        return msgspec.convert(_without_nulls(value), job.result | None, strict=False), None
    except UNREADABLE as exc:
        return None, exc


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return {name: _without_nulls(inside) for name, inside in held.items() if inside is not None}
    if isinstance(value, list):
        return [_without_nulls(inside) for inside in cast(Any, value)]
    return value


def _word(state: _State) -> str | int | None:
    return state.status if state.status is not None else state.success_flag


def _read(word: str | int | None, state: _State, found: R | None, job: type[Job[R]], task_id: str) -> Update[R]:
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
        status="" if word is None else str(word),
        code=_number(state.error_code),
        message=state.error_message or "",
        doubt=doubt,
    )


def staged(stage: Stage, found: Any) -> tuple[Stage, Doubt]:
    """The stage a task is really at: a success whose files are not there yet is not COMPLETE."""
    whole = found.whole if isinstance(found, Result) else found is not None
    if stage is not Stage.COMPLETE or whole:
        return stage, Doubt.NONE
    begun = isinstance(found, Result) and found.begun
    return (Stage.FIRST if begun else Stage.PENDING), Doubt.LATE_FILES


def _number(code: float | str | None) -> int | None:
    try:
        return None if code is None else int(code)
    except (ValueError, OverflowError):
        return None


def _reason(body: bytes, job: type[Job[Any]], answered: _Answer) -> str:
    """Where failed tasks were seen to tell it: inside `response` (NOTES §15), or beside the code."""
    if job.state_in_code:
        return answered.message
    try:
        told = at(job.held_in, _Failure)(body)
        return (told and told.error_message) or ""
    except UNREADABLE:
        return ""
