"""What becomes of a record: pure functions, None if nothing does."""

from typing import Any

from msgspec.structs import replace

from ..api.updates import Stage, Update
from .record import Record, State

__all__ = ["accepted", "dismissed", "mark_uncertain", "mark_delivered", "updated"]


def accepted(record: Record, task_id: str, now: float) -> Record | None:
    """The service has made a task of it."""
    if record.task_id == task_id:
        return None
    # What another task was said to be is nothing to this one: its own answer is the last word on whose it is.
    return replace(record, task_id=task_id, state=State.RUNNING, stage=Stage.PENDING, body=b"", error="", updated=now)


def mark_uncertain(record: Record, error: str, now: float) -> Record | None:
    """Its answer was lost."""
    if record.state is not State.SENDING:
        return None  # a callback came first
    return replace(record, state=State.UNCERTAIN, error=error, updated=now)


def updated(record: Record, update: Update[Any], now: float) -> Record | None:
    """A look or callback tells something of it."""
    if record.task_id not in ("", update.task_id) or record.state is State.FINISHED:
        return None
    if record.task_id and update.stage <= record.stage:
        return None
    return replace(
        record,
        task_id=update.task_id,
        state=State.FINISHED if update.stage >= Stage.COMPLETE else State.RUNNING,
        stage=update.stage,
        source=update.source,
        status=update.status,
        code=update.code if update.code is None or abs(update.code) < 2**63 else None,
        message=update.message,
        body=update.body if update.stage else b"",
        error="",
        updated=now,
    )


def mark_delivered(record: Record) -> Record | None:
    """Somebody hands its result on."""
    return None if record.delivered or record.state is not State.FINISHED else replace(record, delivered=True)


def dismissed(record: Record, seen: State | None, now: float) -> Record | None:
    """A person who has seen it in that state gives it up; its key is free again."""
    if not record.state.open or seen not in (None, record.state):
        return None  # more is known by now
    return replace(record, state=State.DISMISSED, key="", updated=now)
