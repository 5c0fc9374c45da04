"""Details pages: from an answer to an `Update`."""

from functools import cache
from typing import Any, ClassVar, Optional, TypeVar, cast

import msgspec
from msgspec import Struct

from ..api import providers
from ..api.providers import Provider
from ..api.requests.base import Job, Request
from ..api.results.base import Origin, Result, effective_stage
from ..api.updates import Provisional, Stage, Update
from ..errors import DecodeError
from . import jobs_api, lenient, readings
from .envelope import Envelope, Reply, open_envelope, readable, refusal, with_code
from .readings import Reading
from .shapes import UNREADABLE, at

__all__ = ["update"]

UNDELIVERED = "CALLBACK_EXCEPTION"
"""The status that says that our callback address failed, of all kinds of tasks."""

R = TypeVar("R")


class _State(Struct, frozen=True, gc=False, rename="camel"):
    """What a details page says beside the result."""

    essential: ClassVar[tuple[str, ...]] = ("status", "success_flag")

    status: str | int | None = None
    success_flag: str | int | None = None
    error_code: float | str | None = None
    error_message: str | None = None


class _Param(Struct, frozen=True):
    """A request as a details page repeats it, at either API."""

    model: str | None = None
    input: "_Param | None" = None


class _Failure(Struct, frozen=True, rename="camel"):
    error_message: str | None = None


def update(reply: Reply, kind: type[Request[R]], provider: Provider, task_id: str, model: str = "") -> Update[R]:
    """Return what a details page says of a task. A task that is not visible (yet) is PENDING, provisionally.

    Args:
        reply: The answer.
        kind: The class of the request.
        provider: The gateway.
        task_id: Id of the task.
        model: The model that was asked for. Empty (default): unknown.

    Raises:
        ApiError: If the answer is a refusal.
        DecodeError: If the page cannot be read.
    """
    try:
        return _update(reply, kind, provider, task_id, model)
    except DecodeError:
        coded = with_code(readable(reply))
        told = _update(coded, kind, provider, task_id, model)
        found = told.result
        if found is None or (isinstance(found, Result) and not found.has_files):
            raise
        return told


def _update(reply: Reply, kind: type[Request[R]], provider: Provider, task_id: str, model: str) -> Update[R]:
    if provider.uses_jobs_api(kind):
        return _job_update(reply, kind, provider, Origin(task_id, model, reply.body, ("data",)))
    job = cast("type[Job[R]]", kind)
    origin = Origin(task_id, model, reply.body, job.details_result_path)
    try:
        decoder, nothing = _pages(job)
        page = decoder.decode(reply.body)
    except UNREADABLE:
        return _read_step_by_step(reply, job, provider, origin)
    if page.code == 200 and reply.status < 400 and page.data is not None and not job.state_in_code:
        found = page.data.found
        if found is None or found != nothing:
            read = _read(_word(page.data), page.data, found, job, origin)
            if read.stage is not Stage.FAILED and read.provisional is Provisional.NONE:
                return read
    return _read_step_by_step(reply, job, provider, origin)


def _job_update(reply: Reply, kind: type[Request[R]], provider: Provider, origin: Origin) -> Update[R]:
    """What the one details page of the jobs API says."""
    answered = open_envelope(reply, providers.RECORD)
    if absent := _not_visible(reply, answered, provider, providers.RECORD, origin):
        return absent
    told = _record_update(reply, kind, origin)
    if told is None or told.provisional is not Provisional.NONE:  # odd bytes may be why
        mended = readable(reply)
        told = told if told is not None and mended is reply else _record_update(mended, kind, origin)
    if told is None:
        raise DecodeError(f"{providers.RECORD}: no record can be read", body=reply.body)
    return told


def _record_update(reply: Reply, kind: type[Request[R]], origin: Origin) -> Update[R] | None:
    """What the record of a page says; None if there is none, or it cannot be read."""
    try:
        record = jobs_api.record_in(reply.body)
    except UNREADABLE:
        return None
    if record is None:
        return None
    model = origin.model
    if not model and jobs_api.STATES.get(record.state.lower()) is Stage.COMPLETE:
        model = _asked_model(reply.body, kind)
    return jobs_api.update(record, kind, origin._replace(model=model, body=reply.body))


def _not_visible(reply: Reply, answered: Envelope, provider: Provider, path: str, origin: Origin) -> Update[Any] | None:
    """A task that is not visible (yet), as an update; ApiError for other refusals; None if something is to be read."""
    if answered.code != 200 or reply.status >= 400:
        refused = refusal(reply, answered, provider, path)
        if refused.code not in (404, 422):  # the id is the only parameter, so it is what is unknown
            raise refused
        message = refused.message
    elif bytes(answered.data) == b"null":
        message = ""
    else:
        return None
    absent: Update[Any] = Update(
        task_id=origin.task_id, stage=Stage.PENDING, message=message, provisional=Provisional.MISSING
    )
    return absent.came_from(origin.body)


def _asked_model(body: bytes, kind: type[Request[Any]]) -> str:
    """The model that a task was submitted with, from the request that its page repeats as JSON text."""
    if "model" not in kind.__struct_fields__:
        return ""
    try:
        param = msgspec.json.decode(at(("data", "param"), str)(body) or "{}", type=_Param)
    except UNREADABLE:
        return ""
    return (param.input.model if param.input else param.model) or ""


@cache
def _pages(job: type[Job[Any]]) -> tuple[msgspec.json.Decoder[Any], Any]:
    """A decoder of state and result in one pass, where the result is beside the state, else of the state alone.

    With it the result that says nothing.
    """
    beside = len(job.details_result_path) == 2 and job.details_result_path[0] == "data"
    kind, name = (job.result, job.details_result_path[1]) if beside else (None, "found")
    found = ("found", Optional[kind], msgspec.field(name=name, default=None))  # noqa: UP045  made at run time
    data: Any = msgspec.defstruct("Page", [found], bases=(_State,), frozen=True, rename="camel")
    fields: list[Any] = [("code", int), ("data", Optional[data], None)]  # noqa: UP045  made at run time
    decoder = msgspec.json.Decoder(msgspec.defstruct("Details", fields, frozen=True, gc=False), strict=False)
    return decoder, readings.nothing(job.result)


def _read_step_by_step(reply: Reply, job: type[Job[R]], provider: Provider, origin: Origin) -> Update[R]:
    """Read what one pass cannot: refusals, tasks not visible, failures, results elsewhere or of odd types."""
    reply = readable(reply)
    origin = origin._replace(body=reply.body)
    answered = open_envelope(reply, job.details)
    by_code = job.state_in_code and reply.status < 400 and answered.code in job.statuses
    if by_code and job.statuses[answered.code] is Stage.FAILED and not _names_task(reply.body, job):
        by_code = False  # an error of the page itself, which may be temporary
    if not by_code and (absent := _not_visible(reply, answered, provider, job.details, origin)):
        return absent
    data = bytes(answered.data)
    try:
        state = lenient.fitted(msgspec.json.decode(data), _State) if data.startswith(b"{") else _State()
    except UNREADABLE as exc:
        raise DecodeError(f"{job.details}: {exc}", body=reply.body) from exc
    reading, problem = _found(origin, job)
    read = _read(answered.code if by_code else _word(state), state, reading.found, job, reading.origin)
    if problem is not None and read.provisional is not Provisional.NONE:
        raise DecodeError(f"{job.details}: {problem}", body=reply.body) from problem
    if read.stage is Stage.FAILED and by_code:
        return read.replaced(code=answered.code, message=answered.message)
    if read.stage is Stage.FAILED and not read.message:
        return read.replaced(message=_reason(reply.body, job))
    return read


def _names_task(body: bytes, job: type[Job[Any]]) -> bool:
    try:
        return bool(at((job.query,), str)(body))
    except UNREADABLE:
        return False


def _found(origin: Origin, job: type[Job[Any]]) -> tuple[Reading, Exception | None]:
    """The result, at its documented place or elsewhere in the page, or why it cannot be read."""
    try:
        elsewhere = (("data",),) if len(job.details_result_path) > 1 else ()
        reading = readings.best(readings.nodes(origin, (job.details_result_path, *elsewhere)), job)
        return reading if reading.found is not None else reading._replace(origin=origin), None
    except UNREADABLE as exc:
        return readings.NOWHERE._replace(origin=origin), exc


def _word(state: _State) -> str | int | None:
    word = state.status if state.status is not None else state.success_flag
    return int(word) if isinstance(word, str) and word.isdecimal() and len(word) < 4 else word  # "1" is 1


def _known_word(word: str | int | None, job: type[Job[Any]]) -> str | int | None:
    """The word as it is documented, in whatever case it comes; capitals were seen elsewhere
    (docs/service.md#observed-differences).
    """
    if not isinstance(word, str) or word in job.statuses:
        return word
    cased = (word.strip().upper(), word.strip().lower())
    return next((one for one in cased if one in job.statuses or one == UNDELIVERED), word)


def _read(word: str | int | None, state: _State, found: R | None, job: type[Job[R]], origin: Origin) -> Update[R]:
    known = _known_word(word, job)
    stage, provisional = effective_stage(
        job.statuses.get(known, Stage.PENDING) if known is not None else Stage.PENDING, found
    )
    if known == UNDELIVERED:
        stage, provisional = effective_stage(Stage.COMPLETE, found)
        if provisional is not Provisional.NONE:
            provisional = Provisional.UNDELIVERED
    if isinstance(found, Result):
        if stage is Stage.COMPLETE and not origin.model:
            origin = origin._replace(model=_asked_model(origin.body, job))
        found.came_from(origin)
    told: Update[R] = Update(
        task_id=origin.task_id,
        stage=stage,
        result=found,
        status="" if word is None else str(word),
        code=_number(state.error_code) if stage is Stage.FAILED else None,
        message=state.error_message or "",
        provisional=provisional,
    )
    return told.came_from(origin.body)


def _number(code: float | str | None) -> int | None:
    try:
        return None if code is None else int(code)
    except (ValueError, OverflowError):
        return None


def _reason(body: bytes, job: type[Job[Any]]) -> str:
    """The reason of a failure inside `response`, where it was seen (docs/service.md#observed-differences)."""
    try:
        failure = at(job.details_result_path, _Failure)(body)
        return (failure and failure.error_message) or ""
    except UNREADABLE:
        return ""
