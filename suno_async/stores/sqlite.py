"""Records in a file: for any number of processes on one machine."""

import asyncio
import os
import random
import secrets
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..api.limits import Rate
from ..errors import StoreError
from ..log import log
from ..wire.shapes import UNREADABLE
from .base import SHORTEST, Damaged, Step, sending
from .record import Record

__all__ = ["SQLiteStore"]

T = TypeVar("T")

APPLICATION = 0x53554E4F  # "SUNO", in the file's header
PATIENCE = 5.0
"""Seconds that we wait for another program to let go of the file."""
PAGE = 200
"""Records read at a time."""
LOOK_EVERY = 0.1
"""Seconds between two looks for what other processes changed."""

FIELDS = Record.__struct_fields__
_COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)
_INSERT = f"INSERT OR REPLACE INTO records ({_COLUMNS}) VALUES ({', '.join('?' * len(FIELDS))})"
_OPEN = "state IN ('sending', 'uncertain', 'running')"

MIGRATIONS: Sequence[str] = (
    f"""
    CREATE TABLE records (
        number INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, kind TEXT, provider TEXT, request_json TEXT, fingerprint TEXT,
        key TEXT, context TEXT, task_id TEXT, state TEXT, stage INTEGER, source TEXT, status TEXT, code INTEGER,
        message TEXT, body BLOB, error TEXT, created REAL, updated REAL, delivered INTEGER,
        change INTEGER NOT NULL DEFAULT 0, -- counts up with every change, so that others find what is new
        writer TEXT NOT NULL DEFAULT ''
    );
    CREATE UNIQUE INDEX records_by_key ON records(key) WHERE key != '';
    CREATE INDEX records_by_task ON records(task_id) WHERE task_id != '';
    CREATE INDEX records_by_change ON records(change) WHERE change > 0;
    CREATE INDEX records_open ON records(number) WHERE {_OPEN};
    CREATE INDEX records_untold ON records(number) WHERE state = 'finished' AND NOT delivered;
    CREATE TABLE changes (last INTEGER NOT NULL);
    INSERT INTO changes VALUES (0);
    CREATE TABLE claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE departures (name TEXT NOT NULL, at REAL NOT NULL);
    CREATE INDEX departures_by_time ON departures(name, at);
    """,
)
"""One step from each version of the file to the next; the version is how many were taken. Never change one."""


class SQLiteStore:
    """Records in a SQLite file, safe against being killed and, as far as the disk is, against losing power.

    What is written at the same time is written at once, in one transaction. Each call raises StoreError when the file
    cannot be read or written: no such folder, disk full, locked by another program for 5 s, not a database of ours, or
    one of a newer version. The file must be on a local disk, as SQLite's WAL demands: https://sqlite.org/wal.html
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self._writer = secrets.token_hex(8)
        self._thread = ThreadPoolExecutor(1, "suno_async store")  # one connection, used by one thread
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._change = 0
        self._waiting: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._working = 0
        """What the thread has to do; a clock that tests move stands still meanwhile."""
        self._closed = False

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            if os.path.exists(self.path) and not os.access(self.path, os.W_OK):
                raise StoreError(f"{self.path}: not writable")  # SQLite would open it for reading, and stay so
            db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                _prepare(db)
            except BaseException:
                db.close()
                raise
            self._db = db
            self._file = _identity(self.path)
        elif _identity(self.path) != self._file:  # what is written now would be lost with this process
            self._close()
            raise StoreError(f"{self.path}: was removed or replaced while it was open")
        return self._db

    async def _run(self, work: Callable[[], T]) -> T:
        """In the thread, after what was asked before."""
        if self._closed:
            raise StoreError(f"{self.path}: the store is closed")
        return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        self._working += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as exc:
            raise self._told(exc) from exc
        finally:
            self._working -= 1

    def _told(self, exc: sqlite3.Error) -> StoreError:
        why = "locked by another program" if "locked" in str(exc) else str(exc)
        return StoreError(f"{self.path}: {why}")

    async def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return await self._run(lambda: self._open().execute(query, values).fetchall())

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Take part in the next transaction."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await done

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    results = await self._run(partial(self._commit, [work for work, _ in batch]))
                except Exception as exc:
                    results = [exc] * len(batch)
                except BaseException:
                    for _, done in batch:
                        done.cancel()
                    raise
                for (_, done), result in zip(batch, results, strict=True):
                    if done.done():
                        continue
                    if isinstance(result, Exception):
                        done.set_exception(_again(result))
                    else:
                        done.set_result(result)
        finally:
            self._draining = None

    def _commit(self, batch: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
        """Do it all in one transaction; what goes wrong with a part of it is that part's result."""
        db = self._open()
        db.execute("BEGIN IMMEDIATE")
        try:
            [(before,)] = db.execute("SELECT last FROM changes")
            self._change = before
            results = [_attempt(work, db) for work in batch]
            if self._change != before:
                db.execute("UPDATE changes SET last = ?", (self._change,))
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some errors have rolled back already
                db.execute("ROLLBACK")
            raise
        return results

    # ---- records -------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        def work(db: sqlite3.Connection) -> Record | None:
            if record.key and (held := _one(db, "key = ?", record.key)) is not None and held.ref != record.ref:
                return held
            if owner:
                self._take(db, sending(record.ref), owner, ttl)
            db.execute(_INSERT, _row(record))
            return None

        return await self._write(work)

    async def change(self, step: Step, *, ref: str = "", task_id: str = "") -> Record | None:
        def work(db: sqlite3.Connection) -> Record | None:
            old = _one(db, "ref = ?", ref) if ref else _one(db, "task_id = ? AND task_id != ''", task_id)
            new = None if old is None else step(old)
            if old is None or new is None:
                return None
            self._change += 1
            changed = [name for name in FIELDS if getattr(new, name) != getattr(old, name)]
            row = dict(zip(FIELDS, _row(new), strict=True))
            sets = ", ".join(f'"{name}" = ?' for name in changed)
            db.execute(
                f"UPDATE records SET {sets}, change = ?, writer = ? WHERE ref = ?",
                (*(row[name] for name in changed), self._change, self._writer, old.ref),
            )
            return new

        return await self._write(work)

    async def remove(self, ref: str) -> None:
        await self._write(lambda db: db.execute("DELETE FROM records WHERE ref = ?", (ref,)))

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        name, value = ("ref", ref) if ref else ("task_id", task_id) if task_id else ("key", key)
        return await self._run(lambda: _one(self._open(), f"{name} = ? AND {name} != ''", value))

    async def unfinished(self) -> AsyncGenerator[Record]:
        async for record in self._pages(_OPEN):
            yield record

    async def finished(self, since: float = 0.0) -> AsyncGenerator[Record]:
        async for record in self._pages("state = 'finished' AND NOT delivered AND updated >= ?", since):
            yield record

    async def _pages(self, condition: str, *values: object) -> AsyncGenerator[Record]:
        last = 0
        query = f"SELECT number, {_COLUMNS} FROM records WHERE {condition} AND number > ? ORDER BY number LIMIT {PAGE}"
        while rows := await self._read(query, *values, last):
            for number, *row in rows:
                last = number
                if (record := _readable(row)) is not None:
                    yield record

    # ---- other processes -----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncGenerator[Record | None]:
        query = f"SELECT change, {_COLUMNS} FROM records WHERE change > ? AND writer != ? ORDER BY change LIMIT {PAGE}"
        while True:
            try:
                [(version,)] = await self._read("PRAGMA data_version")
                [(last,)] = await self._read("SELECT last FROM changes")
                yield None
                while True:
                    await asyncio.sleep(LOOK_EVERY)
                    [(seen,)] = await self._read("PRAGMA data_version")  # moves when others write
                    if seen == version:
                        continue
                    [(newest,)] = await self._read("SELECT last FROM changes")
                    while rows := await self._read(query, last, self._writer):
                        for number, *row in rows:
                            last = number
                            if (record := _readable(row)) is not None:
                                yield record
                    version, last = seen, max(last, newest)
            except StoreError:
                if self._closed:
                    raise
                await asyncio.sleep(1)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        return await self._write(lambda db: self._take(db, name, owner, ttl))

    def _take(self, db: sqlite3.Connection, name: str, owner: str, ttl: float) -> bool:
        now = self._clock()
        taken = db.execute(
            "INSERT INTO claims VALUES (?1, ?2, ?3) ON CONFLICT(name) DO UPDATE SET owner = ?2, until = ?3"
            " WHERE owner = ?2 OR until <= ?4",
            (name, owner, now + ttl, now),
        ).rowcount
        if random.randrange(100) == 0:
            db.execute("DELETE FROM claims WHERE until <= ?", (now,))
        return taken > 0

    async def reserve(self, name: str, rate: Rate) -> float:
        def work(db: sqlite3.Connection) -> float:
            now = self._clock()
            # Those of the future are of a clock that was set back since.
            past = now - rate.seconds
            db.execute("DELETE FROM departures WHERE name = ? AND (at <= ? OR at > ?)", (name, past, now))
            [(count, first)] = db.execute("SELECT count(*), min(at) FROM departures WHERE name = ?", (name,))
            if count >= rate.calls:
                return max(float(first) + rate.seconds - now, SHORTEST)
            db.execute("INSERT INTO departures VALUES (?, ?)", (name, now))
            return 0.0

        return await self._write(work)

    # ---- the end -------------------------------------------------------------------------------------------------

    async def prune(self, before: float) -> int:
        query = f"DELETE FROM records WHERE NOT ({_OPEN}) AND updated < ?"
        return await self._write(lambda db: db.execute(query, (before,)).rowcount)

    async def aclose(self) -> None:
        """Write what is waiting, and close the file."""
        while self._draining is not None:
            await asyncio.wait([self._draining])
        if not self._closed:
            self._closed = True
            await self._in_thread(self._close)
            self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    async def __aenter__(self) -> "SQLiteStore":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<SQLiteStore {self.path}>"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _attempt(work: Callable[[sqlite3.Connection], Any], db: sqlite3.Connection) -> Any:
    try:
        return work(db)
    except sqlite3.IntegrityError as exc:
        return exc
    except sqlite3.Error:
        raise  # the file's trouble, so everybody's
    except Exception as exc:
        return exc


def _again(exc: Exception) -> Exception:
    """An error of its own for each who waits: a traceback grows by those who catch it."""
    return type(exc)(*exc.args) if isinstance(exc, StoreError) else exc


def _prepare(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make the file ours, or see that it is, and bring it to our version."""
    db.execute("BEGIN")  # another process may be making it ours at this moment
    [(tables,)] = db.execute("SELECT count(*) FROM sqlite_master")
    [(version,)] = db.execute("PRAGMA user_version")
    [(application,)] = db.execute("PRAGMA application_id")
    db.execute("COMMIT")
    if application != APPLICATION and (tables or application):
        raise StoreError(f"{_file(db)}: a database of another program")
    _check_version(db, version, len(migrations))
    _use_wal(db)
    db.execute("PRAGMA synchronous = FULL")  # what is paid for should outlive a power cut
    if version == len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        [(version,)] = db.execute("PRAGMA user_version")  # another process may have been faster
        _check_version(db, version, len(migrations))
        for migration in migrations[version:]:
            for statement in migration.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {len(migrations)}")
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _check_version(db: sqlite3.Connection, version: int, known: int) -> None:
    if version > known:
        raise StoreError(f"{_file(db)}: of version {version}, and this suno_async knows up to {known}: upgrade it")


def _use_wal(db: sqlite3.Connection) -> None:
    """Readers and the writer need not wait for each other then. The change itself does not wait, so we do."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _file(db: sqlite3.Connection) -> str:
    [(_, _, path)] = db.execute("PRAGMA database_list")
    return str(path)


def _one(db: sqlite3.Connection, condition: str, value: str) -> Record | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM records WHERE {condition} ORDER BY number LIMIT 1", (value,)).fetchone()
    return None if row is None else _record(row)


def _row(record: Record) -> list[Any]:
    """A record as SQLite takes it."""
    row = list(msgspec.structs.astuple(record))
    row[_CONTEXT] = msgspec.json.encode(record.context).decode()
    return row


def _readable(row: Sequence[Any]) -> Record | None:
    """A record among others, which it must not hide."""
    try:
        return _record(row)
    except Damaged as exc:
        log.error("%s", exc)
        return None


def _record(row: Sequence[Any]) -> Record:
    values = dict(zip(FIELDS, row, strict=True))
    try:
        values["context"] = msgspec.json.decode(values["context"])
        return msgspec.convert(values, Record, strict=False)
    except (*UNREADABLE, TypeError) as exc:
        raise Damaged(f"record {values['ref']!r} is damaged: {exc}") from exc


_CONTEXT = FIELDS.index("context")
