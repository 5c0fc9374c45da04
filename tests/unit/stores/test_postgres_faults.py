"""What can go wrong with a PostgreSQL server: a StoreError in time, and the same store goes on after it."""

import asyncio
import logging
import os
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from suno_async import Rate, StoreError
from suno_async.stores import PostgresStore, Record
from suno_async.testing.store_contract import count, hear, listening, refs, runs_as

from ...doubles import http
from ...postgres import PostgresServer, Proxy, as_who_may, postgres_folder, postgres_server, programs


@pytest.fixture
def server(postgres: PostgresServer) -> Generator[PostgresServer]:
    """A server that is repaired afterwards, and a database of this test's own."""
    postgres.database()
    yield postgres
    postgres.repair()


async def refuses(store: PostgresStore, why: str = "postgres: .") -> None:
    """A submission cannot be kept, for a reason that is told."""
    for key in ("", "k"):
        with pytest.raises(StoreError, match=why) as told:
            await store.intend(Record(ref="refused", key=key))
        assert str(told.value).startswith("postgres: ")
        assert "\n" not in str(told.value)


async def goes_on(store: PostgresStore, ref: str = "afterwards") -> None:
    """The same store works as if nothing had been."""
    assert await store.intend(Record(ref=ref, key=ref)) is None
    found = await store.change(runs_as(f"task of {ref}"), ref=ref)
    assert found is not None
    assert await store.get(key=ref) == found


# ---- down ------------------------------------------------------------------------------------------------------------


async def test_nothing_is_kept_while_the_server_is_down(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store:
        server.stop()
        await refuses(store, "connection failed")
        server.start()
        await goes_on(store, "r1")
        server.stop()
        await refuses(store)
        server.start()
        await goes_on(store, "r2")
        assert await refs(store.unfinished()) == ["r1", "r2"]


async def test_those_who_listen_hear_of_a_break_and_go_on(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store, PostgresStore(server.url) as other:
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


async def test_a_store_closes_while_the_server_is_down(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store:
        await goes_on(store)
        server.stop()


# ---- cut, held up ----------------------------------------------------------------------------------------------------


async def test_nobody_notices_that_connections_are_cut(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with PostgresStore(server.url) as store, PostgresStore(server.url) as other:
        for number in range(3):
            server.cut()
            await goes_on(store, f"r{number}")
        async with listening(other) as heard:
            server.cut()
            assert await asyncio.wait_for(anext(heard), 5) is None, "changes may have been missed"
            await goes_on(store, "r3")
            assert [one.ref for one in await hear(heard)] == ["r3"]
    assert [one for one in caplog.records if one.levelno >= logging.WARNING and "suno" in one.name] == []


async def test_a_server_that_pauses_is_waited_for(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store:
        await goes_on(store, "r1")
        server.freeze()
        asyncio.get_running_loop().call_later(0.7, server.thaw)
        began = time.monotonic()
        await goes_on(store, "r2")
        assert time.monotonic() - began > 0.5


async def test_a_server_that_hangs_is_given_up_in_time(server: PostgresServer) -> None:
    """Whether its connections hang, or new ones."""
    async with PostgresStore(server.url, timeout=0.3) as store:
        await goes_on(store, "r1")
        server.freeze()
        with anyio.fail_after(8):
            await refuses(store, "no answer in time|timeout expired")
        server.thaw()
        await goes_on(store, "r2")


async def test_a_call_to_a_server_that_hangs_can_be_cancelled(server: PostgresServer) -> None:
    async with PostgresStore(server.url, timeout=1) as store:
        await goes_on(store, "r1")
        server.freeze()
        for _ in range(20):
            asking = asyncio.ensure_future(store.get(ref="r1"))
            await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asking, 1)
        server.thaw()
        await goes_on(store, "r2")


async def test_a_row_that_somebody_locks_is_given_up_in_time(server: PostgresServer) -> None:
    """As a table is while it is rewritten; others are read meanwhile."""
    async with PostgresStore(server.url, timeout=0.5) as store, PostgresStore(server.url) as other:
        await goes_on(store, "r1")
        locking = asyncio.create_task(
            asyncio.to_thread(
                server.do,
                "DO $$ BEGIN PERFORM 1 FROM suno.records WHERE ref = 'r1' FOR UPDATE; PERFORM pg_sleep(1.5); END $$",
            )
        )
        await asyncio.sleep(0.3)
        with anyio.fail_after(3), pytest.raises(StoreError, match=r"statement timeout|no answer in time"):
            await store.change(runs_as("t"), ref="r1")
        assert await other.get(ref="r1") is not None
        await goes_on(other, "r2")
        await locking
        assert await store.change(runs_as("t"), ref="r1") is not None


async def test_a_process_that_hangs_in_a_transaction_does_not_stop_the_others(server: PostgresServer) -> None:
    """Its machine may be asleep: what it has locked becomes free."""
    proxy = Proxy(server)
    async with (
        proxy.running() as url,
        PostgresStore(url, timeout=0.5) as sleeper,
        PostgresStore(server.url, timeout=5) as other,
    ):
        await goes_on(other, "r1")
        await sleeper.reserve("submit", ["a"], Rate(5, 100))
        proxy.hold_commits = True
        asleep = asyncio.ensure_future(sleeper.reserve("submit", ["b"], Rate(5, 100)))
        await asyncio.sleep(0.2)
        assert await other.reserve("submit", ["c"], Rate(5, 100)) == [0.0]
        await goes_on(other, "r2")
        proxy.hold_commits = False
        with suppress(StoreError):
            await asleep


async def test_however_often_somebody_listens_in_the_end_nobody_does(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store:
        for _ in range(20):
            async with listening(store) as heard:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await anext(heard)
        for _ in range(100):
            if server.connections() == 1:
                break
            await asyncio.sleep(0.02)
        assert server.connections() == 1


# ---- the answer to COMMIT is lost ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["the question", "the answer"])
async def test_what_is_written_over_a_broken_connection_is_written_once(server: PostgresServer, lost: str) -> None:
    """And who asked is told what came of it."""
    proxy = Proxy(server)

    def lose_one() -> None:
        proxy.answers_to_lose, proxy.commits_to_lose = (1, 0) if lost == "the answer" else (0, 1)

    async with proxy.running() as url, PostgresStore(url) as store:
        await store.intend(Record(ref="r0"))
        lose_one()
        assert await store.intend(Record(ref="r1", key="k", context=0), "me", 60) is None
        assert not await store.claim("send r1", "you", 60)
        lose_one()
        held = await store.intend(Record(ref="r2", key="k"))
        assert held is not None
        assert held.ref == "r1"
        for _ in range(3):
            lose_one()
            assert await store.change(count, ref="r1") is not None
        found = await store.get(ref="r1")
        assert found is not None
        assert found.context == 3
        lose_one()
        assert await store.change(runs_as("t1"), ref="r1") is not None, "whoever did it is told so"
        lose_one()
        assert await store.claim("poll", "me", 60)
        for number in range(2):
            lose_one()
            assert await store.reserve("submit", [f"{number}"], Rate(2, 100)) == [0.0]
        lose_one()
        assert (await store.reserve("submit", ["2"], Rate(2, 100)))[0] > 0
        lose_one()
        assert await store.prune(1.0) == 0
        assert (proxy.answers_to_lose, proxy.commits_to_lose) == (0, 0)


async def test_many_that_are_written_together_are_written_once(server: PostgresServer) -> None:
    proxy = Proxy(server)
    async with proxy.running() as url, PostgresStore(url) as store, PostgresStore(server.url) as other:
        await asyncio.gather(*(store.intend(Record(ref=f"r{n}", context=0)) for n in range(20)))
        async with listening(other) as heard:
            for _ in range(3):
                proxy.answers_to_lose = 1
                done = await asyncio.gather(*(store.change(count, ref=f"r{n}") for n in range(20)))
                assert None not in done
            found = [one async for one in store.unfinished()]
            assert [one.context for one in found] == [3] * 20
            last: dict[str, object] = {}
            while last != {f"r{n}": 3 for n in range(20)}:
                [one] = await hear(heard)
                last[one.ref] = one.context


async def test_what_nobody_can_know_is_said(server: PostgresServer) -> None:
    """The server is gone with its answer."""
    proxy = Proxy(server)
    async with proxy.running() as url, PostgresStore(url, timeout=1) as store:
        await store.intend(Record(ref="r0", context=0))
        proxy.answers_to_lose = 1
        changing = asyncio.ensure_future(store.change(count, ref="r0"))
        while proxy.answers_to_lose:
            await asyncio.sleep(0.001)
        proxy.target = PostgresServer(server.folder)  # where nobody is
        with pytest.raises(StoreError, match="whether this was written is not known"):
            await changing
        proxy.target = server
        found = await store.change(count, ref="r0")
        assert found is not None
        assert found.context == 2


# ---- another server --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def standby_of(primary: PostgresServer) -> AsyncGenerator[PostgresServer]:
    """A server that follows another one."""
    with postgres_folder() as folder:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        found = programs()
        assert found is not None
        copy = f"{found}/pg_basebackup -h127.0.0.1 -p{primary.port} -Usuno -D{folder} -R -cfast -Xstream"
        copying = await asyncio.create_subprocess_exec(*copy.split(), stderr=subprocess.DEVNULL, **as_who_may())
        assert await copying.wait() == 0
        standby = PostgresServer(folder)
        standby.current = primary.current
        await asyncio.to_thread(standby.start)
        try:
            yield standby
        finally:
            standby.stop()


async def followed(standby: PostgresServer, ref: str) -> None:
    """Wait until a standby has a record."""
    for _ in range(300):
        if standby.do("SELECT 1 FROM suno.records WHERE ref = %s", ref):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the standby does not follow")


@pytest.fixture
def primary() -> Generator[PostgresServer]:
    """A server with nothing else in it, to be copied."""
    with postgres_server() as one:
        yield one


async def test_a_standby_that_lags_takes_over(primary: PostgresServer) -> None:
    """What it has not received is gone, and can be told again; it is used as soon as it is the primary."""
    proxy = Proxy(primary)
    async with proxy.running() as url, PostgresStore(url, timeout=1) as store:
        await goes_on(store, "r1")
        async with standby_of(primary) as standby:
            await followed(standby, "r1")
            standby.do("ALTER SYSTEM SET primary_conninfo = ''")
            standby.do("SELECT pg_reload_conf()")
            while standby.do("SELECT 1 FROM pg_stat_wal_receiver"):
                await asyncio.sleep(0.02)
            assert await store.change(count_of_none, ref="r1") is not None
            await goes_on(store, "r2")
            proxy.target = standby
            primary.stop()
            await refuses(store, "postgres: .*(hot standby|standby)")
            with pytest.raises(StoreError):
                await store.get(ref="r2")  # a standby must not say that it is not there
            standby.do("SELECT pg_promote()")
            assert await store.get(ref="r2") is None
            found = await store.get(ref="r1")
            assert found is not None
            assert found.context is None
            await goes_on(store, "r2")
            await goes_on(store, "r3")


def count_of_none(old: Record) -> Record:
    return Record(ref=old.ref, key=old.key, task_id=old.task_id, state=old.state, context=1)


async def test_of_several_hosts_the_primary_is_used(primary: PostgresServer) -> None:
    async with PostgresStore(primary.url) as store:
        await goes_on(store, "r1")
    async with standby_of(primary) as standby:
        hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
        async with PostgresStore(f"postgresql://suno@{hosts}/{primary.current}") as store:
            await goes_on(store, "r2")
            await followed(standby, "r2")
            primary.stop()
            await refuses(store)
            standby.do("SELECT pg_promote()")
            await goes_on(store, "r3")
            assert await refs(store.unfinished()) == ["r1", "r2", "r3"]


# ---- not ours to write -----------------------------------------------------------------------------------------------


async def test_nothing_is_kept_while_the_server_is_read_only(server: PostgresServer) -> None:
    """As hosted servers are when they have no room; what is there is read."""
    async with PostgresStore(server.url) as store:
        await goes_on(store, "r1")
        server.do("ALTER SYSTEM SET default_transaction_read_only = on")
        server.do("SELECT pg_reload_conf()")
        await asyncio.sleep(0.1)
        await refuses(store, "read-only transaction")
        assert await store.get(ref="r1") is not None
        assert await refs(store.unfinished()) == ["r1"]
        server.do("ALTER SYSTEM RESET default_transaction_read_only")
        server.do("SELECT pg_reload_conf()")
        await asyncio.sleep(0.1)
        await goes_on(store, "r2")


def limit_files(server: PostgresServer, size: str) -> None:
    """Let the server's files not grow beyond a size, which it takes for a disk that is full."""
    for process in server.processes():
        command = ["prlimit", f"--pid={process}", f"--fsize={size}:unlimited"]
        subprocess.run(command, check=True, **as_who_may())


async def test_nothing_is_kept_if_the_disk_is_full(server: PostgresServer) -> None:
    async with PostgresStore(server.url) as store:
        await goes_on(store, "r1")
        limit_files(server, str(2 * 1024 * 1024))
        kept = 0
        with pytest.raises(StoreError, match="postgres: could not extend file") as told:
            while True:
                await store.intend(Record(ref=f"big {kept}", body=os.urandom(200_000)))
                kept += 1
        assert kept > 3
        assert "\n" not in str(told.value)
        assert await store.get(ref="r1") is not None
        assert len(await refs(store.unfinished())) == kept + 1
        limit_files(server, "unlimited")
        await goes_on(store, "r2")
        assert await store.intend(Record(ref="big", body=os.urandom(200_000))) is None


async def test_nothing_is_kept_without_the_right_password(server: PostgresServer) -> None:
    server.do("CREATE ROLE locked LOGIN PASSWORD 'open-sesame' SUPERUSER")
    rules = server.folder / "pg_hba.conf"
    rules.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    server.do("SELECT pg_reload_conf()")
    await asyncio.sleep(0.1)
    for user in ("locked", "locked:guessed-wrong", "nobody:guessed-wrong"):
        async with PostgresStore(server.at(server.current, user)) as store:
            with pytest.raises(StoreError, match=r"password|does not exist") as told:
                await store.intend(Record(ref="r1"))
            assert "guessed-wrong" not in f"{told.value} {told.value.__cause__} {store!r}"
    async with PostgresStore(server.at(server.current, "locked:open-sesame")) as store:
        await goes_on(store)


async def test_a_server_without_a_free_connection_is_a_store_error(server: PostgresServer) -> None:
    server.do("DROP ROLE IF EXISTS few")
    server.do("CREATE ROLE few LOGIN CONNECTION LIMIT 1")
    server.do("CREATE SCHEMA suno AUTHORIZATION few")
    async with PostgresStore(server.at(server.current, "few")) as store:
        await goes_on(store, "r1")
        async with PostgresStore(server.at(server.current, "few")) as other:
            await refuses(other, "too many connections")
        heard = store.updates()
        waiting = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0.3)
        assert not waiting.done(), "nothing is heard without a second connection"
        await goes_on(store, "r2")
        server.do("ALTER ROLE few CONNECTION LIMIT 2")
        assert await asyncio.wait_for(waiting, 5) is None
        await heard.aclose()


@asynccontextmanager
async def speaking(said: bytes | None) -> AsyncGenerator[str]:
    """A server that is asked for PostgreSQL and says the same to everything; b"" hangs up, None says nothing."""

    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError):
            while said != b"" and await reader.read(65536):
                writer.write(said or b"")
                await writer.drain()
        writer.close()

    serving = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"postgresql://me@127.0.0.1:{serving.sockets[0].getsockname()[1]}/songs"
    finally:
        serving.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)


STRANGERS = [
    pytest.param(http(b"hello"), id="a web server"),
    pytest.param(b"220 mail.example ESMTP\r\n", id="a mail server"),
    pytest.param(b"", id="hangs up"),
    pytest.param(None, id="says nothing"),
    pytest.param(b"S", id="offers TLS and has none"),
    pytest.param(b"N", id="has no TLS and says no more"),
    pytest.param(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", id="is ready for everything"),
]


@pytest.mark.parametrize("said", STRANGERS)
async def test_whatever_answers_instead_of_postgres_is_a_store_error(said: bytes | None) -> None:
    async with speaking(said) as url, PostgresStore(url, timeout=0.2) as store:
        with anyio.fail_after(10):
            await refuses(store)
