"""Records in PostgreSQL: for any number of processes on many machines, with the guarantees of its transactions."""

import asyncio
import copy
import math
import re
import secrets
import threading
import weakref
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from ..api.limits import Rate
from ..errors import ConfigurationError, StoreError
from ..log import log
from .base import (
    CLOSED,
    DEFAULT_ACCOUNT,
    NOT_A_RECORD,
    OPEN,
    SHORTEST,
    PerProcess,
    Transition,
    Wanted,
    check_account,
    check_erase,
    concerns,
    sending,
)
from .postgres_connection import Ask, PostgresConnection, PostgresSettings
from .postgres_news import Listener, News
from .postgres_schema import Statements
from .record import Record, State
from .rows import FIELDS, readable, record_of, row_of
from .transitions import erased
from .worker import Worker

__all__ = ["PostgresStore"]

PAGE = 200
"""Records read at a time."""
PRUNED = 1000
"""Records removed at a time: a transaction ends in time."""
HELLO = 2.0
"""Seconds in which one's own notification comes, where any does."""
LONGEST_NEWS = 8000
"""Bytes from which PostgreSQL refuses a notification, and with it the change that it tells of."""
RECONNECT = 0.5
"""Seconds until who listens tries again."""


class PostgresStore:
    """Records in a PostgreSQL database, 12 or newer, in UTF8.

    Tables and one function are in a schema of their own, which is made and brought to our version when the store is
    first used; the user needs CREATE on the database for that, or on a schema of this name that exists. An acknowledged
    write is on the server's disk, also where `synchronous_commit` is off. Leases and rate limits count by the server's
    clock. After a failover, what a standby had not received is lost, as with any database: use
    `synchronous_standby_names` if that must not be. The address may name several hosts; the one that is the primary is
    used.

    One thread per process works on one connection, for all event loops; what is written at the same time is written in
    one transaction. A second connection listens for changes while somebody waits. So a process needs two connections,
    and no pool.

    A pooler as pgbouncer may stand in between, also in transaction mode: there are no prepared statements, no settings
    of a session, and no locks that outlast a transaction. But changes are told by LISTEN, which needs a connection to
    the server itself: give its address as `listen`. Without it a warning is logged, and what other processes find is
    seen by polls only.

    Each call raises StoreError when the server cannot be reached, is read-only, has no room, or has tables of a newer
    version. If the answer to a COMMIT is lost, a new connection finds out whether it was done; only if that is
    impossible the error says that it is not known.

    Args:
        url: `postgresql://user:password@host:5432/database?sslmode=require`, with the parameters of libpq
            (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
        name: The schema (default: "suno"): at most 40 small letters, digits and `_`; stores of different names share
            nothing.
        listen: The address for LISTEN, if `url` is that of a pooler in transaction mode (default: `url`).
        timeout: Seconds that a transaction may take, with all its attempts (default: 5).

    Raises:
        ConfigurationError: If an address or the name cannot be used.
    """

    # State, all of it: by process a worker with its connection, the news and a writer's name; whether it is closed, and
    # whether it has warned of notifications that do not come. The parts of all accounts share them.

    def __init__(self, url: str, *, name: str = "suno", listen: str = "", timeout: float = 5.0) -> None:
        if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,39}", name):
            raise ConfigurationError(f"store: name must be a schema of small letters, digits and _, got {name!r}")
        settings = PostgresSettings(_checked(url), name, timeout)
        direct = PostgresSettings(_checked(listen), name, timeout) if listen else settings
        self._account = DEFAULT_ACCOUNT
        self._closed = threading.Event()
        self._warned = threading.Event()
        channel = self._channel = f"{name}_changes"
        self._say = Statements(settings.schema)
        self._writers = PerProcess(lambda: secrets.token_hex(8))
        self._workers = PerProcess(lambda: Worker(PostgresConnection(settings), "suno_async store"))
        self._news = PerProcess(lambda: News(direct, channel))
        weakref.finalize(self._closed, _stop, self._workers)

    def account(self, name: str) -> "PostgresStore":
        part = copy.copy(self)
        part._account = check_account(name)
        return part

    # ---- the thread --------------------------------------------------------------------------------------------------

    async def _do(self, query: str, writes: str = "", **values: Any) -> list[tuple[Any, ...]]:
        if self._closed.is_set():
            raise StoreError(f"postgres: {CLOSED}")
        values["account"] = self._account
        return cast("list[tuple[Any, ...]]", await self._workers.get().do(Ask(query, values, writes)))

    # ---- records -----------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        claim = {"name": self._scoped(sending(record.ref)), "owner": owner, "ttl": float(ttl) if owner else 0.0}
        values, writes = claim | _values(record), f"1 {record.key or record.ref}"
        for _ in range(100):
            if await self._do(self._say.intend, writes, **values):
                return None
            there = await self._do(self._say.holders, ref=record.ref, key=record.key)
            for row in there:
                if row[_REF] != record.ref:
                    return record_of(row)
            if there:
                return None
        raise StoreError(f"postgres: the record {record.ref!r} was inserted and deleted meanwhile, a hundred times")

    async def change(
        self, transition: Transition, *, ref: str = "", task_id: str = "", intended: Record | None = None
    ) -> Record | None:
        new = None if intended is None else transition(intended)
        if intended is not None and new is not None and await self._change(intended, new, 0):
            return new
        while True:
            found = await self._do(self._say.by["ref" if ref else "task_id"], name=ref or task_id)
            if not found:
                return None
            _, version, *row = found[0]
            old = record_of(row)
            new = transition(old)
            if new is None:
                return None
            if await self._change(old, new, version):
                return new

    async def _change(self, old: Record, new: Record, version: int) -> bool:
        """Change a record; return whether it was of this version."""
        values = _values(new)
        changed = [name for name in FIELDS if getattr(new, name) != getattr(old, name)]
        done = await self._do(
            self._say.change(changed),
            f"2 {old.ref}",
            **{name: values[name] for name in changed},
            at_ref=old.ref,
            at_version=version,
            channel=self._channel,
            news=_news(self._writers.get(), self._account, new.ref, new.task_id),
        )
        return bool(done)

    async def remove(self, ref: str) -> None:
        await self._do(self._say.remove, f"3 {ref}", ref=ref)

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        by, name = ("ref", ref) if ref else ("task_id", task_id) if task_id else ("key", key)
        found = await self._do(self._say.by[by], name=name)
        return record_of(found[0][2:]) if found else None

    async def unfinished(self, *states: State) -> AsyncGenerator[Record]:
        open_states = [state for state in OPEN if state in (states or OPEN)]
        if open_states or self._closed.is_set():
            async for record in self._pages(self._say.unfinished([state.value for state in open_states])):
                yield record

    async def finished(
        self, since: float = 0.0, before: float = math.inf, *, delivered: bool = False
    ) -> AsyncGenerator[Record]:
        query = self._say.finished(delivered=delivered)
        async for record in self._pages(query, since=float(since), before=float(before)):
            yield record

    async def _pages(self, query: str, **values: Any) -> AsyncGenerator[Record]:
        last = 0
        while rows := await self._do(query, last=last, page=PAGE, **values):
            for number, _, *row in rows:
                last = number
                if (record := readable(row)) is not None:
                    yield record

    # ---- changes of others -------------------------------------------------------------------------------------------

    async def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
        while True:
            try:
                if self._closed.is_set():
                    raise StoreError(f"postgres: {CLOSED}")
                news = self._news.get()
                listener = news.join()
                try:
                    await self._say_hello(listener)
                    yield None
                    while True:
                        refs = await self._refs(listener, wanted)
                        for row in await self._do(self._say.changed, refs=refs) if refs else ():
                            if (record := readable(row)) is not None:
                                yield record
                finally:
                    news.leave(listener)
            except StoreError:
                if self._closed.is_set():
                    raise StoreError(f"postgres: {CLOSED}") from None
                await asyncio.sleep(RECONNECT)

    async def _say_hello(self, listener: Listener) -> None:
        """Wait until a notification of one's own has come: through some poolers none ever does."""
        await _next(listener)
        hello = f"hello {secrets.token_hex(8)}"
        await self._do(self._say.notify, "9", channel=self._channel, news=hello)
        try:
            async with asyncio.timeout(HELLO):
                while await _next(listener) != hello:
                    continue  # who listens is told of it from now on
        except TimeoutError:
            if not self._warned.is_set():
                self._warned.set()
                log.warning(
                    "postgres: notifications do not come through at this address, as with a pooler in transaction mode:"
                    " give PostgresStore(listen=) the address of the server itself"
                )
            raise StoreError("postgres: notifications do not come through") from None

    async def _refs(self, listener: Listener, wanted: Wanted | None) -> list[str]:
        """Wait for changes, and return the refs of all that have come and are wanted."""
        refs: dict[str, None] = {}
        said = [await _next(listener)]
        while not listener.heard.empty():
            said.append(await _next(listener))
        for one in said:
            by, account, ref, task_id = _told(one)
            if by != self._writers.get() and account == self._account and (wanted is None or wanted(ref, task_id)):
                refs[ref] = None
        return list(refs)

    # ---- claims and places -------------------------------------------------------------------------------------------

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        query, name = self._say.claim if ttl > 0 else self._say.give_up, self._scoped(name)
        return bool(await self._do(query, f"4 {name}", name=name, owner=owner, ttl=float(ttl)))

    def _scoped(self, name: str) -> str:
        """The name of a claim, window or note as the tables have it."""
        return f"{self._account} {name}"

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        name = self._scoped(name)
        waits = await self._do(
            self._say.reserve,
            f"5 {name}",
            name=name,
            places=list(places),
            calls=rate.calls,
            seconds=float(rate.seconds),
        )
        return [0.0 if wait is None else max(wait, SHORTEST) for (wait,) in waits]

    async def release(self, name: str, place: str) -> None:
        name = self._scoped(name)
        await self._do(self._say.release, f"5 {name}", name=name, place=place)

    # ---- notes -------------------------------------------------------------------------------------------------------

    async def note(self, name: str, text: str) -> None:
        name = self._scoped(name)
        await self._do(self._say.note, f"7 {name}", name=name, text=text)

    async def noted(self, name: str) -> str:
        found = await self._do(self._say.noted, name=self._scoped(name))
        return str(found[0][0]) if found else ""

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def prune(self, before: float, *, undelivered: bool = True) -> int:
        count = 0
        while True:
            [(found,)] = await self._do(
                self._say.prune, "6", before=float(before), undelivered=undelivered, page=PRUNED
            )
            pruned = int(found)
            count += pruned
            if pruned < PRUNED:
                return count

    async def erase(self, *, ref: str = "", context: Any = None) -> int:
        """As the protocol says. Old rows are removed by VACUUM; what WAL, standbys and backups keep is not ours."""
        check_erase(ref, context)
        refs = [ref] if ref else [one async for one in self._with_context(context)]
        count = sum([await self.change(erased, ref=one) is not None for one in refs])
        try:
            await self._do(self._say.vacuum)
        except StoreError as exc:
            if self._closed.is_set():
                raise
            log.info("old rows of what was erased stay until the next VACUUM: %s", exc)
        return count

    async def _with_context(self, wanted: Any) -> AsyncGenerator[str]:
        last = 0
        while rows := await self._do(self._say.contexts, last=last, page=PAGE):
            for number, ref, context in rows:
                last = number
                with suppress(*NOT_A_RECORD):
                    if concerns(msgspec.json.decode(context), wanted):
                        yield ref

    async def aclose(self) -> None:
        """Finish what is under way and close the connections."""
        if not self._closed.is_set():
            self._closed.set()
            for news in self._news.made():
                news.end(f"postgres: {CLOSED}")
            await self._workers.get().aclose()

    async def __aenter__(self) -> "PostgresStore":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return "<PostgresStore>"  # its address may hold a password


_REF = FIELDS.index("ref")


def _values(record: Record) -> dict[str, Any]:
    try:
        return dict(zip(FIELDS, row_of(record), strict=True))
    except NOT_A_RECORD as exc:
        raise StoreError(f"postgres: record {record.ref!r} cannot be kept: {exc}") from exc


def _news(*names: str) -> str:
    """Return the notification of a change: who made it, in which account, and the record's ref and task id."""
    try:
        news = msgspec.json.encode(names)
    except UnicodeEncodeError as exc:
        raise StoreError(f"postgres: {exc}") from exc
    *others, task_id = names
    return _news(*others, "") if task_id and len(news) >= LONGEST_NEWS else news.decode()


def _told(news: str) -> tuple[str, str, str, str]:
    """Return what a notification says; the first is empty if it is another's."""
    try:
        return _NEWS.decode(news)
    except msgspec.MsgspecError:
        return "", "", "", ""


_NEWS = msgspec.json.Decoder(tuple[str, str, str, str])


async def _next(listener: Listener) -> str:
    said = await listener.heard.get()
    if isinstance(said, StoreError):
        raise said
    return said


def _checked(url: str) -> str:
    """Return an address that libpq can read; another one is not shown, since it may hold a password anywhere."""
    url = url.strip()
    if url.startswith(("postgresql://", "postgres://")) and "\0" not in url:
        with suppress(psycopg.Error, UnicodeError):
            conninfo_to_dict(url)
            return url
    raise ConfigurationError("store: not an address of PostgreSQL, postgresql://user:password@host:port/database?…")


def _stop(workers: PerProcess[Worker]) -> None:
    """Nobody can use the store any more."""
    for worker in workers.made():
        worker.stop()
