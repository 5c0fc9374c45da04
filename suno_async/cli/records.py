"""Tasks as the store knows them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..api.requests import Request
    from ..client import SunoClient
    from ..stores.record import Record
    from ..tasks.task import Task

__all__ = ["known_records", "last_record", "restored", "task_of"]


async def known_records(suno: "SunoClient") -> "AsyncGenerator[Record]":
    """Yield the records of this gateway: unfinished ones first, then those that ended."""
    from ..submissions import codec

    for records in (suno.store.unfinished(), suno.store.finished(delivered=True)):
        async with aclosing(records):
            async for record in records:
                if codec.known(record, suno.provider):
                    yield record


async def last_record(suno: "SunoClient") -> "Record":
    """Return the newest record that has a task. ConfigurationError if there is none."""
    last: Record | None = None
    async with aclosing(known_records(suno)) as records:
        async for record in records:
            if record.task_id and (last is None or record.created > last.created):
                last = record
    if last is None:
        raise ConfigurationError("--last: the store has no task yet")
    return last


def restored(suno: "SunoClient", record: "Record") -> "Task[Any]":
    """Return the handle on the task of a record, at the stage that the record knows."""
    from ..submissions import codec

    info, update = codec.restore(record, suno.provider)
    task = suno.attach(info.kind, record.task_id)
    task.learn(info)
    if update is not None:
        task.restore(update)
    return task


async def task_of(suno: "SunoClient", task_id: str, kind: "type[Request[Any]]") -> "Task[Any]":
    """Return the handle on a task by its id.

    Args:
        suno: The client.
        task_id: The id.
        kind: The class of its request, if the store does not know it.
    """
    record = await suno.store.get(task_id=task_id)
    return suno.attach(kind, task_id) if record is None else restored(suno, record)
