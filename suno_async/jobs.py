"""KIE's jobs route: every operation through one path, every task on one page.

The same requests, in snake_case under `input`; the outer `model` names the operation. The record tells `state`, and the
result as JSON text (https://docs.kie.ai/market/common/get-task-detail).
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from .endpoints import Request
from .models import JobRecord, Source, Stage, Update
from .results import Origin, Result, staged
from .shapes import as_called

__all__ = ["CREATE", "PREFIX", "RECORD", "STATES", "answers", "update", "wire_name"]

R = TypeVar("R")

CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
PREFIX = "ai-music-api/"
STATES: Mapping[str, Stage] = {
    "waiting": Stage.PENDING,
    "queuing": Stage.PENDING,
    "generating": Stage.PENDING,
    "success": Stage.COMPLETE,
    "fail": Stage.FAILED,
}

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def wire_name(name: str) -> str:
    """A field's name of the older paths as this route spells it: infillStartS becomes infill_start_s."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def update(record: JobRecord, kind: type[Request[R]], origin: Origin, source: Source = Source.LOOK) -> Update[R]:
    """What a record says of a task of this kind; `origin` is where the record lies in its body."""
    stage = STATES.get(record.state.lower(), Stage.PENDING)
    found: R | None = None
    if stage is not Stage.FAILED:
        found = _found(record, kind, origin)
    stage, doubt = staged(stage, found)
    code = str(record.fail_code or "")
    return Update(
        task_id=origin.task_id,
        stage=stage,
        result=found,
        status=record.state,
        code=int(code) if stage is Stage.FAILED and code.isdecimal() and len(code) < 10 else None,
        message=record.fail_msg or "",
        doubt=doubt,
        source=source,
        body=origin.body,
        record=record,
    )


def _found(record: JobRecord, kind: type[Request[R]], origin: Origin) -> R | None:
    for place, held in (("resultJson", (record.result_json or "").encode()), ("response", bytes(record.response))):
        if held and (found := result(held, kind, origin.inside(place))) is not None:
            return found
    return None


def result(held: bytes, kind: type[Request[R]], origin: Origin) -> R | None:
    """A result as this route holds it, in the spelling of the details page or of callbacks, whichever says more.

    JSON of another shape gives an empty result, whose `raw` has it all: nothing is lost to a shape nobody told us.
    """
    try:
        value = msgspec.json.decode(held)
    except _UNREADABLE:
        return None
    if value is None:
        return None
    # Where it is known to lie, or one step into the older route's page, whose shape is all we know of some results.
    for step in (*getattr(kind.result, "in_job", ()), *getattr(kind, "held_in", ())[1:]):
        if isinstance(value, dict) and isinstance(cast(Any, value).get(step), dict):
            value, origin = cast(Any, value)[step], origin.inside(step)
    if isinstance(value, list) and (listed := getattr(kind.result, "called", {})):
        value = {next(iter(listed.values())): cast(Any, value)}
    readings = [read for shape in (kind.result, as_called(kind.result)) for read in _readings(value, shape, kind)]
    readings.sort(key=lambda read: read[0], reverse=True)
    found: Any = readings[0][1] if readings else None
    if found is None and issubclass(kind.result, Result):
        found = kind.result()
    if isinstance(found, Result):
        found.came_from(origin)
    return cast("R | None", found)


def _readings(value: Any, shape: Any, kind: type[Request[R]]) -> Iterator[tuple[tuple[bool, int], R]]:
    """The value read in one spelling, and how much that gave."""
    try:
        found = msgspec.convert(value, shape, strict=False)
        read: R = msgspec.convert(found, kind.result, from_attributes=True)
    except _UNREADABLE:
        return
    names = {field.encode_name for field in msgspec.structs.fields(shape)} if issubclass(shape, Struct) else set[str]()
    said = len(names & value.keys()) if isinstance(value, dict) else 0
    yield (bool(said) and (not isinstance(read, Result) or read.whole), said), read


def answers(data: bytes, kind: type[Request[R]], origin: Origin) -> R | None:
    """The result if the answer to a submit already has it, as documented for some; None if it only names a task."""
    try:
        value = msgspec.json.decode(data)
    except _UNREADABLE:
        return None
    if not isinstance(value, dict) or not set(cast("dict[str, Any]", value)) - {"taskId", "task_id"}:
        return None
    found = result(data, kind, origin)
    return found if isinstance(found, Result) and found.whole and _says(cast("dict[str, Any]", value), kind) else None


def _says(value: dict[str, Any], kind: type[Request[Any]]) -> bool:
    """Whether it has any of the result's fields."""
    shapes = (kind.result, as_called(kind.result))
    return any(field.encode_name in value for shape in shapes for field in msgspec.structs.fields(shape))
