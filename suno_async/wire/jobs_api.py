"""KIE's jobs API: one path for every operation, one details page for every task.

The requests are the same, in snake_case under `input`; the outer `model` names the operation. The record has a `state`,
and the result as JSON text (https://docs.kie.ai/market/common/get-task-detail).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct

from ..api.requests import Request
from ..api.results import Origin, Result, effective_stage
from ..api.updates import JobRecord, Source, Stage, Update
from .shapes import UNREADABLE, as_in_callbacks, at, without_nulls

__all__ = ["STATES", "answers", "record_in", "update", "wire_name"]

R = TypeVar("R")

STATES: Mapping[str, Stage] = {
    "waiting": Stage.PENDING,
    "queuing": Stage.PENDING,
    "generating": Stage.PENDING,
    "success": Stage.COMPLETE,
    "fail": Stage.FAILED,
}


def wire_name(name: str) -> str:
    """Return the jobs API's name of a field: infillStartS becomes infill_start_s.

    Args:
        name: The legacy API's name.
    """
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def record_in(body: bytes) -> JobRecord | None:
    """Return the record in the `data` of a page or callback; None if there is none.

    Fields of unexpected types are left out.

    Args:
        body: The body, which is JSON; else this raises one of `UNREADABLE`.
    """
    try:
        whole: JobRecord | None = at(("data",), JobRecord)(body)
        return whole
    except msgspec.ValidationError:
        data: Any = at(("data",), Any)(body)
    if not isinstance(data, dict):
        return None
    read: dict[str, Any] = {}
    for field in msgspec.structs.fields(JobRecord):
        value = cast("dict[str, Any]", data).get(field.encode_name)
        if field.name == "response" or (field.name == "result_json" and not isinstance(value, str)):
            held = msgspec.json.encode(value)
            read[field.name] = msgspec.Raw(held) if field.name == "response" else held.decode()
        else:
            with suppress(msgspec.ValidationError):
                read[field.name] = msgspec.convert(value, field.type, strict=False)
    return JobRecord(**read)


def update(record: JobRecord, kind: type[Request[R]], origin: Origin, source: Source = Source.POLL) -> Update[R]:
    """Return what a record says of a task.

    Args:
        record: The record.
        kind: The class of the request.
        origin: Where its body holds the record.
        source: How the body came.
    """
    stage = STATES.get(record.state.lower(), Stage.PENDING)
    found: R | None = None
    if stage is not Stage.FAILED:
        found = _found(record, kind, origin)
    stage, provisional = effective_stage(stage, found)
    code = str(record.fail_code or "")
    return Update(
        task_id=origin.task_id,
        stage=stage,
        result=found,
        status=record.state,
        code=int(code) if stage is Stage.FAILED and code.isdecimal() and len(code) < 10 else None,
        message=record.fail_msg or "",
        provisional=provisional,
        source=source,
        body=origin.body,
        record=record,
    )


class _Reading(NamedTuple):
    """One way to read a result, and how well it fits: whether it is complete, and how many fields are known."""

    fit: tuple[bool, int]
    found: Any
    origin: Origin


def _found(record: JobRecord, kind: type[Request[R]], origin: Origin) -> R | None:
    """The result, from the text or from the parsed form beside it, whichever fits better.

    JSON of an unknown form gives an empty result, whose `raw` has everything.
    """
    readings = [
        reading
        for place, held in (("resultJson", (record.result_json or "").encode()), ("response", bytes(record.response)))
        for reading in _readings(held, kind, origin.inside(place))
    ]
    if not readings:
        return None
    best = max(readings, key=lambda reading: reading.fit)  # of equals the first, which is the documented one
    if isinstance(best.found, Result):
        best.found.came_from(best.origin)
    return cast("R", best.found)


def _readings(held: bytes, kind: type[Request[Any]], origin: Origin) -> Iterator[_Reading]:
    """The ways to read a result: with the names of the details page, and with those of callbacks."""
    try:
        value = msgspec.json.decode(held)
    except UNREADABLE:
        return
    if value is None:
        return
    for step in _places(kind):
        if isinstance(value, dict) and isinstance(cast(Any, value).get(step), dict):
            value, origin = cast(Any, value)[step], origin.inside(step)
    callback_names: Mapping[str, str] = getattr(kind.result, "callback_names", {})
    if isinstance(value, list) and callback_names:
        value = {next(iter(callback_names.values())): cast(Any, value)}
    for shape in (kind.result, as_in_callbacks(kind.result)):
        try:
            read = msgspec.convert(without_nulls(value), shape, strict=False)
            found = msgspec.convert(read, kind.result, from_attributes=True)
        except UNREADABLE:
            continue
        known = len(_names(shape) & cast("dict[str, Any]", value).keys()) if isinstance(value, dict) else 0
        yield _Reading((bool(known) and (not isinstance(found, Result) or found.complete), known), found, origin)
    if issubclass(kind.result, Result):
        yield _Reading((False, -1), kind.result(), origin)


def _places(kind: type[Request[Any]]) -> Iterator[str]:
    """Names under which the result may be: the documented one, then those of the legacy API's page and callbacks."""
    yield from getattr(kind.result, "jobs_result_path", ())
    yield from getattr(kind, "details_result_path", ())[1:]
    yield from (place[-1] for place in kind.callback_result_paths if len(place) > 1)


def _names(shape: Any) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(shape)} if issubclass(shape, Struct) else set()


def answers(data: bytes, kind: type[Request[R]], origin: Origin) -> R | None:
    """Return the result if the answer to a submit already has it, as documented for some; None if it names a task.

    Args:
        data: `data` of the answer.
        kind: The class of the request.
        origin: Where the body holds `data`.
    """
    best = max(_readings(data, kind, origin), key=lambda reading: reading.fit, default=None)
    if best is None or not best.fit[0] or not isinstance(best.found, Result):
        return None
    best.found.came_from(best.origin)
    return cast("R", best.found)
