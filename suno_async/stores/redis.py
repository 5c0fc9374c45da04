"""Records in Redis: for any number of processes on many machines.

    {suno}:record:<ref>     hash    `record`, as JSON without what is as it is by default, its `body`, and `version`,
                                    "0" at first and anew with every change; its `key`, too, to let it go if the JSON
                                    is damaged
    {suno}:key:<key>        string  the ref that holds an idempotency key
    {suno}:task:<task_id>   string  the ref of a task
    {suno}:sending, {suno}:uncertain, {suno}:running
                            zsets   refs in that state, by `created`
    {suno}:undelivered      zset    refs that are finished and not delivered, by `updated`
    {suno}:ended            zset    refs that are finished or dismissed, by `updated`
    {suno}:changes          stream  refs and task ids of records that were changed, and who changed them
    {suno}:claim:<name>     hash    who has claimed a name, and for how many milliseconds, until it expires
    {suno}:window:<name>    zset    the places of a sliding window, by Redis's clock
    {suno}:note:<name>      string  a text
    {suno}:schema           string  the version of all this
    {suno}:account:<name>:… the same for another account than "default", but for the schema

The state is always in the hashes; the stream only wakes those who wait. The braces keep it all on one node of a
cluster.
"""

import asyncio
import copy
import itertools
import math
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace
from redis.exceptions import ResponseError

from ..api.limits import Rate
from ..errors import StoreError
from ..log import log
from .base import (
    CLOSED,
    DEFAULT_ACCOUNT,
    NOT_A_RECORD,
    OPEN,
    SHORTEST,
    Damaged,
    PerProcess,
    Transition,
    Wanted,
    check_account,
    check_erase,
    concerns,
    sending,
)
from .record import Record, State
from .redis_client import RedisClient, RedisSettings
from .redis_pipeline import packed
from .redis_scripts import CLAIM, PUT, REMOVE, RESERVE
from .transitions import erased

__all__ = ["RedisStore"]

BLOCK = 2.0
"""Seconds for which one read of the stream waits."""
GATHER = 0.02
"""Seconds from one read of the stream to the next: to wake a process costs more than to tell it of many changes."""
CHANGES = 10_000
"""How many entries the stream keeps, about. More than a page: who finds less than one to read has missed none."""
PAGE = 200
"""Records read at a time."""
FIELDS = ("version", "record", "body")
INTENDED = "0"
"""The version of a record that nobody has changed since it was kept."""
SETS = (*(state.value for state in OPEN), "undelivered", "ended")
DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Record) if field.name != "body"}

_ENCODER, _RECORD = msgspec.json.Encoder(), msgspec.json.Decoder(Record)


class RedisStore:
    """Records in a Redis server, 6.2 or newer.

    The server must keep what it is given. Its `maxmemory-policy` must be `noeviction`: with `allkeys-…` it may evict
    records, and a key is paid twice; that is refused with ConfigurationError before anything is sent. With
    `volatile-…` it may evict claims and places of the rate limit, which is logged once as a warning. The policy is
    read for each submission, by CONFIG GET, or INFO where CONFIG is forbidden. How much
    survives the server's own end is for its configuration to say: with `appendonly yes` nearly all, without it what it
    saved last.

    In a cluster, which needs redis-py 6 or newer, calls wait while the slot of the keys is being moved to another node.

    Each event loop has connections of its own, which are closed when `asyncio.run` ends; a forked child makes its own.

    Args:
        url: `redis://[user:password@]host:6379/0`, `rediss://…` or `unix://…`, with the options of redis-py.
        name: The prefix of all keys (default: "suno"); stores of different names share nothing.
        timeout: Seconds that a command may take, with all its attempts (default: 5).

    Raises:
        ValueError: If the address cannot be read.
    """

    # State, all of it: the clients by loop and a writer's name per process, how many versions were made, and the
    # settings that say whether it is closed. The parts of all accounts share them.

    def __init__(self, url: str, *, name: str = "suno", timeout: float = 5.0) -> None:
        self._name = f"{{{name}}}"
        self._settings = RedisSettings(url.strip(), timeout, f"{self._name}:schema")
        RedisClient(self._settings)  # reads the address
        self._use(DEFAULT_ACCOUNT)
        self._writers = PerProcess(lambda: secrets.token_hex(8))
        self._numbers = itertools.count()
        self._clients: PerProcess[dict[asyncio.AbstractEventLoop, RedisClient]] = PerProcess(dict)

    def _use(self, account: str) -> None:
        self._prefix = self._name if account == DEFAULT_ACCOUNT else f"{self._name}:account:{account}"

    def account(self, name: str) -> "RedisStore":
        part = copy.copy(self)
        part._use(check_account(name))
        return part

    def _at(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    async def _client(self) -> RedisClient:
        if self._settings.closed:
            raise StoreError(f"redis: {CLOSED}")
        loop, clients = asyncio.get_running_loop(), self._clients.get()
        client = clients.get(loop)
        if client is None:
            for old in [one for one in list(clients) if one.is_closed()]:
                clients.pop(old, None)
            client = clients[loop] = RedisClient(self._settings)
            await client.open()
        return client

    # ---- records -----------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        client, holder = await self._client(), ""
        await client.check_policy()
        for _ in range(100):
            done, holder = await self._put(None, record, "*", INTENDED, owner, ttl)
            if done != 2:
                return None
            held = await self._record(holder)
            if held is not None and held.key == record.key:
                return held
            await asyncio.sleep(0.01)  # it was let go meanwhile
        raise StoreError(
            f"redis: the record {holder} of the key {record.key!r} is lost, and with it whether it was paid"
        )

    async def change(
        self, transition: Transition, *, ref: str = "", task_id: str = "", intended: Record | None = None
    ) -> Record | None:
        new = None if intended is None else transition(intended)
        if intended is not None and new is not None and await self._change(intended, new, INTENDED):
            return new
        ref = ref or await self._ref_of("task", task_id)
        while True:
            fields = await self._fields(ref)
            old = _record(ref, fields)
            new = None if old is None else transition(old)
            if old is None or new is None:
                return None
            if await self._change(old, new, fields[0]):
                return new

    async def _change(self, old: Record, new: Record, version: str | bytes) -> bool:
        """Change a record; return whether it was of this version."""
        done, holder = await self._put(old, new, version, f"{self._writers.get()} {next(self._numbers)}")
        if done == 2:
            raise StoreError(f"redis: the key {new.key!r} is held by the record {holder}")
        return done == 1

    async def _put(
        self, old: Record | None, new: Record, at: str | bytes, version: str, owner: str = "", ttl: float = 0.0
    ) -> tuple[int, str]:
        try:
            kept = _json(new)
        except NOT_A_RECORD as exc:
            raise StoreError(f"redis: record {new.ref!r} cannot be kept: {exc}") from exc
        record, enters = self._at("record", new.ref), _sets(new)
        leaves = [] if old is None else [one for one in _sets(old) if one not in enters]
        names = [
            *(record, self._at("changes"), self._at("claim", sending(new.ref))),
            *(self._of("key", old.key if old else "", record), self._of("key", new.key, record)),
            *(self._of("task", old.task_id if old else "", record), self._of("task", new.task_id, record)),
            *map(self._at, leaves),
            *map(self._at, enters),
        ]
        arguments = [
            *(at, version, new.ref, new.task_id, repr(new.created if new.state.open else new.updated)),
            *(len(leaves), self._writers.get(), CHANGES, owner, _milliseconds(ttl), "record", kept),
        ]
        if new.body != (b"" if old is None else old.body):
            arguments += "body", new.body
        if new.key != (old.key if old else ""):
            arguments += "key", new.key
        client = await self._client()
        with _damage(new.ref):
            done, holder = await client.run(PUT, names, arguments)
        return int(done), holder.decode(errors="replace")

    def _of(self, index: str, name: str, nothing: str) -> str:
        return self._at(index, name) if name else nothing

    async def remove(self, ref: str) -> None:
        await self._remove(ref)

    async def _remove(self, ref: str, before: str = "", *, undelivered: bool = True) -> bool:
        client, record, key, task_id = await self._client(), self._at("record", ref), "", ""
        with suppress(Damaged), _damage(ref):  # it is forgotten all the same
            *fields, held = await client.send("HMGET", record, *FIELDS, "key")
            key = (held or b"").decode(errors="replace")
            if (found := _record(ref, fields)) is not None:
                task_id = found.task_id
        names = [record, *map(self._at, SETS), self._of("key", key, record), self._of("task", task_id, record)]
        return bool(await client.run(REMOVE, names, [ref, before, int(undelivered)]))

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        if not ref:
            ref = await (self._ref_of("task", task_id) if task_id else self._ref_of("key", key))
        return await self._record(ref)

    async def _ref_of(self, index: str, name: str) -> str:
        client = await self._client()
        found = await client.send("GET", self._at(index, name)) if name else None
        return "" if found is None else found.decode(errors="replace")

    async def _record(self, ref: str) -> Record | None:
        return _record(ref, await self._fields(ref))

    async def _fields(self, ref: str) -> list[Any]:
        client = await self._client()
        if not ref:
            return [None] * len(FIELDS)
        with _damage(ref):
            fields: list[Any] = await client.send("HMGET", self._at("record", ref), *FIELDS)
        return fields

    # ---- listings ----------------------------------------------------------------------------------------------------

    async def unfinished(self, *states: State) -> AsyncGenerator[Record]:
        open_states = [state for state in OPEN if state in (states or OPEN)]
        async for record in self._pages([state.value for state in open_states], "-inf"):
            if record.state in open_states:
                yield record

    async def finished(
        self, since: float = 0.0, before: float = math.inf, *, delivered: bool = False
    ) -> AsyncGenerator[Record]:
        async for record in self._pages(["ended" if delivered else "undelivered"], repr(since), f"({before!r}"):
            if record.state is State.FINISHED and (delivered or not record.delivered):
                yield record

    async def _pages(self, sets: Iterable[str], since: str, until: str = "+inf") -> AsyncGenerator[Record]:
        """Yield the records of sets by their times; those of the moment in which a page ends may fill the next, too."""
        names = [self._at(one) for one in sets]
        done: set[bytes] = set()
        while names:
            client = await self._client()
            found = await client.do(partial(self._page, names, since, until, PAGE + len(done)))
            fresh = [ref for ref, _ in found if ref not in done]
            if not fresh:
                return
            for record in await self._all(fresh):
                yield record
            last = found[-1][1]
            done = {ref for ref, score in found if score == last}
            since = repr(last)

    async def _page(
        self, names: Iterable[str], since: str, until: str, size: int, redis: Any
    ) -> list[tuple[bytes, float]]:
        """Read the next refs of all sets in one step, so that one which moves between them is not missed."""
        pipeline = redis.pipeline(transaction=True)
        for name in names:
            pipeline.zrange(name, since, until, byscore=True, offset=0, num=size, withscores=True)
        found = [(ref, float(score)) for part in await pipeline.execute() for ref, score in part]
        return sorted(found, key=lambda one: (one[1], one[0]))[:size]

    async def _all(self, refs: Iterable[bytes]) -> list[Record]:
        """Read records; one that is damaged is logged and does not hide the others."""
        client, names = await self._client(), [ref.decode(errors="replace") for ref in refs]
        answers = await client.send_all([packed("HMGET", self._at("record", ref), *FIELDS) for ref in names])
        found: list[Record] = []
        for ref, fields in zip(names, answers, strict=True):
            try:
                with _damage(ref):
                    if isinstance(fields, StoreError):
                        raise fields
                    record = _record(ref, fields)
            except Damaged as exc:
                log.error("%s", exc)
                continue
            if record is not None:
                found.append(record)
        return found

    async def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
        name = self._at("changes")
        while True:
            try:
                client = await self._client()
                newest = await client.send("XREVRANGE", name, "+", "-", "COUNT", 1)
                last = newest[0][0] if newest else b"0"
                yield None
                while True:
                    read, many = await client.listen(partial(_news, name, last)), False
                    for entries in _entries(read):
                        before, last, many = last, entries[-1][0], len(entries) == PAGE
                        if many and await self._lost_after(before):
                            yield None
                        changed = self._changed((entry for _, entry in entries), wanted)
                        for record in await self._all(changed) if changed else ():
                            yield record
                    if not many:  # or the stream may lose what was not read yet
                        await asyncio.sleep(GATHER)
            except StoreError:
                if self._settings.closed:
                    raise StoreError(f"redis: {CLOSED}") from None
                await asyncio.sleep(0.5)

    async def _lost_after(self, read: bytes) -> bool:
        """Return whether the stream may have lost entries after one that was read."""
        client = await self._client()
        oldest = await client.send("XRANGE", self._at("changes"), "-", "+", "COUNT", 1)
        return not oldest or _place(oldest[0][0]) > _place(read)

    def _changed(self, entries: Iterable[Mapping[bytes, bytes]], wanted: Wanted | None) -> list[bytes]:
        """Return the refs in entries of the stream that are of others and wanted, each once."""
        own, refs = self._writers.get().encode(), dict[bytes, None]()
        for entry in entries:
            ref, task_id = entry.get(b"ref", b""), entry.get(b"task", b"")
            if entry.get(b"by") != own and (
                wanted is None or wanted(ref.decode(errors="replace"), task_id.decode(errors="replace"))
            ):
                refs[ref] = None
        return list(refs)

    # ---- claims and places -------------------------------------------------------------------------------------------

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        client = await self._client()
        return bool(await client.run(CLAIM, [self._at("claim", name)], [owner, _milliseconds(ttl)]))

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        client = await self._client()
        waits = await client.run(RESERVE, [self._at("window", name)], [rate.calls, repr(rate.seconds), *places])
        return [0.0 if wait == b"" else max(float(wait), SHORTEST) for wait in waits]

    async def release(self, name: str, place: str) -> None:
        client = await self._client()
        await client.send("ZREM", self._at("window", name), place)

    # ---- notes -------------------------------------------------------------------------------------------------------

    async def note(self, name: str, text: str) -> None:
        client = await self._client()
        await client.send("SET", self._at("note", name), text)

    async def noted(self, name: str) -> str:
        client = await self._client()
        found = await client.send("GET", self._at("note", name))
        return "" if found is None else found.decode(errors="replace")

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def prune(self, before: float, *, undelivered: bool = True) -> int:
        count, ended, kept = 0, self._at("ended"), 0
        while True:
            client = await self._client()
            refs = await client.send("ZRANGE", ended, "-inf", f"({before!r}", "BYSCORE", "LIMIT", kept, PAGE)
            if not refs:
                return count
            names = [ref.decode(errors="replace") for ref in refs]
            done = await asyncio.gather(*(self._remove(ref, repr(before), undelivered=undelivered) for ref in names))
            count += sum(done)
            kept += 0 if undelivered else len(done) - sum(done)

    async def erase(self, *, ref: str = "", context: Any = None) -> int:
        check_erase(ref, context)
        refs = [ref] if ref else await self._with_context(context)
        count = sum([await self.change(erased, ref=one) is not None for one in refs])
        client = await self._client()
        await client.forget_old_values()
        return count

    async def _with_context(self, wanted: Any) -> list[str]:
        client, start, found = await self._client(), self._at("record", ""), list[str]()
        pattern = "".join(f"\\{char}" if char in "*?[]\\" else char for char in start) + "*"
        cursor = 0
        while True:
            cursor, names = await client.send("SCAN", int(cursor), "MATCH", pattern, "COUNT", PAGE)
            for name in names:
                with suppress(*NOT_A_RECORD, Damaged), _damage(name):
                    kept = await client.send("HGET", name, "record")
                    if concerns(_RECORD.decode(kept or b"{}").context, wanted):
                        found.append(name.decode(errors="replace").removeprefix(start))
            if int(cursor) == 0:
                return list(dict.fromkeys(found))

    async def aclose(self) -> None:
        """Close the connections of the running loop, and have those of other running loops closed."""
        self._settings.closed = True
        here = asyncio.get_running_loop()
        for loop, client in list(self._clients.get().items()):
            if loop is here:
                await client.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(client.aclose(), loop)
        self._clients.get().clear()

    async def __aenter__(self) -> "RedisStore":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return "<RedisStore>"  # its address may hold a password


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000) if seconds > 0 else 0


# ---- records and hashes ----------------------------------------------------------------------------------------------


class _damage:  # noqa: N801
    """Where a command meets a value of another type in the place of a record, that record is damaged."""

    def __init__(self, ref: str) -> None:
        self._ref = ref

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        if isinstance(exc, StoreError) and isinstance(exc.__cause__, ResponseError) and "WRONGTYPE" in str(exc):
            raise Damaged(f"redis: record {self._ref!r} is damaged: {exc}") from exc


def _json(record: Record) -> bytes:
    """Return all of a record but its body, without what is as it is by default: that is the most of it at first."""
    if not (math.isfinite(record.created) and math.isfinite(record.updated)):
        raise ValueError(f"created {record.created} and updated {record.updated} must be finite")
    fields = ((name, getattr(record, name)) for name in DEFAULTS)
    return _ENCODER.encode({name: value for name, value in fields if value != DEFAULTS[name]})


def _record(ref: str, fields: Sequence[Any]) -> Record | None:
    version, kept, body = fields
    if version is kept is body is None:
        return None
    try:
        if version is None:
            raise KeyError("version")
        record = _RECORD.decode(kept)
        if record.ref != ref:
            raise KeyError("ref")
        return replace(record, body=body) if body else record
    except NOT_A_RECORD as exc:
        raise Damaged(f"redis: record {ref!r} is damaged: {exc!r}") from exc


def _sets(record: Record) -> list[str]:
    """Return the sets that a record is in."""
    if record.state.open:
        return [record.state.value]
    unread = record.state is State.FINISHED and not record.delivered
    return ["undelivered", "ended"] if unread else ["ended"]


async def _news(name: str, last: Any, redis: Any) -> Any:
    """Wait for entries of the stream after the last."""
    return await redis.xread({name: last}, count=PAGE, block=round(BLOCK * 1000))


def _place(entry: bytes) -> tuple[int, ...]:
    """Return the place of an entry in its stream from its id: milliseconds, and a number."""
    return tuple(map(int, entry.split(b"-")))


def _entries(read: Any) -> list[list[tuple[bytes, dict[bytes, bytes]]]]:
    """Return the entries in an answer to XREAD: a list of streams, or a dict in RESP3; none if nothing came in time."""
    streams: dict[Any, Any] = dict(read or ())
    return [entries for entries in streams.values() if entries]
