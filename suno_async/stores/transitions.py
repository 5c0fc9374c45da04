"""Transitions of a record: pure functions that return the next record, or None if nothing changes."""

from typing import Any

from msgspec.structs import replace

from ..api.updates import COMPLETE, Stage, Update, rises
from .record import FINISHED, Record, State

__all__ = ["accepted", "dismissed", "erased", "mark_delivered", "mark_observed", "mark_uncertain", "updated"]


def accepted(record: Record, task_id: str, now: float) -> Record | None:
    """Return the record of a submission that the service answered with a task id."""
    if record.task_id == task_id:
        return None
    # An update that named another task does not count: the answer to the submission decides which task is ours.
    return replace(
        record,
        task_id=task_id,
        state=State.RUNNING,
        stage=Stage.PENDING,
        observed=Stage.PENDING,
        body=b"",
        error="",
        updated=now,
    )


def mark_uncertain(record: Record, error: str, now: float) -> Record | None:
    """Return the record of a submission whose answer was lost; None if a callback has named its task already."""
    if record.state is not State.SENDING:
        return None
    return replace(record, state=State.UNCERTAIN, error=error, updated=now)


def updated(record: Record, update: Update[Any], now: float) -> Record | None:
    """Return the record after a poll or callback; None if it is of another task or not a higher stage."""
    if record.task_id not in ("", update.task_id) or record.state is FINISHED:
        return None
    if record.task_id and not rises(record.stage, update.stage):
        return None
    changed = replace(
        record,
        task_id=update.task_id,
        state=FINISHED if update.stage >= COMPLETE else State.RUNNING,
        stage=update.stage,
        source=update.source,
        status=update.status,
        code=update.code if update.code is None or abs(update.code) < 2**63 else None,
        message=update.message,
        body=update.body if update.stage else b"",
        error="",
        updated=now,
    )
    return _emptied(changed) if record.erased else changed


def mark_observed(record: Record, stage: Stage) -> Record | None:
    """Return the record after observers were called for a stage; None if they were for it, a higher or a final one."""
    return replace(record, observed=stage) if rises(record.observed, stage) else None


def mark_delivered(record: Record) -> Record | None:
    """Return the record after the application has handed the result on; None if it had, or there is no result yet."""
    return None if record.delivered or record.state is not State.FINISHED else replace(record, delivered=True)


def dismissed(record: Record, seen: State | None, now: float) -> Record | None:
    """Return the record of a submission that was given up, which frees its key.

    Args:
        record: The record as it is.
        seen: The state in which the caller saw it; None if any. In another state by now, it is not dismissed.
        now: Unix seconds.
    """
    if not record.state.open or seen not in (None, record.state):
        return None
    return replace(record, state=State.DISMISSED, key="", updated=now)


def erased(record: Record) -> Record | None:
    """Return the record without what its user wrote and got: request, context, texts and body; None if it is.

    Its names, stage and times stay, so that its key is not paid again and its task is still followed.
    """
    return None if record.erased else _emptied(replace(record, erased=True))


def _emptied(record: Record) -> Record:
    nothing_to_deliver = record.delivered or record.state is State.FINISHED
    return replace(record, request_json="", context=None, message="", body=b"", error="", delivered=nothing_to_deliver)
