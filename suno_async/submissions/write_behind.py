"""What a store is owed: writes that it could not take yet."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..api.updates import Update
from ..errors import StoreError
from ..http.retry import pauses
from ..log import log
from ..stores.base import Damaged, Store, Transition
from ..stores.health import StoreHealth
from ..stores.record import Record

__all__ = ["Write", "WriteBehind"]

LAST_TRY = 5.0
"""Seconds that closing waits for the store."""
LONGEST_PAUSE = 5.0
"""Seconds between two attempts."""
OUTAGE = 3
"""Submissions whose writes fail one after the other before the rest is not tried in that round."""
SET_ASIDE_AFTER = 5
"""Rounds in which a write fails while others succeed before it is given up."""


class Write(NamedTuple):
    """One write: a transition of a record, or its removal."""

    what: str | Update[Any]
    """For the log."""
    transition: Transition | None
    """None removes the record."""
    ref: str = ""
    task_id: str = ""
    key: str = ""
    """The idempotency key that the write decides about."""
    record: Record | None = None
    """What the record should be afterwards, if the store has lost it, for example by a failover."""
    then: Callable[[Record], object] | None = None
    """Called with the changed record, once it is written."""
    intended: Record | None = None
    """The record as it was kept before it was sent, if it is not likely to have changed since."""

    @property
    def told(self) -> str:
        """What it is, for the log: a text is made of an update only where it is logged."""
        what = self.what
        return f"task {self.task_id} is {what.stage.name}" if isinstance(what, Update) else what


class WriteBehind:
    """Writes to a store in their order, never lost while this process lives.

    They are ordered per submission: one that fails does not keep the others from being written. One that goes on
    failing while others succeed is set aside with a log line, since the store will never take it.
    """

    # State, all of it: _owed (by ref, or by task id where no ref is known) with _failures, _turn, _working,
    # _successes (of all writes), _closed.

    def __init__(self, store: Store, owed: Iterable[Write] = ()) -> None:
        self._store = store
        self._owed: dict[str, deque[Write]] = {}
        self._failures: dict[str, int] = {}
        self._turn = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None
        self._successes = 0
        self._closed = False
        self.health = StoreHealth()
        """Whether the store answers; others who use it note that, too."""
        for write in owed:
            self._owed.setdefault(self._name(write), deque()).append(write)

    def start(self) -> None:
        """Write what another event loop has left."""
        if self._owed and (self._working is None or self._working.done()):
            self._working = asyncio.create_task(self._work())

    @property
    def owed(self) -> list[Write]:
        """What is owed, in order for each submission."""
        return [write for queue in self._owed.values() for write in queue]

    @property
    def pending(self) -> int:
        """How many writes are owed."""
        return sum(len(queue) for queue in list(self._owed.values()))

    def applied(self, record: Record) -> Record:
        """Return a record as it will be once what is owed is written."""
        for write in self._owed.get(record.ref, ()):
            if write.transition is not None:
                record = write.transition(record) or record
        return record

    def owes(self, ref: str, task_id: str) -> bool:
        """Return whether something is owed about a submission or a task."""
        return bool(self._owed) and (ref in self._owed or task_id in self._owed)

    def removes(self, ref: str) -> bool:
        """Return whether the removal of a record is owed."""
        return any(write.transition is None for write in self._owed.get(ref, ()))

    async def now_or_later(self, write: Write) -> Record | None:
        """Write at once if that can be done, else as soon as it can; return the record if it is written."""
        if self._name(write) not in self._owed:
            try:
                return await self.perform(write)
            except Exception as exc:  # whatever a store raises must not hide what is to be written
                log.warning(
                    "%s: to be written later: %s", write.told, exc if isinstance(exc, StoreError) else repr(exc)
                )
        self.later(write)
        return None

    def later(self, write: Write) -> None:
        """Write soon."""
        if self._closed:
            log.error("not written to the store: %s", write.told)
            return
        self._owed.setdefault(self._name(write), deque()).append(write)
        self.start()

    async def flush(self, *, key: str = "", ref: str = "", task_id: str = "") -> None:
        """Write now what is owed about a key, a submission or a task. StoreError if the store does not take it yet."""
        if not self._owed:
            return
        for name, queue in list(self._owed.items()):
            if name in (ref, task_id) or (key and any(write.key == key for write in queue)):
                async with self._turn:
                    await self._write_all(name)

    def _name(self, write: Write) -> str:
        """What the write is ordered by: a task id alone may be of a submission that is owed something."""
        if write.ref or not write.task_id:
            return write.ref
        for name, queue in self._owed.items():
            if any(owed.task_id == write.task_id for owed in queue):
                return name
        return write.task_id

    async def perform(self, write: Write) -> Record | None:
        """Write now; return the record as it is then."""
        with self.health:
            done = None
            if write.transition is None:
                await self._store.remove(write.ref)
            else:
                done = await self._store.change(
                    write.transition, ref=write.ref, task_id=write.task_id, intended=write.intended
                )
                if done is None and write.record is not None:
                    done = await self._restored(write.record)
        self._successes += 1
        if done is not None and write.then is not None:
            write.then(done)
        return done

    async def _restored(self, record: Record) -> Record:
        """The record as the store has it; if it has lost it, as it should be, which it is given."""
        found = await self._store.get(ref=record.ref)
        if found is None and await self._store.intend(record) is not None:  # its key is another's by now
            await self._store.intend(replace(record, key=""))
        return found or record

    async def _write_all(self, name: str) -> None:
        """Write what is owed about one submission. StoreError if the store does not take it."""
        queue = self._owed.get(name)
        while queue:
            try:
                await self.perform(queue[0])
            except Damaged as exc:
                log.error("%s: this cannot be written: %s", queue[0].told, exc)
            except StoreError:
                raise
            except Exception:
                log.exception("%s: this cannot be written", queue[0].told)
            queue.popleft()
            self._failures.pop(name, None)
        self._owed.pop(name, None)

    async def _work(self) -> None:
        waits = pauses(cap=LONGEST_PAUSE)
        while self._owed:
            before = self._successes
            failed = await self._round()
            if self._successes > before:
                waits = pauses(cap=LONGEST_PAUSE)
                for name, exc in failed:
                    self._set_aside(name, exc)
            if self._owed:
                await asyncio.sleep(max(0.05, next(waits)))

    async def _round(self) -> list[tuple[str, StoreError]]:
        """Try once for each submission; those whose writes the store did not take."""
        failed: list[tuple[str, StoreError]] = []
        before = self._successes
        for name in list(self._owed):
            async with self._turn:
                try:
                    await self._write_all(name)
                except StoreError as exc:
                    failed.append((name, exc))
            if len(failed) >= OUTAGE and self._successes == before:
                break
        return failed

    def _set_aside(self, name: str, exc: StoreError) -> None:
        """Give up a write that fails again and again while others succeed."""
        self._failures[name] = self._failures.get(name, 0) + 1
        queue = self._owed.get(name)
        if queue and self._failures[name] >= SET_ASIDE_AFTER:
            log.error("%s: given up, since the store takes other writes and not this one: %s", queue[0].told, exc)
            queue.popleft()
            self._failures.pop(name)
            if not queue:
                del self._owed[name]

    async def aclose(self) -> None:
        """Write what is owed, if the store takes it soon; log what it did not take."""
        self._closed = True
        working = self._working
        if working is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_TRY):
                    while self._owed:
                        await self._round()
                        await asyncio.sleep(0.1 if self._owed else 0)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        for write in self.owed:
            log.error("not written to the store: %s", write.told)
