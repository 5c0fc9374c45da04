"""Bytes in, on the callbacks' side: from a posted body to a `Callback`, and from that to an `Update`."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from ..api.requests import Request
from ..api.results import Origin, Result, effective_stage
from ..api.updates import JobRecord, Provisional, Source, Stage, Update
from ..errors import CallbackError
from . import jobs_api
from .envelope import UNREADABLE
from .shapes import as_called, at

__all__ = ["Callback", "parse", "update"]

R = TypeVar("R")


class Callback(Struct, frozen=True):
    """A callback as it was posted: whose it is, and what it claims. Nothing in it is proven."""

    task_id: str
    code: int
    """200, or why the task failed."""
    stage: str = ""
    """text, first, complete or error, in lower case; empty for kinds that post once."""
    message: str = ""
    status: str = ""
    """The word of the details page, where a callback repeats it; voices do."""
    reason: int | None = None
    """Why the task failed, where a callback says more than `code`."""
    state: str = ""
    """The word of the jobs route's record, if that is what was posted; notes have one, too."""
    body: bytes = b""


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
    """The same with an object in `data`, as nearly all have, in one go."""

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
    """Read whose callback this is, whatever its kind or gateway (NOTES §5).

    CallbackError when the body is not JSON, has no code, or names no task.
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
        message=next(
            (said for said in (inner.error, inner.errorMessage, outer.msg) if isinstance(said, str) and said), ""
        ),
        status=inner.status if isinstance(inner.status, str) else "",
        state=inner.state if isinstance(inner.state, str) else "",
        reason=inner.errorCode if isinstance(inner.errorCode, int) and inner.errorCode else None,
        body=body,
    )


def update(callback: Callback, kind: type[Request[R]], model: str = "") -> Update[R]:
    """What a callback says of a task of this kind; `model` is the one that was asked for, if that is known.

    A success whose result is missing or unreadable is provisional, for a poll to settle.
    """
    record = _record(callback)
    if record is not None:
        origin = Origin(callback.task_id, model, callback.body, ("data",))
        return jobs_api.update(record, kind, origin, Source.CALLBACK)
    found: R | None = None
    provisional = Provisional.NONE
    said: Stage | None = getattr(kind, "statuses", {}).get(callback.status)
    if callback.code not in kind.success or callback.stage == "error" or said is Stage.FAILED:
        stage = Stage.FAILED
    else:
        found = _result(callback, kind, model)
        stage, provisional = effective_stage(
            _STAGES.get(callback.stage, Stage.PENDING) if said is None else said, found
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
    """The record, where the jobs route posts that: KIE's pages leave open which of the two it is."""
    if not callback.state:
        return None
    try:
        record = jobs_api.record_in(callback.body)
    except UNREADABLE:
        return None
    if record is None:
        return None
    known = record.state.lower() in jobs_api.STATES  # notes have a state, too, with a word of its own
    return record if known or record.result_json is not None or record.fail_code is not None else None


def _result(callback: Callback, kind: type[Request[R]], model: str) -> R | None:
    callback_names = as_called(kind.result)
    for place in kind.callback_result_paths:
        try:
            spelt = at(place, callback_names)(callback.body)
            if spelt is None:
                continue
            found: R = msgspec.convert(spelt, kind.result, from_attributes=True)
        except UNREADABLE:
            continue  # the text stage has no list to read; for the others a poll will tell
        else:
            if isinstance(found, Result):
                found.came_from(Origin(callback.task_id, model, callback.body, place))
            return found
    return None
