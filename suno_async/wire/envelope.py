"""Bytes out and bytes in, on the API's side: pure functions, everything odd about the service settled here."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, Optional, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from ..api.fields import before_v6, limits_exceeded, misfits, plain
from ..api.providers import Provider
from ..api.requests import Call, Job, Request
from ..api.results import Origin, Result, staged
from ..api.updates import Doubt, Source, Stage, Update, limits_of
from ..errors import AlreadyExists, ApiError, DecodeError, InvalidJob, Problem, RateLimited, ServerError, TaskFailed
from . import jobs_api as jobs
from .shapes import at, without_nulls

__all__ = [
    "UNREADABLE",
    "Reply",
    "accepted",
    "answer",
    "check",
    "created_nothing",
    "encode",
    "names",
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


class _Accepted(Struct, frozen=True):
    taskId: str | None = None  # noqa: N815  their two spellings, side by side
    task_id: str | None = None


class _State(Struct, frozen=True, rename="camel"):
    """What a details page says beside the result."""

    status: str | int | None = None
    success_flag: str | int | None = None
    error_code: float | str | None = None
    error_message: str | None = None


class _Param(Struct, frozen=True):
    """A request as a details page repeats it, on either route."""

    model: str | None = None
    input: "_Param | None" = None


class _Failure(Struct, frozen=True, rename="camel"):
    error_message: str | None = None


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)
_STATE = msgspec.json.Decoder(_State, strict=False)
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=plain)


# ---- out -------------------------------------------------------------------------------------------------------------


def check(request: Request[Any], provider: Provider | None = None) -> None:
    """Refuse what every gateway would refuse, and what this one would, or would silently leave out.

    InvalidJob with all problems, before anything is sent.
    """
    problems = list(misfits(request))
    lacks = provider.lacks.get(request.path, ()) if provider else ()
    try:
        problems += request.problems(lacks)
    except (TypeError, AttributeError, ArithmeticError):  # a rule met an odd value; that is in the list by now
        if not problems:
            raise
    if provider is not None and not problems:
        problems += _unmet(request, provider)
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def _unmet(request: Request[Any], provider: Provider) -> Iterator[Problem]:
    """What this gateway does not offer, or wants beyond what the others want."""
    if request.path in provider.absent:
        yield Problem("endpoint", f"is not offered by {provider.name}", request.path)
    sent = request.sent(provider.lacks.get(request.path, ()))
    for name in provider.lacks.get(request.path, ()):
        if name in sent:
            yield Problem(name, f"is not known at {provider.name}", sent[name])
    for name in provider.insists.get(request.path, ()):
        if name not in sent:
            yield Problem(name, f"must be given at {provider.name}", None)
    yield from limits_exceeded(request, provider.most.get(request.path, {}), provider.name)
    model: str | None = getattr(request, "model", None)
    if provider.models and limits_of(model) and model not in provider.models:
        yield Problem("model", f"must be one of {', '.join(provider.models)} at {provider.name}", model)
    for name, always in _gone(request, provider).items():
        if name in sent and sent[name] is not always:
            yield Problem(name, f"can only be {always} at {provider.name} with {model}", sent[name])


def _gone(request: Request[Any], provider: Provider) -> Mapping[str, bool]:
    return {} if before_v6(getattr(request, "model", None)) else provider.gone.get(request.path, {})


def encode(request: Request[Any], provider: Provider, callback_url: str = "") -> bytes:
    """The body of a request as this gateway wants it. InvalidJob for values that no JSON can hold."""
    kind, gone = type(request), _gone(request, provider)
    spelt = names(kind, provider)
    try:
        sent = request.sent(provider.lacks.get(request.path, ())).items()
        body: dict[str, Any] = {spelt[name]: value for name, value in sent if name not in gone}
        if provider.goes_by_jobs(kind):
            body = {"model": jobs.PREFIX + kind.operation, "input": body}
        if callback_url:
            body["callBackUrl" if provider.goes_by_jobs(kind) else kind.callback] = callback_url
        return _ENCODER.encode(body)
    except (TypeError, ValueError, AttributeError, OverflowError) as exc:  # reached only by requests nobody checked
        raise InvalidJob(kind.__name__, [Problem("body", f"must be JSON ({exc})", request)]) from exc


def names(kind: type[Request[Any]], provider: Provider) -> Mapping[str, str]:
    """What a gateway calls the fields of a request."""
    if provider.goes_by_jobs(kind):
        return {name: jobs.wire_name(theirs) for name, theirs in _names(kind).items()}
    return {**_names(kind), **provider.spelt.get(kind.path, {})}


@cache
def _names(request: type[Struct]) -> dict[str, str]:
    return {field.name: field.encode_name for field in msgspec.structs.fields(request)}


# ---- in --------------------------------------------------------------------------------------------------------------


def answer(reply: Reply, provider: Provider, path: str, *, once: bool = False) -> bytes:
    """The `data` of a good answer; ApiError for a refusal, DecodeError for JSON of an unknown shape.

    `once`: what is asked for is made once, so that a refusal may name the task that made it.
    """
    try:
        envelope = _ANSWER.decode(reply.body)
    except UNREADABLE as exc:
        raise _unreadable(reply, path, exc) from exc
    if envelope.code != 200 or reply.status >= 400:
        raise _refusal(reply, envelope, provider, path, once=once)
    return bytes(envelope.data)


def _unreadable(reply: Reply, path: str, exc: Exception) -> ApiError | DecodeError:
    start = reply.body[:200].decode(errors="replace")
    if reply.status == 429:  # from something in front of the API, in HTTP's own meaning
        return RateLimited(0, start, path, status=429, retry_after=reply.retry_after)
    if reply.status < 300 and isinstance(exc, msgspec.ValidationError):
        return DecodeError(f"{path}: {exc} in {start!r}")
    return ServerError(0, start, path, status=reply.status, retry_after=reply.retry_after)


def _refusal(reply: Reply, envelope: _Answer, provider: Provider, path: str, *, once: bool = False) -> ApiError:
    code = reply.status if envelope.code == 200 else envelope.code
    message = envelope.message
    existing = _existing(bytes(envelope.data)) if once and code in (400, 409) else ""
    kind = AlreadyExists if existing else provider.refusal(code, message, path, reply.status)
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


def accepted(reply: Reply, provider: Provider, kind: type[Request[R]]) -> str | Update[R]:
    """The id of the task that a submit made; its end, where a call of the jobs route is answered at once."""
    path = provider.path(kind)
    data = answer(reply, provider, path, once=kind.once)
    if not issubclass(kind, Job):
        found = jobs.answers(data, kind, Origin(body=reply.body, path=("data",)))
        if found is not None:
            return Update(task_id="", stage=Stage.COMPLETE, result=found, source=Source.ANSWER, body=reply.body)
    task_id = _task_id(data)
    if not task_id:
        raise DecodeError(f"{path}: accepted, but no task id in {reply.body[:200]!r}")
    return task_id


def _task_id(data: bytes) -> str:
    try:
        found = msgspec.json.decode(data, type=_Accepted)
    except UNREADABLE:
        return ""
    return found.taskId or found.task_id or ""


def _existing(data: bytes) -> str:
    """The task that a refusal as "exists already" names, in an object or bare (NOTES §10)."""
    try:
        bare = msgspec.json.decode(data, type=str)
    except UNREADABLE:
        return _task_id(data).strip()
    return bare if re.fullmatch(r"[0-9A-Fa-f]{32}", bare) else ""  # as ids are in practice; not a text for people


def result(reply: Reply, call: type[Call[R]], provider: Provider) -> R:
    """What a call was answered with. TaskFailed if the answer says that it came to nothing."""
    path = provider.path(call)
    data = answer(reply, provider, path)
    try:
        value: R = msgspec.json.decode(data, type=call.result, strict=False)
    except UNREADABLE as exc:
        try:
            value = msgspec.convert(without_nulls(msgspec.json.decode(data)), call.result, strict=False)
        except UNREADABLE:
            raise DecodeError(f"{path}: {exc} in {data[:200]!r}") from exc
    if isinstance(value, Result):
        value.came_from(Origin(_task_id(data), body=reply.body, path=("data",)))
        if not value.whole:
            reason = getattr(value, "error_message", None) or getattr(value, "error_msg", None) or ""
            raise TaskFailed("", call.__name__, None, reason)
    return value


def update(reply: Reply, kind: type[Request[R]], provider: Provider, task_id: str, model: str = "") -> Update[R]:
    """What a details page says of a task; `model` is the one that was asked for, if that is known.

    Raises ApiError or DecodeError when it says nothing; a task that is not visible (yet) is PENDING with a doubt.
    """
    if provider.goes_by_jobs(kind):
        return _job_update(reply, kind, provider, Origin(task_id, model, reply.body, ("data",)))
    job = cast("type[Job[R]]", kind)
    origin = Origin(task_id, model, reply.body, job.held_in)
    try:
        page = _pages(job).decode(reply.body)
    except UNREADABLE:
        return _the_long_way(reply, job, provider, origin)
    if page.code == 200 and reply.status < 400 and page.data is not None and not job.state_in_code:
        read = _read(_word(page.data), page.data, page.data.found, job, origin)
        if read.stage is not Stage.FAILED and (read.doubt is Doubt.NONE or page.data.found is not None):
            return read
    return _the_long_way(reply, job, provider, origin)


def _job_update(reply: Reply, kind: type[Request[R]], provider: Provider, origin: Origin) -> Update[R]:
    """What the one page of the jobs route says."""
    answered = _answered(reply, jobs.RECORD)
    if unseen := _unseen(reply, answered, provider, jobs.RECORD, origin):
        return unseen
    try:
        record = jobs.record_in(reply.body)
    except UNREADABLE as exc:
        raise DecodeError(f"{jobs.RECORD}: {exc} in {reply.body[:200]!r}") from exc
    if record is None:
        raise DecodeError(f"{jobs.RECORD}: no record in {reply.body[:200]!r}")
    if not origin.model and jobs.STATES.get(record.state.lower()) is Stage.COMPLETE:
        origin = origin._replace(model=_asked_model(reply.body, kind))
    return jobs.update(record, kind, origin)


def _answered(reply: Reply, path: str) -> _Answer:
    try:
        return _ANSWER.decode(reply.body)
    except UNREADABLE as exc:
        raise _unreadable(reply, path, exc) from exc


def _unseen(reply: Reply, answered: _Answer, provider: Provider, path: str, origin: Origin) -> Update[Any] | None:
    """A task that is not visible (yet), as an update; ApiError for other refusals; None if something is to be read."""
    if answered.code != 200 or reply.status >= 400:
        refused = _refusal(reply, answered, provider, path)
        if refused.code not in (404, 422):  # the id is the only parameter, so it is what they don't know
            raise refused
        message = refused.message
    elif bytes(answered.data) == b"null":
        message = ""
    else:
        return None
    return Update(task_id=origin.task_id, stage=Stage.PENDING, message=message, doubt=Doubt.MISSING, body=origin.body)


def _asked_model(body: bytes, kind: type[Request[Any]]) -> str:
    """The model that a task was submitted with, from the request that its page repeats as JSON text."""
    if "model" not in kind.__struct_fields__:
        return ""
    try:
        said = msgspec.json.decode(at(("data", "param"), str)(body) or "{}", type=_Param)
    except UNREADABLE:
        return ""
    return (said.input.model if said.input else said.model) or ""


@cache
def _pages(job: type[Job[Any]]) -> msgspec.json.Decoder[Any]:
    """State and result in one go, where the result lies beside the state; else the state alone."""
    beside = len(job.held_in) == 2 and job.held_in[0] == "data"
    kind, name = (job.result, job.held_in[1]) if beside else (None, "found")
    found = ("found", Optional[kind], msgspec.field(name=name, default=None))  # noqa: UP045  made at run time
    data: Any = msgspec.defstruct("Page", [found], bases=(_State,), frozen=True, rename="camel")
    fields: list[Any] = [("code", int), ("data", Optional[data], None)]  # noqa: UP045  made at run time
    return msgspec.json.Decoder(msgspec.defstruct("Details", fields, frozen=True), strict=False)


def _the_long_way(reply: Reply, job: type[Job[R]], provider: Provider, origin: Origin) -> Update[R]:
    """Refusals, tasks that are not visible, failures, results that lie elsewhere or that we can't read."""
    answered = _answered(reply, job.details)
    said = job.state_in_code and reply.status < 400 and answered.code in job.statuses
    if said and job.statuses[answered.code] is Stage.FAILED and not _names_task(reply.body, job):
        said = False  # an error of the page itself, which may pass
    if not said and (unseen := _unseen(reply, answered, provider, job.details, origin)):
        return unseen
    data = bytes(answered.data)
    try:
        state = _STATE.decode(data) if data.startswith(b"{") else _State()
    except UNREADABLE as exc:
        raise DecodeError(f"{job.details}: {exc} in {reply.body[:200]!r}") from exc
    found, puzzle = _found(reply.body, job)
    read = _read(answered.code if said else _word(state), state, found, job, origin)
    if puzzle is not None and read.doubt is not Doubt.NONE:
        raise DecodeError(f"{job.details}: {puzzle} in {reply.body[:200]!r}") from puzzle
    if read.stage is Stage.FAILED and said:
        return msgspec.structs.replace(read, code=answered.code, message=answered.message)
    if read.stage is Stage.FAILED and not read.message:
        return msgspec.structs.replace(read, message=_reason(reply.body, job))
    return read


def _names_task(body: bytes, job: type[Job[Any]]) -> bool:
    try:
        return bool(at((job.query,), str)(body))
    except UNREADABLE:
        return False


def _found(body: bytes, job: type[Job[Any]]) -> tuple[Any, Exception | None]:
    """The result, or why it can't be read; null where we want a list or text is the same as nothing."""
    try:
        value = at(job.held_in, Any)(body)
        return msgspec.convert(without_nulls(value), job.result | None, strict=False), None
    except UNREADABLE as exc:
        return None, exc


def _word(state: _State) -> str | int | None:
    word = state.status if state.status is not None else state.success_flag
    return int(word) if isinstance(word, str) and word.isdecimal() and len(word) < 4 else word  # "1" is 1


def _read(word: str | int | None, state: _State, found: R | None, job: type[Job[R]], origin: Origin) -> Update[R]:
    stage, doubt = staged(job.statuses.get(word, Stage.PENDING) if word is not None else Stage.PENDING, found)
    if word == "CALLBACK_EXCEPTION":
        stage, doubt = staged(Stage.COMPLETE, found)
        if doubt is not Doubt.NONE:
            doubt = Doubt.UNDELIVERED
    if isinstance(found, Result):
        if stage is Stage.COMPLETE and not origin.model:
            origin = origin._replace(model=_asked_model(origin.body, job))
        found.came_from(origin)
    return Update(
        task_id=origin.task_id,
        stage=stage,
        result=found,
        status="" if word is None else str(word),
        code=_number(state.error_code) if stage is Stage.FAILED else None,
        message=state.error_message or "",
        doubt=doubt,
        body=origin.body,
    )


def _number(code: float | str | None) -> int | None:
    try:
        return None if code is None else int(code)
    except (ValueError, OverflowError):
        return None


def _reason(body: bytes, job: type[Job[Any]]) -> str:
    """Where failed tasks were seen to tell it, too: inside `response` (NOTES §15)."""
    try:
        told = at(job.held_in, _Failure)(body)
        return (told and told.error_message) or ""
    except UNREADABLE:
        return ""
