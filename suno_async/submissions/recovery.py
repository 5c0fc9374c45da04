"""What a restart left: unfinished submissions, results that were not handed on, and what is uncertain."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol

from ..api.providers import Provider
from ..api.results import Result
from ..api.retention import LONGER, USUAL, seconds_kept
from ..api.updates import Stage
from ..errors import ConfigurationError
from ..log import fields, log
from ..stores.record import Record, State
from ..tasks.registry import TaskRegistry
from ..tasks.task import Task
from . import codec
from .journal import Journal
from .submitter import Follower

__all__ = ["Recovery"]


class Poller(Protocol):
    """Polls what somebody waits for."""

    def resumed(self, task: Task[Any], /) -> None:
        """Callbacks of a task may have come while nobody was there."""
        ...


class Recovery:
    """Gives back the tasks that a store knows, and lets a person decide about submissions whose fate is unknown."""

    # State: none.

    def __init__(
        self,
        journal: Journal,
        registry: TaskRegistry,
        provider: Provider,
        poller: Poller,
        follower: Follower,
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._provider = provider
        self._poller = poller
        self._follower = follower

    def _restored(self, record: Record) -> Task[Any]:
        return self._registry.restored(*self._journal.restore(record))

    async def find(self, task_id: str, key: str) -> Task[Any] | None:
        """Return the task of one submission; None if the store knows none, or if it was given up."""
        record = await self._journal.find(task_id=task_id, key=key)
        if record is None or record.state is State.DISMISSED or not codec.known(record, self._provider):
            return None
        return self._restored(record)

    async def resume(self) -> AsyncGenerator[Task[Any]]:
        """Return the tasks of all submissions that are unfinished."""
        async with aclosing(self._journal.store.unfinished()) as records:
            async for record in records:
                if codec.known(record, self._provider):
                    task = self._restored(record)
                    _log_resumed(task)
                    self._poller.resumed(task)
                    if task.id:  # until it has one its callback makes it known, if anything does
                        self._follower.follow(task, record)
                    yield task

    async def results(self, since: float) -> AsyncGenerator[Task[Any]]:
        """Return the tasks that have ended since then and are not marked as delivered."""
        async with aclosing(self._journal.store.finished(since)) as records:
            async for record in records:
                if codec.known(record, self._provider):
                    yield self._restored(record)

    async def expiring(self, within: float, now: float) -> AsyncGenerator[Task[Any]]:
        """Return the complete tasks, delivered or not, whose files the service will remove within so many seconds."""
        ended = self._journal.store.finished(now - LONGER, now - USUAL + within, delivered=True)
        async with aclosing(ended) as records:
            async for record in records:
                if record.stage is not Stage.COMPLETE or record.erased or not codec.known(record, self._provider):
                    continue
                end = record.updated + seconds_kept(codec.kind_named(record.kind), self._provider)
                if now < end <= now + within and _has_files(task := self._restored(record)):
                    yield task

    async def uncertain(self) -> AsyncGenerator[Record]:
        """Return the submissions whose answer was lost."""
        async with aclosing(self._journal.store.unfinished(State.SENDING, State.UNCERTAIN)) as records:
            async for record in records:
                now = await self._journal.current(record.ref) if record.state is State.SENDING else record
                if now is not None and now.state is State.UNCERTAIN and codec.known(now, self._provider):
                    yield now

    async def adopt(self, record: Record, task_id: str) -> Task[Any]:
        """Note which task came of an uncertain submission. ConfigurationError if another did."""
        found = await self._journal.adopt(record.ref, task_id)
        if found is None or (found.ref, found.task_id) != (record.ref, task_id):
            raise ConfigurationError(
                f"task_id must be of an uncertain submission, got {task_id!r} for {found or record!r}"
            )
        return self._restored(found)

    async def dismiss(self, ref: str, seen: State | None) -> bool:
        """Give a submission up, if it is still in the state that was seen."""
        return await self._journal.dismiss(ref, seen)


def _has_files(task: Task[Any]) -> bool:
    """Whether files came of a task; if it cannot be read any more, there may be some."""
    result: object = task.result() if task.done() and task.exception() is None else None
    return not isinstance(result, Result) or any(True for _ in result.files())


def _log_resumed(task: Task[Any]) -> None:
    if log.isEnabledFor(logging.INFO):
        kind, stage = task.kind.__name__, task.stage.name.lower()
        extra = fields("resumed", task.id, task.ref, kind=kind, stage=stage)
        log.info("%s resumed: task %s (ref %s), %s", kind, task.id or "not known", task.ref, stage, extra=extra)
