"""What can go wrong with a file of records: each a clear error before any money is spent, gone when its cause is."""

import asyncio
import os
import random
import re
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from suno_async import GenerateMusic, Pace, Stage, StoreError, SunoClient, Task
from suno_async.stores.record import Record, State
from suno_async.stores.sqlite import SQLiteStore
from suno_async.stores.sqlite_file import APPLICATION, MIGRATIONS
from suno_async.stores.transitions import accepted
from suno_async.wire.envelope import Reply

from ..doubles import DONE, PENDING, Script, called, reply, track

T = TypeVar("T")

PACE = Pace(first=0.05, growth=1, cap=0.1, patience=30)
URL = "https://bot.example/suno"

pytestmark = pytest.mark.usefixtures("soon")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there are threads and other processes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "songs.db"


@asynccontextmanager
async def opened(
    path: Path, *polls: Any, locked_for: float = 5.0, **settings: Any
) -> AsyncGenerator[tuple[SunoClient, Script]]:
    """A client on the file; `locked_for` is how long it waits for a lock."""
    script = Script(*polls, submits=settings.pop("submits", None))
    async with (
        SQLiteStore(path, timeout=locked_for) as store,
        SunoClient(api_key="k", transport=script, store=store, pace=PACE, **settings) as suno,
    ):
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
        fields: dict[str, Any] = {
            "kind": "GenerateMusic",
            "provider": "kie-legacy",
            "request_json": '{"prompt":"x"}',
            "created": 1.0,
        }
        await asyncio.gather(*(store.intend(Record(ref=f"r{n}", key=f"k{n}", **fields)) for n in range(count)))
        steps = ((f"r{n}", partial(accepted, task_id=f"t{n}", now=2.0)) for n in range(count))
        await asyncio.gather(*(store.change(step, ref=ref) for ref, step in steps))


def elsewhere(work: Callable[..., T], *given: Any) -> T:
    """Done in a process of its own; what it raises is raised here."""
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        return processes.submit(work, *given).result(30)


def execute(path: Path, *statements: str) -> list[Any]:
    """As another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return [db.execute(statement).fetchall() for statement in statements][-1]


# ---- no file of ours -------------------------------------------------------------------------------------------------


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def _text(path: Path) -> None:
    path.write_text("Buy milk. Call Zoë.\n" * 1000)


def _folder(path: Path) -> None:
    path.mkdir()


def _of_another_program(path: Path) -> None:
    execute(path, "CREATE TABLE guests (name TEXT)", "INSERT INTO guests VALUES ('Zoë')")


def _of_a_program_with_a_mark(path: Path) -> None:
    execute(path, "PRAGMA application_id = 252006673", "CREATE TABLE guests (name TEXT)")


def _newer(path: Path) -> None:
    execute(path, f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def _truncated(path: Path) -> None:
    asyncio.run(from_source(path))
    os.truncate(path, path.stat().st_size // 2)


FAULTS = [
    pytest.param(_noise, "file is not a database", id="noise"),
    pytest.param(_text, "file is not a database", id="text"),
    pytest.param(_folder, "unable to open", id="a folder"),
    pytest.param(_of_another_program, "of another program", id="another program's"),
    pytest.param(_of_a_program_with_a_mark, "of another program", id="another program's, with its mark"),
    pytest.param(_newer, rf"version {len(MIGRATIONS) + 1}, .* up to {len(MIGRATIONS)}: upgrade", id="a newer version"),
    pytest.param(_truncated, "malformed", id="truncated"),
]


@pytest.mark.parametrize(("spoil", "why"), FAULTS)
def test_nothing_is_submitted_if_the_file_is_none_of_ours(path: Path, spoil: Callable[[Path], None], why: str) -> None:
    """And once it is put aside, the same client goes on."""
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""

    async def story() -> None:
        async with opened(path) as (suno, script):
            await refused(suno, script, path, why)
            await refused(suno, script, path, why, key="k")
            with pytest.raises(StoreError, match=why):
                await anext(suno.resume())
            assert not before or path.read_bytes() == before
            path.rename(path.with_suffix(".old"))
            await goes_on(suno, script)

    asyncio.run(story())


async def test_nothing_is_submitted_if_there_is_no_such_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "songs.db"
    async with opened(path) as (suno, script):
        await refused(suno, script, path, "unable to open")
        path.parent.mkdir()
        await goes_on(suno, script)


async def test_whichever_page_of_the_file_is_spoilt_nothing_is_sent_unless_it_is_written_down_before(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing else than a StoreError is raised. What only the file's later pages refuse is in the log."""
    monkeypatch.setattr("suno_async.submissions.write_behind.LAST_TRY", 0.05)
    await from_source(path)
    good = path.read_bytes()
    noise = random.Random(2)
    size = execute(path, "PRAGMA page_size")[0][0]
    refusals = 0
    for place in range(0, len(good), size):
        for spoilt in (good[:place], good[:place] + noise.randbytes(size) + good[place + size :]):
            path.write_bytes(spoilt)
            caplog.clear()
            async with opened(path) as (suno, script):
                try:
                    task = await suno.generate_music(prompt="x")
                except StoreError as exc:
                    assert str(path) in str(exc)
                    assert script.posted == []
                    refusals += 1
                else:
                    record = await suno.store.get(ref=task.ref)
                    assert record is not None
                    assert record.task_id == "t1" or f"({task.ref}) is task t1: to be written later" in caplog.text
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert refusals > len(good) // size


# ---- not writable ----------------------------------------------------------------------------------------------------


async def _warm_up() -> None:
    """Import what is imported late, as long as it may be read."""
    async with SunoClient(api_key="k", transport=Script()) as suno:
        await suno.generate_music(prompt="x")


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


def _meet_what_is_not_writable(folder: Path) -> dict[str, str]:
    """As somebody whom permissions hold; what was said of each."""
    asyncio.run(_warm_up())
    if os.geteuid() == 0:
        os.setuid(65534)
    return {name: asyncio.run(_meet(folder / name / "songs.db", modes)) for name, modes in NOT_WRITABLE.items()}


async def _meet(path: Path, modes: Modes) -> str:
    path.parent.mkdir()
    if modes.file is not None:
        await from_source(path, 3)
        path.chmod(modes.file)
    path.parent.chmod(modes.folder)
    said = "nothing"
    async with opened(path) as (suno, script):
        try:
            await suno.generate_music(prompt="x")
        except StoreError as exc:
            said = str(exc)
        assert script.sent == []
        path.parent.chmod(0o700)
        if modes.file is not None:
            path.chmod(0o600)
        try:
            await goes_on(suno, script)
        except StoreError as exc:
            said = f"still {exc}"
    return said


def test_nothing_is_submitted_if_the_file_is_not_writable() -> None:
    """And when it is, the same client goes on."""
    folder = Path(tempfile.mkdtemp())  # where everybody may look, as tmp_path is not
    try:
        folder.chmod(0o777)
        said = elsewhere(_meet_what_is_not_writable, folder)
    finally:
        shutil.rmtree(folder)
    for name, words in said.items():
        assert words.startswith(f"{folder / name}")
        assert re.search("readonly database|unable to open|not writable", words)


# ---- locked ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_submitted_while_another_program_holds_the_file(path: Path) -> None:
    async with opened(path, locked_for=0.1) as (suno, script):
        await goes_on(suno, script)
        with locked(path):
            await refused(suno, script, path, "locked by another program")
            await refused(suno, script, path, "locked by another program", key="k")
        await goes_on(suno, script)
        task = await suno.submit(GenerateMusic(prompt="x"), key="k")
        assert task is await suno.submit(GenerateMusic(prompt="x"), key="k")
        assert len(script.posted) == 3


async def test_a_file_that_is_held_cannot_even_be_opened(path: Path) -> None:
    await from_source(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")  # it is held all the same
        async with opened(path, locked_for=0.1) as (suno, script):
            await refused(suno, script, path, "locked by another program")
            other.close()
            await goes_on(suno, script)


async def test_who_holds_the_file_for_a_moment_is_waited_for(path: Path) -> None:
    async with opened(path) as (suno, script):
        await goes_on(suno, script)
        with locked(path) as other:
            asyncio.get_running_loop().call_later(0.2, other.rollback)
            await goes_on(suno, script)


async def test_what_is_paid_for_when_the_file_is_locked_is_written_down_when_it_is_free(path: Path) -> None:
    """The lock comes while the request is under way, and goes on while the task is waited for."""
    await from_source(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def answer() -> Reply:
            other.execute("BEGIN IMMEDIATE")
            return reply({"taskId": "t1"})

        async with opened(path, PENDING, DONE, locked_for=0.1, submits=[answer]) as (suno, script):
            task = await suno.submit(GenerateMusic(prompt="x"), key="k")
            assert len((await task).tracks) == 2
            await refused(suno, script, path, "locked by another program")
            other.execute("ROLLBACK")
            assert (await kept(suno, task, Stage.COMPLETE)).state is State.FINISHED
            assert await suno.submit(GenerateMusic(prompt="x"), key="k") is task
            assert len(script.posted) == 1
    async with opened(path, locked_for=0.1) as (suno, _):
        assert [one.id async for one in suno.results()] == ["t1"]


async def test_what_the_file_is_owed_at_the_end_is_written_if_it_is_free_in_time(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the log has it."""
    await from_source(path, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def answer() -> Reply:
            other.execute("BEGIN IMMEDIATE")
            return reply({"taskId": "t-late"})

        def never() -> Reply:
            answer()
            return reply({"taskId": "t-never"})

        async with opened(path, locked_for=0.1, submits=[answer]) as (suno, _):
            await suno.generate_music(prompt="x")
            asyncio.get_running_loop().call_later(0.3, other.rollback)
        async with SQLiteStore(path) as store:
            assert [one.task_id async for one in store.unfinished()] == ["t-late"]
        assert "not written to the store" not in caplog.text
        monkeypatch.setattr("suno_async.submissions.write_behind.LAST_TRY", 0.2)
        async with opened(path, locked_for=0.1, submits=[never]) as (
            suno,
            _,
        ):
            await suno.generate_music(prompt="x")
        assert "not written to the store: GenerateMusic" in caplog.text
        assert "t-never" in caplog.text


async def test_a_callback_that_meets_a_locked_file_is_sent_again_and_then_kept(path: Path) -> None:
    """In the process that submitted, and in one that knows the task from the file alone."""
    async with (
        opened(path, locked_for=0.1, callback_url=URL) as (suno, script),
        opened(path, locked_for=0.1, callback_url=URL) as (other, _),
    ):
        for client in (suno, other):
            task = await suno.generate_music(prompt="x")
            query = {name: values[0] for name, values in parse_qs(urlsplit(address_in(script)).query).items()}
            body = called("complete", track(1), track(2), task_id=task.id)
            receiver = client.receiver()
            with locked(path):
                verdict = await receiver.receive(body, {}, query)
                assert verdict.status == 503
                assert "locked by another program" in verdict.reason
                assert (await receiver.receive(body, {}, query)).status == 503
            found = await client.store.get(task_id=task.id)
            assert found is not None
            assert found.state is State.RUNNING
            assert (await receiver.receive(body, {}, query)).status == 200
            found = await client.store.get(task_id=task.id)
            assert found is not None
            assert (found.state, found.stage) == (State.FINISHED, Stage.COMPLETE)
            assert (await receiver.receive(body, {}, query)).status == 200
        assert sorted([one.id async for one in other.results()]) == ["t1", "t2"]


def address_in(script: Script) -> str:
    return str(script.posted[-1]["callBackUrl"])


# ---- disk full -------------------------------------------------------------------------------------------------------


def _limit(bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _fill_the_disk(path: Path) -> None:
    """Where no file may grow any more: the nearest there is to a full disk of one's own."""

    def full() -> None:
        _limit(max(one.stat().st_size for one in path.parent.iterdir()))

    def answer() -> Reply:
        full()
        return reply({"taskId": "t-paid"})

    async def story() -> None:
        async with opened(path, PENDING, DONE, submits=[reply({"taskId": "t1"}), answer]) as (suno, script):
            await suno.generate_music(prompt="x")
            full()
            await refused(suno, script, path, "disk")
            await refused(suno, script, path, "disk", key="k")
            _limit(resource.RLIM_INFINITY)
            paid = await suno.submit(GenerateMusic(prompt="x"), key="k")
            assert len(script.posted) == 2
            assert len((await paid).tracks) == 2
            await refused(suno, script, path, "disk", key="another")
            assert len(script.posted) == 2
            _limit(resource.RLIM_INFINITY)
            assert (await kept(suno, paid, Stage.COMPLETE)).key == "k"
            await goes_on(suno, script)

    asyncio.run(story())


def test_nothing_is_submitted_if_the_file_cannot_grow(path: Path) -> None:
    """What was paid for just before is written down when it can."""
    elsewhere(_fill_the_disk, path)
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


async def test_nothing_is_submitted_if_the_disk_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLite itself says it, for the reading of its words."""
    connections: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*given: Any, **named: Any) -> sqlite3.Connection:
        connections.append(connect(*given, **named))
        return connections[-1]

    async with opened(path) as (suno, script):
        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", noted)
            await goes_on(suno, script)
        [ours] = connections
        [(pages,)] = ours.execute("PRAGMA page_count")
        ours.execute(f"PRAGMA max_page_count = {pages}").close()
        await refused(suno, script, path, "disk is full", context="x" * 100_000)
        ours.execute("PRAGMA max_page_count = 100000").close()
        await suno.submit(GenerateMusic(prompt="x"), context="x" * 100_000)
        await goes_on(suno, script)
