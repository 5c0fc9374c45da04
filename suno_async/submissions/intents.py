"""Submissions until they are tasks: written down before they leave, held while they are sent, doubted if that fails."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from ..api.providers import Provider
from ..errors import InvalidJob, Problem, StoreError, SubmissionUncertain
from ..log import log
from ..stores import transitions
from ..stores.base import Store, Transition, sending
from ..stores.record import Record, State
from .backlog import Backlog
from .codec import job_of

__all__ = ["Intents"]

LEASE = 10.0
"""Seconds after which a process that sent something and says nothing of it any more is taken for dead."""


class Intents:
    """What a client means to send, sends, and does not know the fate of.

    `shared`: whether other processes may use the store, too. `clock` gives Unix seconds.
    """

    def __init__(
        self, store: Store, backlog: Backlog, provider: Provider, *, shared: bool, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._backlog = backlog
        self._provider = provider
        self._shared = shared
        self.clock = clock
        self._owner = secrets.token_hex(8)
        self._sending: set[str] = set()
        self._lease: asyncio.Task[None] | None = None

    # ---- sending -------------------------------------------------------------------------------------------------

    async def intend(self, record: Record) -> Record | None:
        """Write down that this will be sent; the record that holds its key, if there is one. Ended by `settled`."""
        self._sending.add(record.ref)
        await self._backlog.settle()  # or what is late could undo what comes now
        if not self._shared:
            return await self._store.intend(record)
        if self._lease is None:
            self._lease = asyncio.create_task(self._renew())
        try:
            return await self._store.intend(record, self._owner, LEASE)
        except StoreError:  # it may be written down all the same, and will not be sent
            self._backlog.later(f"{record.ref} was not sent", partial(self._store.remove, record.ref))
            raise

    def settled(self, ref: str) -> None:
        """It is known what became of it, or that this will not be known."""
        self._sending.discard(ref)
        if not self._sending and self._lease is not None:
            self._lease.cancel()
            self._lease = None

    def close(self) -> None:
        """Hold nothing any more."""
        if self._lease is not None:
            self._lease.cancel()

    async def _renew(self) -> None:
        """Let others know that we are still there, while an answer takes its time."""
        while True:
            await asyncio.sleep(LEASE / 3)
            for ref in list(self._sending):
                try:
                    await self._store.claim(sending(ref), self._owner, LEASE)
                except StoreError as exc:  # no more than a hint for others
                    log.debug("%s", exc)

    async def accepted(self, record: Record, task_id: str) -> Record | None:
        """The service has taken it; the store is told now, or as soon as it can be told.

        What the store knows of it, which may be more if a callback came first; None if that is not known.
        """
        found: Record | None = None

        async def write() -> None:
            nonlocal found
            step = partial(transitions.accepted, task_id=task_id, now=now)
            found = await self._changed(step, replace(record, task_id=task_id, state=State.RUNNING, updated=now))

        now = self.clock()
        await self._backlog.now_or_later(f"{record.kind} ({record.ref}) is task {task_id}", write)
        return found

    async def lost(self, record: Record, error: str) -> Record | None:
        """Its answer was lost; what the store knows of it, which is its task if a callback came first."""
        found: Record | None = None
        error = error.encode(errors="replace").decode()

        async def write() -> None:
            nonlocal found
            step = partial(transitions.mark_uncertain, error=error, now=now)
            found = await self._changed(step, replace(record, state=State.UNCERTAIN, error=error, updated=now))

        now = self.clock()
        await self._backlog.now_or_later(f"the answer to {record.ref} was lost", write)
        return found

    async def _changed(self, step: Transition, record: Record) -> Record:
        """A record after a step; what it should be then, if the store has lost it, as by a failover."""
        found = await self._store.change(step, ref=record.ref) or await self._store.get(ref=record.ref)
        if found is None and await self._store.intend(record) is not None:  # its key is another's by now
            await self._store.intend(replace(record, key=""))
        return found or record

    async def refused(self, ref: str) -> None:
        """Nothing was made of it."""
        await self._backlog.now_or_later(f"nothing was made of {ref}", partial(self._store.remove, ref))

    # ---- those of others -----------------------------------------------------------------------------------------

    async def by_key(self, key: str, print: str, kind: str) -> Record | None:
        """The submission that holds a key; InvalidJob if it is of another job."""
        held = await self._store.get(key=key)
        if held is not None:
            self.check_same(held, print, kind)
        return held

    def check_same(self, held: Record, print: str, kind: str) -> None:
        """Refuse a key that was given to another job, or at another gateway."""
        if held.provider != self._provider.name:
            raise InvalidJob(kind, [Problem("key", f"belongs to a job at {held.provider}", held.key)])
        if held.fingerprint != print:
            raise InvalidJob(kind, [Problem("key", f"belongs to another job ({held.kind}, ref {held.ref})", held.key)])

    async def elsewhere(self, held: Record) -> Record | None:
        """What became of a submission that another process is sending; None if nothing was made of it."""
        record: Record | None = held
        pause = 0.02
        while record is not None and record.state is State.SENDING:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
            record = await self.now(held.ref)
        if record is not None and record.state is State.UNCERTAIN:
            raise SubmissionUncertain(record.ref, job_of(record))
        return None if record is None or record.state is State.DISMISSED else record

    async def now(self, ref: str) -> Record | None:
        """A record as it is, after a look at whether the process is alive that is said to send it."""
        record = await self._store.get(ref=ref)
        if record is None or record.state is not State.SENDING or ref in self._sending or self._backlog:
            return record
        if self._shared and not await self._store.claim(sending(ref), self._owner, LEASE):
            return record
        error = "the process that sent it ended before its answer came"
        changed = await self._store.change(partial(transitions.mark_uncertain, error=error, now=self.clock()), ref=ref)
        return changed or await self._store.get(ref=ref)

    # ---- for people ----------------------------------------------------------------------------------------------

    async def uncertain(self) -> AsyncGenerator[Record]:
        """The submissions whose answer was lost."""
        async with aclosing(self._store.unfinished()) as found:
            async for record in found:
                now = await self.now(record.ref) if record.state is State.SENDING else record
                if now is not None and now.state is State.UNCERTAIN:
                    yield now

    async def adopt(self, ref: str, task_id: str) -> Record | None:
        """A person says which task it is; the record, which may have one already, or the one that has this task."""

        def step(record: Record) -> Record | None:
            known = record.task_id or record.state is State.FINISHED
            return None if known else transitions.accepted(record, task_id, self.clock())

        other = await self._store.get(task_id=task_id)
        if other is not None and other.ref != ref:
            return other
        return await self._store.change(step, ref=ref) or await self._store.get(ref=ref)

    async def dismiss(self, ref: str, seen: State | None) -> bool:
        """A person gives a submission up; False if it has ended, is not there, or is no more in the state he saw."""
        return (
            await self._store.change(partial(transitions.dismissed, seen=seen, now=self.clock()), ref=ref) is not None
        )
