"""Records in memory."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable

import anyio
from msgspec.structs import replace

from ..api.limits import Rate
from .base import SHORTEST, Step, sending
from .record import Record, State

__all__ = ["MemoryStore"]


class MemoryStore:
    """Records of this process, lost with it: the default, and the double of the others in tests.

    Of those that have ended `kept` are remembered whole; of older ones, only whose key it was.
    """

    def __init__(self, *, kept: int = 1000, clock: Callable[[], float] = time.time) -> None:
        self._records: dict[str, Record] = {}
        self._tasks: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._past: OrderedDict[str, None] = OrderedDict()
        self._kept = kept
        self._clock = clock
        self._claims: dict[str, tuple[str, float]] = {}
        self._departures: dict[str, list[float]] = {}
        self._listeners: set[asyncio.Queue[Record]] = set()

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        if owner:
            await self.claim(sending(record.ref), owner, ttl)
        if record.key:
            holder = self._keys.setdefault(record.key, record.ref)
            if holder != record.ref:
                return self._records[holder]
        self._put(record)
        return None

    async def change(self, step: Step, *, ref: str = "", task_id: str = "") -> Record | None:
        old = self._records.get(ref or self._tasks.get(task_id, ""))
        new = step(old) if old is not None else None
        if old is None or new is None:
            return None
        if old.key != new.key:
            self._keys.pop(old.key, None)
        if old.task_id != new.task_id and self._tasks.get(old.task_id) == old.ref:
            del self._tasks[old.task_id]
        self._put(new)
        for listener in self._listeners:
            listener.put_nowait(new)
        return new

    def _put(self, record: Record) -> None:
        self._records[record.ref] = record
        if record.task_id:
            self._tasks.setdefault(record.task_id, record.ref)
        if record.state.open:
            self._past.pop(record.ref, None)
        else:
            self._past[record.ref] = None
            while len(self._past) > self._kept:
                self._fade(self._past.popitem(last=False)[0])

    def _fade(self, ref: str) -> None:
        record = self._records[ref]
        if record.key:
            self._records[ref] = replace(record, body=b"", delivered=True)
        else:
            self._drop(record)

    def _drop(self, record: Record) -> None:
        del self._records[record.ref]
        for index, name in ((self._tasks, record.task_id), (self._keys, record.key)):
            if index.get(name) == record.ref:
                del index[name]

    async def remove(self, ref: str) -> None:
        if ref in self._records:
            self._drop(self._records[ref])
            self._past.pop(ref, None)

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        return self._records.get(ref or self._tasks.get(task_id) or self._keys.get(key, ""))

    async def unfinished(self) -> AsyncGenerator[Record]:
        for ref in list(self._records):
            record = self._records.get(ref)
            if record is not None and record.state.open:
                yield record

    async def finished(self, since: float = 0.0) -> AsyncGenerator[Record]:
        for ref in list(self._past):
            record = self._records.get(ref)
            if record is None or record.delivered or record.state is not State.FINISHED:
                continue
            if record.updated >= since:
                yield record

    async def updates(self) -> AsyncGenerator[Record | None]:
        news: asyncio.Queue[Record] = asyncio.Queue()
        self._listeners.add(news)
        try:
            yield None
            while True:
                yield await news.get()
        finally:
            self._listeners.discard(news)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        now = self._clock()
        holder, until = self._claims.get(name, (owner, now))
        if holder != owner and until > now:
            return False
        if len(self._claims) > 2 * len(self._records) + 1000:
            self._claims = {one: claim for one, claim in self._claims.items() if claim[1] > now}
        self._claims[name] = owner, now + ttl
        return True

    async def reserve(self, name: str, rate: Rate) -> float:
        now = anyio.current_time()
        left = [at for at in self._departures.get(name, ()) if at > now - rate.seconds]
        if len(left) >= rate.calls:
            return max(left[0] + rate.seconds - now, SHORTEST)
        self._departures[name] = [*left, now]
        return 0.0

    async def prune(self, before: float) -> int:
        old = [ref for ref in (*self._past, *self._keys.values()) if ref in self._records]
        gone = {ref for ref in old if not self._records[ref].state.open and self._records[ref].updated < before}
        for ref in gone:
            await self.remove(ref)
        return len(gone)

    async def aclose(self) -> None:
        """Nothing to let go of."""
