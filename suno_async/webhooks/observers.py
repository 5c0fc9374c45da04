"""Functions of the application that are called for each new stage: after the answer, in order, and never in the way."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from msgspec.structs import replace

from ..api.updates import Stage, Update, rises
from ..errors import ConfigurationError, SunoError
from ..log import fields, log
from ..notifier import Notifier
from ..stores import transitions
from ..stores.record import Record
from ..submissions.events import UpdateEvents
from ..submissions.hooks import Observer
from ..submissions.journal import Journal
from ..tasks.poller import Poller
from ..tasks.task import Task

__all__ = ["Followers", "Observers"]

REMEMBERED = 10_000
"""Tasks whose stages are remembered, so that a repeated callback asks no store."""


class _Followed:
    """A task that observers hear of, and what they have not heard yet.

    It is kept by the task that it listens to, and by nothing else once that is of no more interest: somebody may await
    the task again.
    """

    __slots__ = ("__weakref__", "marking", "observers", "record", "task", "unmarked")

    def __init__(self, task: Task[Any], record: Record, observers: "Observers") -> None:
        self.task = ref(task)
        self.record = replace(record, task_id=task.id)
        self.observers = observers
        self.unmarked: deque[Update[Any]] = deque()
        """Updates that the record does not know to be observed."""
        self.marking: asyncio.Task[None] | None = None

    def hear(self, update: Update[Any]) -> None:
        self.observers.enqueue(self, update)


class Observers:
    """Calls each observer once for every new stage of the tasks it follows; the stages of one task one after another.

    Following a task is an interest in it: it is polled until it ends. The record remembers what observers were called
    for before they are called, so neither a restart nor a repeated callback calls them twice.
    """

    # State, all of it: _followed (tasks that are of interest), _seen (the stages that are enqueued, by task id),
    # _closed; what is under way is the Notifier's.

    def __init__(
        self, journal: Journal, poller: Poller, observers: Sequence[Observer], clock: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._poller = poller
        self._observers = observers
        self._clock = clock
        self._followed: dict[Task[Any], _Followed] = {}
        self._seen: OrderedDict[str, Stage] = OrderedDict()
        self._notifier = Notifier("an observer")
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._observers)

    @property
    def pending(self) -> int:
        """How many calls are under way or still to make, without the one that this is asked from."""
        return self._notifier.pending

    def wants(self, task: Task[Any]) -> bool:
        """Return whether a task is of interest and not followed yet."""
        return (
            bool(self._observers)
            and not self._closed
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
                extra = fields("left", task.id, task.ref)
                log.warning("the end of task %s will not be observed: %s", task.id, exc, extra=extra)
        for update in task.updates:
            followed.hear(update)

    def give_up(self, task: Task[Any], error: SunoError) -> None:
        """Have no more interest in a task that has not ended; if it goes on all the same, the observers hear of it."""
        if not isinstance(error, ConfigurationError):  # the end of the client, which is logged once for all tasks
            extra = fields("left", task.id, task.ref, reason=type(error).__name__)
            log.warning("the end of task %s was not observed: %s", task.id, error, extra=extra)
        self._followed.pop(task, None)

    def _forget(self, task: Task[Any]) -> None:
        followed = self._followed.pop(task, None)
        if followed is not None:
            task.unsubscribe(followed.hear)

    def enqueue(self, followed: _Followed, update: Update[Any]) -> None:
        """Have the observers called soon, if this stage is new."""
        task = followed.task()
        if task is None or self._closed:
            return
        if rises(self._seen.get(task.id, Stage.PENDING), update.stage):
            self._seen[task.id] = update.stage
            self._seen.move_to_end(task.id)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            followed.unmarked.append(update)
            if followed.marking is None or followed.marking.done():
                followed.marking = self._notifier.start(self._mark_all(followed, task))
        if task.done():
            self._forget(task)
            self._poller.release(task, self)

    async def _mark_all(self, followed: _Followed, task: Task[Any]) -> None:
        """Note in the record what observers are called for, and have each called: one that hangs stops no other."""
        try:
            while followed.unmarked:
                update = followed.unmarked.popleft()
                if await self._journal.mark_observed(task, update.stage):
                    record = transitions.updated(followed.record, update, self._clock()) or followed.record
                    for observer in self._observers:
                        self._notifier.call_in_order(observer, (id(observer), followed), update, record)
        finally:
            self._notifier.log_missed(followed.unmarked)

    # ---- the end -------------------------------------------------------------------------------------------------

    def abandon(self) -> list[tuple[Task[Any], Record]]:
        """Let go of a loop that is closed; return what the observers of the next loop go on with."""
        self._closed = True
        followed = [(task, one.record) for task, one in self._followed.items()]
        for task, _ in followed:
            self._forget(task)
        return followed

    async def aclose(self) -> None:
        """Let the calls that are under way end, for a while; one of them may be what closes the client."""
        for task in list(self._followed):
            self._forget(task)
        await self._notifier.aclose()
        self._closed = True


class Followers:
    """All functions of the application that follow tasks: those of receivers and that of the client."""

    # State: none of its own.

    def __init__(self, observers: Observers, events: UpdateEvents) -> None:
        self._observers = observers
        self._events = events

    def __bool__(self) -> bool:
        return bool(self._observers) or bool(self._events)

    def wants(self, task: Task[Any]) -> bool:
        """Return whether one of them wants to hear of a task and does not follow it yet."""
        return self._observers.wants(task) or self._events.wants(task)

    def follow(self, task: Task[Any], record: Record) -> None:
        """Tell all of them of each stage of a task."""
        self._observers.follow(task, record)
        self._events.follow(task, record)
