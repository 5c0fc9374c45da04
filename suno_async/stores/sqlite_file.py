"""A SQLite file of ours: opened, brought to our version, and written in transactions, by one thread."""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .worker import Work

__all__ = ["APPLICATION", "MIGRATIONS", "SQLiteFile", "prepare"]

APPLICATION = 0x53554E4F
"""`application_id` in the file's header: "SUNO"."""
OPEN_RECORDS = "state IN ('sending', 'uncertain', 'running')"
"""As the index has it, word by word: SQLite uses a partial index only then."""

MIGRATIONS: Sequence[str] = (
    f"""
    CREATE TABLE records (
        number INTEGER PRIMARY KEY, account TEXT NOT NULL, ref TEXT NOT NULL, kind TEXT, provider TEXT,
        request_json TEXT, fingerprint TEXT, key TEXT, context TEXT, task_id TEXT, state TEXT, stage INTEGER,
        observed INTEGER, source TEXT, status TEXT, code INTEGER, message TEXT, body BLOB, error TEXT, created REAL,
        updated REAL, delivered INTEGER, erased INTEGER NOT NULL DEFAULT 0, trace TEXT NOT NULL DEFAULT '',
        change INTEGER NOT NULL DEFAULT 0, -- the number of its last change, so that other processes find what is new
        writer TEXT NOT NULL DEFAULT '' -- who made that change
    );
    CREATE UNIQUE INDEX records_by_ref ON records(account, ref);
    CREATE UNIQUE INDEX records_by_key ON records(account, key) WHERE key != '';
    CREATE INDEX records_by_task ON records(account, task_id) WHERE task_id != '';
    CREATE INDEX records_by_change ON records(account, change) WHERE change > 0;
    CREATE INDEX records_open ON records(account, state, number) WHERE {OPEN_RECORDS};
    CREATE INDEX records_undelivered ON records(account, number) WHERE state = 'finished' AND NOT delivered;
    CREATE TABLE changes (last INTEGER NOT NULL);
    INSERT INTO changes VALUES (0);
    CREATE TABLE claims (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL, seconds REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE places (name TEXT NOT NULL, place TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (name, place))
        WITHOUT ROWID;
    CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    """,
)
"""From each version of the file to the next; the version is how many were applied. A published one never changes."""


class SQLiteFile:
    """The file and the one connection to it.

    It opens with the first batch. Once it was open, it must stay the same file: after another one is put in its place,
    or none, every batch fails, also after a fork.
    """

    # State, all of it: the connection, whether its commits wait for the disk, how many connections there were, which
    # file they were opened on, and the number of the last change in a transaction.

    def __init__(self, path: Path, timeout: float, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.path = path
        self._timeout = timeout
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None
        self._flushes = True
        self._identity: tuple[int, int] | None = None
        self._opened = 0
        self._change = 0

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for what runs in a batch."""
        assert self._connection is not None
        return self._connection

    def data_version(self) -> tuple[int, int]:
        """Return a value that is another one after another connection has written; so may a new connection be."""
        [(version,)] = self.connection.execute("PRAGMA data_version")  # compares within one connection only
        return self._opened, version

    def next_change(self) -> int:
        """Return the number of the next change, within a batch that writes."""
        self._change += 1
        return self._change

    def forget_old_pages(self) -> None:
        """Write what was changed into the file and empty the log, which holds older copies of it.

        Freed places in the file are overwritten at once, by `secure_delete`. Another process that reads at this moment
        keeps its part of the log until a later checkpoint.
        """
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._identity is not None and self._identity != _identity(self.path):
            raise StoreError(
                "was removed or replaced while it was open: its records are not there; open the store anew"
            )
        if self._connection is None:
            if os.path.exists(self.path) and not os.access(self.path, os.W_OK):
                raise StoreError("not writable")  # SQLite would open it for reading, and stay so
            db = sqlite3.connect(self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
            try:
                prepare(db, self._migrations, self._timeout)
            except BaseException:
                db.close()
                raise
            self._connection = db
            self._flushes = True
            self._opened += 1
            self._identity = _identity(self.path)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next batch opens the same file again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                connection.close()

    # ---- batches -----------------------------------------------------------------------------------------------------

    def run(self, batch: Sequence[Work]) -> list[Any]:
        """Do what reads, and then what writes in one transaction: none of it waits for another program's lock twice."""
        results: list[Any] = [None] * len(batch)
        for writes, run in ((False, self._read), (True, self._write)):
            numbers = [number for number, work in enumerate(batch) if work.writes is writes]
            if numbers:
                for number, result in zip(numbers, run([batch[number] for number in numbers]), strict=True):
                    results[number] = result
        return results

    def _read(self, batch: Sequence[Work]) -> list[Any]:
        try:
            self._open()
        except Exception as exc:
            return self._all_failed(exc, batch)
        return [self._attempt(work.do) for work in batch]

    def _write(self, batch: Sequence[Work]) -> list[Any]:
        try:
            return self._transaction(batch)
        except sqlite3.Error as exc:
            if len(batch) == 1 or _is_locked(exc):
                return self._all_failed(exc, batch)
        except Exception as exc:
            return self._all_failed(exc, batch)
        return [result for work in batch for result in self._write([work])]  # one may spoil it for the others

    def _transaction(self, batch: Sequence[Work]) -> list[Any]:
        db = self._open()
        self._flush_commits(any(work.lasts for work in batch))
        db.execute("BEGIN IMMEDIATE")
        try:
            [(before,)] = db.execute("SELECT last FROM changes")
            self._change = before
            results = [self._attempt(work.do, reraise=sqlite3.DatabaseError) for work in batch]
            if self._change != before:
                db.execute("UPDATE changes SET last = ?", (self._change,))
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some errors have rolled back already
                db.execute("ROLLBACK")
            raise
        self._open()  # if another file is in its place by now, nobody will find what was written
        return results

    def _flush_commits(self, flush: bool) -> None:
        """Have commits wait for the disk, or not: the log is in order, so the next that does flushes all before it."""
        if flush is not self._flushes:
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
            self._flushes = flush

    def _attempt(self, do: Callable[[Any], Any], reraise: tuple[type[Exception], ...] | type[Exception] = ()) -> Any:
        """Return what comes of it, or the StoreError it fails with; of one that concerns the file, raise it."""
        try:
            return do(self)
        except StoreError as exc:
            return exc
        except (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as exc:
            return self._told(exc)  # what was given can't be written
        except reraise:
            raise
        except Exception as exc:
            return self._told(exc)

    def _all_failed(self, exc: Exception, batch: Sequence[object]) -> list[StoreError]:
        """Return an error for each who waits: a traceback grows by those who catch it."""
        return [self._told(exc) for _ in batch]

    def _told(self, exc: Exception) -> StoreError:
        said = "locked by another program" if isinstance(exc, sqlite3.Error) and _is_locked(exc) else str(exc)
        error = StoreError(said if str(self.path) in said else f"{self.path}: {said}")
        error.__cause__ = exc
        return error


def _is_locked(exc: sqlite3.Error) -> bool:
    return "locked" in str(exc)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


# ---- versions --------------------------------------------------------------------------------------------------------


def prepare(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS, timeout: float = 5.0) -> None:
    """Make a new file ours, or see that it is, and bring it to our version.

    Args:
        db: A connection without an open transaction.
        migrations: How to get from each version to the next.
        timeout: Seconds to wait for another program that has locked the file.

    Raises:
        StoreError: If it is another program's database, or one of a newer version.
        sqlite3.Error: Whatever SQLite says of it.
    """
    db.execute("BEGIN")  # another process may be making it ours at this moment
    [(tables,)] = db.execute("SELECT count(*) FROM sqlite_master")
    [(version,)] = db.execute("PRAGMA user_version")
    [(application,)] = db.execute("PRAGMA application_id")
    db.execute("COMMIT")
    if application != APPLICATION and (tables or application):
        raise StoreError(f"{_path(db)}: a database of another program")
    _check_version(db, version, len(migrations))
    _use_wal(db, timeout)
    db.execute("PRAGMA secure_delete = ON")  # what is erased is not to be found in free pages
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
        raise StoreError(f"{_path(db)}: of version {version}, and this suno_async knows up to {known}: upgrade it")


def _use_wal(db: sqlite3.Connection, timeout: float) -> None:
    """Let readers and the writer not wait for each other. The change itself does not wait for a lock, so we do."""
    until = time.monotonic() + timeout
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if not _is_locked(exc) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _path(db: sqlite3.Connection) -> str:
    [(_, _, path)] = db.execute("PRAGMA database_list")
    return str(path)
