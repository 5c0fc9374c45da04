"""After a restart every submission is found again, with its context, and every result is handed on once."""

import asyncio
import gc
import sqlite3
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from suno_async import (
    KIE,
    SUNOAPI,
    ConfigurationError,
    GenerateLyrics,
    GenerateMusic,
    Pace,
    Rate,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    Task,
    TaskFailed,
    TaskTimeout,
    parse_callback,
)
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.stores.sqlite import SQLiteStore

from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, reply, track
from .world import (
    LOST,
    SONG,
    URL,
    World,
    all_of,
    client,
    posts,
    sending,
    token_of,
)
from .world import world as world


class MyMusic(GenerateMusic, frozen=True, kw_only=True):
    """One of my own."""


async def test_everything_unfinished_is_resumed_with_its_context(world: World) -> None:
    async with world.process(page("TEXT_SUCCESS", track(1, audio=False)), submits=[LOST]) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, context="lost")
        await suno.submit(GenerateLyrics(prompt="x"), context={"chat": 1})
        music = await suno.submit(GenerateMusic(prompt="x", model="V5"), context={"chat": 2})
        await music.wait(Stage.TEXT)
        await suno.submit(MyMusic(prompt="x"), context={"chat": 3})
    async with world.process(DONE) as (suno, _):
        tasks: list[Task[Any]] = await all_of(suno.resume())
        assert [(task.kind, task.context, task.stage) for task in tasks] == [
            (GenerateMusic, "lost", Stage.PENDING),
            (GenerateLyrics, {"chat": 1}, Stage.PENDING),
            (GenerateMusic, {"chat": 2}, Stage.TEXT),
            (MyMusic, {"chat": 3}, Stage.PENDING),
        ]
        assert [task.context for task in await all_of(suno.resume())] == [task.context for task in tasks]
        assert tasks[2].id == music.id
        assert (await tasks[2]).tracks[0].model == "V5"
        assert (await tasks[3]).tracks
        assert len(await all_of(suno.resume())) == 2


async def test_what_is_not_ours_to_resume_is_left_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    store = world.store()
    await store.intend(sending("AAAAAAAAAAAAAAA1", kind="shop.jobs:SingMore"))
    await store.aclose()
    async with world.process(provider="sunoapi") as (suno, _):
        await suno.submit(SONG)
    async with world.process() as (suno, _):
        assert await all_of(suno.resume()) == []
        assert "kind shop.jobs:SingMore, which is not imported here" in caplog.text
    async with world.process(provider=SUNOAPI) as (suno, _):
        assert len(await all_of(suno.resume())) == 1


async def test_results_that_nobody_took_are_found_once(world: World) -> None:
    rejected = page("SENSITIVE_WORD_ERROR", errorMessage="no")
    async with world.process(DONE) as (suno, script):
        for number in range(3):
            await (await suno.submit(SONG, context=number))
        script.polls = [rejected]
        with pytest.raises(TaskFailed):
            await (await suno.submit(SONG, context=3))
    async with world.process() as (one, script), world.process() as (two, _):
        tasks: list[Task[Any]] = await all_of(one.results())
        assert [task.context for task in tasks] == [0, 1, 2, 3]
        assert (await tasks[0]).tracks[0].audio_url == "https://files.example.com/1.mp3"
        with pytest.raises(TaskFailed, match=r"no .SENSITIVE_WORD_ERROR"):
            await tasks[3]
        marked = await asyncio.gather(*(suno.mark_delivered(task) for task in tasks for suno in (one, two)))
        assert marked.count(True) == 4
        assert await all_of(one.results()) == await all_of(two.results()) == []
        assert script.sent == []


async def test_results_since_a_moment(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        for number in range(3):
            await asyncio.sleep(100)
            await (await suno.submit(SONG, context=number))
        records = [await world.record(ref=task.ref) for task in await all_of(suno.results())]
        moment = records[1].updated
        assert [task.context for task in await all_of(suno.results(since=moment))] == [1, 2]
        day = datetime.fromtimestamp(moment, UTC) + timedelta(seconds=1)
        assert [task.context for task in await all_of(suno.results(since=day))] == [2]


async def test_a_result_can_be_marked_as_soon_as_it_is_there(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        task = await suno.generate_music(prompt="rain")
        await task
        assert await suno.mark_delivered(task)
        assert not await suno.mark_delivered(task)
        assert await all_of(suno.results()) == []


async def test_what_has_not_ended_cannot_be_marked_as_delivered(world: World) -> None:
    """Its result would never be handed on."""
    async with world.process(DONE) as (suno, _):
        task = await suno.submit(SONG)
        assert not await suno.mark_delivered(task)
        await task
        assert [one.id for one in await all_of(suno.results())] == [task.id]


async def test_the_example_hands_on_what_ends_after_its_patience(world: World) -> None:
    from examples.workers import hand_on

    async with world.process(PENDING, pace=Pace(first=1, growth=1, cap=1, patience=5)) as (suno, script):
        task = await suno.submit(SONG, context={"order": "order-1"})
        with suppress(TaskTimeout):
            await hand_on(suno, task)
        script.polls = [DONE]
        await task
        assert len(await all_of(suno.results())) == 1


async def test_what_is_resumed_is_polled_when_it_would_have_been(world: World) -> None:
    async with world.process() as (suno, _):
        await suno.generate_music(prompt="rain")
    async with world.process(DONE) as (suno, script):
        await asyncio.sleep(4)
        [task] = await all_of(suno.resume())
        await task
        assert script.polled_at == [pytest.approx(10, abs=0.2)]
    async with world.process(submits=[reply({"taskId": "t2"})]) as (suno, _):
        await suno.submit(SONG, key="k")
        submitted = now()
    async with world.process(DONE) as (suno, script):
        await asyncio.sleep(4)
        await (await suno.submit(SONG, key="k"))
        assert script.polled_at == [pytest.approx(submitted + 10, abs=0.2)]
    async with world.process() as (suno, _):
        await suno.generate_music(prompt="rain")
    async with world.process(DONE) as (suno, script):
        await asyncio.sleep(400)
        began = now()
        [task] = await all_of(suno.resume())
        await task
        assert now() - began < 0.3


def living() -> Counter[str]:
    """How many objects of this package and locks there are, by class."""
    gc.collect()
    objects: list[object] = gc.get_objects()
    kinds: Counter[type[object]] = Counter(type(one) for one in objects)
    return Counter(
        {
            kind.__name__: count
            for kind, count in kinds.items()
            if str(kind.__module__).startswith(("suno_async", "asyncio"))
        }
    )


async def test_nothing_is_kept_in_memory_of_what_nobody_holds(world: World) -> None:
    provider = replace(KIE, submits=Rate(10, 0.01))
    async with world.process(callback_url=URL, provider=provider) as (suno, _):
        await suno.submit(SONG, key="first")
        before = living()
        for number in range(100):
            await suno.submit(SONG, key=f"k{number}")
            await suno.submit(SONG)
        await asyncio.sleep(60)
        grown = {name: count for name, count in (living() - before).items() if count > 20}
        assert grown == {}
        assert len(await all_of(suno.resume())) == 201


async def test_resuming_holds_no_more_than_it_gives(world: World) -> None:
    store = world.store()
    await asyncio.gather(
        *(store.intend(sending(f"{n:016}", task_id=f"t{n}", state=State.RUNNING)) for n in range(2000))
    )
    await store.aclose()
    async with world.process() as (suno, _):
        count, most = 0, 0
        async for _task in suno.resume():
            count += 1
            if count % 400 == 0:
                most = max(most, living()["Task"])
        assert count == 2000
        assert most < 20  # those of asyncio included


# ---- damaged records -------------------------------------------------------------------------------------------------


async def test_a_damaged_record_does_not_stop_all_submits(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        task = await suno.submit(SONG)
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (task.ref,))
        db.close()
        assert (await task).tracks
        await asyncio.sleep(30)
        assert (await suno.submit(SONG)).id == "t2"


async def test_a_damaged_record_does_not_hide_the_others(world: World) -> None:
    async with world.process() as (suno, _):
        tasks = [await suno.submit(SONG) for _ in range(3)]
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (tasks[0].ref,))
        db.close()
        assert [task.id for task in await all_of(suno.resume())] == ["t2", "t3"]


async def test_a_damaged_record_keeps_no_other_updates_from_who_waits(world: World) -> None:
    """Of tasks that ended while nobody waited for them."""
    async with world.process(callback_url=URL) as (suno, script), world.process(callback_url=URL) as (door, _):
        tasks = [await suno.submit(SONG) for _ in range(2)]
        body = called("complete", track(1), track(2), task_id=tasks[0].id)
        assert (await door.receiver().receive(body, {}, token_of(script, 0))).status == 200
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (tasks[1].ref,))
        db.close()
        began = now()
        waiting = [asyncio.ensure_future(task.wait()) for task in tasks]
        await waiting[0]
        assert now() - began <= 0.25
        waiting[1].cancel()


async def test_a_code_that_no_column_holds_is_an_update_like_others(world: World) -> None:
    async with world.process(callback_url=URL) as (suno, script):
        task = await suno.submit(SONG)
        script.polls = [page("GENERATE_AUDIO_FAILED", errorCode=2**70)]
        with pytest.raises(TaskFailed):
            await task
        assert (await world.record(ref=task.ref)).state is State.FINISHED


# ---- where -----------------------------------------------------------------------------------------------------------


async def test_stores_by_their_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, path in (("sqlite:///songs.db", "songs.db"), (f"sqlite:///{tmp_path}/a%20b.db", f"{tmp_path}/a b.db")):
        suno = SunoClient(api_key="k", store=url)
        store = suno.store
        assert isinstance(store, SQLiteStore)
        assert str(store.path) == str(Path(path).absolute())
        await suno.aclose()
        with pytest.raises(StoreError, match="closed"):  # whoever is given an address opens and closes
            await store.get(ref="x")
    monkeypatch.setenv("SUNO_STORE", "memory:")
    async with SunoClient(api_key="k") as suno:
        assert isinstance(suno.store, MemoryStore)


@pytest.mark.parametrize(
    "url",
    [
        "songs.db",
        "sqlite://songs.db",
        "sqlite:///",
        "mysql://me:secret@host/db",
        "redis://host:many/0",
        "sqlite:songs.db",
    ],
)
def test_other_addresses_are_refused_without_their_passwords(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store must be sqlite:///path, ") as caught:
        SunoClient(api_key="k", store=url)
    assert "secret" not in str(caught.value)


async def test_a_store_that_was_given_is_left_open(world: World) -> None:
    store = world.store()
    async with client(store, Script()) as suno:
        task = await suno.submit(SONG)
    assert (await store.get(ref=task.ref)) is not None
    await store.aclose()


async def test_neither_key_nor_secrets_are_written_down(world: World) -> None:
    script = Script(DONE)
    store = world.store()
    secrets = {"api_key": "sk-very-secret", "callback_secret": "hidden-too", "webhook_key": "whk-hidden"}
    async with SunoClient(transport=script, store=store, callback_url=URL, **secrets) as suno:  # type: ignore[arg-type]
        task = await suno.submit(SONG, key="k")
        await task
        token = token_of(script)["suno"]
    await store.aclose()
    kept = b"".join(path.read_bytes() for path in world.path.parent.iterdir())
    assert task.id.encode() in kept
    for hidden in (*secrets.values(), token):
        assert hidden.encode() not in kept


async def test_nothing_is_submitted_if_the_file_was_removed_meanwhile(world: World) -> None:
    """SQLite writes on into a file that has no name any more, and is lost with the process."""
    async with world.process() as (suno, script):
        await suno.submit(SONG)
        for path in world.path.parent.iterdir():
            path.unlink()
        with pytest.raises(StoreError):
            await suno.submit(SONG, key="k")
        assert posts(script) == 1


async def test_a_closed_client_does_nothing_in_the_background(world: World) -> None:
    suno = SunoClient(api_key="k", transport=Script(), store=f"sqlite:///{world.path}")
    await suno.aclose()
    before = asyncio.all_tasks()
    with pytest.raises(ConfigurationError, match="closed"):
        suno.feed(parse_callback(called("complete", track(1))))
    await asyncio.sleep(30)
    assert asyncio.all_tasks() == before
