"""What is particular to records in PostgreSQL: its clock, its schema, its texts, and its two connections."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from suno_async import Rate, StoreError
from suno_async.stores import Damaged, PostgresStore, Record, State
from suno_async.testing.store_contract import hear, in_forked_child, in_new_loop, listening, lose, refs, runs_as

from ...postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """The address of a database of this test's own."""
    return postgres.database()


@pytest.fixture
async def store(url: str) -> AsyncGenerator[PostgresStore]:
    async with PostgresStore(url) as store:
        yield store


# ---- the clock -------------------------------------------------------------------------------------------------------


async def test_a_claim_from_before_the_servers_clock_was_set_back_ends(
    postgres: PostgresServer, store: PostgresStore
) -> None:
    """It ends then further ahead than it was taken for."""
    assert await store.claim("poll", "me", 60)
    assert await store.intend(Record(ref="r1"), "me", 60) is None
    for claim in ("poll", "send r1"):
        postgres.do("UPDATE suno.claims SET until = until + 10800 WHERE name = %s", f"default {claim}")
        assert await store.claim(claim, "you", 60)
        assert not await store.claim(claim, "me", 60)
        assert not await store.claim(claim, "me", 0)
        postgres.do("UPDATE suno.claims SET until = until + 10800 WHERE name = %s", f"default {claim}")
        assert await store.claim(claim, "me", 0)


async def test_places_from_before_the_servers_clock_was_set_back_are_free(
    postgres: PostgresServer, store: PostgresStore
) -> None:
    assert await store.reserve("submit", ["a"], Rate(1, 100)) == [0.0]
    postgres.do("UPDATE suno.places SET at = at + 10800")
    assert await store.reserve("submit", ["b"], Rate(1, 100)) == [0.0]
    assert (await store.reserve("submit", ["c"], Rate(1, 100)))[0] > 99


async def test_what_is_over_does_not_stay(postgres: PostgresServer, store: PostgresStore) -> None:
    """Claims that have ended, places of a window that has passed, and names of processes that are gone."""
    await store.claim("old", "me", 0.01)
    await store.reserve("submit", ["old"], Rate(1000, 0.01))
    postgres.do("INSERT INTO suno.writers VALUES ('gone', 7, 0)")
    for _ in range(2000):
        await store.claim("mine", "me", 100)
        if rows(postgres, "claims") == 1 and rows(postgres, "writers") == 1:
            break
    else:
        raise AssertionError("what is over stays")
    await store.reserve("submit", ["new"], Rate(1000, 0.01))
    assert rows(postgres, "places") == 1


def rows(postgres: PostgresServer, table: str) -> int:
    [(count,)] = postgres.do(f"SELECT count(*) FROM suno.{table}")
    return int(count)


async def test_what_goes_on_while_it_is_forgotten_is_kept(postgres: PostgresServer, store: PostgresStore) -> None:
    """A dismissed submission whose callback comes at the same moment."""
    await store.intend(Record(ref="r1", state=State.DISMISSED))
    with psycopg.connect(postgres.url) as other:
        other.execute("UPDATE suno.records SET state = 'running', version = version + 1 WHERE ref = 'r1'")
        pruning = asyncio.create_task(store.prune(100, undelivered=False))
        await until_locked(postgres)
        other.commit()
    assert await pruning == 0
    found = await store.get(ref="r1")
    assert found is not None
    assert found.state is State.RUNNING


async def until_locked(postgres: PostgresServer) -> None:
    """Wait until somebody waits for a lock."""
    while not postgres.do("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        await asyncio.sleep(0.01)


# ---- the schema ------------------------------------------------------------------------------------------------------


async def test_everything_is_in_a_schema_of_its_own(postgres: PostgresServer, url: str) -> None:
    """Two of them share nothing."""
    async with PostgresStore(url) as one, PostgresStore(url, name="other") as two, listening(two) as heard:
        await one.intend(Record(ref="r1", key="k"))
        assert await two.intend(Record(ref="r2", key="k")) is None
        assert await one.claim("poll", "me", 100)
        assert await two.claim("poll", "you", 100)
        assert [await each.reserve("submit", ["a"], Rate(1, 100)) for each in (one, two)] == [[0.0], [0.0]]
        await one.change(runs_as("t1"), ref="r1")
        async with PostgresStore(url, name="other") as third:
            changed = await third.change(runs_as("t2"), ref="r2")
        assert await hear(heard) == [changed]
    query = (
        "SELECT DISTINCT nspname::text FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE nspname !~ '^pg_|information_schema' ORDER BY 1"
    )
    assert postgres.do(query) == [("other",), ("suno",)]


async def test_many_that_come_first_make_one_schema(url: str) -> None:
    stores = [PostgresStore(url) for _ in range(8)]
    assert await asyncio.gather(*(store.intend(Record(ref=f"r{n}")) for n, store in enumerate(stores))) == [None] * 8
    assert len(await refs(stores[0].unfinished())) == 8
    for store in stores:
        await store.aclose()


async def test_a_user_who_may_not_make_a_schema_uses_one_that_was_made_for_them(
    postgres: PostgresServer, url: str
) -> None:
    postgres.do("DROP ROLE IF EXISTS bot")
    postgres.do("CREATE ROLE bot LOGIN")
    async with PostgresStore(postgres.at(postgres.current, "bot")) as store:
        with pytest.raises(StoreError, match="postgres: permission denied for database"):
            await store.intend(Record(ref="r1"))
        postgres.do("CREATE SCHEMA suno AUTHORIZATION bot")
        assert await store.intend(Record(ref="r1")) is None


async def test_records_of_a_newer_version_are_left_alone(
    postgres: PostgresServer, store: PostgresStore, url: str
) -> None:
    """That is noticed when a connection is made."""
    await store.intend(Record(ref="r1"))
    postgres.do("UPDATE suno.schema_version SET version = 99")
    async with PostgresStore(url) as other:
        for _ in range(2):
            with pytest.raises(StoreError, match=r"version 99, .* up to 1: upgrade"):
                await other.intend(Record(ref="r2"))
        with pytest.raises(StoreError, match="upgrade"):
            await anext(other.unfinished())
        assert rows(postgres, "records") == 1
        postgres.do("UPDATE suno.schema_version SET version = 1")
        assert await other.intend(Record(ref="r2")) is None


async def test_tables_of_another_program_are_left_alone(postgres: PostgresServer, url: str) -> None:
    postgres.do("CREATE SCHEMA suno CREATE TABLE records (song text)")
    async with PostgresStore(url) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match=r"postgres: relation .records. already exists"):
                await store.intend(Record(ref="r1"))
    assert postgres.do("SELECT * FROM suno.records") == []
    postgres.do("CREATE TABLE suno.schema_version (version text)")
    async with PostgresStore(url) as store:
        with pytest.raises(StoreError):
            await store.intend(Record(ref="r1"))


async def test_a_database_in_another_encoding_is_refused(postgres: PostgresServer) -> None:
    postgres.do("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    async with PostgresStore(postgres.at("latin")) as store:
        with pytest.raises(StoreError, match="in LATIN1; it must be in UTF8"):
            await store.intend(Record(ref="r1"))


async def test_a_default_isolation_level_of_the_database_does_not_matter(postgres: PostgresServer, url: str) -> None:
    postgres.do(f"ALTER DATABASE {postgres.current} SET default_transaction_isolation = 'serializable'")
    postgres.do(f"ALTER DATABASE {postgres.current} SET synchronous_commit = 'off'")
    async with PostgresStore(url) as one, PostgresStore(url) as two:
        await one.intend(Record(ref="r1"))
        stores = (one, two)
        took = await asyncio.gather(*(stores[n % 2].change(runs_as("t1"), ref="r1") for n in range(30)))
        assert len([one for one in took if one is not None]) == 1


# ---- connections, event loops and forks ------------------------------------------------------------------------------


async def settled(postgres: PostgresServer, wanted: int) -> int:
    for _ in range(200):
        if postgres.connections() == wanted:
            break
        await asyncio.sleep(0.02)
    return postgres.connections()


async def test_one_connection_writes_and_one_listens_for_all_loops(
    postgres: PostgresServer, store: PostgresStore
) -> None:
    async def use() -> None:
        async with listening(store), listening(store):
            await asyncio.gather(*(store.intend(Record(ref=os.urandom(8).hex())) for _ in range(100)))
            assert postgres.connections() == 2

    await asyncio.gather(use(), in_new_loop(use), in_new_loop(use))
    assert await settled(postgres, 1) == 1
    await store.aclose()
    assert await settled(postgres, 0) == 0


async def test_a_loop_that_is_closed_with_a_listener_leaves_no_connection(postgres: PostgresServer, url: str) -> None:
    """As `asyncio.run` shuts it down, with a client that nobody closes."""

    async def use(store: PostgresStore) -> None:
        heard = store.updates()
        await anext(heard)
        waiting.append(asyncio.ensure_future(anext(heard)))
        await store.intend(Record(ref="r1"))
        assert postgres.connections() == 2

    waiting: list[asyncio.Future[Record | None]] = []
    stores = [PostgresStore(url)]
    for _ in range(2):
        await in_new_loop(partial(use, stores[0]))
        assert await settled(postgres, 1) == 1
    waiting.clear()
    stores.clear()
    gc.collect()
    assert await settled(postgres, 0) == 0


async def test_a_child_leaves_its_parents_connections_alone(url: str, store: PostgresStore) -> None:
    async def use() -> None:
        await store.intend(Record(ref=f"child {os.getpid()}"))
        await store.aclose()

    async with PostgresStore(url) as other, listening(store) as heard:
        await other.intend(Record(ref="r1"))
        waiting = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0.05)
        assert [in_forked_child(use) for _ in range(3)] == [""] * 3
        changed = await other.change(lose, ref="r1")
        assert await asyncio.wait_for(waiting, 5) == changed
        assert len(await refs(store.unfinished())) == 4


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a\0b", "\0", "\x01", '\x01"x"', "\\x00", "e\u0301", "%s %(ref)s {schema}"])
async def test_any_text_comes_back_as_it_was(store: PostgresStore, text: str) -> None:
    """PostgreSQL itself takes no NUL."""
    kept = Record(ref=text, key=text, message=text, task_id=text, context={text: text}, state=State.RUNNING)
    assert await store.intend(kept, text, 100) is None
    assert await store.get(ref=text) == await store.get(key=text) == await store.get(task_id=text) == kept
    assert not await store.claim(f"send {text}", "you", 100)
    async with listening(store):
        assert await store.change(lambda old: Record(ref=old.ref, context=1), ref=text) is not None
    await store.remove(text)
    assert await store.get(ref=text) is None


async def test_a_record_that_cannot_be_stored_is_a_store_error_and_spoils_no_other(store: PostgresStore) -> None:
    impossible = [
        *(Record(ref="\ud800"), Record(ref="r2", context=object()), Record(ref="r3", code=2**70)),
        Record(ref="r4", key=os.urandom(9000).hex()),  # no index takes it
    ]
    kept = [Record(ref=f"good {number}") for number in range(4)]
    told = await asyncio.gather(*map(store.intend, [*impossible, *kept]), return_exceptions=True)
    assert [type(one) for one in told] == [StoreError] * 4 + [type(None)] * 4
    assert await refs(store.unfinished()) == [one.ref for one in kept]
    with pytest.raises(StoreError):
        await store.get(key="\ud800")
    await store.intend(Record(ref="r4"))
    with pytest.raises(StoreError):
        await store.change(runs_as("\ud800"), ref="r4")


async def test_a_change_is_kept_though_its_notification_would_be_too_long(store: PostgresStore, url: str) -> None:
    """PostgreSQL takes less than 8000 bytes; those who want it by its ref are told."""
    async with listening(store) as heard:
        await store.intend(Record(ref="r1"))
        async with PostgresStore(url) as other:
            await other.change(runs_as("t" * 9000), ref="r1")
        assert [one.ref for one in await hear(heard)] == ["r1"]


DAMAGE = {
    "a context that is no JSON": "context = '{'",
    "a stage that is none": "stage = 77",
    "a source that is none": "source = 'of a newer version'",
    "a text that is missing": "kind = NULL",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_record_hides_no_other(
    postgres: PostgresServer, store: PostgresStore, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await store.intend(Record(ref=f"r{number}", key=f"k{number}", created=float(number)))
        await store.change(runs_as(f"t{number}"), ref=f"r{number}")
    postgres.do(f"UPDATE suno.records SET {DAMAGE[damage]} WHERE ref = 'r1'")
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


async def test_notifications_of_strangers_disturb_nobody(
    postgres: PostgresServer, url: str, store: PostgresStore
) -> None:
    await store.intend(Record(ref="r1"))
    async with PostgresStore(url) as other, listening(other) as heard:
        for said in ("", "x", " ", "x y z", "\x01", "hello "):
            postgres.do("SELECT pg_notify('suno_changes', %s)", said)
        changed = await store.change(runs_as("t1"), ref="r1")
        assert await hear(heard) == [changed]


async def test_a_server_that_does_not_flush_is_told_of(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with PostgresStore(url) as store:
            await store.intend(Record(ref="r1"))
    assert "does not flush to disk" in caplog.text


# ---- erasing ---------------------------------------------------------------------------------------------------------


async def test_what_is_erased_is_in_no_row_any_more(postgres: PostgresServer, store: PostgresStore) -> None:
    """Nor in an old version of one."""
    secret = os.urandom(2000).hex()
    await store.intend(Record(ref="r1", context={"user": 7}, request_json=secret))
    assert await store.erase(context={"user": 7}) == 1
    path = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('suno.records')"
    postgres.do("CHECKPOINT")
    [(file,)] = postgres.do(path)
    assert postgres.do("SELECT count(*) FROM suno.records WHERE strpos(request_json, %s) > 0", secret[:50]) == [(0,)]
    [(toast,)] = postgres.do(
        "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(reltoastrelid)"
        " FROM pg_class WHERE oid = 'suno.records'::regclass"
    )
    assert secret[:50].encode() not in Path(file).read_bytes() + Path(toast).read_bytes()


async def test_erasing_does_not_wait_for_who_reads(
    postgres: PostgresServer, store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that somebody else holds is vacuumed later."""
    await store.intend(Record(ref="r1", context={"user": 7}, request_json="{}"))
    lock = "DO $$ BEGIN LOCK TABLE suno.records IN SHARE UPDATE EXCLUSIVE MODE; PERFORM pg_sleep(1); END $$"
    holding = asyncio.create_task(asyncio.to_thread(postgres.do, lock))
    await asyncio.sleep(0.2)
    async with PostgresStore(postgres.url, timeout=0.4) as impatient:
        with caplog.at_level(logging.INFO):
            assert await impatient.erase(ref="r1") == 1
    assert "stay until the next VACUUM" in caplog.text
    await holding
