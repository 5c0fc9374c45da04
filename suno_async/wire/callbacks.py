"""Callbacks: from a posted body to a `Callback`, and from that to an `Update`."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import Struct

from ..api.representation import short_line
from ..api.requests import Request
from ..api.results import Origin, Result, effective_stage
from ..api.updates import FAILED, PENDING, SETTLED, TEXT, JobRecord, Provisional, Source, Stage, Update
from ..errors import CallbackError
from . import jobs_api, lenient, readings
from .shapes import UNREADABLE, as_in_callbacks, at

__all__ = ["Callback", "parse", "unread", "update"]

R = TypeVar("R")


class Callback(Struct, frozen=True, gc=False):
    """A callback as it was posted: which task it names, and what it says. Nothing in it is verified."""

    task_id: str
    """Id of the task."""
    code: int
    """200, or the code of the failure."""
    stage: str = ""
    """text, first, complete or error, in lower case; empty for kinds that post once."""
    message: str = ""
    """Reason of the failure, if there is one."""
    status: str = ""
    """The status word of the details page, where a callback repeats it, as those of voices do."""
    reason: int | None = None
    """Code of the failure, where a callback says more than `code`."""
    state: str = ""
    """`state` of the jobs API's record, if that was posted. MIDI callbacks have a `state`, too."""
    body: bytes = b""
    """The body as it was posted."""

    def __repr__(self) -> str:
        return short_line(f"<Callback {self.task_id} {self.code} {self.stage}")


class _Body(Struct, frozen=True, gc=False):
    essential: ClassVar[tuple[str, ...]] = ("code",)

    code: int
    msg: str | None = None
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815  their two spellings, side by side


class _Data(Struct, frozen=True, gc=False):
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815
    callbackType: str | None = None  # noqa: N815
    error: str | None = None
    status: str | None = None
    errorCode: Any = None  # noqa: N815
    errorMessage: str | None = None  # noqa: N815
    state: str | None = None


class _Usual(Struct, frozen=True, gc=False):
    """The same with an object in `data`, as nearly all have, read in one pass."""

    code: int
    data: _Data
    msg: str | None = None
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815


_CALLBACK = Source.CALLBACK
_USUAL = msgspec.json.Decoder(_Usual, strict=False)
_STAGES = {"text": Stage.TEXT, "first": Stage.FIRST, "complete": Stage.COMPLETE, "": Stage.COMPLETE}


def parse(body: bytes) -> Callback:
    """Read a callback of any request at any gateway (docs/service.md#callbacks).

    Args:
        body: The body as it was posted.

    Raises:
        CallbackError: If the body is not JSON, has no code, or names no task.
    """
    outer: _Body | _Usual
    try:
        outer = _USUAL.decode(body)
        inner = outer.data
    except UNREADABLE:
        try:
            outer, inner, body = _parse_leniently(body)
        except UNREADABLE as exc:
            raise CallbackError(f"not a callback: {exc}") from exc
    task_id = inner.task_id or inner.taskId or outer.task_id or outer.taskId
    if not task_id or "\ufffd" in task_id:
        raise CallbackError("not a callback: it names no task")
    return Callback(
        task_id=task_id,
        code=outer.code,
        stage=(inner.callbackType or "").lower(),
        message=inner.error or inner.errorMessage or outer.msg or "",
        status=inner.status or "",
        state=inner.state or "",
        reason=inner.errorCode if isinstance(inner.errorCode, int) and inner.errorCode else None,
        body=body,
    )


def _parse_leniently(body: bytes) -> tuple[_Body, _Data, bytes]:
    """What one strict pass cannot read; the body is repaired if necessary."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        body = lenient.repaired(body)
        value = msgspec.json.decode(body)
    outer: _Body = lenient.fitted(value, _Body)
    data: Any = value.get("data")
    return outer, lenient.fitted(data, _Data) if isinstance(data, dict) else _Data(), body


def update(callback: Callback, kind: type[Request[R]], model: str = "") -> Update[R]:
    """Return what a callback says of a task.

    A success whose result is missing or unreadable is provisional: a poll decides. It decides, too, where a callback
    contradicts itself: a failure beside files, or the body of a details page.

    Args:
        callback: The callback.
        kind: The class of the request.
        model: The model that was asked for. Empty (default): unknown.
    """
    told = _read(callback, kind, model)
    if told.result is None or told.provisional is not SETTLED:  # odd bytes may be why
        try:
            msgspec.json.decode(callback.body)
        except UNREADABLE:
            with suppress(*UNREADABLE):
                return _read(msgspec.structs.replace(callback, body=lenient.repaired(callback.body)), kind, model)
    return told


def unread(callback: Callback, kind: type[Request[R]], known: Stage) -> Update[R] | None:
    """Return what a callback says where its result decides nothing, cut; None if the result must be read.

    That is at the text of a song, and for a stage that is known already.

    Args:
        callback: The callback.
        kind: The class of the request.
        known: The stage that the task has reached.
    """
    stage = _STAGES.get(callback.stage)
    if stage is None or (stage is not TEXT and stage > known):
        return None
    if callback.code not in kind.success or callback.status or callback.state:
        return None
    told: Update[R] = Update(task_id=callback.task_id, stage=stage, status=callback.stage, source=_CALLBACK)
    return told.came_from(callback.body, cut=True)


def _read(callback: Callback, kind: type[Request[R]], model: str) -> Update[R]:
    if callback.state and (record := _record(callback)) is not None:
        origin = Origin(callback.task_id, model, callback.body, ("data",))
        told = jobs_api.update(record, kind, origin, Source.CALLBACK)
        failed = jobs_api.STATES.get(record.state.lower()) is FAILED
        doubtful = jobs_api.has_files(record, kind, origin) if failed else callback.code not in kind.success
        return _doubted(told) if doubtful else told
    code, provisional = None, SETTLED
    reported: Stage | None = getattr(kind, "statuses", {}).get(callback.status) if callback.status else None
    found = _result(callback, kind, model)
    if callback.code not in kind.success or callback.stage == "error" or reported is FAILED:
        stage, code = FAILED, callback.reason or (callback.code if callback.code != 200 else None)
        if found is not None and (not isinstance(found, Result) or found.has_files):
            provisional = Provisional.CONTRADICTORY
        else:
            found = None
    else:
        claimed = _STAGES.get(callback.stage, PENDING) if reported is None else reported
        stage, provisional = effective_stage(claimed, found)
        if stage is PENDING and provisional is not SETTLED:  # nothing at the place where it should be
            found = _read_again(callback, kind, model)
            stage, provisional = effective_stage(claimed, found)
    if reported is not None and not callback.stage and _is_page(callback.body, kind):
        provisional = Provisional.CONTRADICTORY
    told = Update(
        task_id=callback.task_id,
        stage=stage,
        result=found,
        status=callback.stage or callback.status,
        code=code,
        message=callback.message if stage is FAILED else "",
        provisional=provisional,
        source=_CALLBACK,
    ).came_from(callback.body)
    return _doubted(told) if provisional is not SETTLED and provisional is Provisional.CONTRADICTORY else told


def _doubted(told: Update[R]) -> Update[R]:
    """What a callback that contradicts itself says: nothing, until a poll has."""
    doubted: Update[R] = Update(
        task_id=told.task_id,
        stage=Stage.PENDING,
        status=told.status,
        provisional=Provisional.CONTRADICTORY,
        source=Source.CALLBACK,
    )
    return doubted.came_from(told.body)


def _is_page(body: bytes, kind: type[Request[Any]]) -> bool:
    """Whether a callback has the body of a details page."""
    path: tuple[str, ...] = getattr(kind, "details_result_path", ())
    try:
        return len(path) > 1 and isinstance(at(path, Any)(body), dict)
    except UNREADABLE:
        return False


def _record(callback: Callback) -> JobRecord | None:
    """The record, where the jobs API posts one: KIE's pages do not say whether it does."""
    try:
        record = jobs_api.record_in(callback.body)
    except UNREADABLE:
        return None
    if record is None:
        return None
    known = record.state.lower() in jobs_api.STATES  # MIDI callbacks have a state, too, with other words
    return record if known or record.result_json is not None or record.fail_code is not None else None


def _result(callback: Callback, kind: type[Request[R]], model: str) -> R | None:
    for path, read in _readers(kind):
        try:
            value = read(callback.body)
            if value is None:
                continue
            found: R = msgspec.convert(value, kind.result, from_attributes=True)
        except UNREADABLE:
            continue  # the text stage has no list
        if found == readings.nothing(kind.result):
            continue
        if isinstance(found, Result):
            found.came_from(Origin(callback.task_id, model, callback.body, path))
        return found
    return _read_again(callback, kind, model)


def _read_again(callback: Callback, kind: type[Request[R]], model: str) -> R | None:
    """The result, wherever the callback has it and in whatever spelling; for what is missing then, a poll decides."""
    origin = Origin(callback.task_id, model, callback.body)
    try:
        nodes = readings.nodes(origin, (*kind.callback_result_paths, ("data",)))
        return cast("R | None", readings.came_from(readings.best(nodes, kind)))
    except UNREADABLE:
        return None


@cache
def _readers(kind: type[Request[Any]]) -> list[tuple[tuple[str, ...], Callable[[bytes], Any]]]:
    """Where callbacks of a kind may hold the result, each with what reads it there."""
    form = as_in_callbacks(kind.result)
    return [(path, at(path, form)) for path in kind.callback_result_paths]
