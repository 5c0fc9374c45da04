"""What can go wrong with a Redis server: a StoreError in time, and the same store goes on when the cause is gone."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
import redis as redis_py

from suno_async import StoreError
from suno_async.stores import Record, RedisStore
from suno_async.testing.store_contract import count, dismiss, hear, listening, refs, runs_as

from ...doubles import http
from ...servers import RedisServer, ask, redis_cluster, redis_server


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    with redis_server(tmp_path) as one:
        yield one


async def refuses(store: RedisStore, why: str = "redis: .") -> None:
    """A submission cannot be kept, for a reason that is told."""
    for key in ("", "k"):
        with pytest.raises(StoreError, match=why) as told:
            await store.intend(Record(ref="refused", key=key))
        assert str(told.value).startswith("redis: ")


async def goes_on(store: RedisStore, ref: str = "afterwards") -> None:
    """The same store works as if nothing had been."""
    assert await store.intend(Record(ref=ref, key=ref)) is None
    found = await store.change(runs_as(f"task of {ref}"), ref=ref)
    assert found is not None
    assert await store.get(key=ref) == found


def directly(server: RedisServer, *words: object) -> Any:
    """A command of somebody else."""
    other: Any = redis_py.Redis(port=server.port)
    with other:
        return other.execute_command(*words)


# ---- down ------------------------------------------------------------------------------------------------------------


async def test_nothing_is_kept_while_the_server_is_down(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        server.stop()
        await refuses(store, "connecting to")
        server.start()
        await goes_on(store, "r1")
        server.stop()
        await refuses(store)
        server.start()
        await goes_on(store, "r2")
        assert await refs(store.unfinished()) == ["r1", "r2"]


async def test_those_who_listen_hear_of_a_break_and_go_on(server: RedisServer) -> None:
    async with RedisStore(server.url) as store, RedisStore(server.url) as other:
        await goes_on(other, "r1")
        async with listening(store) as heard:
            waiting = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0.1)
            server.stop()
            await asyncio.sleep(0.7)
            assert not waiting.done()
            server.start()
            assert await asyncio.wait_for(waiting, 10) is None, "changes may have been missed"
            await other.change(runs_as("another"), ref="r1")
            assert [one.task_id for one in await hear(heard)] == ["another"]


async def test_a_store_closes_while_the_server_is_down(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await goes_on(store)
        server.stop()


# ---- cut, held up ----------------------------------------------------------------------------------------------------


async def test_nobody_notices_that_connections_are_cut(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Nor that the scripts are forgotten, as after a change of servers."""
    async with RedisStore(server.url) as store, RedisStore(server.url) as other, listening(other) as heard:
        for number in range(3):
            directly(server, "SCRIPT", "FLUSH")
            directly(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await goes_on(store, f"r{number}")
            assert [one.ref for one in await hear(heard)] == [f"r{number}"]
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_server_that_pauses_is_waited_for(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await goes_on(store, "r1")
        directly(server, "CLIENT", "PAUSE", 700, "ALL")
        began = time.monotonic()
        await goes_on(store, "r2")
        assert time.monotonic() - began > 0.5


async def test_a_server_that_hangs_is_given_up_in_time(server: RedisServer) -> None:
    async with RedisStore(server.url, timeout=0.2) as store:
        await goes_on(store, "r1")
        server.send_signal(signal.SIGSTOP)
        with anyio.fail_after(5):
            await refuses(store, "(?i)time")
        server.send_signal(signal.SIGCONT)
        await goes_on(store, "r2")


async def test_a_call_to_a_server_that_hangs_can_be_cancelled(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await goes_on(store, "r1")
        server.send_signal(signal.SIGSTOP)
        for _ in range(20):
            asking = asyncio.ensure_future(store.get(ref="r1"))
            await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asking, 1)
        server.send_signal(signal.SIGCONT)
        await goes_on(store, "r2")


async def test_however_often_somebody_listens_in_the_end_nobody_does(server: RedisServer) -> None:
    """Each listener that stayed would keep a connection."""
    async with RedisStore(server.url) as store:
        for _ in range(20):
            async with listening(store) as heard:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await anext(heard)
        assert len(directly(server, "CLIENT", "LIST", "TYPE", "normal").splitlines()) <= 5


# ---- another server --------------------------------------------------------------------------------------------------


class Proxy:
    """An address that leads new connections to whoever is in charge, and may lose answers."""

    def __init__(self, target: RedisServer) -> None:
        self.target = target
        self.answers_to_lose = 0
        self.loses_the_answer_to = b""
        """The next request with this in it is not answered."""
        self.leads = asyncio.Event()
        """Whether new connections are led to it at once."""
        self.leads.set()
        self._pumps: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[str]:
        serving = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{serving.sockets[0].getsockname()[1]}/0"
        finally:
            serving.close()
            for one in self._pumps:
                one.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)
            await asyncio.sleep(0)  # the connections are closed in the loop's next turn

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.leads.wait()
        there = await asyncio.open_connection("127.0.0.1", self.target.port)
        self._pumps.add(asyncio.create_task(self._pump(reader, there[1], answers=False)))
        self._pumps.add(asyncio.create_task(self._pump(there[0], writer, answers=True)))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not answers and self.loses_the_answer_to and self.loses_the_answer_to in data:
                    self.loses_the_answer_to, self.answers_to_lose = b"", 1
                if answers and self.answers_to_lose:
                    self.answers_to_lose -= 1
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_a_server_that_became_a_replica_is_left_for_its_successor(tmp_path: Path) -> None:
    """Its connections stay open; the address leads to the new one."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with redis_server(folders[0]) as old, redis_server(folders[1]) as new:
        directly(old, "CONFIG", "SET", "repl-diskless-sync-delay", 0)
        directly(new, "REPLICAOF", "127.0.0.1", old.port)
        proxy = Proxy(old)
        async with proxy.running() as url, RedisStore(url) as store:
            await goes_on(store, "r1")
            for _ in range(200):
                if directly(new, "EXISTS", "{suno}:key:r1"):
                    break
                await asyncio.sleep(0.05)
            proxy.target = new
            directly(new, "REPLICAOF", "NO", "ONE")
            directly(old, "REPLICAOF", "127.0.0.1", new.port)
            with suppress(StoreError):  # that it is not the one any more, it may say once
                await store.claim("x", "y", 1)
            await goes_on(store, "r2")
            assert await store.get(key="r1") is not None


async def test_a_write_that_is_sent_again_after_a_lost_answer_is_one_change(server: RedisServer) -> None:
    proxy = Proxy(server)
    async with proxy.running() as url, RedisStore(url) as store:
        await store.intend(Record(ref="r0"))
        proxy.answers_to_lose = 1
        assert await store.intend(Record(ref="r1", key="k", context=0), "me", 60) is None
        proxy.answers_to_lose = 1
        held = await store.intend(Record(ref="r2", key="k"))
        assert held is not None
        assert held.ref == "r1"
        for _ in range(3):
            proxy.answers_to_lose = 2  # of the read, and of the write that comes after it
            assert await store.change(count, ref="r1") is not None
        found = await store.get(ref="r1")
        assert found is not None
        assert found.context == 3
        assert directly(server, "XLEN", "{suno}:changes") == 3


async def test_a_record_that_is_sent_again_after_a_lost_answer_undoes_no_change(server: RedisServer) -> None:
    """In between another process has heard of its task, as by a callback."""
    proxy = Proxy(server)
    async with proxy.running() as url, RedisStore(url) as store, RedisStore(server.url) as peer:
        await store.intend(Record(ref="r0"))
        proxy.loses_the_answer_to = b"EVALSHA"
        proxy.leads.clear()
        keeping = asyncio.ensure_future(store.intend(Record(ref="r1", key="k"), "me", 60))
        async with asyncio.timeout(3):
            while await peer.change(runs_as("t1"), ref="r1") is None:
                await asyncio.sleep(0.01)
        proxy.leads.set()
        assert await keeping is None
        found = await store.get(key="k")
        assert found is not None
        assert found.task_id == "t1"


async def test_who_falls_behind_the_changes_that_are_kept_is_told(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suno_async.stores.redis.CHANGES", 400)
    numbers = [f"r{number}" for number in range(1200)]
    async with RedisStore(server.url) as store, RedisStore(server.url) as other:
        await asyncio.gather(*(store.intend(Record(ref=ref, context=0)) for ref in numbers))
        await store.change(count, ref="r0")  # where a stream began that was empty, nobody knows
        async with listening(other) as heard:
            for part in (numbers[:300], numbers):  # all are there when they are read, and too many
                await asyncio.gather(*(store.change(count, ref=ref) for ref in part))
                missed, left = False, set(part)
                async with asyncio.timeout(5):
                    while left and not missed:
                        one = await anext(heard)
                        missed = one is None
                        left -= {one.ref} if one is not None else set()
                assert missed is (part is numbers)


# ---- a cluster -------------------------------------------------------------------------------------------------------

on_cluster = pytest.mark.skipif(
    tuple(map(int, redis_py.__version__.split(".")[:2])) < (6, 0), reason="redis-py 5 does not know what a cluster says"
)


@on_cluster
async def test_a_cluster_is_used_by_the_address_of_any_node_and_followed_when_slots_move(tmp_path: Path) -> None:
    """All keys of a store are on one node, whose address the others tell."""
    with redis_cluster(tmp_path) as (one, two):
        for node in (one, two):
            async with RedisStore(node.url) as store:
                await goes_on(store, f"by {node.port}")
        async with RedisStore(one.url) as store, RedisStore(two.url) as other, listening(other) as heard:
            await goes_on(store, "before")
            assert [record.ref for record in await hear(heard)] == ["before"]
            move_slot(one, two)
            await goes_on(store, "after")
            assert [record.ref for record in await hear(heard)] == ["after"]
            assert set(await refs(store.unfinished())) == {f"by {one.port}", f"by {two.port}", "before", "after"}
            assert (ask(one, "DBSIZE"), ask(two, "DBSIZE") > 0) == (0, True)


@on_cluster
async def test_many_who_begin_at_the_wrong_node_of_a_cluster_move_together(tmp_path: Path) -> None:
    """One who follows cuts the others' connections; that leads nobody back to the node that was asked first."""
    with redis_cluster(tmp_path) as (_, two):
        for number in range(10):
            async with RedisStore(two.url) as store, aclosing(store.updates()) as heard:
                records = [Record(ref=f"{number} {at}") for at in range(250)]
                asked = anext(heard), count_all(store), *map(store.intend, records)
                async with asyncio.timeout(2):
                    first, _, *kept = await asyncio.gather(*asked)
                assert (first, kept) == (None, [None] * 250)


async def count_all(store: RedisStore) -> int:
    return len([one async for one in store.unfinished()])


@on_cluster
@pytest.mark.parametrize("part", [0, 3, 1000])
async def test_while_a_slot_is_being_moved_everybody_waits(tmp_path: Path, part: int) -> None:
    """What is there already is asked for elsewhere (ASK), and what is in two places at no node (TRYAGAIN)."""
    with redis_cluster(tmp_path) as (one, two):
        async with RedisStore(one.url) as store, RedisStore(two.url) as other, listening(other) as heard:
            await goes_on(store, "r1")
            await hear(heard)
            begin_to_move(one, two, part)
            asked = goes_on(store, "r2"), store.get(ref="r1"), store.claim("x", "me", 9), count_all(store)
            asking = asyncio.gather(*asked, other.change(dismiss, ref="r1"))
            await asyncio.sleep(0.2)
            assert not asking.done()
            end_move(one, two)
            _, found, claimed, _, changed = await asyncio.wait_for(asking, 5)
            assert found is not None
            assert (found.ref, claimed) == ("r1", True)
            assert changed is not None
            assert set(await refs(store.unfinished())) == {"r2"}
            await other.change(dismiss, ref="r2")
            assert await count_all(store) == 0


def move_slot(one: RedisServer, two: RedisServer) -> None:
    """Have another node keep what the keys of the store are in, as an operator who adds a node does."""
    begin_to_move(one, two, 0)
    end_move(one, two)


def begin_to_move(one: RedisServer, two: RedisServer, keys: int) -> None:
    slot = ask(one, "CLUSTER", "KEYSLOT", "{suno}:schema")
    ask(two, "CLUSTER", "SETSLOT", slot, "IMPORTING", ask(one, "CLUSTER", "MYID"))
    ask(one, "CLUSTER", "SETSLOT", slot, "MIGRATING", ask(two, "CLUSTER", "MYID"))
    move_keys(one, two, keys)


def move_keys(one: RedisServer, two: RedisServer, keys: int) -> None:
    names = ask(one, "CLUSTER", "GETKEYSINSLOT", ask(one, "CLUSTER", "KEYSLOT", "{suno}:schema"), keys)
    if names:
        ask(one, "MIGRATE", "127.0.0.1", two.port, "", 0, 5000, "KEYS", *names)


def end_move(one: RedisServer, two: RedisServer) -> None:
    slot = ask(one, "CLUSTER", "KEYSLOT", "{suno}:schema")
    move_keys(one, two, 1000)
    for node in (two, one):
        ask(node, "CLUSTER", "SETSLOT", slot, "NODE", ask(two, "CLUSTER", "MYID"))


# ---- not ours to write -----------------------------------------------------------------------------------------------


async def test_records_of_a_newer_version_are_left_alone(server: RedisServer) -> None:
    directly(server, "SET", "{suno}:schema", 99)
    async with RedisStore(server.url) as store:
        await refuses(store, "version 99, .* up to 1: upgrade")
        with pytest.raises(StoreError, match="upgrade"):
            await anext(store.unfinished())
        assert directly(server, "KEYS", "*") == [b"{suno}:schema"]
        directly(server, "DEL", "{suno}:schema")
        await goes_on(store)


async def test_a_newer_version_is_noticed_when_a_connection_is_made_anew(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await goes_on(store)
        directly(server, "SET", "{suno}:schema", 99)
        directly(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await refuses(store, "upgrade")


@pytest.mark.parametrize("value", ["v2", "1.5"])
async def test_a_version_that_is_none_is_a_store_error(server: RedisServer, value: str) -> None:
    directly(server, "SET", "{suno}:schema", value)
    async with RedisStore(server.url) as store:
        await refuses(store)


async def test_names_that_another_program_uses_are_a_store_error(server: RedisServer) -> None:
    directly(server, "LPUSH", "{suno}:schema", "x")
    async with RedisStore(server.url) as store:
        await refuses(store, "WRONGTYPE")


async def test_nothing_is_kept_without_the_right_password(server: RedisServer) -> None:
    directly(server, "CONFIG", "SET", "requirepass", "open-sesame")
    async with RedisStore(server.url) as store:
        await refuses(store, "(?i)authenticat")
    for user in ("", "somebody"):
        async with RedisStore(server.url.replace("//", f"//{user}:guessed-wrong@")) as store:
            with pytest.raises(StoreError, match=r"invalid|WRONGPASS") as told:
                await store.intend(Record(ref="r1"))
            assert "guessed-wrong" not in f"{told.value} {store!r}"
    async with RedisStore(server.url.replace("//", "//:open-sesame@")) as store:
        await goes_on(store)


async def test_nothing_is_kept_if_the_server_has_no_room(server: RedisServer) -> None:
    async with RedisStore(server.url) as store:
        await goes_on(store, "r1")
        directly(server, "CONFIG", "SET", "maxmemory", 1)
        await refuses(store, "maxmemory")
        directly(server, "CONFIG", "SET", "maxmemory", 0)
        await goes_on(store, "r2")


@asynccontextmanager
async def speaking(said: bytes | None) -> AsyncGenerator[str]:
    """A server that is asked for Redis and says the same to everything; b"" hangs up, None says nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said != b"" and (data := await reader.read(65536)):
                writer.write((said or b"") * max(1, data.count(b"*")))
                await writer.drain()
        writer.close()

    serving = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    finally:
        serving.close()


STRANGERS = [
    pytest.param(http(b"hello"), id="a web server"),
    pytest.param(b"220 mail.example ESMTP\r\n", id="a mail server"),
    pytest.param(b"", id="hangs up"),
    pytest.param(None, id="says nothing"),
    pytest.param(b"-ERR max number of clients reached\r\n", id="refuses"),
    pytest.param(b"+OK\r\n", id="approves"),
    pytest.param(b":1\r\n", id="counts"),
    pytest.param(b"*0\r\n", id="lists"),
    pytest.param(b"$-1\r\n", id="knows nothing"),
]


@pytest.mark.parametrize("said", STRANGERS)
async def test_whatever_answers_instead_of_redis_is_a_store_error(said: bytes | None) -> None:
    """Though a stranger may speak its language, nothing else comes of it."""
    async with speaking(said) as url, RedisStore(url, timeout=0.2) as store:
        await refuses(store)
