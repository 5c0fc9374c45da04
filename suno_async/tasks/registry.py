"""Every handle on a task that a client holds."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from ..api.pricing import price_at
from ..api.requests import Request
from ..api.updates import Stage, Update
from .pace import Pace
from .task import Interests, Task, TaskInfo

__all__ = ["TaskRegistry"]

R = TypeVar("R")

RECENT = 1000
"""Tasks that are known from callbacks only and are kept for the next one."""


class Pages(Protocol):
    """Which details page a kind of request has, and at which gateway; a provider."""

    @property
    def name(self) -> str: ...
    def details(self, request: type[Request[Any]], /) -> str: ...


class TaskRegistry:
    """The handles of a client, by task id, and by ref while a submission has no task.

    Handles are held weakly: one that nobody uses is forgotten.
    """

    # State, all of it: _by_id and _unsettled (by ref) hold tasks weakly, _kept holds the newest RECENT that only a
    # callback named, _arrivals has a future for each who waits for a task id.

    def __init__(self, interests: Interests, pages: Pages) -> None:
        self._interests = interests
        self._pages = pages
        self._by_id: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        self._unsettled: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        self._kept: OrderedDict[str, Task[Any]] = OrderedDict()
        self._arrivals: dict[str, list[asyncio.Future[None]]] = {}

    def find(self, task_id: str = "", ref: str = "") -> Task[Any] | None:
        """Return the handle of a submission or task, None if nobody holds one."""
        return (self._unsettled.get(ref) if ref else None) or self._by_id.get(task_id)

    def submitted(self) -> list[Task[Any]]:
        """Return the tasks that were submitted here lately, have not ended, and are still held by somebody."""
        return [task for task in self._by_id.values() if task.accepted_at is not None and not task.done()]

    def detached(self, kind: type[Request[R]], task_id: str, pace: Pace | None = None) -> Task[R]:
        """Return a handle of its own that is found by nobody; it polls like any other."""
        return Task(self._known_by_id(kind, task_id)._replace(pace=pace), self._interests)

    def _known_by_id(self, kind: type[Request[Any]], task_id: str) -> TaskInfo:
        return TaskInfo(task_id, kind, price=price_at(self._pages.name, kind))

    def attach(self, kind: type[Request[R]], task_id: str) -> Task[R]:
        """Return the handle on a task; the one that is there, if somebody holds it."""
        known, page = self._by_id.get(task_id), self._pages.details(kind)
        if known is not None and (known.kind.result, self._pages.details(known.kind)) == (kind.result, page):
            return known
        task = Task[R](self._known_by_id(kind, task_id), self._interests)
        self._by_id.setdefault(task_id, task)  # a slip in the kind must not take the callbacks of the right one
        return task

    def add(self, info: TaskInfo) -> Task[Any]:
        """Return the handle of a submission that was accepted: the one that its callbacks made, if they came first."""
        if not info.id:  # answered at once
            return Task(info, self._interests)
        waited = self._unsettled.get(info.ref)
        if waited is not None:
            self.settle(waited, info.id)
        held = self._kept.pop(info.id, None) or self._by_id.get(info.id)
        if held is not None and held.kind is info.kind and held.ref in ("", info.ref):
            held.learn(info)
        else:
            held = self._by_id[info.id] = Task(info, self._interests)
        for arrival in self._arrivals.pop(info.id, ()):
            if not arrival.done() and not arrival.get_loop().is_closed():
                arrival.set_result(None)
        return held

    def restored(self, info: TaskInfo, update: Update[Any] | None = None) -> Task[Any]:
        """Return the handle of a submission as a store knows it, fed with the last update that is stored."""
        task: Task[Any] | None = self._unsettled.get(info.ref) or self._by_id.get(info.id)
        other = task is not None and task.ref not in ("", info.ref)  # the same task, submitted twice
        made = task is None or other or task.kind.result is not info.kind.result
        if task is None or made:
            task = Task[Any](info, self._interests)
            if info.id:
                self._by_id.setdefault(info.id, task)
            elif info.ref:
                self._unsettled[info.ref] = task
        if info.id and not task.id:
            self.settle(task, info.id)
        task.learn(info)
        if update is not None and made:
            task.restore(update)
        elif update is not None:
            task.feed(update)
        return task

    def keep(self, task: Task[Any], task_id: str) -> None:
        """Keep a task that only a callback made known, so that its stages are not forgotten before the next one."""
        if not task.id:
            self.settle(task, task_id)
        self._by_id[task_id] = self._kept[task_id] = task
        if len(self._kept) > RECENT:
            self._kept.popitem(last=False)

    def settle(self, task: Task[R], task_id: str) -> None:
        """Note which task a submission has become."""
        task.feed(Update(task_id=task_id, stage=Stage.PENDING))
        self._unsettled.pop(task.ref, None)
        other = self._by_id.setdefault(task_id, task)
        if other is not task:  # somebody attached to it by its id: what one is fed, both are
            for one, two in ((task, other), (other, task)):
                one.subscribe(two.feed)
                for update in one.updates:
                    two.feed(update)

    async def wait_for(self, task_id: str, seconds: float) -> Task[Any] | None:
        """Wait until a submission is accepted as this task, at most so long."""
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals.setdefault(task_id, []).append(arrival)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await arrival
        finally:
            waiting = self._arrivals.get(task_id, [])
            if arrival in waiting:
                waiting.remove(arrival)
                if not waiting:
                    del self._arrivals[task_id]
        return self.find(task_id)
