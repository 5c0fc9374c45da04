"""`suno-async tasks`: what the store knows."""

import heapq
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .task_options import JSON

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..stores.record import Record

__all__ = ["row_of_request", "tasks"]

WORDS = 40
"""Characters of the words of a request that are shown."""


def tasks(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those that have not ended.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List the tasks that the store knows, the newest first.

    Sends nothing. Those of other gateways are left out.
    """
    from .running import run

    async def listed(suno: "SunoClient") -> None:
        from .output import columns, document
        from .records import known_records

        found = [one async for one in known_records(suno) if one.state.open or not unfinished]
        newest = heapq.nlargest(limit, {one.ref: one for one in found}.values(), key=lambda one: one.created)
        if as_json:
            for one in newest:
                document(row_of_request(one))
            return
        heading = ("Task", "Request", "State", "Age", "Words")
        for line in columns([heading, *(_row(one, time.time()) for one in newest)]):
            typer.echo(line)

    run(listed, as_json=as_json, key_needed=False)


def row_of_request(record: "Record") -> dict[str, Any]:
    shown = ("task_id", "ref", "kind", "key", "created", "updated", "delivered")
    told = {name: getattr(record, name) for name in shown}
    return told | {"state": record.state.value, "stage": record.stage.name, "request": _request(record)}


def _row(record: "Record", now: float) -> tuple[str, ...]:
    from ..log import shown

    state = record.stage.name.lower() if record.task_id else record.state.value
    asked = _request(record)
    words = next((str(asked[name]) for name in ("title", "prompt", "lyrics", "style") if asked.get(name)), "")
    return record.task_id or record.ref, record.kind, state, _age(now - record.created), shown(words, WORDS)


def _request(record: "Record") -> dict[str, Any]:
    import msgspec

    try:
        return msgspec.json.decode(record.request_json or "{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return {}


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
