"""Many jobs at once: outcomes as they come, with bounded memory."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from ..api.export import Exported, error_to_dict, plain_data
from ..api.requests import Job
from ..errors import ConfigurationError
from ..log import log
from .task import Task

__all__ = ["Outcome", "outcomes"]

R = TypeVar("R")

SHOWN = 5
"""Task ids that are logged when a batch is left early."""


class Outcome(Struct, Exported, Generic[R], frozen=True):
    """What became of one job of `map`.

    `to_dict()`, and web frameworks, show the job's fields and `kind`, the task's id, the result, and of an error its
    name and message.

    Attributes:
        job: The job as it was given.
        task: Its task; None if it was not accepted.
        result: Its result; None if it failed.
        error: Why it failed; None if it did not.
    """

    not_exported = frozenset({"task"})

    job: Job[R]
    task: Task[R] | None
    result: R | None
    error: Exception | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": type(self.job).__name__,
            "job": plain_data(self.job),
            "task_id": self.task.id if self.task is not None else None,
            "result": plain_data(self.result),
            "error": error_to_dict(self.error),
        }

    if not TYPE_CHECKING:
        __dict__ = property(to_dict)  # for encoders that ask `vars()`

    @classmethod
    def exported_types(cls, *args: Any) -> Mapping[str, Any]:
        result = args[0] if args else Any
        error = dict[str, str] | None
        return {"kind": str, "job": dict[str, Any], "task_id": str | None, "result": result | None, "error": error}


async def outcomes(
    submit: Callable[[Job[R]], Awaitable[Task[R]]], jobs: Iterable[Job[R]] | AsyncIterable[Job[R]], concurrency: int
) -> AsyncGenerator[Outcome[R], None]:
    """Submit each job and wait for it; at most `concurrency` are unfinished or not yet taken."""
    if concurrency < 1:
        raise ConfigurationError(f"concurrency must be at least 1, got {concurrency}")
    room = asyncio.Semaphore(concurrency)
    finished: asyncio.Queue[asyncio.Task[Outcome[R]] | None] = asyncio.Queue()
    running: set[asyncio.Task[Outcome[R]]] = set()
    dropped: list[Task[R]] = []
    done = finished.put_nowait  # one for all, as is the name: with many jobs waiting, every object counts

    async def start_all() -> None:
        source = jobs if isinstance(jobs, AsyncIterable) else _later(jobs)
        try:
            await room.acquire()
            async for job in source:
                one = asyncio.create_task(_outcome(submit, job, dropped), name="suno_async map")
                running.add(one)
                one.add_done_callback(done)
                await room.acquire()
        finally:
            finished.put_nowait(None)

    # Plain tasks, not a task group: a generator may be closed from another task than the one that began it.
    starter = asyncio.create_task(start_all())
    try:
        while running or not starter.done() or not finished.empty():
            one = await finished.get()
            if one is not None:
                running.discard(one)
                room.release()
                yield one.result()
        await starter  # raises what `jobs` raised
    finally:
        for task in (starter, *running):
            task.cancel()
        await asyncio.gather(starter, *running, return_exceptions=True)
        ended = [one.result().task for one in running if not one.cancelled() and not one.exception()]
        dropped.extend(task for task in ended if task is not None)
        _log_dropped(dropped)


async def _outcome(submit: Callable[[Job[R]], Awaitable[Task[R]]], job: Job[R], dropped: list[Task[R]]) -> Outcome[R]:
    task: Task[R] | None = None
    try:
        task = await submit(job)
        return Outcome(job, task, await task, None)
    except asyncio.CancelledError:
        if task is not None:
            dropped.append(task)
        raise
    except Exception as exc:  # whatever ends one job must not end the others
        return Outcome(job, task, None, exc)


def _log_dropped(tasks: list[Task[Any]]) -> None:
    """Say which paid tasks nobody waits for any more, in one line."""
    if tasks:
        shown = ", ".join(task.id for task in tasks[:SHOWN])
        more = ", …" if len(tasks) > SHOWN else ""
        log.warning("map was left before it gave %d accepted tasks: %s%s", len(tasks), shown, more)


async def _later(jobs: Iterable[Job[R]]) -> AsyncIterator[Job[R]]:
    for job in jobs:
        yield job
