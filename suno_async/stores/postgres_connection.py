"""A connection to PostgreSQL, used by one thread: opened, its schema made ours, and written in transactions."""

import json
import math
import random
import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.conninfo import conninfo_to_dict

from ..errors import StoreError
from ..log import log
from .postgres_schema import MIGRATIONS, Statements

__all__ = ["Ask", "Connection", "PostgresConnection", "PostgresSettings", "told"]

T = TypeVar("T")

PAUSES = (0.05, 0.2)
"""Seconds before each further attempt after a connection was lost."""
DEFAULTS: Mapping[str, Any] = {
    "application_name": "suno_async",
    "target_session_attrs": "primary",  # a standby lags, and a key that it does not know would be paid again
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""What counts unless the address says otherwise."""


class Ask(NamedTuple):
    """One statement."""

    query: str
    values: Mapping[str, Any]
    writes: str = ""
    """What it locks; the statements of a transaction are sorted by it, against deadlocks. Empty: it only reads."""

    @property
    def alone(self) -> bool:
        """Whether PostgreSQL does it in no transaction."""
        return self.query.startswith("VACUUM")


class PostgresSettings:
    """What the connections of a store have in common."""

    def __init__(self, url: str, name: str, timeout: float) -> None:
        self.timeout = timeout
        self.name = name
        self.schema = f'"{name}"'
        given = {"connect_timeout": max(2, math.ceil(timeout)), **DEFAULTS, **conninfo_to_dict(url)}
        self._given: dict[str, Any] = given | {"client_encoding": "utf8"}

    def connect(self) -> "Connection":
        """Return a connection that keeps no prepared statements, which a pooler could not give back."""
        return Connection.connect("", autocommit=True, prepare_threshold=None, **self._given)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One that is given up when time is over, since a server that hangs answers nothing, not even a request to stop."""

    until = math.inf
    """When it is given up, by `time.monotonic`."""

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **named: Any) -> T:
        """Wait for libpq, as psycopg does for everything."""
        return super().wait(self._in_time(gen), *args, **named)

    def _in_time(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted  # nothing is, every 0.1 seconds
                if not ready and time.monotonic() > self.until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("no answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator of psycopg returns


class PostgresConnection:
    """The connection that a process reads and writes by: what reads in one round trip, what writes in one transaction.

    Every transaction has a number, which it writes down. So if the answer to a COMMIT is lost, a new connection tells
    whether it was done, and nothing is done twice.
    """

    # State, all of it: the connection, until when an answer is waited for, and the number of the last transaction.

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._say = Statements(settings.schema)
        self._connection: Connection | None = None
        self._until = math.inf
        self._writer = secrets.token_hex(8)
        self._number = 0

    # ---- opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> Connection:
        if self._connection is None:
            db = self._settings.connect()
            try:
                db.until = self._until
                self._prepare(db)
            except BaseException:
                db.close()  # or it would be used without being checked
                raise
            self._connection = db
        self._connection.until = self._until
        return self._connection

    def _prepare(self, db: Connection) -> None:
        """Check each new connection: it may be to another server than the one before."""
        if (encoding := db.info.parameter_status("server_encoding")) not in ("UTF8", None):
            raise StoreError(f"postgres: the database is in {encoding}; it must be in UTF8")
        if self._version(db) == len(MIGRATIONS):
            return
        schema = self._settings.schema
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{schema} schema"])
            version = self._version(db)  # another process may have been faster
            if version is None:
                if not self._there(db)[0]:
                    db.execute(_sql(f"CREATE SCHEMA {schema}"))  # only if there is none: it may be forbidden
                db.execute(_sql(f"CREATE TABLE {schema}.schema_version (version bigint NOT NULL)"))
                db.execute(_sql(f"INSERT INTO {schema}.schema_version VALUES (0)"))
            for migration in MIGRATIONS[version or 0 :]:
                db.execute(_sql(migration.format(schema=schema)))
            db.execute(_sql(f"UPDATE {schema}.schema_version SET version = %s"), [len(MIGRATIONS)])
        if db.execute("SHOW fsync").fetchone() == ("off",):
            log.info("postgres does not flush to disk: what it has not written is lost with its machine")

    def _version(self, db: Connection) -> int | None:
        """Return the version of the schema; None if there is none of ours."""
        if not self._there(db)[1]:
            return None
        [(version,)] = db.execute(_sql(f"SELECT max(version)::bigint FROM {self._settings.schema}.schema_version"))
        if version is None or version > len(MIGRATIONS):
            raise StoreError(
                f"postgres: its records are of version {version}, and this suno_async knows up to {len(MIGRATIONS)}:"
                " upgrade it"
            )
        return int(version)

    def _there(self, db: Connection) -> tuple[bool, bool]:
        """Return whether there are the schema and its version, by rows: what the server has cached may be old."""
        [found] = db.execute(
            "SELECT count(n.oid) > 0, count(c.oid) > 0 FROM pg_namespace AS n LEFT JOIN pg_class AS c"
            " ON c.relnamespace = n.oid AND c.relname = 'schema_version' WHERE n.nspname = %s",
            [self._settings.name],
        )
        return found[0], found[1]

    def close(self) -> None:
        """Close the connection; the next batch opens another one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    # ---- batches -----------------------------------------------------------------------------------------------------

    def run(self, batch: Sequence[Ask]) -> list[Any]:
        """Do what reads, and then what writes in one transaction."""
        results: list[Any] = [None] * len(batch)
        for writes, run in ((False, self._read), (True, self._write)):
            numbers = [number for number, ask in enumerate(batch) if bool(ask.writes) is writes]
            numbers.sort(key=lambda number: batch[number].writes)
            if numbers:
                for number, result in zip(numbers, self._do(run, [batch[one] for one in numbers]), strict=True):
                    results[number] = result
        return results

    def _do(self, run: Callable[[Sequence[Ask]], list[Any]], batch: Sequence[Ask]) -> list[Any]:
        """Do a batch, again if its connection was lost, and each part by itself if one has spoilt it for the others."""
        self._until = time.monotonic() + self._settings.timeout
        pauses = iter(PAUSES)
        while True:
            try:
                return run(batch)
            except Exception as exc:  # each kind is judged below, and what cannot be tried again is raised
                failed = exc
            if isinstance(failed, errors.QueryCanceled) and self._end_dead_transactions():
                self._until = time.monotonic() + self._settings.timeout
            elif self._connection is None or self._connection.closed or _is_lost(failed):
                self.close()
            elif not isinstance(failed, (_NotCommitted, errors.DeadlockDetected, errors.SerializationFailure)):
                break
            pause = math.inf if isinstance(failed, StoreError) else next(pauses, math.inf)
            if time.monotonic() + pause > self._until:
                break
            time.sleep(pause)
        if len(batch) > 1 and _is_of_one(failed):
            return [result for ask in batch for result in self._do(run, [ask])]
        return [told(failed) for _ in batch]

    def _read(self, batch: Sequence[Ask]) -> list[Any]:
        db = self._open()
        with db.pipeline():
            asked = [_execute(db, ask) for ask in batch if not ask.alone]
        rows = map(_rows, asked)
        return [_rows(_execute(db, ask)) if ask.alone else next(rows) for ask in batch]

    def _write(self, batch: Sequence[Ask]) -> list[Any]:
        db = self._open()
        self._number += 1
        try:
            with db.pipeline():
                db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                # What is written must outlive the server. It gives up a little before we do.
                db.execute(
                    "SELECT set_config('statement_timeout', %s, true), set_config('synchronous_commit',"
                    " replace(current_setting('synchronous_commit'), 'off', 'on'), true)",
                    [f"{math.ceil(self._settings.timeout * 900)}ms"],
                )
                db.execute(_sql(self._say.commits), {"writer": self._writer, "committed": self._number})
                asked = [_execute(db, ask) for ask in batch]
                if random.randrange(100) == 0:
                    for query in self._say.clean:
                        db.execute(_sql(query))
            results = [_rows(cursor) for cursor in asked]
        except BaseException:  # whatever it is, nothing of the batch may stay
            with suppress(psycopg.Error):
                db.execute("ROLLBACK")
            raise
        self._commit(db)
        return results

    def _commit(self, db: Connection) -> None:
        try:
            if db.execute("COMMIT").statusmessage != "COMMIT":
                raise StoreError("postgres: the transaction was not committed")
        except psycopg.Error as exc:
            if not (db.closed or _is_lost(exc)):
                raise  # the server has refused it
            self.close()
            if not self._was_committed(exc):
                raise _NotCommitted(*exc.args) from exc

    def _end_dead_transactions(self) -> bool:
        """End what other processes have begun and left, as when their machines are asleep, since it keeps locks.

        No `idle_in_transaction_session_timeout` would: psycopg ends a pipeline by a message that stops that clock. A
        process that is alive after all finds its connection lost, and does the same again.
        """
        with suppress(psycopg.Error):
            values = {"seconds": self._settings.timeout / 2, "schema": self._settings.schema}
            return bool(self._open().execute(_sql(self._say.end_dead), values).fetchall())
        return False

    def _was_committed(self, lost: Exception) -> bool:
        """Return whether the last transaction was done, of which the answer was lost."""
        self._until = time.monotonic() + self._settings.timeout
        exc = lost
        for pause in (*PAUSES, 0.5, 1):
            try:
                found = self._open().execute(_sql(self._say.last_commit), {"writer": self._writer}).fetchone()
                return found == (self._number,)
            except psycopg.Error as failed:
                exc = failed
                self.close()
            if time.monotonic() + pause > self._until:
                break
            time.sleep(pause)
        raise StoreError(f"postgres: whether this was written is not known: {_first_line(exc)}") from lost


# ---- statements ------------------------------------------------------------------------------------------------------


def _sql(query: str) -> bytes:
    return query.encode()  # psycopg's types take no text that was put together


def _execute(db: Connection, ask: Ask) -> psycopg.Cursor[tuple[Any, ...]]:
    values = {name: _stored(value) if isinstance(value, str) else value for name, value in ask.values.items()}
    return db.execute(_sql(ask.query), values, binary=True)


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if cursor.description is None:
        return []
    return [tuple([_told_text(one) if isinstance(one, str) else one for one in row]) for row in cursor.fetchall()]


MARK = "\x01"
"""Before a text that is kept as JSON."""


def _stored(text: str) -> str:
    """Return a text as PostgreSQL can keep it, which takes no NUL."""
    return MARK + json.dumps(text) if "\0" in text or text.startswith(MARK) else text


def _told_text(stored: str) -> str:
    if not stored.startswith(MARK):
        return stored
    with suppress(ValueError):
        return str(json.loads(stored[1:]))
    return stored


# ---- errors ----------------------------------------------------------------------------------------------------------


class _NotCommitted(psycopg.OperationalError):
    """A connection was lost, and it is known that its transaction was not done."""


def _is_lost(exc: Exception) -> bool:
    """Whether the connection cannot be used any more, or leads to a server that is not the primary any more."""
    if isinstance(exc, (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)):
        return True
    if not isinstance(exc, psycopg.Error):
        return False
    status = exc.pgconn.status if exc.pgconn is not None else pq.ConnStatus.OK
    return status is not pq.ConnStatus.OK or (exc.sqlstate or "").startswith(("57P", "08"))


def _is_of_one(exc: Exception) -> bool:
    """Whether others of the same batch may succeed."""
    if isinstance(exc, errors.ProgramLimitExceeded):
        return True
    return not isinstance(exc, (psycopg.OperationalError, errors.ReadOnlySqlTransaction, StoreError))


def told(exc: Exception) -> StoreError:
    """Return an error for each who waits: a traceback grows by those who catch it."""
    error = StoreError(str(exc) if isinstance(exc, StoreError) else f"postgres: {_first_line(exc)}")
    error.__cause__ = exc
    return error


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
