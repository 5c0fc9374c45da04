"""What the application is told of updates: `on_update` of the client and of `map`, and the readers of `updates()`."""

import asyncio
import inspect
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..api.requests import Request
from ..api.updates import Stage, Update, rises
from ..errors import ConfigurationError, StoreError, SunoError, UpdatesMissed
from ..log import fields, log
from ..notifier import Notifier
from ..stores import transitions
from ..stores.record import Record
from ..tasks.poller import Change, Poller
from ..tasks.task import Task
from . import codec
from .coordination import Alone
from .hooks import Observer
from .journal import Journal

__all__ = ["EventSettings", "Told", "UpdateEvents"]

REMEMBERED = 10_000
"""Tasks whose stages are remembered, so that none is told twice."""
OLD = 60.0
"""Seconds. A record that is delivered or erased and changed its stage before that is no news."""


class EventSettings(NamedTuple):
    """What is asked for."""

    on_update: Observer | None
    clock: Callable[[], float]
    """Unix seconds."""


class Told(NamedTuple):
    """What the events of one event loop leave to those of the next."""

    followed: Iterable[tuple[Task[Any], Record | None]] = ()
    stages: Mapping[str, Stage] = {}


class _Stages:
    """The highest stage of each task that was told."""

    # State, all of it: _stages, of the newest REMEMBERED.

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = OrderedDict(stages)

    @property
    def stages(self) -> Mapping[str, Stage]:
        return self._stages

    def of(self, name: str) -> Stage:
        return self._stages.get(name, Stage.PENDING)

    def rise(self, name: str, stage: Stage) -> bool:
        """Note a stage; return whether it is new."""
        if not rises(self.of(name), stage):
            return False
        self._stages[name] = stage
        self._stages.move_to_end(name)
        if len(self._stages) > REMEMBERED:
            self._stages.popitem(last=False)
        return True


class _Reader:
    """What one reader of `updates()` has to read."""

    # State, all of it: _queue, _missed (updates since it was full), _wake, _ended.

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[Update[Any]] = deque()
        self._missed = 0
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, update: Update[Any]) -> None:
        if self._missed or len(self._queue) >= self._limit:
            self._missed += 1
        else:
            self._queue.append(update)
        self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    async def next(self) -> Update[Any] | None:
        """Return the next update; None after the last. UpdatesMissed if some were not kept."""
        while not self._queue:
            if self._missed:
                raise UpdatesMissed(self._missed, self._limit)
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()


class UpdateEvents:
    """Tells the application of updates, each stage of each task once in this process.

    The client's `on_update` is an interest in the tasks that it follows: they are polled until they end. Of others it
    hears what other processes write down, as the readers of `updates()` do.
    """

    # State, all of it: _records (of the tasks that on_update follows, as far as they are known), _held (those that it
    # has an interest in), _told (to on_update) and _shown (to readers), _readers, _listening, _closed. The calls are
    # the Notifier's.

    def __init__(
        self,
        journal: Journal,
        poller: Poller,
        peers: Alone,
        settings: EventSettings,
        told: Told = Told(),  # noqa: B008  a value
    ) -> None:
        self._journal = journal
        self._poller = poller
        self._peers = peers
        self._on_update, self._clock = settings
        self._notifier = Notifier("on_update")
        self._records: WeakKeyDictionary[Task[Any], Record | None] = WeakKeyDictionary()
        self._held: set[Task[Any]] = set()
        self._told, self._shown = _Stages(told.stages), _Stages({})
        self._readers: tuple[_Reader, ...] = ()
        self._listening: asyncio.Task[None] | None = None
        self._closed = False
        if self._on_update is not None:
            self._listen()
        for task, record in told.followed:
            self.follow(task, record)

    # ---- whom to tell --------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many calls of `on_update` are under way."""
        return self._notifier.pending

    def __bool__(self) -> bool:
        return self._on_update is not None

    @property
    def heard(self) -> bool:
        """Whether anybody hears of stages: `on_update` or a reader."""
        return self._on_update is not None or bool(self._readers)

    def wants(self, task: Task[Any]) -> bool:
        """Return whether `on_update` shall hear of a task and does not follow it yet."""
        return self._on_update is not None and not self._closed and task not in self._held and not self._ended(task)

    def _ended(self, task: Task[Any]) -> bool:
        return self._told.of(task.id or task.ref) >= Stage.COMPLETE

    def follow(self, task: Task[Any], record: Record | None = None) -> None:
        """Call the client's `on_update` for each stage of a task, those that are known already included.

        Args:
            task: The task.
            record: Its record (default: it is read when it is needed).
        """
        if not self.wants(task):
            return
        self._records[task] = record or self._records.get(task)
        if not task.done():
            try:
                self._poller.retain(task, self)
                self._held.add(task)
            except ConfigurationError:  # the client is being closed, which logs what is left
                pass
        for update in task.updates:
            self._tell(task, update)

    def give_up(self, task: Task[Any], error: SunoError) -> None:
        """Have no more interest in a task that has not ended; if it goes on all the same, it is told."""
        if not isinstance(error, ConfigurationError):  # the end of the client, which is logged once for all tasks
            extra = fields("left", task.id, task.ref, reason=type(error).__name__)
            log.warning("on_update was not called for the end of task %s: %s", task.id, error, extra=extra)
        self._held.discard(task)

    def call_for(self, task: Task[Any], function: Observer) -> None:
        """Call another function for each stage of a task, too, those that are known included. That causes no polls."""
        ref, kind = task.ref, task.kind

        def hear(update: Update[Any]) -> None:
            self._call(function, update, None, ref, kind)

        for update in task.updates:
            hear(update)
        task.subscribe(hear)

    # ---- what to tell --------------------------------------------------------------------------------------------

    def fed(self, task: Task[Any], update: Update[Any]) -> None:
        """A task has reached a stage that was not known here."""
        if self._readers:
            self._show(task.id or task.ref, update)
        if self._on_update is not None and task in self._records:
            self._tell(task, update)
            if task.done() and task in self._held:
                self._held.discard(task)
                self._poller.release(task, self)

    def _tell(self, task: Task[Any], update: Update[Any]) -> None:
        if self._on_update is not None and self._told.rise(task.id or task.ref, update.stage):
            self._call(self._on_update, update, self._records.get(task), task.ref, task.kind)

    def _call(
        self, function: Observer, update: Update[Any], record: Record | None, ref: str, kind: type[Request[Any]]
    ) -> None:
        async def call(update: Update[Any]) -> None:
            known = record or await self._found(ref, update.task_id) or Record(ref=ref, kind=codec.name_of(kind))
            answer = function(update, transitions.updated(known, update, self._clock()) or known)
            if inspect.isawaitable(answer):
                await answer

        self._notifier.call_in_order(call, (id(function), update.task_id or ref), update)  # it may have no hash

    async def _found(self, ref: str, task_id: str) -> Record | None:
        try:
            return await self._journal.find(ref=ref, task_id=task_id)
        except StoreError as exc:
            log.debug("on_update is called without the record of task %s: %s", task_id, exc)
            return None

    def _show(self, name: str, update: Update[Any]) -> None:
        if self._shown.rise(name, update.stage):
            for reader in self._readers:
                reader.put(update)

    # ---- other processes -----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        if self._listening is None and self._peers.shared:
            self._listening = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        async with aclosing(self._peers.changes()) as changes:
            async for change in changes:
                if change is not None and change.update is not None:
                    self._take(change, change.update)

    def _take(self, change: Change, update: Update[Any]) -> None:
        record: Record = change.record
        name = change.task_id or change.ref
        if (record.delivered or record.erased) and record.updated < self._clock() - OLD:
            return  # that is what has changed
        if self._readers:
            self._show(name, update)
        if self._on_update is not None and self._told.rise(name, update.stage):
            self._call(self._on_update, update, record, record.ref, codec.kind_named(record.kind))

    # ---- readers -------------------------------------------------------------------------------------------------

    async def read(self, limit: int) -> AsyncGenerator[Update[Any]]:
        """Return each update from now on, until the client is closed."""
        reader = _Reader(limit)
        self._readers += (reader,)
        if self._closed:
            reader.end()
        else:
            self._listen()
        try:
            while (update := await reader.next()) is not None:
                yield update
        finally:
            self._readers = tuple(one for one in self._readers if one is not reader)
            if not self._readers and self._on_update is None and self._listening is not None:
                self._listening.cancel()
                self._listening = None

    # ---- the end -------------------------------------------------------------------------------------------------

    def abandon(self) -> Told:
        """Let go of a loop that is closed; return what the events of the next loop go on with."""
        self._closed = True
        return Told([(task, self._records.get(task)) for task in self._held], self._told.stages)

    async def aclose(self) -> None:
        """Tell nothing more; let the calls that are under way end, for a while."""
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        for reader in self._readers:
            reader.end()
        await self._notifier.aclose()
