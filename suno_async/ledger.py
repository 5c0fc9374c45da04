"""What the client and its store tell each other: records become tasks here, and news of tasks become records."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from msgspec.structs import replace

from . import callbacks, records
from .callbacks import Callback
from .endpoints import Request
from .errors import InvalidJob, Problem, StoreError, SubmissionUncertain, TaskFailed
from .limiter import MARGIN
from .log import log
from .models import Doubt, Stage, Update
from .pace import retries
from .poller import Poller
from .providers import Provider, Rate
from .records import Record, State
from .stores import Store
from .task import Task

__all__ = ["Ledger"]

R = TypeVar("R")

LEASE = 10.0
"""Seconds after which a process that sent something and says nothing of it any more is taken for dead."""
CALLS_BACK = 1800.0
"""Seconds for which a callback may still tell what became of a submit whose answer was lost."""
TOLD = 3600.0
"""Seconds for which it is remembered that a hook was told of a stage; repeats come within minutes."""
LAST_TRY = 5.0
"""Seconds that closing waits for the store to take what it is owed."""


class Ledger:
    """The submissions of a client, in its store.

    `shared`: whether other processes may use the store, too. `called`: whether callbacks may come. `clock` gives Unix
    seconds.
    """

    def __init__(
        self,
        store: Store,
        provider: Provider,
        tasks: MutableMapping[str, Task[Any]],
        *,
        shared: bool,
        account: str,
        called: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.shared = shared
        self.poller: Poller
        self._provider = provider
        self._tasks = tasks
        self._account = account
        self._called = called
        self.clock = clock
        self._owner = secrets.token_hex(8)
        self._unsettled: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        self._sending: set[str] = set()
        self._lease: asyncio.Task[None] | None = None
        self._owed: deque[tuple[str, Callable[[], Awaitable[object]]]] = deque()
        self._paid = asyncio.Lock()
        self._paying: asyncio.Task[None] | None = None

    # ---- submits -------------------------------------------------------------------------------------------------

    async def intend(self, record: Record) -> Record | None:
        """Write down that this will be sent; the record that holds its key, if there is one. Ended by `settled`."""
        self._sending.add(record.ref)
        await self._pay()  # or what is late could undo what comes now
        if not self.shared:
            return await self.store.intend(record)
        if self._lease is None:
            self._lease = asyncio.create_task(self._renew())
        await self._claim_sending(record.ref)  # before others can see it and take us for dead
        try:
            return await self.store.intend(record)
        except StoreError:  # it may be written down all the same, and will not be sent
            self._owe(f"{record.ref} was not sent", partial(self.store.remove, record.ref))
            raise

    def settled(self, ref: str) -> None:
        """It is known what became of it, or that this will not be known."""
        self._sending.discard(ref)
        if not self._sending and self._lease is not None:
            self._lease.cancel()
            self._lease = None

    async def _renew(self) -> None:
        """Let others know that we are still there, while an answer takes its time."""
        while True:
            await asyncio.sleep(LEASE / 3)
            for ref in list(self._sending):
                await self._claim_sending(ref)

    async def _claim_sending(self, ref: str) -> None:
        try:
            await self.store.claim(f"send {ref}", self._owner, LEASE)
        except StoreError as exc:  # no more than a hint for others
            log.debug("%s", exc)

    async def accepted(self, record: Record, task_id: str) -> None:
        """The service has taken it; the store is told now, or as soon as it can be told."""

        async def write() -> None:
            changed = await self.store.change(partial(records.accepted, task_id=task_id, now=now), ref=record.ref)
            if changed is None:
                await self._restore(replace(record, task_id=task_id, state=State.RUNNING, updated=now))

        now = self.clock()
        await self._now_or_later(f"{record.kind} ({record.ref}) is task {task_id}", write)

    async def lost(self, record: Record, error: str) -> None:
        """Its answer was lost."""

        async def write() -> None:
            step = partial(records.doubted, error=error, now=now)
            if await self.store.change(step, ref=record.ref) is None:
                await self._restore(replace(record, state=State.UNCERTAIN, error=error, updated=now))

        now = self.clock()
        await self._now_or_later(f"the answer to {record.ref} was lost", write)

    async def _restore(self, record: Record) -> None:
        """Write down what the store has lost, as by a failover, with its key if that is free."""
        if await self.store.get(ref=record.ref) is None and await self.store.intend(record) is not None:
            await self.store.intend(replace(record, key=""))

    async def refused(self, ref: str) -> None:
        """Nothing was made of it."""
        await self._now_or_later(f"nothing was made of {ref}", partial(self.store.remove, ref))

    async def by_key(self, key: str, print: str, kind: str) -> Record | None:
        """The submission that holds a key; InvalidJob if it is of another job."""
        held = await self.store.get(key=key)
        if held is not None:
            self.check_same(held, print, kind)
        return held

    def check_same(self, held: Record, print: str, kind: str) -> None:
        """Refuse a key that was given to another job, or at another gateway."""
        if held.provider != self._provider.name:
            raise InvalidJob(kind, [Problem("key", f"belongs to a job at {held.provider}", held.key)])
        if held.print != print:
            raise InvalidJob(kind, [Problem("key", f"belongs to another job ({held.kind}, ref {held.ref})", held.key)])

    async def elsewhere(self, held: Record) -> Record | None:
        """What became of a submission that another process is sending; None if nothing was made of it."""
        record: Record | None = held
        pause = 0.02
        while record is not None and record.state is State.SENDING:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
            record = await self._now(held.ref)
        if record is not None and record.state is State.UNCERTAIN:
            raise SubmissionUncertain(record.ref, record.job)
        return None if record is None or record.state is State.DISMISSED else record

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
            records.kind_named(record.kind)
        except StoreError as exc:
            log.error("%s: left alone", exc)
            return False
        return True

    def task_of(self, record: Record) -> Task[Any]:
        """The handle of a record: the one that is there, if somebody holds it."""
        kind = records.kind_named(record.kind)
        task = self._unsettled.get(record.ref) or self._tasks.get(record.task_id)
        if task is None or task.kind.result is not kind.result:
            task = self.new(record.task_id, kind, record.ref)
            task.born = self._born(record)
            if record.task_id:
                self._tasks.setdefault(record.task_id, task)
            else:
                self._unsettled[record.ref] = task
        if not task.ref or task.ref == record.ref:
            task.ref, task.context = record.ref, record.context
            if not task.model:
                task.model = records.model_of(record)
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
        update = records.recalled(record, task.kind, self._provider, task.model)
        if update is not None and task.feed(update):
            self.poller.put_off(task)

    def settle(self, task: Task[Any], task_id: str) -> None:
        """A submission has got its task."""
        task.id = task_id
        self._unsettled.pop(task.ref, None)
        self._tasks.setdefault(task_id, task)
        self.poller.restart(task)

    def unsettled(self, ref: str) -> Task[Any] | None:
        """The handle of a submission without a task, if somebody holds one."""
        return self._unsettled.get(ref)

    async def look(self, task: Task[R]) -> Update[R]:
        """What the store knows of a submission without a task: a look, as far as the poller is concerned.

        SubmissionUncertain if nothing can tell any more what became of it.
        """
        record = await self._now(task.ref)
        if record is None:
            raise TaskFailed("", "refused", None, "it was refused where it was submitted, and nothing was made")
        self.recall(task, record)
        waits = self._called() and self.clock() - record.created < CALLS_BACK
        if record.state in (State.UNCERTAIN, State.DISMISSED) and not waits:
            raise SubmissionUncertain(record.ref, record.job)
        return Update(task_id=task.id, stage=Stage.PENDING)

    async def _now(self, ref: str) -> Record | None:
        """A record as it is, after a look at whether the process is alive that is said to send it."""
        record = await self.store.get(ref=ref)
        if record is None or record.state is not State.SENDING or ref in self._sending or self._owed:
            return record
        if self.shared and not await self.store.claim(f"send {ref}", self._owner, LEASE):
            return record
        error = "the process that sent it ended before its answer came"
        changed = await self.store.change(partial(records.doubted, error=error, now=self.clock()), ref=ref)
        return changed or await self.store.get(ref=ref)

    async def uncertain(self) -> AsyncGenerator[Record]:
        """The submissions whose answer was lost."""
        async with aclosing(self.store.unfinished()) as found:
            async for record in found:
                now = await self._now(record.ref) if record.state is State.SENDING else record
                if now is not None and now.state is State.UNCERTAIN:
                    yield now

    async def adopt(self, ref: str, task_id: str) -> Record | None:
        """A person says which task it is; the record, which may have one already."""

        def step(record: Record) -> Record | None:
            return None if record.task_id else records.accepted(record, task_id, self.clock())

        return await self.store.change(step, ref=ref) or await self.store.get(ref=ref)

    async def mark_delivered(self, ref: str, task_id: str) -> bool:
        """Note that a result is handed on; whether it was not noted before."""
        return await self.store.change(records.told, ref=ref, task_id=task_id) is not None

    async def dismiss(self, ref: str, seen: State | None) -> bool:
        """A person gives a submission up; False if it has ended, is not there, or is no more in the state he saw."""
        return await self.store.change(partial(records.dismissed, seen=seen, now=self.clock()), ref=ref) is not None

    # ---- news ----------------------------------------------------------------------------------------------------

    async def tell(self, task: Task[R], update: Update[R]) -> bool:
        """Take news to a task, and to its record before, or as soon as the store can take it."""
        try:
            await self._now_or_later(f"task {task.id} is {update.stage.name}", partial(self._put_down, task, update))
        finally:
            fed = task.feed(update)
        return fed

    async def tell_surely(self, task: Task[R], update: Update[R]) -> bool:
        """The same for news that are sent again if the store can't take them. StoreError then."""
        try:
            await self._put_down(task, update)
        finally:
            fed = task.feed(update)
        return fed

    def note(self, task: Task[Any], update: Update[Any]) -> None:
        """The same for those who can't wait: write down soon what a task was fed."""
        self._owe(f"task {task.id} is {update.stage.name}", partial(self._put_down, task, update))

    def note_callback(self, callback: Callback) -> None:
        """The same for a callback of a task that nobody here holds."""

        async def write() -> None:
            record = await self.store.get(task_id=callback.task_id)
            if record is not None and self.knows(record):
                update = callbacks.update(callback, records.kind_named(record.kind))
                if update.doubt is Doubt.NONE:
                    await self._put_down(self.task_of(record), update)

        if self.shared:
            self._owe(f"a callback of task {callback.task_id}", write)

    async def _put_down(self, task: Task[Any], update: Update[Any]) -> None:
        step = partial(records.updated, update=update, now=self.clock())
        await self.store.change(step, ref=task.ref, task_id=task.id)

    async def listen(self) -> None:
        """Take the news that other processes bring, as long as it is let run."""
        while True:
            try:
                async with aclosing(self.store.updates()) as news:
                    async for record in news:
                        if record is None:
                            await self._catch_up()
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

    async def _catch_up(self) -> None:
        """Read what may have been missed of the tasks that somebody waits for."""
        for task in self.poller.waited_for:
            record = await self.store.get(ref=task.ref, task_id=task.id)
            if record is not None and not task.done:
                self.recall(task, record)

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
        return await self.store.reserve(f"submit {self._account}", Rate(rate.calls, rate.seconds * MARGIN))

    # ---- what the store is owed ----------------------------------------------------------------------------------

    async def _now_or_later(self, what: str, write: Callable[[], Awaitable[object]]) -> None:
        """In order, and never lost while this process lives."""
        if not self._owed:
            try:
                await write()
                return
            except StoreError as exc:
                log.warning("%s: to be written down later: %s", what, exc)
        self._owe(what, write)

    def _owe(self, what: str, write: Callable[[], Awaitable[object]]) -> None:
        self._owed.append((what, write))
        if self._paying is None:
            self._paying = asyncio.create_task(self._keep_paying())

    async def _keep_paying(self) -> None:
        pauses = retries(cap=5.0)
        try:
            while self._owed:
                with suppress(StoreError):
                    await self._pay()
                    pauses = retries(cap=5.0)
                await asyncio.sleep(max(0.05, next(pauses)) if self._owed else 0)
        finally:
            self._paying = None

    async def _pay(self) -> None:
        """Write down what is owed, each thing once. StoreError if the store does not take it yet."""
        async with self._paid:
            while self._owed:
                what, write = self._owed[0]
                try:
                    await write()
                except StoreError:
                    raise
                except Exception:
                    log.exception("%s: this can't be written down", what)
                self._owed.popleft()

    async def aclose(self) -> None:
        """Write down what is owed, if the store takes it soon."""
        if self._lease is not None:
            self._lease.cancel()
        paying = self._paying
        if paying is not None:
            await asyncio.wait([paying], timeout=LAST_TRY)
            paying.cancel()
            await asyncio.gather(paying, return_exceptions=True)
        for what, _ in self._owed:
            log.error("the store could not be told: %s", what)
