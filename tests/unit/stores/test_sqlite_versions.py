"""Files from version to version, opened by several processes at once, and of processes that are killed."""

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from suno_async import StoreError
from suno_async.stores import Record, SQLiteStore
from suno_async.stores.sqlite_file import MIGRATIONS, prepare
from suno_async.stores.transitions import accepted

from .test_sqlite_faults import execute, from_source, held, whole

SPAWN = get_context("spawn")
NEXT = (*MIGRATIONS, "ALTER TABLE records ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'; CREATE TABLE moods (mood TEXT)")
"""A version to come."""


# ---- from version to version -----------------------------------------------------------------------------------------


def upgraded(path: Path, migrations: Sequence[str] = NEXT) -> str:
    """Open a file as a later program would; what was said."""
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as db:
        try:
            prepare(db, migrations)
        except (StoreError, sqlite3.Error) as exc:
            return f"{type(exc).__name__}: {exc}"
    return ""


async def test_an_old_file_is_brought_to_the_new_version_without_loss(path: Path) -> None:
    """The older program refuses it from then on."""
    await from_source(path)
    assert upgraded(path) == ""
    assert execute(path, "PRAGMA user_version") == [(len(NEXT),)]
    assert execute(path, "SELECT mood, count(*) FROM records WHERE key != '' GROUP BY mood") == [("calm", 30)]
    with pytest.raises(StoreError, match=f"of version {len(NEXT)}, .* up to {len(MIGRATIONS)}: upgrade"):
        await held(path)


async def test_a_new_version_that_fails_in_the_middle_leaves_the_file_as_it_was(path: Path) -> None:
    await from_source(path)
    before = execute(path, "SELECT sql FROM sqlite_master")
    assert "no such table" in upgraded(path, (*NEXT, "DROP TABLE moods; INSERT INTO nowhere VALUES (1)"))
    assert execute(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert execute(path, "SELECT sql FROM sqlite_master") == before
    assert await held(path) == whole()
    assert upgraded(path) == ""


def _open_in_turn(paths: Sequence[Path], begin: float, every: float) -> list[str]:
    """Each at its moment, at which another process opens it, too."""
    said: list[str] = []
    for number, path in enumerate(paths):
        while time.time() < begin + number * every:
            pass
        said.append(upgraded(path))
    return [words for words in said if words]


@pytest.mark.parametrize("old", [True, False], ids=["old files", "new files"])
def test_two_processes_may_open_the_same_file_for_the_first_time_at_once(tmp_path: Path, old: bool) -> None:
    paths = [tmp_path / f"{number}.db" for number in range(30)]
    if old:
        asyncio.run(from_source(paths[0], 3))
        for path in paths[1:]:
            shutil.copy(paths[0], path)
    with ProcessPoolExecutor(2, SPAWN) as processes:
        for waking in [processes.submit(time.sleep, 0.1) for _ in range(2)]:
            waking.result(30)
        begin = time.time() + 0.2
        both = [processes.submit(_open_in_turn, paths, begin, 0.03) for _ in range(2)]
        assert [one.result(30) for one in both] == [[], []]
    for path in paths:
        assert execute(path, "PRAGMA user_version") == [(len(NEXT),)]
        assert execute(path, "SELECT count(mood) FROM records") == [(3 if old else 0,)]


MOMENTS = ["BEGIN", "journal_mode", "synchronous", "BEGIN IMMEDIATE"]
"""When a file is not held while it is opened."""


@contextmanager
def overtaken(path: Path, moment: str, migrations: Sequence[str]) -> Generator[sqlite3.Connection]:
    """A connection that is overtaken by another process, once, just before a statement of its own."""
    said: list[str] = []

    class Slow(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if moment in sql and not said:
                said.append(upgraded(path, migrations))
            return super().execute(sql, parameters)

    with closing(sqlite3.connect(path, timeout=5, isolation_level=None, factory=Slow)) as db:
        yield db
    assert said == [""]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_file_that_another_process_makes_meanwhile_is_ours(path: Path, moment: str) -> None:
    with overtaken(path, moment, MIGRATIONS) as db:
        prepare(db)
    assert execute(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    asyncio.run(from_source(path))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("old", [True, False], ids=["old file", "new file"])
def test_a_file_that_a_newer_program_upgrades_meanwhile_stays_upgraded(path: Path, moment: str, old: bool) -> None:
    """It must not be marked as of our version again: the newer program would upgrade it once more."""
    versions = ("CREATE TABLE first (x)", "CREATE TABLE second (x)", "CREATE TABLE third (x)")
    if old:
        assert upgraded(path, versions[:1]) == ""
    with overtaken(path, moment, versions) as db, pytest.raises(StoreError, match="upgrade"):
        prepare(db, versions[:2])
    assert execute(path, "PRAGMA user_version") == [(3,)]
    assert upgraded(path, versions) == ""


# ---- killed ----------------------------------------------------------------------------------------------------------


def _write_without_end(path: Path, said: Connection) -> None:
    async def one(store: SQLiteStore, name: str) -> None:
        fields: dict[str, Any] = {"kind": "GenerateMusic", "provider": "kie", "request_json": '{"prompt":"x"}'}
        await store.intend(Record(ref=f"r{name}", key=f"k{name}", **fields))
        said.send((f"r{name}", ""))
        await store.change(partial(accepted, task_id=f"t{name}", now=2.0), ref=f"r{name}")
        said.send((f"r{name}", f"t{name}"))

    async def story() -> None:
        store, began = SQLiteStore(path), time.time_ns()
        for turn in range(1_000_000):
            await asyncio.gather(*(one(store, f"-{began}-{turn}-{number}") for number in range(5)))

    asyncio.run(story())


async def test_all_that_was_acknowledged_is_there_after_a_kill(path: Path) -> None:
    """Whole, at whatever moment it came, and however often."""
    promised: dict[str, str] = {}
    for _ in range(3):
        ours, theirs = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=_write_without_end, args=(path, theirs))
        process.start()
        theirs.close()
        try:
            promised.update([ours.recv()])
            await asyncio.sleep(0.1 + random.random() / 10)
        finally:
            process.kill()
        try:
            while True:
                promised.update([ours.recv()])
        except EOFError:
            ours.close()
        process.join()
        assert execute(path, "PRAGMA integrity_check") == [("ok",)]
        found = await held(path)
        assert len(promised) > 5
        for ref, task_id in promised.items():
            assert task_id in ("", found[ref][1])
            assert found[ref][0] == "k" + ref[1:]
