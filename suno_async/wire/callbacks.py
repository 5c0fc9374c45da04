"""Callbacks: from a posted body to a `Callback`, and from that to an `Update`."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from ..api.requests import Request
from ..api.results import Origin, Result, effective_stage
from ..api.updates import JobRecord, Provisional, Source, Stage, Update
from ..errors import CallbackError
from . import jobs_api
from .shapes import UNREADABLE, as_in_callbacks, at

__all__ = ["Callback", "parse", "update"]

R = TypeVar("R")


class Callback(Struct, frozen=True):
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


class _Body(Struct, frozen=True):
    code: int
    msg: Any = None
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815  their two spellings, side by side
    data: Raw = Raw(b"null")


class _Data(Struct, frozen=True):
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815
    callbackType: str | None = None  # noqa: N815
    error: Any = None
    status: Any = None
    errorCode: Any = None  # noqa: N815
    errorMessage: Any = None  # noqa: N815
    state: Any = None


class _Usual(Struct, frozen=True):
    """The same with an object in `data`, as nearly all have, read in one pass."""

    code: int
    data: _Data
    msg: Any = None
    task_id: str | None = None
    taskId: str | None = None  # noqa: N815


_USUAL = msgspec.json.Decoder(_Usual, strict=False)
_BODY = msgspec.json.Decoder(_Body, strict=False)
_DATA = msgspec.json.Decoder(_Data, strict=False)
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
            outer = _BODY.decode(body)
            data = bytes(outer.data)
            inner = _DATA.decode(data) if data.startswith(b"{") else _Data()
        except UNREADABLE as exc:
            raise CallbackError(f"not a callback: {exc}") from exc
    task_id = inner.task_id or inner.taskId or outer.task_id or outer.taskId
    if not task_id:
        raise CallbackError("not a callback: it names no task")
    return Callback(
        task_id=task_id,
        code=outer.code,
        stage=(inner.callbackType or "").lower(),
        message=_text(inner.error) or _text(inner.errorMessage) or _text(outer.msg),
        status=_text(inner.status),
        state=_text(inner.state),
        reason=inner.errorCode if isinstance(inner.errorCode, int) and inner.errorCode else None,
        body=body,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def update(callback: Callback, kind: type[Request[R]], model: str = "") -> Update[R]:
    """Return what a callback says of a task.

    A success whose result is missing or unreadable is provisional: a poll decides.

    Args:
        callback: The callback.
        kind: The class of the request.
        model: The model that was asked for. Empty (default): unknown.
    """
    record = _record(callback)
    if record is not None:
        origin = Origin(callback.task_id, model, callback.body, ("data",))
        return jobs_api.update(record, kind, origin, Source.CALLBACK)
    found: R | None = None
    provisional = Provisional.NONE
    reported: Stage | None = getattr(kind, "statuses", {}).get(callback.status)
    if callback.code not in kind.success or callback.stage == "error" or reported is Stage.FAILED:
        stage = Stage.FAILED
    else:
        found = _result(callback, kind, model)
        stage, provisional = effective_stage(
            _STAGES.get(callback.stage, Stage.PENDING) if reported is None else reported, found
        )
    return Update(
        task_id=callback.task_id,
        stage=stage,
        result=found,
        status=callback.stage or callback.status,
        code=(callback.reason or (callback.code if callback.code != 200 else None)) if stage is Stage.FAILED else None,
        message=callback.message if stage is Stage.FAILED else "",
        provisional=provisional,
        source=Source.CALLBACK,
        body=callback.body,
    )


def _record(callback: Callback) -> JobRecord | None:
    """The record, where the jobs API posts one: KIE's pages do not say whether it does."""
    if not callback.state:
        return None
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
            continue  # the text stage has no list; for the others a poll decides
        else:
            if isinstance(found, Result):
                found.came_from(Origin(callback.task_id, model, callback.body, path))
            return found
    return None


@cache
def _readers(kind: type[Request[Any]]) -> list[tuple[tuple[str, ...], Callable[[bytes], Any]]]:
    """Where callbacks of a kind may hold the result, each with what reads it there."""
    form = as_in_callbacks(kind.result)
    return [(path, at(path, form)) for path in kind.callback_result_paths]
