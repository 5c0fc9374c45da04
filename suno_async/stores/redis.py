"""Records in Redis: for any number of processes on many machines.

    {suno}:record:<ref>     hash    the fields of a record, and `version`, anew with every change
    {suno}:key:<key>        string  the ref that holds an idempotency key
    {suno}:task:<task_id>   string  the ref of a task
    {suno}:open             zset    refs in an open state, by the time they were made
    {suno}:untold           zset    refs that have ended and are not delivered, by the time they ended
    {suno}:past             zset    refs that have ended or were dismissed, by that time
    {suno}:news             stream  refs of records that were changed
    {suno}:claim:<name>     string  who has taken a name, until it expires
    {suno}:rate:<name>      zset    when requests left, by Redis's clock
    {suno}:schema           string  the version of all this

The state is always in the hashes; the stream only wakes those who wait. The braces keep it all on one node of a
cluster.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ReadOnlyError

from ..api.limits import Rate
from ..errors import StoreError
from ..log import log
from ..wire.shapes import UNREADABLE
from .base import SHORTEST, Damaged, Step, sending
from .record import Record, State

__all__ = ["RedisStore"]

SCHEMA = 1
PATIENCE = 5.0
"""Seconds that a command may take, with all its attempts."""
ATTEMPTS = 3
"""How often a command is sent when the connection breaks: every one may be repeated."""
CONNECTIONS = 16
BLOCK = 2.0
"""Seconds for which one reading of the news waits."""
NEWS = 10_000
"""How many news are kept, about."""
PAGE = 200
"""Records read at a time."""

FIELDS = Record.__struct_fields__

# A change that was made although its answer was lost is known by its version, so it may be sent again.
WRITE = """
local record, open, untold, past, news, old_key, new_key, old_task, task = unpack(KEYS)
local old, new, ref, state, created, updated, delivered, writer, kept = unpack(ARGV, 1, 9)
local at = redis.call('HGET', record, 'version') or ''
if at == new then return {1, ''} end
if at ~= old then return {0, ''} end
if new_key ~= '' then
  local holder = redis.call('GET', new_key)
  if holder and holder ~= ref then return {2, holder} end
  redis.call('SET', new_key, ref)
end
if old_key ~= '' and old_key ~= new_key and redis.call('GET', old_key) == ref then redis.call('DEL', old_key) end
if old_task ~= '' and old_task ~= task and redis.call('GET', old_task) == ref then redis.call('DEL', old_task) end
if task ~= '' then redis.call('SET', task, ref, 'NX') end
redis.call('HSET', record, 'version', new, unpack(ARGV, 10))
for _, set in ipairs({open, untold, past}) do redis.call('ZREM', set, ref) end
if state == 'open' then
  redis.call('ZADD', open, created, ref)
else
  redis.call('ZADD', past, updated, ref)
  if state == 'finished' and delivered == '0' then redis.call('ZADD', untold, updated, ref) end
end
if old ~= '' then redis.call('XADD', news, 'MAXLEN', '~', kept, '*', 'ref', ref, 'by', writer) end
return {1, ''}
"""
REMOVE = """
local ref = ARGV[1]
for place = 1, 3 do redis.call('ZREM', KEYS[place], ref) end
for place = 5, #KEYS do
  if KEYS[place] ~= '' and redis.call('GET', KEYS[place]) == ref then redis.call('DEL', KEYS[place]) end
end
return redis.call('DEL', KEYS[4])
"""
CLAIM = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
# By Redis's clock alone: those of the machines differ, and a place taken in another's future would not be counted.
RESERVE = """
local time = redis.call('TIME')
local now, period, calls = time[1] + time[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - period))
if redis.call('ZCARD', KEYS[1]) >= calls then
  return tostring(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + period - now)
end
redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.ceil(period * 1000))
return ''
"""


class RedisStore:
    """Records in a Redis server, 6.2 or newer.

    How much survives the server's own end is its configuration's to say: with `appendonly yes` nearly all, without it
    what it saved last. StoreError when it cannot be reached, or holds records of a newer version.
    """

    def __init__(self, url: str, *, name: str = "suno") -> None:
        settings: dict[str, Any] = {
            "socket_timeout": None,  # what redis does for one, asyncio.wait_for, may swallow a cancellation in 3.11
            "socket_connect_timeout": PATIENCE,
            "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), ATTEMPTS - 1),
        }
        # Their types leave open which of two faces they show.
        pool: Any = BlockingConnectionPool
        plain: Any = Redis
        # A connection is had for one command, and those end in time; but who listens has one for long.
        self._redis: Any = plain.from_pool(pool.from_url(url, max_connections=CONNECTIONS, timeout=None, **settings))
        self._listening: Any = plain.from_url(url, **settings)
        self._name = f"{{{name}}}"
        self._sets = [self._at(one) for one in ("open", "untold", "past", "news")]
        self._writer = secrets.token_hex(8)
        self._ready = False
        self._closed = False
        self._write = self._redis.register_script(WRITE)
        self._remove = self._redis.register_script(REMOVE)
        self._claim = self._redis.register_script(CLAIM)
        self._reserve = self._redis.register_script(RESERVE)

    def _at(self, *parts: str) -> str:
        return ":".join((self._name, *parts))

    async def _do(self, ask: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Ask Redis; whatever it raises becomes a StoreError here."""
        try:
            async with asyncio.timeout(PATIENCE):
                if not self._ready:
                    await self._prepare()
                return await ask(*given, **named)
        except StoreError:
            raise
        except Exception as exc:  # also what their parsers raise where it is no Redis that answers
            self._ready = False  # it may be another server that answers next
            if isinstance(exc, ReadOnlyError):  # it was the master once; the address may lead to its successor now
                await self._redis.connection_pool.disconnect()
                await self._listening.connection_pool.disconnect()
            raise StoreError(f"redis: {str(exc) or 'no answer in time'}") from exc

    async def _prepare(self) -> None:
        if self._closed:
            raise StoreError("redis: the store is closed")
        redis = self._redis
        await redis.setnx(self._at("schema"), SCHEMA)
        version = int(await redis.get(self._at("schema")) or 0)
        if version > SCHEMA:
            raise StoreError(
                f"redis: its records are of version {version}, and this suno_async knows up to {SCHEMA}: upgrade it"
            )
        if (await redis.info("persistence")).get("aof_enabled") == 0:
            log.info("redis keeps no append-only file: what it has not saved is lost with it")
        self._ready = True

    # ---- records -------------------------------------------------------------------------------------------------

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        if owner:
            await self.claim(sending(record.ref), owner, ttl)
        holder = ""
        for _ in range(100):
            done, holder = await self._put(None, record)
            if done != 2:
                return None
            held = await self._record(holder)
            if held is not None and held.key == record.key:
                return held
            await asyncio.sleep(0.01)  # it was let go meanwhile
        raise StoreError(
            f"redis: the record {holder} of the key {record.key!r} is lost, and with it whether it was paid"
        )

    async def change(self, step: Step, *, ref: str = "", task_id: str = "") -> Record | None:
        ref = ref or await self._ref_of(self._at("task", task_id))
        while True:
            fields = await self._fields(ref)
            old = _record(fields)
            new = None if old is None else step(old)
            if old is None or new is None:
                return None
            done, _ = await self._put(old, new, fields[b"version"].decode())
            if done == 1:
                return new

    async def _put(self, old: Record | None, new: Record, version: str = "") -> tuple[int, str]:
        before, after = {} if old is None else _row(old), _row(new)
        names = [
            self._at("record", new.ref),
            *self._sets,
            self._of("key", old.key if old else ""),
            self._of("key", new.key),
            self._of("task", old.task_id if old else ""),
            self._of("task", new.task_id),
        ]
        arguments = [
            *(version, secrets.token_hex(8), new.ref, "open" if new.state.open else new.state.value),
            *(repr(new.created), repr(new.updated), int(new.delivered), self._writer, NEWS),
        ]
        for name in FIELDS:
            if after[name] != before.get(name):
                arguments += name, after[name]
        done, holder = await self._do(self._write, keys=names, args=arguments)
        return int(done), holder.decode()

    def _of(self, index: str, name: str) -> str:
        return self._at(index, name) if name else ""

    async def remove(self, ref: str) -> None:
        record = await self._record(ref)
        if record is not None:
            names = [*self._sets[:3], self._at("record", ref)]
            names += [self._of("key", record.key), self._of("task", record.task_id)]
            await self._do(self._remove, keys=names, args=[ref])

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        if not ref:
            ref = await self._ref_of(self._at("task", task_id) if task_id else self._at("key", key))
        return await self._record(ref)

    async def _ref_of(self, name: str) -> str:
        found = await self._do(self._redis.get, name)
        return "" if found is None else found.decode()

    async def _record(self, ref: str) -> Record | None:
        return _record(await self._fields(ref))

    async def _fields(self, ref: str) -> dict[bytes, bytes]:
        fields: dict[bytes, bytes] = await self._do(self._redis.hgetall, self._at("record", ref))
        return fields

    async def unfinished(self) -> AsyncGenerator[Record]:
        async for record in self._pages("open", "-inf"):
            if record.state.open:
                yield record

    async def finished(self, since: float = 0.0) -> AsyncGenerator[Record]:
        async for record in self._pages("untold", repr(since)):
            if record.state is State.FINISHED and not record.delivered:
                yield record

    async def _pages(self, name: str, since: str) -> AsyncGenerator[Record]:
        """The records of a set by their times; those of the same moment as a page's end may fill the next, too."""
        done: set[bytes] = set()
        while True:
            page = {"byscore": True, "offset": 0, "num": PAGE + len(done), "withscores": True}
            refs = await self._do(self._redis.zrange, self._at(name), since, "+inf", **page)
            fresh = [ref for ref, _ in refs if ref not in done]
            if not fresh:
                return
            for record in await self._do(self._all, fresh):
                if record is not None:
                    yield record
            last = refs[-1][1]
            done = {ref for ref, score in refs if score == last}
            since = repr(last)

    async def _all(self, refs: Iterable[bytes]) -> list[Record | None]:
        pipeline = self._redis.pipeline(transaction=False)
        for ref in refs:
            pipeline.hgetall(self._at("record", ref.decode()))
        return [_readable(fields) for fields in await pipeline.execute()]

    # ---- other processes -----------------------------------------------------------------------------------------

    async def updates(self) -> AsyncGenerator[Record | None]:
        name, own = self._at("news"), self._writer.encode()
        while True:
            try:
                newest = await self._do(self._redis.xrevrange, name, count=1)
                last = newest[0][0] if newest else b"0"
                yield None
                while True:
                    read = await self._do(self._listening.xread, {name: last}, count=PAGE, block=round(BLOCK * 1000))
                    for _, entries in read or ():
                        last = entries[-1][0]
                        changed = dict.fromkeys(entry[b"ref"] for _, entry in entries if entry[b"by"] != own)
                        for record in await self._do(self._all, changed):
                            if record is not None:
                                yield record
            except StoreError:
                if self._closed:
                    raise
                await asyncio.sleep(0.5)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        arguments = [owner, max(1, round(ttl * 1000))]
        return bool(await self._do(self._claim, keys=[self._at("claim", name)], args=arguments))

    async def reserve(self, name: str, rate: Rate) -> float:
        arguments = [rate.seconds, rate.calls, secrets.token_hex(8)]
        wait = await self._do(self._reserve, keys=[self._at("rate", name)], args=arguments)
        return 0.0 if wait == b"" else max(float(wait), SHORTEST)

    # ---- the end -------------------------------------------------------------------------------------------------

    async def prune(self, before: float) -> int:
        gone, past = 0, self._at("past")
        page = {"byscore": True, "offset": 0, "num": PAGE}
        while refs := await self._do(self._redis.zrange, past, "-inf", f"({before!r}", **page):
            for ref in refs:
                await self.remove(ref.decode())
                await self._do(self._redis.zrem, past, ref)  # of one that is gone already
                gone += 1
        return gone

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._closed = True
        self._ready = False
        await self._redis.aclose()
        await self._listening.aclose()

    async def __aenter__(self) -> "RedisStore":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return "<RedisStore>"  # its address may hold a password


def _row(record: Record) -> dict[str, Any]:
    """A record as Redis takes it."""
    row = msgspec.structs.asdict(record)
    row["context"] = msgspec.json.encode(record.context)
    row["code"] = "" if record.code is None else record.code
    row.update(delivered=int(record.delivered), stage=int(record.stage))
    row.update(state=record.state.value, source=record.source.value)
    row.update(created=repr(record.created), updated=repr(record.updated))
    return row


def _readable(fields: dict[bytes, bytes]) -> Record | None:
    """A record among others, which it must not hide."""
    try:
        return _record(fields)
    except Damaged as exc:
        log.error("%s", exc)
        return None


def _record(fields: dict[bytes, bytes]) -> Record | None:
    if b"ref" not in fields:
        return None
    try:
        return _read(fields)
    except (*UNREADABLE, KeyError) as exc:
        raise Damaged(f"redis: record {fields[b'ref']!r} is damaged: {exc!r}") from exc


def _read(fields: dict[bytes, bytes]) -> Record:
    values: dict[str, Any] = {name: fields[name.encode()] for name in FIELDS if name.encode() in fields}
    for name in values:
        if name == "context":
            values[name] = msgspec.json.decode(values[name])
        elif name != "body":
            values[name] = values[name].decode()
    values["code"] = values["code"] or None
    return msgspec.convert(values, Record, strict=False)
