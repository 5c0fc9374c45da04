"""A user's own function, told of news: after the answer, in order, and never in the way."""

import asyncio
import inspect
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

from ..api.updates import Stage, Update
from ..log import log
from ..stores.record import Record
from ..stores.transitions import updated
from ..tasks.task import Task

__all__ = ["Hook", "Hooks"]

Hook = Callable[[Update[Any], Record], Any]
"""A function or coroutine function."""

REMEMBERED = 10_000
"""Tasks whose stages are remembered, so that a repeat tells nothing new."""


class Hooks:
    """Calls a hook once for every new stage of the tasks it follows; the stages of one task one after another."""

    def __init__(self, hook: Hook, first: Callable[[str, Stage], Awaitable[bool]] | None = None) -> None:
        self._hook = hook
        self._first = first
        """Whether no other process has told of a stage of a task."""
        self._followed: WeakSet[Task[Any]] = WeakSet()
        self._told: OrderedDict[str, Stage] = OrderedDict()
        self._queues: dict[str, deque[tuple[Update[Any], Record]]] = {}
        self._calling: dict[str, asyncio.Task[None]] = {}

    def follow(self, task: Task[Any], record: Record) -> None:
        """Tell of what is known of a task, and of what it is fed from now on, by whatever way that comes."""

        def tell(update: Update[Any]) -> None:
            self._tell(update, updated(record, update, time.time()) or record)

        if task not in self._followed:
            self._followed.add(task)
            task.listeners += (tell,)
        for update in task.updates:
            tell(update)

    def _tell(self, update: Update[Any], record: Record) -> None:
        """Have the hook called soon, if it has not been told of this stage."""
        id, told = record.task_id, self._told.get(record.task_id, Stage.PENDING)
        if update.stage <= told or told >= Stage.COMPLETE:
            return
        self._told[id] = update.stage
        self._told.move_to_end(id)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        self._queues.setdefault(id, deque()).append((update, record))
        if id not in self._calling:
            self._calling[id] = asyncio.get_running_loop().create_task(self._call_all(id))

    async def _call_all(self, id: str) -> None:
        queue = self._queues[id]
        try:
            while queue:
                await self._call(*queue.popleft())
        finally:
            del self._queues[id], self._calling[id]
            for update, record in queue:
                log.warning("the hook was not told of %s of task %s", update.stage.name, record.task_id)

    async def _call(self, update: Update[Any], record: Record) -> None:
        try:
            if self._first is not None and not await self._first(record.task_id, update.stage):
                return
            answer = self._hook(update, record)
            if inspect.isawaitable(answer):
                await answer
        except asyncio.CancelledError:
            log.warning("the hook for updates was cancelled at %r", update)
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
        except Exception:
            log.exception("the hook for updates failed at %r", update)

    async def aclose(self, closer: asyncio.Task[Any] | None = None, patience: float = 10.0) -> None:
        """Let the calls that are under way end, for a while; one of them may be what closes, and waits for this."""
        calls = set(self._calling.values()) - {closer}
        if calls:
            _, late = await asyncio.wait(calls, timeout=patience)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)
