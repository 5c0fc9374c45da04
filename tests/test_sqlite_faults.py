"""What can go wrong with a file of records: each a clear error before any money is spent, gone when its cause is."""

import asyncio
import os
import random
import re
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from suno_async import GenerateMusic, Pace, Stage, StoreError, SunoClient, Task
from suno_async.stores import sqlite
from suno_async.stores.record import Record, State
from suno_async.stores.sqlite import APPLICATION, MIGRATIONS, SQLiteStore
from suno_async.stores.transitions import accepted
from suno_async.wire.envelope import Reply

from .doubles import DONE, PENDING, Script, called, reply, track

T = TypeVar("T")

PACE = Pace(first=0.05, growth=1, cap=0.1, patience=30)
URL = "https://bot.example/suno"
SPAWN = get_context("spawn")
NEXT = (*MIGRATIONS, "ALTER TABLE records ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'; CREATE TABLE moods (mood TEXT)")
"""A version to come."""

pytestmark = pytest.mark.usefixtures("soon")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there are threads and other processes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "songs.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)


@asynccontextmanager
async def opened(path: Path, *looks: Any, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
    script = Script(*looks, submits=settings.pop("submits", None))
    async with SunoClient(api_key="k", transport=script, store=f"sqlite:///{path}", pace=PACE, **settings) as suno:
        yield suno, script


async def refused(suno: SunoClient, script: Script, path: Path, why: str, **settings: Any) -> None:
    """A submit fails for a reason that is told, and nothing leaves."""
    before = list(script.sent)
    with pytest.raises(StoreError, match=why) as told:
        await suno.submit(GenerateMusic(prompt="x"), **settings)
    assert str(path) in str(told.value)
    assert script.sent == before


async def goes_on(suno: SunoClient, script: Script) -> None:
    """The same client submits as if nothing had been, and it is written down."""
    before = len(script.posted)
    task = await suno.generate_music(prompt="afterwards")
    assert len(script.posted) == before + 1
    assert (await kept(suno, task)).state is State.RUNNING


async def kept(suno: SunoClient, task: Task[Any], stage: Stage = Stage.PENDING) -> Record:
    """What the file says of a task, as soon as it says that much."""
    for _ in range(500):
        record = await suno.store.get(ref=task.ref)
        if record is not None and record.task_id == task.id and record.stage >= stage:
            return record
        await asyncio.sleep(0.02)
    raise AssertionError(f"{task} was not written down")


@contextmanager
def locked(path: Path) -> Generator[sqlite3.Connection]:
    """Another program writes, and takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def from_source(path: Path, count: int = 30) -> None:
    """A file of accepted submissions, r0 with task t0 and so on, closed again."""
    async with SQLiteStore(path) as store:
        fields: dict[str, Any] = {"kind": "GenerateMusic", "provider": "kie", "sent": '{"prompt":"x"}', "created": 1.0}
        await asyncio.gather(*(store.intend(Record(ref=f"r{n}", key=f"k{n}", **fields)) for n in range(count)))
        steps = ((f"r{n}", partial(accepted, task_id=f"t{n}", now=2.0)) for n in range(count))
        await asyncio.gather(*(store.change(step, ref=ref) for ref, step in steps))


async def held(path: Path) -> dict[str, tuple[str, str]]:
    """Key and task of every record, by ref."""
    async with SQLiteStore(path) as store:
        return {one.ref: (one.key, one.task_id) async for one in store.unfinished()}


def whole(count: int = 30) -> dict[str, tuple[str, str]]:
    return {f"r{n}": (f"k{n}", f"t{n}") for n in range(count)}


def execute(path: Path, *statements: str) -> list[Any]:
    """As another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return [db.execute(statement).fetchall() for statement in statements][-1]


def elsewhere(work: Callable[..., T], *given: Any) -> T:
    """Done in a process of its own; what it raises is raised here."""
    with ProcessPoolExecutor(1, SPAWN) as processes:
        return processes.submit(work, *given).result(30)


# ---- no file of ours -------------------------------------------------------------------------------------------------


FAULTS = [
    pytest.param(_noise, "file is not a database", id="noise"),
    pytest.param(_text, "file is not a database", id="text"),
    pytest.param(_folder, "unable to open", id="a folder"),
    pytest.param(_of_another_program, "of another program", id="another program's"),
    pytest.param(_of_a_program_with_a_mark, "of another program", id="another program's, with its mark"),
    pytest.param(_newer, rf"version {len(MIGRATIONS) + 1}, .* up to {len(MIGRATIONS)}: upgrade", id="a newer version"),
    pytest.param(_truncated, "malformed", id="truncated"),
]


# ---- not writable ----------------------------------------------------------------------------------------------------


class Modes(NamedTuple):
    """Who may do what."""

    file: int | None
    """None if there is no file."""
    folder: int


NOT_WRITABLE = {
    "the file": Modes(0o400, 0o700),
    "the folder": Modes(None, 0o500),
    "both": Modes(0o400, 0o500),
    "the folder of a writable file": Modes(0o600, 0o500),
    "the file, nor readable": Modes(0o000, 0o700),
}


# ---- locked ----------------------------------------------------------------------------------------------------------


async def test_what_is_written_down_outlives_a_power_cut(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "songs.db")
    await store.get(ref="r1")
    assert await store._read("PRAGMA synchronous") == [(2,)]  # FULL: https://sqlite.org/pragma.html#pragma_synchronous
    assert await store._read("PRAGMA journal_mode") == [("wal",)]
    await store.aclose()


def answer_of(task_id: str) -> bytes:
    return reply({"taskId": task_id}).body


def address_in(script: Script) -> str:
    return str(script.posted[-1]["callBackUrl"])


# ---- disk full -------------------------------------------------------------------------------------------------------


# ---- from version to version -----------------------------------------------------------------------------------------


def upgraded(path: Path, migrations: Sequence[str] = NEXT) -> str:
    """Open a file as a later program would; what was said."""
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as db:
        try:
            sqlite._prepare(db, migrations)
        except (StoreError, sqlite3.Error) as exc:
            return f"{type(exc).__name__}: {exc}"
    return ""


async def test_an_old_file_is_brought_to_the_new_version_without_loss(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await from_source(path)
    monkeypatch.setattr(sqlite, "_prepare", partial(sqlite._prepare, migrations=NEXT))
    assert await held(path) == whole()
    assert execute(path, "PRAGMA user_version") == [(len(NEXT),)]
    assert execute(path, "SELECT mood, count(*) FROM records") == [("calm", 30)]
    async with opened(path) as (suno, script):
        assert len([task async for task in suno.resume()]) == 30
        await goes_on(suno, script)
    monkeypatch.undo()
    async with opened(path) as (suno, script):
        await refused(suno, script, path, "upgrade")


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
        sqlite._prepare(db)
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
        sqlite._prepare(db, versions[:2])
    assert execute(path, "PRAGMA user_version") == [(3,)]
    assert upgraded(path, versions) == ""


# ---- killed ----------------------------------------------------------------------------------------------------------


def _write_without_end(path: Path, said: Connection) -> None:
    async def one(store: SQLiteStore, name: str) -> None:
        fields: dict[str, Any] = {"kind": "GenerateMusic", "provider": "kie", "sent": '{"prompt":"x"}'}
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
