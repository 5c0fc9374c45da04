"""What can go wrong with a file of records: each a clear error of every call, gone when its cause is."""

import asyncio
import os
import random
import re
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from suno_async import Rate, Stage, StoreError, Update
from suno_async.stores import Damaged, Record, SQLiteStore
from suno_async.stores.sqlite_file import APPLICATION, MIGRATIONS
from suno_async.stores.transitions import accepted, updated
from suno_async.testing.store_contract import in_forked_child, lose, refs, runs_as

T = TypeVar("T")

SPAWN = get_context("spawn")


def calls(store: SQLiteStore) -> list[Callable[[], Coroutine[Any, Any, object]]]:
    """Everything that can be asked of a store, once."""
    return [
        lambda: store.intend(Record(ref="r")),
        lambda: store.change(lose, ref="r1"),
        lambda: store.remove("r1"),
        lambda: store.get(ref="r1"),
        lambda: refs(store.unfinished()),
        lambda: refs(store.finished()),
        lambda: store.claim("poll", "me", 1),
        lambda: store.reserve("submit", ["place"], Rate(1, 1)),
        lambda: store.release("submit", "place"),
        lambda: store.prune(0),
    ]


async def refuses(store: SQLiteStore, why: str) -> None:
    """Every call fails for a reason that is told, one after the other and all at once."""
    for call in calls(store):
        with pytest.raises(StoreError, match=why) as told:
            await call()
        assert str(store.path) in str(told.value)
    results = await asyncio.gather(*(call() for call in calls(store)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreError}
    assert len({id(result) for result in results}) == len(results)


async def goes_on(store: SQLiteStore, ref: str = "afterwards") -> None:
    """The same store works as if nothing had been."""
    await store.intend(Record(ref=ref, key=ref))
    found = await store.change(runs_as(f"task of {ref}"), ref=ref)
    assert found is not None
    assert await store.get(key=ref) == found


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
            "provider": "kie",
            "request_json": '{"prompt":"x"}',
            "created": 1.0,
        }
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
def test_a_file_that_is_none_of_ours_is_refused_and_left_as_it_is(
    path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    """And once it is put aside, the same store goes on."""
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""

    async def story() -> None:
        async with SQLiteStore(path) as store:
            await refuses(store, why)
            assert not before or path.read_bytes() == before
            path.rename(path.with_suffix(".old"))
            await goes_on(store)

    asyncio.run(story())


async def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "songs.db"
    async with SQLiteStore(path) as store:
        await refuses(store, "unable to open")
        path.parent.mkdir()
        await goes_on(store)


# ---- removed or replaced ---------------------------------------------------------------------------------------------


def _removed(path: Path) -> None:
    for one in path.parent.iterdir():
        one.unlink()


def _moved(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def _replaced(path: Path) -> None:
    other = path.with_name("other.db")
    asyncio.run(from_source(other, 3))
    other.replace(path)


@pytest.mark.parametrize("act", [_removed, _moved, _replaced])
async def test_a_file_that_is_removed_or_replaced_is_reported_by_every_call(
    path: Path, act: Callable[[Path], None]
) -> None:
    """Until another store is made: what it kept is not there, so a key would be paid again."""
    store = SQLiteStore(path)
    await goes_on(store)
    await asyncio.to_thread(act, path)
    there = path.exists()
    for _ in range(3):
        await refuses(store, "removed or replaced while it was open")
    assert in_forked_child(partial(refuses, store, "removed or replaced")) == ""
    await refuses(store, "removed or replaced while it was open")
    assert path.exists() is there, "no new file was made"
    await store.aclose()
    async with SQLiteStore(path) as another:
        await goes_on(another, "r2")


async def test_a_file_that_is_put_back_is_the_same_again(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await goes_on(store, "r1")
        _moved(path)
        await refuses(store, "removed or replaced")
        path.with_name("moved.db").rename(path)
        await goes_on(store, "r2")


# ---- damaged ---------------------------------------------------------------------------------------------------------

DAMAGE = [
    "context = '{'",
    "context = NULL",
    "stage = 77",
    "state = 'gone'",
    "created = 'long ago'",
    "error = CAST(x'ff' AS TEXT)",
]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_record_hides_no_other(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    async with SQLiteStore(path) as store:
        for number in range(3):
            await goes_on(store, f"r{number}")
        execute(path, f"UPDATE records SET {damage} WHERE ref = 'r1'")
        for name in ({"ref": "r1"}, {"task_id": "task of r1"}, {"key": "r1"}):
            with pytest.raises(Damaged, match="record 'r1' is damaged"):
                await store.get(**name)
        with pytest.raises(Damaged):
            await store.intend(Record(ref="again", key="r1"))
        results = await asyncio.gather(
            *(store.change(lambda old: Record(ref=old.ref, context=1), ref=f"r{number}") for number in range(3)),
            return_exceptions=True,
        )
        assert [isinstance(result, Damaged) for result in results] == [False, True, False]
        listed = await refs(store.unfinished())
        assert listed == (["r0", "r2"])
        assert ("'r1' is damaged" in caplog.text) == (damage != "state = 'gone'")
        await store.remove("r1")
        assert await store.get(ref="r1") is None


async def test_a_damaged_finished_record_hides_no_other(path: Path) -> None:
    async with SQLiteStore(path) as store:
        for number in range(3):
            update = Update[object](task_id=f"t{number}", stage=Stage.COMPLETE)
            await store.intend(Record(ref=f"r{number}"))
            await store.change(partial(updated, update=update, now=3.0), ref=f"r{number}")
        execute(path, "UPDATE records SET context = '{' WHERE ref = 'r1'")
        assert await refs(store.finished()) == ["r0", "r2"]
        assert await store.prune(10.0) == 3


async def test_whichever_page_of_the_file_is_spoilt_only_store_errors_are_raised(path: Path) -> None:
    await from_source(path)
    good = path.read_bytes()
    noise = random.Random(2)
    size = execute(path, "PRAGMA page_size")[0][0]
    refusals = 0
    for place in range(0, len(good), size):
        for spoilt in (good[:place], good[:place] + noise.randbytes(size) + good[place + size :]):
            path.write_bytes(spoilt)
            async with SQLiteStore(path) as store:
                results = await asyncio.gather(*(call() for call in calls(store)), return_exceptions=True)
                errors = [result for result in results if isinstance(result, BaseException)]
                assert all(isinstance(error, StoreError) for error in errors)
                refusals += bool(errors)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert refusals > len(good) // size


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


def _meet_what_is_not_writable(folder: Path) -> dict[str, str]:
    """As somebody whom permissions hold; what was said of each."""
    asyncio.run(refs(SQLiteStore(folder / "warm.db").unfinished()))  # imports what is imported late
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
    async with SQLiteStore(path) as store:
        try:
            await store.intend(Record(ref="r"))
        except StoreError as exc:
            said = str(exc)
        path.parent.chmod(0o700)
        if modes.file is not None:
            path.chmod(0o600)
        try:
            await goes_on(store)
        except StoreError as exc:
            said = f"still {exc}"
    return said


def test_a_file_that_is_not_writable_is_refused_until_it_is() -> None:
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


async def test_while_another_program_holds_the_file_it_can_be_read_and_not_written(path: Path) -> None:
    async with SQLiteStore(path, timeout=0.1) as store:
        await goes_on(store, "r1")
        with locked(path):
            results = await asyncio.gather(*(call() for call in calls(store)), return_exceptions=True)
            assert [isinstance(result, StoreError) for result in results] == [
                *(True, True, True, False, False, False, True, True, True, True)
            ]
            assert all("locked by another program" in str(one) for one in results if isinstance(one, StoreError))
        await goes_on(store, "r2")


async def test_a_file_that_is_held_cannot_even_be_opened(path: Path) -> None:
    await from_source(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")  # it is held all the same
        async with SQLiteStore(path, timeout=0.02) as store:
            await refuses(store, "locked by another program")
            other.close()
            await goes_on(store)


async def test_who_holds_the_file_for_a_moment_is_waited_for(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await goes_on(store, "r1")
        with locked(path) as other:
            asyncio.get_running_loop().call_later(0.2, other.rollback)
            await goes_on(store, "r2")


# ---- disk full -------------------------------------------------------------------------------------------------------


def _limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _fill_the_disk(path: Path) -> None:
    """Where no file may grow any more: the nearest there is to a full disk of one's own."""

    async def story() -> None:
        async with SQLiteStore(path) as store:
            await goes_on(store, "r1")
            _limit(max(one.stat().st_size for one in path.parent.iterdir()))
            results = await asyncio.gather(
                *(store.intend(Record(ref=f"x{n}")) for n in range(5)), return_exceptions=True
            )
            assert all(isinstance(one, StoreError) and "disk" in str(one) for one in results), results
            _limit(resource.RLIM_INFINITY)
            await goes_on(store, "r2")
            assert await refs(store.unfinished()) == ["r1", "r2"]

    asyncio.run(story())


def test_nothing_is_kept_if_the_file_cannot_grow(path: Path) -> None:
    elsewhere(_fill_the_disk, path)
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


async def test_one_write_that_cannot_be_done_spoils_no_other(path: Path) -> None:
    """Though they were to be one transaction."""
    async with SQLiteStore(path) as store:
        await goes_on(store, "r1")
        execute(
            path,
            "CREATE TRIGGER spoilt BEFORE INSERT ON records WHEN NEW.ref = 'poison'"
            " BEGIN SELECT abs(-9223372036854775807 - 1); END",
        )
        results = await asyncio.gather(
            *(store.intend(Record(ref=ref)) for ref in ("r2", "poison", "r3")), return_exceptions=True
        )
        assert [isinstance(result, StoreError) for result in results] == [False, True, False]
        assert await refs(store.unfinished()) == ["r1", "r2", "r3"]
