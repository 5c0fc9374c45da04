"""What is particular to records in Redis: its eviction policy, its clock, and connections for each event loop."""

import asyncio
import logging
import math
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from msgspec.structs import replace

from suno_async import ConfigurationError, Rate, StoreError
from suno_async.stores import Damaged, Record, RedisStore
from suno_async.testing.store_contract import hear, in_forked_child, in_new_loop, listening, lose, refs, runs_as

from ...servers import RedisServer, redis_server


def directly(server: RedisServer, *words: object) -> Any:
    """A command of somebody else."""
    other: Any = redis_py.Redis(port=server.port)
    try:
        return other.execute_command(*words)
    finally:
        other.connection_pool.disconnect()


@pytest.fixture
def name(tmp_path: Path) -> str:
    return tmp_path.name


@pytest.fixture
async def store(redis: RedisServer, name: str) -> AsyncGenerator[RedisStore]:
    async with RedisStore(redis.url, name=name) as store:
        yield store


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with redis_server(tmp_path) as one:
        yield one


# ---- erasing ---------------------------------------------------------------------------------------------------------


async def test_erased_words_are_in_no_file(server: RedisServer, tmp_path: Path) -> None:
    """Neither in the append-only file nor in the snapshot, once Redis has written them anew."""
    directly(server, "CONFIG", "SET", "appendonly", "yes")
    directly(server, "CONFIG", "SET", "save", "3600 1")
    async with RedisStore(server.url) as store:
        for number in range(30):
            await store.intend(Record(ref=f"r{number}", request_json="for Ana", context={"user": "Ana"}))
        directly(server, "SAVE")
        assert any(b"Ana" in one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
        assert await store.erase(context={"user": "Ana"}) == 30
        for _ in range(100):
            persistence = directly(server, "INFO", "persistence")
            names = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
            if not any(persistence[name] for name in names):
                break
            await asyncio.sleep(0.05)
    assert not [one for one in tmp_path.rglob("*") if one.is_file() and b"Ana" in one.read_bytes()]


# ---- eviction --------------------------------------------------------------------------------------------------------

FORBIDDEN = pytest.mark.parametrize("forbidden", ["", "CONFIG"])
"""Hosted servers forbid CONFIG; INFO tells it as well."""


def let_in(server: RedisServer, forbidden: str) -> str:
    """Return the address for a user who may not do something."""
    without = [f"-{word}" for word in forbidden.split()]
    directly(server, "ACL", "SETUSER", "me", "reset", "on", ">secret", "~*", "&*", "+@all", *without)
    return server.url.replace("//", "//me:secret@")


@FORBIDDEN
@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_server_that_may_evict_records_is_refused(server: RedisServer, policy: str, forbidden: str) -> None:
    directly(server, "CONFIG", "SET", "maxmemory-policy", policy)
    async with RedisStore(let_in(server, forbidden)) as store:
        for _ in range(3):
            with pytest.raises(ConfigurationError, match=f"maxmemory-policy {policy} .* use noeviction"):
                await store.intend(Record(ref="r1", key="k"))
        assert directly(server, "DBSIZE") == 0
        directly(server, "CONFIG", "SET", "maxmemory-policy", "noeviction")
        assert await store.intend(Record(ref="r1", key="k")) is None


async def test_those_who_ask_for_the_policy_at_once_share_the_answer(server: RedisServer) -> None:
    """A burst of submissions is not delayed by one question for each."""
    async with RedisStore(server.url) as store:
        kept = await asyncio.gather(*(store.intend(Record(ref=f"r{number}")) for number in range(500)))
    assert kept == [None] * 500
    asked = directly(server, "INFO", "commandstats")["cmdstat_config|get"]["calls"]
    assert asked < 50


@FORBIDDEN
async def test_a_server_that_may_evict_claims_is_warned_of_once(
    server: RedisServer, forbidden: str, caplog: pytest.LogCaptureFixture
) -> None:
    directly(server, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    async with RedisStore(let_in(server, forbidden)) as store:
        await asyncio.gather(*(store.intend(Record(ref=f"r{number}")) for number in range(20)))
    warnings = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warnings == ["redis: maxmemory-policy volatile-lru may evict claims and rate limits: use noeviction"]


async def test_a_server_that_does_not_tell_its_policy_is_warned_of(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisStore(let_in(server, "CONFIG INFO")) as store:
        assert await store.intend(Record(ref="r1")) is None
    assert "maxmemory-policy cannot be read here; it must be noeviction" in caplog.text


async def test_the_policy_is_checked_when_a_connection_is_made_anew(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await store.intend(Record(ref="r1"))
        directly(server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        directly(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="allkeys-lru"):
                await store.intend(Record(ref="r2"))
        assert directly(server, "EXISTS", "{suno}:record:r2") == 0


@FORBIDDEN
async def test_the_policy_is_checked_for_each_submission(server: RedisServer, forbidden: str) -> None:
    """It may change while the connections stay; what is known already can still be read and changed."""
    async with RedisStore(let_in(server, forbidden)) as store:
        await store.intend(Record(ref="r1", key="k1"))
        directly(server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="allkeys-lru"):
                await store.intend(Record(ref="r2", key="k2"))
        assert directly(server, "EXISTS", "{suno}:record:r2") == 0
        assert await store.get(key="k1") == Record(ref="r1", key="k1")
        directly(server, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        assert await store.intend(Record(ref="r2", key="k2")) is None


async def test_what_is_paid_is_still_written_while_a_server_may_evict(server: RedisServer) -> None:
    """Only new submissions are refused, whatever connection is used: an answer that has come must not be lost."""
    async with RedisStore(server.url) as store:
        await store.intend(Record(ref="r1", key="k1"))
        directly(server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        directly(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await store.reserve("submit", ["a"], Rate(1, 100)) == [0.0]
        assert await store.change(lambda record: replace(record, task_id="t1"), ref="r1")
        assert await store.get(key="k1") == Record(ref="r1", key="k1", task_id="t1")


# ---- the clock -------------------------------------------------------------------------------------------------------


async def test_a_claim_from_before_the_servers_clock_was_set_back_ends(
    redis: RedisServer, store: RedisStore, name: str
) -> None:
    """It ends then further ahead than it was taken for."""
    assert await store.claim("poll", "me", 60)
    assert await store.intend(Record(ref="r1"), "me", 60) is None
    for claim in ("poll", "send r1"):
        directly(redis, "PEXPIRE", f"{{{name}}}:claim:{claim}", 3 * 3600 * 1000)
        assert await store.claim(claim, "you", 60)
        assert not await store.claim(claim, "me", 60)


async def test_places_from_before_the_servers_clock_was_set_back_are_free(
    redis: RedisServer, store: RedisStore, name: str
) -> None:
    assert await store.reserve("submit", ["a"], Rate(1, 100)) == [0.0]
    directly(redis, "ZINCRBY", f"{{{name}}}:window:submit", 10_800, "a")
    assert await store.reserve("submit", ["b"], Rate(1, 100)) == [0.0]
    assert (await store.reserve("submit", ["c"], Rate(1, 100)))[0] > 99


# ---- event loops and forks -------------------------------------------------------------------------------------------


def connections(server: RedisServer) -> int:
    return len(directly(server, "CLIENT", "LIST", "TYPE", "normal").splitlines()) - 1


async def test_connections_are_closed_with_their_loop(server: RedisServer) -> None:
    """As `asyncio.run` shuts it down, with a client that nobody closes; a second store object is none."""
    store = RedisStore(server.url)

    async def use() -> None:
        heard = store.updates()
        await anext(heard)
        waiting.append(asyncio.ensure_future(anext(heard)))
        await store.intend(Record(ref="r1"))
        await asyncio.sleep(0.01)
        assert connections(server) == 2

    waiting: list[asyncio.Future[Record | None]] = []
    for _ in range(3):
        await in_new_loop(use)
        for _ in range(100):
            if connections(server) == 0:
                break
            await asyncio.sleep(0.02)
        assert connections(server) == 0


async def test_a_child_leaves_its_parents_connections_alone(redis: RedisServer, store: RedisStore) -> None:
    """Closing them, or sending anything there, would be the parent's end."""

    async def use() -> None:
        await store.intend(Record(ref=f"child {os.getpid()}"))
        await store.aclose()

    async with RedisStore(redis.url, name=f"another {os.getpid()}") as other:
        await store.intend(Record(ref="r1"))
        await other.intend(Record(ref="r1"))
        heard = store.updates()
        await anext(heard)
        waiting = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0.05)
        assert [in_forked_child(use) for _ in range(3)] == [""] * 3
        await other.change(lose, ref="r1")
        assert len(await refs(store.unfinished())) == 4
        waiting.cancel()


# ---- damaged ---------------------------------------------------------------------------------------------------------

DAMAGE = {
    "no JSON": ("HSET", "record", "{"),
    "a stage that is none": ("HSET", "record", '{"ref":"r1","stage":77}'),
    "a text that is none": ("HSET", "record", b'{"ref":"r1","status":"\xff"}'),
    "a ref that is missing": ("HSET", "record", "{}"),
    "a field that is missing": ("HDEL", "record"),
    "a version that is missing": ("HDEL", "version"),
}


@pytest.mark.parametrize("damage", [*DAMAGE, "another type"])
async def test_a_damaged_record_hides_no_other(
    redis: RedisServer, store: RedisStore, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await store.intend(Record(ref=f"r{number}", key=f"k{number}", created=float(number)))
        await store.change(runs_as(f"t{number}"), ref=f"r{number}")
    at = f"{{{name}}}:record:r1"
    if damage == "another type":
        directly(redis, "DEL", at)
        directly(redis, "LPUSH", at, "x")
    else:
        directly(redis, DAMAGE[damage][0], at, *DAMAGE[damage][1:])
    for names in ({"ref": "r1"}, {"task_id": "t1"}, {"key": "k1"}):
        with pytest.raises(Damaged, match="record 'r1' is damaged"):
            await store.get(**names)
    with pytest.raises(Damaged):
        await store.intend(Record(ref="again", key="k1"))
    with pytest.raises(Damaged):
        await store.change(lambda old: Record(ref=old.ref, context=1), ref="r1")
    assert (await store.get(key="k2")) is not None
    assert await refs(store.unfinished()) == ["r0", "r2"]
    assert "'r1' is damaged" in caplog.text
    await store.remove("r1")
    assert await store.get(ref="r1") is None
    assert await refs(store.unfinished()) == ["r0", "r2"]
    if damage != "another type":
        assert await store.intend(Record(ref="again", key="k1")) is None


async def test_entries_of_strangers_in_the_stream_disturb_nobody(
    redis: RedisServer, store: RedisStore, name: str
) -> None:
    await store.intend(Record(ref="r1"))
    async with RedisStore(redis.url, name=name) as other:
        heard = other.updates()
        await anext(heard)
        directly(redis, "XADD", f"{{{name}}}:changes", "*", "x", "y")
        directly(redis, "XADD", f"{{{name}}}:changes", "*", "ref", b"\xff", "by", "z")
        changed = await store.change(runs_as("t1"), ref="r1")
        assert await asyncio.wait_for(anext(heard), 5) == changed
        await heard.aclose()


async def test_a_record_that_cannot_be_stored_is_a_store_error(store: RedisStore) -> None:
    created = [Record(ref="r3", created=time) for time in (math.nan, math.inf)]
    changed = [Record(ref="r4", updated=time) for time in (math.nan, math.inf)]
    for bad in (Record(ref="\ud800"), Record(ref="r2", context=object()), *created, *changed):
        with pytest.raises(StoreError):
            await store.intend(bad)
    with pytest.raises(StoreError):
        await store.get(key="\ud800")
    assert await store.get(ref="r3") is None
    await store.intend(Record(ref="r3"))
    with pytest.raises(StoreError):
        await store.change(lambda record: replace(record, updated=math.nan), ref="r3")
    assert await store.get(ref="r3") == Record(ref="r3")


async def test_what_cannot_be_sent_is_the_error_of_its_caller_alone(store: RedisStore) -> None:
    """The commands of others leave in the same pipeline."""
    asked = store.claim("poll \ud800", "me", 1), store.intend(Record(ref="r1")), store.note("times", "\ud800")
    answers = await asyncio.gather(*asked, store.claim("poll t1", "me", 1), return_exceptions=True)
    assert [isinstance(one, StoreError) for one in answers] == [True, False, True, False]
    assert await store.get(ref="r1") == Record(ref="r1")


async def test_a_record_with_a_version_of_a_stranger_can_be_changed(
    redis: RedisServer, store: RedisStore, name: str
) -> None:
    await store.intend(Record(ref="r1"))
    directly(redis, "HSET", f"{{{name}}}:record:r1", "version", b"\xff")
    async with asyncio.timeout(5):
        assert await store.change(runs_as("t1"), ref="r1") is not None


async def test_changes_that_many_have_made_are_read_without_a_pause(
    redis: RedisServer, store: RedisStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream keeps the newest only."""
    monkeypatch.setattr("suno_async.stores.redis.GATHER", 100.0)
    await asyncio.gather(*(store.intend(Record(ref=f"r{number}")) for number in range(450)))
    async with RedisStore(redis.url, name=name) as other, listening(other) as heard:
        await asyncio.gather(*(store.change(lose, ref=f"r{number}") for number in range(450)))
        assert len(await hear(heard, 450)) == 450
