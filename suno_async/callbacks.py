"""Bytes in, on the callbacks' side: from a posted body to a `Callback`, and from that to an `Update`."""

from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Raw, Struct

from .endpoints import Job
from .errors import CallbackError
from .models import Doubt, Result, Source, Stage, Update
from .nested import at
from .wire import UNREADABLE, staged

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


_BODY = msgspec.json.Decoder(_Body, strict=False)
_DATA = msgspec.json.Decoder(_Data, strict=False)
_STAGES = {"text": Stage.TEXT, "first": Stage.FIRST, "complete": Stage.COMPLETE, "": Stage.COMPLETE}


def parse(body: bytes) -> Callback:
    """Read whose callback this is, whatever its kind or gateway (NOTES §5).

    CallbackError when the body is not JSON, has no code, or names no task.
    """
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
        message=next((said for said in (inner.error, outer.msg) if isinstance(said, str) and said), ""),
        body=body,
    )


def update(callback: Callback, job: type[Job[R]]) -> Update[R]:
    """What a callback says of a task of this kind.

    A success whose result is missing or unreadable stays a doubt, for a look to settle.
    """
    found: R | None = None
    doubt = Doubt.NONE
    if callback.code not in job.success or callback.stage == "error":
        stage = Stage.FAILED
    else:
        found = _result(callback, job)
        stage, doubt = staged(_STAGES.get(callback.stage, Stage.PENDING), found)
    return Update(
        task_id=callback.task_id,
        stage=stage,
        result=found,
        status=callback.stage,
        code=callback.code if stage is Stage.FAILED and callback.code != 200 else None,
        message=callback.message if stage is Stage.FAILED else "",
        doubt=doubt,
        source=Source.CALLBACK,
    )


def _result(callback: Callback, job: type[Job[R]]) -> R | None:
    called = _called_result(job.result)
    try:
        spelt = next((value for place in job.news_in if (value := at(place, called)(callback.body)) is not None), None)
        found: R | None = msgspec.convert(spelt, job.result | None, from_attributes=True)
    except UNREADABLE:
        return None  # the text stage has no list to read; for the others a look will tell
    if isinstance(found, Result):
        found.came_from(callback.task_id)
    return found


@cache
def _called_result(result: type[Any]) -> Any:
    return as_called(result)


def as_called(kind: Any) -> Any:
    """The same type as callbacks spell it: snake_case, except where a field says its name itself.

    Values read with it become the original by `msgspec.convert(…, from_attributes=True)`.
    """
    if isinstance(kind, type) and issubclass(kind, Struct):
        return msgspec.defstruct(
            kind.__name__,
            [
                (field.name, as_called(field.type), msgspec.field(default=field.default, name=_called(field, kind)))
                for field in msgspec.structs.fields(kind)
            ],
            kw_only=True,
            frozen=True,
        )
    args = tuple(as_called(arg) for arg in get_args(kind))
    match get_origin(kind):
        case None:
            return cast(Any, kind)
        case origin if origin in (UnionType, Union):
            return Union[args]  # noqa: UP007  made at run time
        case made:
            return made[args]


def _called(field: msgspec.structs.FieldInfo, kind: type[Struct]) -> str:
    if issubclass(kind, Result) and field.name in kind.called:
        return kind.called[field.name]
    head, *rest = field.name.split("_")
    renamed = field.encode_name == head + "".join(word.capitalize() for word in rest)
    return field.name if renamed else field.encode_name
