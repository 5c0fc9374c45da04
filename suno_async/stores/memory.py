"""Records in memory."""

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import anyio
from msgspec.structs import replace

from ..api.limits import Rate
from ..errors import StoreError
from .base import (
    CLOSED,
    DEFAULT_ACCOUNT,
    OPEN,
    PerProcess,
    Transition,
    Wanted,
    check_account,
    check_erase,
    concerns,
    sending,
    take_place,
)
from .record import SENDING, Record, State
from .transitions import erased

__all__ = ["MemoryStore"]


class _Claim(NamedTuple):
    owner: str
    until: float
    ttl: float

    def lasts(self, now: float) -> bool:
        return now < self.until <= now + self.ttl  # later: the clock was set back


class _Listener(NamedTuple):
    loop: asyncio.AbstractEventLoop
    changed: "asyncio.Queue[Record | None]"
    """None: the store was closed."""


class MemoryStore:
    """Records of this process, lost with it: the client's default, and the double of the other stores in tests.

    Args:
        kept: How many finished and dismissed records are kept whole (default: 1000). Of older ones only those with an
            idempotency key are kept, without their result, so that the key is not paid again.
        clock: Unix seconds, by which claims end (default: `time.time`).
    """

    # State, all of it: the records by ref, the refs by task id and by key, the refs of those that ended in the order in
    # which they did, claims, places by window, notes, listeners, and the parts of all accounts. A lock keeps threads
    # apart.

    def __init__(self, *, kept: int = 1000, clock: Callable[[], float] = time.time) -> None:
        self._kept = kept
        self._clock = clock
        self._records: dict[str, Record] = {}
        self._tasks: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._claims: dict[str, _Claim] = {}
        self._places: dict[str, dict[str, float]] = {}
        self._notes: dict[str, str] = {}
        self._listeners: set[_Listener] = set()
        self._locks = PerProcess(threading.RLock)  # another thread may hold the parent's at the moment of a fork
        self._parts: dict[str, MemoryStore] = {DEFAULT_ACCOUNT: self}
        self._closed = False

    def account(self, name: str) -> "MemoryStore":
        with self._lock():
            part = self._parts.get(check_account(name))
            if part is None:
                part = self._parts[name] = MemoryStore(kept=self._kept, clock=self._clock)
                part._parts = self._parts
            return part

    def _lock(self) -> threading.RLock:
        if self._closed:
            raise StoreError(CLOSED)
        return self._locks.get()

    # ---- records -----------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        with self._lock():
            holder = self._keys.get(record.key, record.ref)
            if holder != record.ref:
                return self._records[holder]
            if record.ref in self._records:
                return None
            if record.key:
                self._keys[record.key] = record.ref
            if owner:
                self._claim(sending(record.ref), owner, ttl)
            self._put(record)
            return None

    async def change(
        self, transition: Transition, *, ref: str = "", task_id: str = "", intended: Record | None = None
    ) -> Record | None:
        with self._lock():
            old = self._records.get(ref or self._tasks.get(task_id, ""))
            new = transition(old) if old is not None else None
            if old is None or new is None:
                return None
            if old.key != new.key:
                self._keys.pop(old.key, None)
            if old.task_id != new.task_id and self._tasks.get(old.task_id) == old.ref:
                del self._tasks[old.task_id]
            self._put(new)
            if self._listeners:
                self._tell(new)
            return new

    def _put(self, record: Record) -> None:
        self._records[record.ref] = record
        if record.task_id:
            self._tasks.setdefault(record.task_id, record.ref)
        if self._claims and record.state is not SENDING:
            self._claims.pop(sending(record.ref), None)  # it is sent, so nobody asks who sends it
        if record.state.open:
            self._ended.pop(record.ref, None)
        else:
            self._ended[record.ref] = None
            while len(self._ended) > self._kept:
                self._shorten(self._ended.popitem(last=False)[0])

    def _shorten(self, ref: str) -> None:
        record = self._records[ref]
        if record.key:
            self._records[ref] = replace(record, body=b"", delivered=True)
        else:
            self._drop(record)

    def _drop(self, record: Record) -> None:
        del self._records[record.ref]
        self._ended.pop(record.ref, None)
        self._claims.pop(sending(record.ref), None)
        for index, name in ((self._tasks, record.task_id), (self._keys, record.key)):
            if index.get(name) == record.ref:
                del index[name]

    async def remove(self, ref: str) -> None:
        with self._lock():
            if ref in self._records:
                self._drop(self._records[ref])

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        with self._lock():
            if not ref:
                ref = self._tasks.get(task_id, "") if task_id else self._keys.get(key, "")
            return self._records.get(ref)

    async def unfinished(self, *states: State) -> AsyncGenerator[Record]:
        wanted = states or OPEN
        with self._lock():
            refs = [ref for ref, record in self._records.items() if record.state in wanted and record.state.open]
        for ref in refs:
            with self._lock():
                record = self._records.get(ref)
            if record is not None and record.state in wanted:
                yield record

    async def finished(
        self, since: float = 0.0, before: float = math.inf, *, delivered: bool = False
    ) -> AsyncGenerator[Record]:
        with self._lock():
            refs = list(self._ended)
        for ref in refs:
            with self._lock():
                record = self._records.get(ref)
            if record is None or (record.delivered and not delivered) or record.state is not State.FINISHED:
                continue
            if since <= record.updated < before:
                yield record

    # ---- listeners ---------------------------------------------------------------------------------------------------

    async def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
        listener = _Listener(asyncio.get_running_loop(), asyncio.Queue())
        with self._lock():
            self._listeners.add(listener)
        try:
            yield None
            while (changed := await listener.changed.get()) is not None:
                if wanted is None or wanted(changed.ref, changed.task_id):
                    yield changed
            raise StoreError(CLOSED)
        finally:
            self._listeners.discard(listener)

    def _tell(self, changed: Record | None) -> None:
        for listener in list(self._listeners):
            try:
                listener.loop.call_soon_threadsafe(listener.changed.put_nowait, changed)
            except RuntimeError:  # its loop is closed, so nobody listens any more
                self._listeners.discard(listener)

    # ---- claims and places -------------------------------------------------------------------------------------------

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        with self._lock():
            return self._claim(name, owner, ttl)

    def _claim(self, name: str, owner: str, ttl: float) -> bool:
        now = self._clock()
        held = self._claims.get(name)
        if held is not None and held.owner != owner and held.lasts(now):
            return False
        if ttl <= 0:
            self._claims.pop(name, None)
            return True
        if len(self._claims) > 2 * len(self._records) + 1000:
            self._claims = {one: claim for one, claim in self._claims.items() if claim.lasts(now)}
        self._claims[name] = _Claim(owner, now + ttl, ttl)
        return True

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        now = anyio.current_time()
        with self._lock():
            before = self._places.get(name, {})
            taken = self._places[name] = {one: at for one, at in before.items() if now - rate.seconds < at <= now}
            return [take_place(taken, place, rate, now) for place in places]

    async def release(self, name: str, place: str) -> None:
        with self._lock():
            self._places.get(name, {}).pop(place, None)

    # ---- notes -------------------------------------------------------------------------------------------------------

    async def note(self, name: str, text: str) -> None:
        with self._lock():
            self._notes[name] = text

    async def noted(self, name: str) -> str:
        with self._lock():
            return self._notes.get(name, "")

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def prune(self, before: float, *, undelivered: bool = True) -> int:
        with self._lock():
            old = [
                one
                for one in self._records.values()
                if not one.state.open
                and one.updated < before
                and (undelivered or one.delivered or one.state is State.DISMISSED)
            ]
            for record in old:
                self._drop(record)
            return len(old)

    async def erase(self, *, ref: str = "", context: Any = None) -> int:
        check_erase(ref, context)
        with self._lock():
            refs = [ref] if ref else [one.ref for one in self._records.values() if concerns(one.context, context)]
        return sum([await self.change(erased, ref=one) is not None for one in refs])

    async def aclose(self) -> None:
        """Refuse what comes later, and end the listeners."""
        for part in list(self._parts.values()):
            part._close()

    def _close(self) -> None:
        self._closed = True
        with suppress(KeyError):
            while True:
                listener = self._listeners.pop()
                with suppress(RuntimeError):
                    listener.loop.call_soon_threadsafe(listener.changed.put_nowait, None)

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self._records)} records>"
