"""Functions of the application that are called for each new stage: after the answer, in order, and never in the way."""

import asyncio
import inspect
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ..api.updates import Stage, Update, rises
from ..errors import ConfigurationError, SunoError
from ..log import log
from ..stores import transitions
from ..stores.record import Record
from ..submissions.journal import Journal
from ..tasks.poller import Poller
from ..tasks.task import Task

__all__ = ["Observer", "Observers"]

Observer = Callable[[Update[Any], Record], Any]
"""A function or coroutine function: `on_update(update, record)`."""

REMEMBERED = 10_000
"""Tasks whose stages are remembered, so that a repeated callback asks no store."""
LAST_CALLS = 10.0
"""Seconds that closing waits for calls under way."""
CANCELLED = 1.0
"""Seconds that closing waits for calls that were cancelled."""


class _Followed:
    """A task that observers hear of, and what they have not heard yet."""

    # State, all of it: the fields; `call` runs while there is something in the queue.

    __slots__ = ("call", "observers", "queue", "record", "task")

    def __init__(self, task: Task[Any], record: Record, observers: "Observers") -> None:
        self.task = task
        self.record = replace(record, task_id=task.id)
        self.observers = observers
        self.queue: deque[Update[Any]] = deque()
        self.call: asyncio.Task[None] | None = None

    def hear(self, update: Update[Any]) -> None:
        self.observers.enqueue(self, update)


class Observers:
    """Calls each observer once for every new stage of the tasks it follows; the stages of one task one after another.

    Following a task is an interest in it: it is polled until it ends. The record remembers what observers were called
    for, so neither a restart nor a repeated callback calls them twice.
    """

    # State, all of it: _followed (tasks that are followed), _seen (the stages that are enqueued, by task id), _calls.

    def __init__(
        self, journal: Journal, poller: Poller, observers: Sequence[Observer], clock: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._poller = poller
        self._observers = observers
        self._clock = clock
        self._followed: dict[Task[Any], _Followed] = {}
        self._seen: OrderedDict[str, Stage] = OrderedDict()
        self._calls: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def wants(self, task: Task[Any]) -> bool:
        """Return whether a task is of interest and not followed yet."""
        return (
            bool(self._observers)
            and task not in self._followed
            and self._seen.get(task.id, Stage.PENDING) < Stage.COMPLETE
        )

    def follow(self, task: Task[Any], record: Record) -> None:
        """Call the observers for each stage of a task, those that are known already included."""
        if not self.wants(task):
            return
        followed = self._followed[task] = _Followed(task, record, self)
        task.subscribe(followed.hear)
        if not task.done():
            try:
                self._poller.retain(task, self)
            except ConfigurationError as exc:  # the client is being closed: what comes until then is heard all the same
                log.warning("the end of task %s will not be observed: %s", task.id, exc)
        for update in task.updates:
            followed.hear(update)

    def give_up(self, task: Task[Any], error: SunoError) -> None:
        """Follow a task no more: it is not polled any more, and has not ended."""
        log.warning("the end of task %s was not observed: %s", task.id, error)
        self._forget(task)

    def _forget(self, task: Task[Any]) -> None:
        followed = self._followed.pop(task, None)
        if followed is not None:
            task.unsubscribe(followed.hear)

    def enqueue(self, followed: _Followed, update: Update[Any]) -> None:
        """Have the observers called soon, if this stage is new."""
        task = followed.task
        if rises(self._seen.get(task.id, Stage.PENDING), update.stage):
            self._seen[task.id] = update.stage
            self._seen.move_to_end(task.id)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            followed.queue.append(update)
            if followed.call is None:
                followed.call = asyncio.create_task(self._call_all(followed))
                self._calls.add(followed.call)
                followed.call.add_done_callback(self._calls.discard)
        if task.done():
            self._forget(task)
            self._poller.release(task, self)

    async def _call_all(self, followed: _Followed) -> None:
        queue, task = followed.queue, followed.task
        try:
            while queue:
                update = queue.popleft()
                if not await self._journal.mark_observed(task, update.stage):
                    continue
                record = transitions.updated(followed.record, update, self._clock()) or followed.record
                for observer in self._observers:
                    await self._call(observer, update, record)
        finally:
            followed.call = None
            for update in queue:
                log.warning("no observer was called for %s of task %s", update.stage.name, task.id)

    async def _call(self, observer: Observer, update: Update[Any], record: Record) -> None:
        try:
            answer = observer(update, record)
            if inspect.isawaitable(answer):
                await answer
        except asyncio.CancelledError:
            log.warning("an observer was cancelled at %s", update)
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
        except Exception:
            log.exception("an observer failed at %s", update)

    async def aclose(self, closer: asyncio.Task[Any] | None = None) -> None:
        """Let the calls that are under way end, for a while; `closer` may be one of them and waits for this."""
        for task in list(self._followed):
            self._forget(task)
        calls = self._calls - {closer} if closer is not None else set(self._calls)
        if not calls:
            return
        _, late = await asyncio.wait(calls, timeout=LAST_CALLS)
        for call in late:
            call.cancel()
        if late:
            _, stuck = await asyncio.wait(late, timeout=CANCELLED)
            for _ in stuck:
                log.error("an observer goes on although it was cancelled; the client closes without it")
