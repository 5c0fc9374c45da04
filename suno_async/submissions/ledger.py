"""Records and tasks: the handles of what a store knows, and news on their way from one to the other."""

import asyncio
import secrets
from collections.abc import Callable, MutableMapping
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ..api.limits import Rate
from ..api.providers import Provider
from ..api.requests import Request
from ..api.updates import Provisional, Stage, Update
from ..errors import StoreError, SubmissionUncertain, TaskFailed
from ..http.rate_limit import MARGIN
from ..log import log
from ..stores import transitions
from ..stores.base import Store
from ..stores.record import Record, State
from ..tasks.poller import Poller
from ..tasks.task import Task
from ..wire import callbacks
from ..wire.callbacks import Callback
from . import codec
from .backlog import Backlog
from .codec import job_of
from .intents import Intents

__all__ = ["Ledger"]

R = TypeVar("R")

CALLS_BACK = 1800.0
"""Seconds for which a callback may still tell what became of a submit whose answer was lost."""
TOLD = 3600.0
"""Seconds for which it is remembered that a hook was told of a stage; repeats come within minutes."""


class Ledger:
    """The tasks of a client, in its store.

    `shared`: whether other processes may use the store, too. `called`: whether callbacks may come. `clock` gives Unix
    seconds.
    """

    def __init__(
        self,
        store: Store,
        intents: Intents,
        backlog: Backlog,
        provider: Provider,
        tasks: MutableMapping[str, Task[Any]],
        *,
        shared: bool,
        account: str,
        called: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self._intents = intents
        self._backlog = backlog
        self.shared = shared
        self.poller: Poller
        self._provider = provider
        self._tasks = tasks
        self._account = account
        self._called = called
        self.clock = clock
        self._owner = secrets.token_hex(8)
        self._unsettled: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        self._behind: dict[Task[Any], None] = {}
        self._reading: asyncio.Task[None] | None = None

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def new(self, task_id: str, kind: type[Request[R]], ref: str = "") -> Task[R]:
        """A handle of its own."""
        return Task(task_id, kind, self.poller, ref=ref)

    def attach(self, kind: type[Request[R]], task_id: str) -> Task[R]:
        """The handle on a task; the one that is there, if somebody holds it."""
        known, page = self._tasks.get(task_id), self._provider.details(kind)
        if known is not None and (known.kind.result, self._provider.details(known.kind)) == (kind.result, page):
            return known
        task = self.new(task_id, kind)
        self._tasks.setdefault(task_id, task)  # a slip in the kind must not take the callbacks of the right one
        return task

    def knows(self, record: Record) -> bool:
        """Whether it is of this gateway and of a kind that is imported."""
        if record.provider != self._provider.name:
            return False
        try:
            codec.kind_named(record.kind)
        except StoreError as exc:
            log.error("%s: left alone", exc)
            return False
        return True

    def task_of(self, record: Record) -> Task[Any]:
        """The handle of a record: the one that is there, if somebody holds it."""
        kind = codec.kind_named(record.kind)
        task = self._unsettled.get(record.ref) or self._tasks.get(record.task_id)
        others = task is not None and task.ref not in ("", record.ref)  # the same task, asked for twice
        if task is None or others or task.kind.result is not kind.result:
            task = self.new(record.task_id, kind, record.ref)
            task.born = self._born(record)
            if record.task_id:
                self._tasks.setdefault(record.task_id, task)
            else:
                self._unsettled[record.ref] = task
        task.ref, task.context = record.ref, record.context
        task.model = task.model or codec.model_of(record)
        self.recall(task, record)
        return task

    def _born(self, record: Record) -> float | None:
        """When it was made by the loop's clock, if that is so short ago that it decides when to look."""
        age = self.clock() - record.created
        return asyncio.get_running_loop().time() - age if 0 <= age < 60 and record.task_id else None

    def recall(self, task: Task[Any], record: Record) -> None:
        """Tell a task what its record says."""
        if not task.id and record.task_id:
            self.settle(task, record.task_id)
        if record.stage <= task.stage:
            return
        update = codec.restore_update(record, task.kind, self._provider, task.model)
        if update is not None and task.feed(update):
            self.poller.put_off(task)

    def settle(self, task: Task[Any], task_id: str) -> None:
        """A submission has got its task."""
        task.id = task_id
        self._unsettled.pop(task.ref, None)
        other = self._tasks.setdefault(task_id, task)
        if other is not task:  # somebody attached to it by its id: what one hears, both do
            for one, two in ((task, other), (other, task)):
                one.listeners += (two.feed,)
                for update in one.updates:
                    two.feed(update)
        self.poller.restart(task)

    def unsettled(self, ref: str) -> Task[Any] | None:
        """The handle of a submission without a task, if somebody holds one."""
        return self._unsettled.get(ref)

    async def look(self, task: Task[R]) -> Update[R]:
        """What the store knows of a submission without a task: a look, as far as the poller is concerned.

        SubmissionUncertain if nothing can tell any more what became of it.
        """
        record = await self._intents.now(task.ref)
        if record is None:
            raise TaskFailed("", "refused", None, "it was refused where it was submitted, and nothing was made")
        self.recall(task, record)
        waits = self._called() and self.clock() - record.created < CALLS_BACK
        if record.state in (State.UNCERTAIN, State.DISMISSED) and not waits:
            raise SubmissionUncertain(record.ref, job_of(record))
        return Update(task_id=task.id, stage=Stage.PENDING)

    async def mark_delivered(self, ref: str, task_id: str) -> bool:
        """Note that a result is handed on; whether it was not noted before."""
        await self._backlog.settle()
        return await self.store.change(transitions.mark_delivered, ref=ref, task_id=task_id) is not None

    # ---- news ----------------------------------------------------------------------------------------------------

    async def tell(self, task: Task[R], update: Update[R]) -> bool:
        """Take news to a task, and to its record before, or as soon as the store can take it."""
        try:
            await self._backlog.now_or_later(
                f"task {task.id} is {update.stage.name}", partial(self._put_down, task, update)
            )
        finally:
            fed = task.feed(update)
        return fed

    async def apply_durably(self, task: Task[R], update: Update[R]) -> bool:
        """The same for news that are sent again if the store can't take them now. StoreError then."""
        try:
            await self._put_down(task, update)
        except StoreError:
            self.note(task, update)  # for they may be sent too few times
            raise
        finally:
            fed = task.feed(update)
        return fed

    def note(self, task: Task[Any], update: Update[Any]) -> None:
        """The same for those who can't wait: write down soon what a task was fed."""
        self._backlog.later(f"task {task.id} is {update.stage.name}", partial(self._put_down, task, update))

    def note_callback(self, callback: Callback) -> None:
        """The same for a callback of a task that nobody here holds."""

        async def write() -> None:
            record = await self.store.get(task_id=callback.task_id)
            if record is not None and self.knows(record):
                update = callbacks.update(callback, codec.kind_named(record.kind))
                if update.provisional is Provisional.NONE:
                    await self._put_down(self.task_of(record), update)

        if self.shared:
            self._backlog.later(f"a callback of task {callback.task_id}", write)

    async def keep_id(self, record: Record, task_id: str) -> None:
        """Write down which task a submission has become, where nothing else can be believed or read."""
        step = partial(transitions.updated, update=Update(task_id=task_id, stage=Stage.PENDING), now=self.clock())
        await self.store.change(step, ref=record.ref)

    async def _put_down(self, task: Task[Any], update: Update[Any]) -> None:
        step = partial(transitions.updated, update=update, now=self.clock())
        await self.store.change(step, ref=task.ref, task_id=task.id)

    async def listen(self) -> None:
        """Take the news that other processes bring, as long as it is let run."""
        while True:
            try:
                async with aclosing(self.store.updates()) as news:
                    async for record in news:
                        if record is None:
                            for task in self.poller.waited_for:
                                self.begin(task)
                        else:
                            self._hear(record)
            except StoreError as exc:
                log.debug("no news for a moment: %s", exc)
            except Exception:
                log.exception("news from other processes were not heard for a moment")
            await asyncio.sleep(0.5)

    def _hear(self, record: Record) -> None:
        task = self._unsettled.get(record.ref) or self._tasks.get(record.task_id)
        if task is not None and record.provider == self._provider.name:
            self.recall(task, record)

    def begin(self, task: Task[Any]) -> None:
        """Somebody begins to wait for a task: what others told of it while nobody listened was missed."""
        self._behind[task] = None
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._behind:
                task, _ = self._behind.popitem()
                try:
                    record = await self.store.get(ref=task.ref, task_id=task.id)
                except StoreError as exc:  # of this one alone, or of all: then who listens begins anew
                    log.debug("task %s can't be read for a moment: %s", task.id, exc)
                    continue
                if record is not None and not task.done:
                    self.recall(task, record)
        finally:
            self._reading = None

    async def aclose(self) -> None:
        """Read nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def claim(self, task: Task[Any], seconds: float) -> bool:
        """Whether a look is ours to make; if it is another's, what he has found so far is taken from the store."""
        if not task.id:
            return True
        try:
            if await self.store.claim(f"look {task.id}", self._owner, seconds):
                return True
            record = await self.store.get(ref=task.ref, task_id=task.id)
        except StoreError:
            return True  # better twice than never
        if record is not None:
            self.recall(task, record)
        return False

    async def first_to_tell(self, task_id: str, stage: Stage) -> bool:
        """Whether no other process has told its hook of this; asked once."""
        if not self.shared:
            return True
        try:
            return await self.store.claim(f"hook {task_id} {stage.name}", self._owner, TOLD)
        except StoreError:
            return True  # better twice than never

    async def reserve(self, rate: Rate) -> float:
        """Take a place in the account's window, which others use, too."""
        return await self.store.reserve(
            f"submit {self._account}", secrets.token_hex(8), Rate(rate.calls, rate.seconds * MARGIN)
        )
