"""What is particular to records in a file."""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suno_async import Rate, Stage, StoreError
from suno_async.stores import Record, SQLiteStore, State
from suno_async.stores.sqlite_file import prepare
from suno_async.testing.store_contract import at, hear, in_forked_child, lose, refs, runs_as


def execute(path: Path, *statements: str) -> list[Any]:
    """As another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return [db.execute(statement).fetchall() for statement in statements][-1]


def test_what_is_written_outlives_a_power_cut(path: Path) -> None:
    """Each commit waits for the disk: https://sqlite.org/pragma.html#pragma_synchronous"""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        prepare(db)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_what_is_over_after_a_power_cut_does_not_wait_for_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims and places; a song has a dozen of them. A commit that does wait flushes all before it."""
    commits: list[int] = []

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql == "COMMIT":
                commits.extend(super().execute("PRAGMA synchronous").fetchone())
            return super().execute(sql, parameters)

    async with SQLiteStore(path) as store:
        monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
        await store.claim("poll", "me", 60)
        commits.clear()  # those of a new file
        await store.reserve("submit", ["a"], Rate(1, 100))
        await asyncio.gather(store.intend(Record(ref="r1"), "me", 60), store.claim("poll", "me", 60))
        await store.change(runs_as("t1"), ref="r1")
        await store.claim("poll", "me", 60)
        await store.release("submit", "a")
        await store.note("times", "x")
    assert commits == [1, 2, 2, 1, 1, 2]  # NORMAL, FULL


async def test_a_claim_from_before_the_clock_was_set_back_ends(path: Path) -> None:
    now = 10_000.0
    async with SQLiteStore(path, clock=lambda: now) as store:
        assert await store.claim("poll", "me", 60)
        assert await store.intend(Record(ref="r1"), "me", 60) is None
        now -= 10_800  # three hours
        assert await store.claim("poll", "you", 60)
        assert await store.claim("send r1", "you", 60)
        assert not await store.claim("poll", "me", 60)


async def test_a_clock_that_somebody_sets_forward_ends_no_claim(path: Path) -> None:
    """Claims and places count by the clock of the machine that nobody sets, the same for all of its processes."""
    async with SQLiteStore(path) as store:
        before = time.monotonic()
        assert await store.claim("poll", "me", 60)
        assert await store.reserve("submit", ["a"], Rate(1, 100)) == [0.0]
        after = time.monotonic()
    with closing(sqlite3.connect(path)) as db:
        [(until,)] = db.execute("SELECT until FROM claims")
        [(at,)] = db.execute("SELECT at FROM places")
    assert before + 60 <= until <= after + 60
    assert before <= at <= after


async def test_places_from_before_the_clock_was_set_back_are_free(path: Path) -> None:
    now = 10_000.0
    async with SQLiteStore(path, clock=lambda: now) as store:
        assert await store.reserve("submit", ["a"], Rate(1, 10)) == [0.0]
        now -= 10_800
        assert await store.reserve("submit", ["b"], Rate(1, 10)) == [0.0]
        assert await store.reserve("submit", ["c"], Rate(1, 10)) == [10]


async def test_uncertain_records_among_a_hundred_thousand_are_found_at_once(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await store.intend(Record(ref="lost"))
        await store.change(lose, ref="lost")
        with closing(sqlite3.connect(path)) as db:
            db.executemany(
                "INSERT INTO records (account, ref, key, context, task_id, state, stage, observed, source, status,"
                " message, body, error, kind, provider, request_json, fingerprint, created, updated, delivered)"
                " VALUES ('default', ?, ?, 'null', ?, 'running', 0, 0, 'poll', '', '', x'', '', '', '', '', '', 1,"
                " 1, 0)",
                ((f"r{number}", f"k{number}", f"t{number}") for number in range(100_000)),
            )
            db.commit()
        began = time.process_time()  # looking through them all is work, and a busy machine makes none
        assert await refs(store.unfinished(State.UNCERTAIN)) == ["lost"]
        assert await refs(store.unfinished(State.UNCERTAIN, State.SENDING)) == ["lost"]
        for number in range(100):
            held = await store.intend(Record(ref=f"again {number}", key=f"k{number}"))
            assert held is not None
            assert held.ref == f"r{number}"
        assert time.process_time() - began < 0.5


async def test_erased_words_are_in_no_file(path: Path) -> None:
    """Neither in the file, nor in its log, nor in a page that was freed, whoever wrote them when."""
    secret = "a song for Ana " * 400
    async with SQLiteStore(path) as store, SQLiteStore(path) as other:
        for number in range(30):
            writer = (store, other)[number % 2]
            await writer.intend(Record(ref=f"r{number}", request_json=secret, context={"user": "Ana", "n": number}))
            await writer.change(runs_as(f"t{number}"), ref=f"r{number}")
            await writer.change(at(f"t{number}", Stage.COMPLETE, body=secret.encode()), ref=f"r{number}")
        files = [one for one in path.parent.iterdir() if one.name.startswith(path.name)]
        assert any(b"Ana" in one.read_bytes() for one in files)
        assert await store.erase(context={"user": "Ana"}) == 30
        assert not [one for one in files if one.exists() and b"Ana" in one.read_bytes()]


# ---- one file for many loops, threads and processes ------------------------------------------------------------------


def test_a_loop_that_was_closed_in_the_middle_disturbs_nobody(path: Path) -> None:
    store = SQLiteStore(path)

    async def use(number: int) -> None:
        await store.intend(Record(ref=f"r{number}"))
        cut_off.append(asyncio.ensure_future(store.intend(Record(ref=f"cut off {number}"))))
        await asyncio.sleep(0)

    cut_off: list[asyncio.Future[Record | None]] = []
    for number in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(use(number))
        cut_off[-1].cancel()
        loop.close()
    assert not store.busy

    async def rest() -> list[str]:
        found = await refs(store.unfinished())
        await store.aclose()
        return found

    assert set(asyncio.run(rest())) == {f"{ref}{number}" for ref in ("r", "cut off ") for number in range(3)}


def test_forked_children_write_as_others_and_lose_nothing(path: Path) -> None:
    """While the store is in use in the parent, which closes it before the children do: their records stay."""
    store = SQLiteStore(path)
    writing = threading.Event()

    async def write_on() -> None:
        number = 0
        while not writing.is_set() or number < 50:
            await store.intend(Record(ref=f"parent {number}"))
            number += 1
        counted.append(number)
        await store.aclose()

    async def in_child(number: int) -> None:
        for turn in range(20):
            await store.intend(Record(ref=f"child {number} {turn}"))
            await store.change(runs_as(f"t {number} {turn}"), ref=f"child {number} {turn}")
        await asyncio.sleep(0.05)
        await store.intend(Record(ref=f"child {number} late"))

    counted: list[int] = []
    thread = threading.Thread(target=lambda: asyncio.run(write_on()))
    thread.start()
    said = [in_forked_child(lambda number=number: in_child(number)) for number in range(5)]  # type: ignore[misc]
    writing.set()
    thread.join()
    assert said == [""] * 5
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]
    assert execute(path, "SELECT count(*) FROM records") == [(counted[0] + 5 * 21,)]
    writers = execute(path, "SELECT DISTINCT writer FROM records WHERE change > 0")
    assert len(writers) == 5


async def test_a_child_keeps_its_records_when_the_parent_closes_the_file_first(path: Path) -> None:
    """A connection that was open during the fork would make the child believe it holds locks that it has not."""
    store = SQLiteStore(path)
    await store.intend(Record(ref="before"))
    reading, writing = os.pipe()

    async def in_child() -> None:
        await store.intend(Record(ref="child 1"))
        os.write(writing, b"x")
        await asyncio.sleep(0.2)
        await store.intend(Record(ref="child 2"))
        await store.aclose()

    child = os.fork()
    if child == 0:
        try:
            asyncio.run(in_child())
        finally:
            os._exit(0)
    os.read(reading, 1)
    assert await store.get(ref="child 1") is not None
    await store.aclose()  # as if it were the last one: SQLite puts the WAL into the file and removes it
    os.waitpid(child, 0)  # noqa: ASYNC222 (it ends soon)
    os.close(reading)
    os.close(writing)
    assert sorted(execute(path, "SELECT ref FROM records")) == [("before",), ("child 1",), ("child 2",)]


def test_a_store_that_nobody_closed_does_not_keep_the_program(path: Path) -> None:
    code = f"""
import asyncio
from suno_async.stores import Record, SQLiteStore
store = SQLiteStore({str(path)!r})
for number in range(3):
    asyncio.run(store.intend(Record(ref=f"r{{number}}")))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=20)
    assert execute(path, "SELECT count(*) FROM records") == [(3,)]


async def test_a_store_that_nobody_holds_ends_its_thread(path: Path) -> None:
    store = SQLiteStore(path)
    await store.get(ref="r1")
    before = threading.active_count()
    del store
    gc.collect()
    for _ in range(200):
        if threading.active_count() < before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("its thread goes on")


async def test_a_change_of_a_name_that_cannot_be_stored_is_a_store_error(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await store.intend(Record(ref="r1"))
        for bad in (Record(ref="\ud800"), Record(ref="r2", code=2**64), Record(ref="r2", context=object())):
            results = await asyncio.gather(
                store.intend(bad), store.change(runs_as("t1"), ref="r1"), return_exceptions=True
            )
            assert isinstance(results[0], StoreError)
            assert not isinstance(results[1], BaseException)
        with pytest.raises(StoreError):
            await store.get(key="\ud800")
        assert await refs(store.unfinished()) == ["r1"]


async def test_no_record_of_another_account_is_heard(path: Path) -> None:
    """The number of one that was removed while it was read may be another account's by then."""
    async with SQLiteStore(path) as store, SQLiteStore(path) as other:
        await asyncio.gather(*(store.intend(Record(ref=ref)) for ref in ("r1", "r2")))

        def wanted(ref: str, task_id: str) -> bool:
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE records SET account = 'another' WHERE ref = 'r1'")
            return True

        async with aclosing(other.updates(wanted)) as heard:
            await anext(heard)
            await asyncio.gather(*(store.change(lose, ref=ref) for ref in ("r1", "r2")))
            assert [one.ref for one in await hear(heard)] == ["r2"]
