"""KIE's jobs API: one path for every operation, one details page for every task.

The requests are the same, in snake_case under `input`; the outer `model` names the operation. The record has a `state`,
and the result as JSON text (https://docs.kie.ai/market/common/get-task-detail).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

import msgspec

from ..api.requests import Request
from ..api.results import Origin, Result, effective_stage
from ..api.updates import JobRecord, Source, Stage, Update
from . import lenient, readings
from .readings import came_from
from .shapes import UNREADABLE, at, snake_case

__all__ = ["STATES", "answers", "has_files", "record_in", "update", "wire_name"]

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
    return snake_case(name)


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
    told: Update[R] = Update(
        task_id=origin.task_id,
        stage=stage,
        result=found,
        status=record.state,
        code=int(code) if stage is Stage.FAILED and code.isdecimal() and len(code) < 10 else None,
        message=record.fail_msg or "",
        provisional=provisional,
        source=source,
    )
    return told.came_from(origin.body, record)


def _found(record: JobRecord, kind: type[Request[R]], origin: Origin) -> R | None:
    """The result, from the text or from the parsed form beside it, whichever fits better; None if it has no known form.

    The text comes first, which is what the pages document.
    """
    nodes: list[tuple[Any, Origin]] = []
    text = (record.result_json or "").encode(errors="replace")
    with suppress(*UNREADABLE):
        nodes.append(_text(text, origin))
    with suppress(*UNREADABLE):
        nodes.append((msgspec.json.decode(record.response), origin.inside("response")))
    try:
        return cast("R | None", came_from(readings.best(nodes, kind)))
    except UNREADABLE:
        return None


def has_files(record: JobRecord, kind: type[Request[Any]], origin: Origin) -> bool:
    """Return whether a record holds a result or a part of it, whatever its state says.

    Args:
        record: The record.
        kind: The class of the request.
        origin: Where its body holds the record.
    """
    found = _found(record, kind, origin)
    return found is not None and (not isinstance(found, Result) or found.has_files)


def _text(text: bytes, origin: Origin) -> tuple[Any, Origin]:
    """`resultJson`, parsed. One that must be repaired is repaired in the body, too, for `raw`."""
    try:
        return msgspec.json.decode(text), origin.inside("resultJson")
    except UNREADABLE:
        text = lenient.repaired(text)
    page: Any = msgspec.json.decode(origin.body)
    record = page
    for step in origin.path:
        record = record[step]
    record["resultJson"] = text.decode()
    return msgspec.json.decode(text), origin._replace(body=msgspec.json.encode(page)).inside("resultJson")


def answers(data: bytes, kind: type[Request[R]], origin: Origin) -> R | None:
    """Return the result if the answer to a submit already has it, as documented for some; None if it names a task.

    Args:
        data: `data` of the answer.
        kind: The class of the request.
        origin: Where the body holds `data`.
    """
    try:
        reading = readings.best([(msgspec.json.decode(data), origin)], kind)
    except UNREADABLE:
        return None
    return came_from(reading) if reading.fit[0] and isinstance(reading.found, Result) else None
