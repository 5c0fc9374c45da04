"""Records in a file: for any number of processes on one machine."""

import asyncio
import copy
import math
import os
import random
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from ..api.limits import Rate
from ..errors import ConfigurationError, StoreError
from .base import (
    CLOSED,
    DEFAULT_ACCOUNT,
    NOT_A_RECORD,
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
from .record import Record, State
from .rows import FIELDS, readable, record_of, row_of
from .sqlite_file import OPEN_RECORDS, SQLiteFile
from .transitions import erased
from .worker import Work, Worker

__all__ = ["SQLiteStore"]

T = TypeVar("T")
Values: TypeAlias = Sequence[Any] | Mapping[str, Any]

PAGE = 200
"""Records read at a time."""
INTERVAL = 0.1
"""Seconds between two reads of what other processes changed."""

_COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)
_INSERT = (
    f"INSERT INTO records (account, {_COLUMNS}) VALUES (?, {', '.join('?' * len(FIELDS))})"
    " ON CONFLICT (account, ref) DO NOTHING"
)


class SQLiteStore:
    """Records in a SQLite file, safe against being killed and, as far as the disk is, against losing power.

    One thread per process works on the file, for all event loops; what is written at the same time is written in one
    transaction. Before this process forks the file is closed, so a store may be used in the parent and in its children.

    Each call raises StoreError when the file cannot be read or written: no such folder, disk full, locked by another
    program, a database of another program or of a newer version, or a file that was removed or replaced while it was
    open. The last is final for this object: make another one. The file must be on a local disk, as SQLite's WAL
    demands (https://sqlite.org/wal.html).

    Args:
        path: The file; it is made if there is none, its folder is not. A later change of the working directory does not
            matter.
        timeout: Seconds to wait for another program that has locked the file (default: 5).
        clock: Seconds by which claims end and places become free, by a clock that all processes of the machine share
            (default: `time.monotonic`, which nobody sets, so that no lease of a living process ends early).

    Raises:
        ConfigurationError: If the path is not that of a file (":memory:", empty, with a NUL).
    """

    # State, all of it: the file, a worker for it and a writer's name per process, and whether it is closed. The parts
    # of all accounts share them.

    def __init__(
        self, path: str | os.PathLike[str], *, timeout: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        given = os.fspath(path)
        if given in ("", ":memory:") or "\0" in given:
            raise ConfigurationError(f"store: not the path of a file: {given!r} (memory: keeps records in memory)")
        self.path = Path(os.path.abspath(given))
        self._clock = clock
        self._account = DEFAULT_ACCOUNT
        self._closed = threading.Event()
        self._writers = PerProcess(lambda: secrets.token_hex(8))
        file = SQLiteFile(self.path, timeout)  # one for all processes: a child must not take another file for it
        self._workers = PerProcess(lambda: Worker(file, "suno_async store"))
        weakref.finalize(self._closed, _stop, self._workers)

    def account(self, name: str) -> "SQLiteStore":
        part = copy.copy(self)
        part._account = check_account(name)
        return part

    @property
    def busy(self) -> bool:
        """Whether the thread has something to do, so that a simulated clock should stand still."""
        return any(worker.busy for worker in self._workers.made())

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _worker(self) -> Worker:
        if made := self._workers.made():
            return made[0]
        if any(worker.started for worker in self._workers.inherited()):
            # Only a fork that Python does not know of leaves it so; its locks would not be ours: see Worker.
            raise StoreError(f"{self.path}: open since before this process was forked outside of Python; open it anew")
        return self._workers.get()

    async def _do(self, do: Callable[[SQLiteFile], T], *, writes: bool = True, lasts: bool = True) -> T:
        if self._closed.is_set():
            raise StoreError(f"{self.path}: {CLOSED}")
        return cast(T, await self._worker().do(Work(do, writes, lasts)))

    async def _read(self, query: str, values: Values = ()) -> list[tuple[Any, ...]]:
        return await self._do(lambda file: _rows(file.connection, query, values), writes=False)

    # ---- records -----------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        def work(file: SQLiteFile) -> Record | None:
            db = file.connection
            if record.key and (held := self._one(db, "key", record.key)) is not None and held.ref != record.ref:
                return held
            kept = db.execute(_INSERT, (self._account, *row_of(record))).rowcount
            if kept and owner:
                self._take(db, sending(record.ref), owner, ttl)
            return None

        return await self._do(work)

    async def change(
        self, transition: Transition, *, ref: str = "", task_id: str = "", intended: Record | None = None
    ) -> Record | None:
        raised: list[BaseException] = []

        def after(old: Record | None) -> Record | None:
            raised.clear()
            try:
                return None if old is None else transition(old)
            except BaseException as exc:
                raised.append(exc)
                return None

        def work(file: SQLiteFile) -> Record | None:
            new = after(intended)
            if intended is not None and new is not None and self._change(file, intended, new, " AND change = 0"):
                return new
            old = self._one(file.connection, *(("ref", ref) if ref else ("task_id", task_id)))
            new = after(old)
            if old is not None and new is not None:
                self._change(file, old, new)
            return new

        new = await self._do(work)
        if raised:
            raise raised[0]
        return new

    def _change(self, file: SQLiteFile, old: Record, new: Record, only: str = "") -> bool:
        """Write what is new of a record, if there is one of that ref and condition."""
        changes = [
            (name, value)
            for name, before, value in zip(FIELDS, row_of(old), row_of(new), strict=True)
            if value != before
        ]
        sets = "".join(f'"{name}" = ?, ' for name, _ in changes)
        done = file.connection.execute(
            f"UPDATE records SET {sets}change = ?, writer = ? WHERE account = ? AND ref = ?{only}",
            (*(value for _, value in changes), file.next_change(), self._writers.get(), self._account, old.ref),
        )
        return done.rowcount > 0

    async def remove(self, ref: str) -> None:
        query = "DELETE FROM records WHERE account = ? AND ref = ?"
        await self._do(lambda file: file.connection.execute(query, (self._account, ref)).rowcount)

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        name, value = ("ref", ref) if ref else ("task_id", task_id) if task_id else ("key", key)
        return await self._do(lambda file: self._one(file.connection, name, value), writes=False)

    def _one(self, db: sqlite3.Connection, name: str, value: str) -> Record | None:
        # An empty name is nobody's, and without the condition SQLite would not use the index.
        query = (
            f"SELECT {_COLUMNS} FROM records WHERE account = ? AND {name} = ? AND {name} != '' ORDER BY number LIMIT 1"
        )
        rows = _rows(db, query, (self._account, value))
        return record_of(rows[0]) if rows else None

    async def unfinished(self, *states: State) -> AsyncGenerator[Record]:
        open_states = [state for state in OPEN if state in (states or OPEN)]
        # One part for each state: so SQLite merges them by the index instead of sorting what it found for each page.
        parts = (
            f"SELECT number, {_COLUMNS} FROM records"
            f" WHERE {OPEN_RECORDS} AND account = :account AND state = '{state.value}' AND number > :last"
            for state in open_states
        )
        if query := " UNION ALL ".join(parts):
            async for record in self._pages(query):
                yield record

    async def finished(
        self, since: float = 0.0, before: float = math.inf, *, delivered: bool = False
    ) -> AsyncGenerator[Record]:
        query = (
            f"SELECT number, {_COLUMNS} FROM records WHERE account = :account AND state = 'finished' AND number > :last"
            f" AND updated >= :since AND updated < :before{'' if delivered else ' AND NOT delivered'}"
        )
        async for record in self._pages(query, since=since, before=before):
            yield record

    async def _pages(self, query: str, **values: object) -> AsyncGenerator[Record]:
        query, last = f"{query} ORDER BY number LIMIT {PAGE}", 0
        while rows := await self._read(query, {"account": self._account, "last": last, **values}):
            for number, *row in rows:
                last = number
                if (record := readable(row)) is not None:
                    yield record

    async def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
        query = (
            "SELECT change, number, ref, task_id FROM records"
            f" WHERE account = ? AND change > ? AND writer != ? ORDER BY change LIMIT {PAGE}"
        )
        while True:
            try:
                version = await self._do(SQLiteFile.data_version, writes=False)
                [(last,)] = await self._read("SELECT last FROM changes")
                yield None
                while True:
                    await asyncio.sleep(INTERVAL)
                    seen = await self._do(SQLiteFile.data_version, writes=False)
                    if seen == version:
                        continue
                    [(newest,)] = await self._read("SELECT last FROM changes")
                    while rows := await self._read(query, (self._account, last, self._writers.get())):
                        last = rows[-1][0]
                        numbers = [number for _, number, *names in rows if wanted is None or wanted(*names)]
                        for record in await self._numbered(numbers) if numbers else ():
                            yield record
                    version, last = seen, max(last, newest)
            except StoreError:
                if self._closed.is_set():
                    raise
                await asyncio.sleep(1)

    async def _numbered(self, numbers: Sequence[int]) -> list[Record]:
        # The number of a record that was removed may be another account's by now.
        numbered = f"account = ? AND number IN ({', '.join('?' * len(numbers))})"
        rows = await self._read(
            f"SELECT {_COLUMNS} FROM records WHERE {numbered} ORDER BY change", [self._account, *numbers]
        )
        return [record for row in rows if (record := readable(row)) is not None]

    # ---- claims and places -------------------------------------------------------------------------------------------

    # They do not wait for the disk: all who have them end with a power cut, and the clock begins anew.

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        return await self._do(lambda file: self._take(file.connection, name, owner, ttl), lasts=False)

    def _take(self, db: sqlite3.Connection, name: str, owner: str, ttl: float) -> bool:
        name, now = self._scoped(name), self._clock()
        # One that ends further ahead than it was taken for is from before the clock was set back.
        dead = "(until <= :now OR until > :now + seconds)"
        values = {"name": name, "owner": owner, "now": now, "until": now + ttl, "seconds": ttl}
        if ttl <= 0:
            db.execute(f"DELETE FROM claims WHERE name = :name AND (owner = :owner OR {dead})", values)
            return db.execute("SELECT 1 FROM claims WHERE name = ?", (name,)).fetchone() is None
        taken = db.execute(
            "INSERT INTO claims VALUES (:name, :owner, :until, :seconds) ON CONFLICT(name) DO UPDATE"
            f" SET owner = :owner, until = :until, seconds = :seconds WHERE owner = :owner OR {dead}",
            values,
        ).rowcount
        if random.randrange(100) == 0:
            db.execute(f"DELETE FROM claims WHERE {dead}", values)
        return taken > 0

    def _scoped(self, name: str) -> str:
        """The name of a claim, window or note as the file has it."""
        return f"{self._account} {name}"

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        name = self._scoped(name)

        def work(file: SQLiteFile) -> list[float]:
            db, now = file.connection, self._clock()
            # Places of the future are from before the clock was set back.
            db.execute("DELETE FROM places WHERE name = ? AND (at <= ? OR at > ?)", (name, now - rate.seconds, now))
            taken = dict(_rows(db, "SELECT place, at FROM places WHERE name = ?", (name,)))
            waits = [take_place(taken, place, rate, now) for place in places]
            rows = [(name, place, now) for place, wait in zip(places, waits, strict=True) if not wait]
            db.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", rows)
            return waits

        return await self._do(work, lasts=False)

    async def release(self, name: str, place: str) -> None:
        query = "DELETE FROM places WHERE name = ? AND place = ?"
        await self._do(lambda file: file.connection.execute(query, (self._scoped(name), place)).rowcount, lasts=False)

    # ---- notes -------------------------------------------------------------------------------------------------------

    async def note(self, name: str, text: str) -> None:
        query, values = "INSERT OR REPLACE INTO notes VALUES (?, ?)", (self._scoped(name), text)
        await self._do(lambda file: file.connection.execute(query, values).rowcount)

    async def noted(self, name: str) -> str:
        rows = await self._read("SELECT text FROM notes WHERE name = ?", (self._scoped(name),))
        return str(rows[0][0]) if rows else ""

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def prune(self, before: float, *, undelivered: bool = True) -> int:
        query = f"DELETE FROM records WHERE account = ? AND NOT ({OPEN_RECORDS}) AND updated < ?"
        if not undelivered:
            query += " AND (delivered OR state = 'dismissed')"
        return await self._do(lambda file: file.connection.execute(query, (self._account, before)).rowcount)

    async def erase(self, *, ref: str = "", context: Any = None) -> int:
        check_erase(ref, context)
        refs = [ref] if ref else [one async for one in self._with_context(context)]
        count = sum([await self.change(erased, ref=one) is not None for one in refs])
        await self._do(SQLiteFile.forget_old_pages, writes=False)
        return count

    async def _with_context(self, wanted: Any) -> AsyncGenerator[str]:
        last = 0
        query = "SELECT number, ref, context FROM records WHERE account = ? AND number > ? AND context != 'null'"
        while rows := await self._read(f"{query} ORDER BY number LIMIT {PAGE}", (self._account, last)):
            for number, ref, context in rows:
                last = number
                with suppress(*NOT_A_RECORD):
                    if concerns(msgspec.json.decode(context), wanted):
                        yield ref

    async def aclose(self) -> None:
        """Finish what is under way and close the file; a store that was not used in this process has none open."""
        if not self._closed.is_set():
            self._closed.set()
            await self._workers.get().aclose()

    async def __aenter__(self) -> "SQLiteStore":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<SQLiteStore {self.path}>"


def _stop(workers: PerProcess[Worker]) -> None:
    """Nobody can use the store any more."""
    for worker in workers.made():
        worker.stop()


# ---- records and rows ------------------------------------------------------------------------------------------------


def _rows(db: sqlite3.Connection, query: str, values: Values) -> list[tuple[Any, ...]]:
    try:
        return db.execute(query, values).fetchall()
    except sqlite3.OperationalError as exc:
        if "decode" not in str(exc):
            raise
    db.text_factory = _text  # slower; one damaged text would hide the other rows
    try:
        return db.execute(query, values).fetchall()
    finally:
        db.text_factory = str


def _text(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored  # which no field of text takes
