"""What has ended is forgotten in time, files that will soon be gone are told of, and one user's words are removed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    ConfigurationError,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    StoreError,
    SunoClient,
    UploadCover,
)
from suno_async.api.retention import seconds_kept
from suno_async.stores import MemoryStore, Record
from suno_async.submissions.codec import job_of

from ..conftest import now
from ..doubles import DONE, PENDING, Answer, Script, reply
from .world import SONG, all_of, client

DAY = 86_400.0


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore(clock=now)


@asynccontextmanager
async def opened(store: MemoryStore, *polls: Answer, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
    script = settings.pop("script", None) or Script(*polls)
    async with client(store, script, **settings) as suno:
        yield suno, script


async def record(store: MemoryStore, key: str) -> Record:
    found = await store.get(key=key)
    assert found is not None
    return found


async def test_what_was_delivered_is_forgotten_after_its_retention(store: MemoryStore) -> None:
    async with opened(store, DONE, retention=timedelta(days=1)) as (suno, _):
        tasks = [await suno.submit(SONG, key=f"k{number}") for number in range(3)]
        await asyncio.gather(*tasks[:2])
        await suno.mark_delivered(tasks[0])
        await asyncio.sleep(DAY - 3600)
        assert await store.get(key="k0") is not None
        await asyncio.sleep(2 * 3600)
        assert await suno.store.get(key="k0") is None
        assert await suno.store.get(key="k1") is not None, "it was not delivered"
        assert await suno.store.get(key="k2") is not None, "it has not ended"


async def test_nothing_is_forgotten_unless_that_is_asked_for(store: MemoryStore) -> None:
    async with opened(store, DONE) as (suno, _):
        task = await suno.submit(SONG, key="k")
        await task
        await suno.mark_delivered(task)
        await asyncio.sleep(60 * DAY)
        assert await suno.store.get(key="k") is not None


async def test_tasks_are_found_before_their_files_are_gone(store: MemoryStore) -> None:
    async with opened(store, DONE) as (suno, _):
        songs = [GenerateMusic(prompt="a"), UploadCover(upload_url="https://a.example/x.mp3", prompt="b")]
        tasks = [await suno.submit(song, context=number) for number, song in enumerate(songs)]
        await asyncio.gather(*tasks)
        await suno.mark_delivered(tasks[0])
        assert await all_of(suno.expiring()) == []
        await asyncio.sleep(13.5 * DAY)
        assert [task.context for task in await all_of(suno.expiring())] == [0]
        assert [task.context for task in await all_of(suno.expiring(timedelta(days=2)))] == [0, 1]
        await asyncio.sleep(1 * DAY)
        assert [task.context for task in await all_of(suno.expiring())] == [1]
        await asyncio.sleep(1 * DAY)
        assert await all_of(suno.expiring()) == []


async def test_lyrics_have_no_files_that_could_be_gone(store: MemoryStore) -> None:
    page = {"taskId": "t1", "status": "SUCCESS", "response": {"data": [{"text": "la", "title": "x"}]}}
    async with opened(store, reply(page)) as (suno, _):
        await (await suno.submit(GenerateLyrics(prompt="rain")))
        await asyncio.sleep(13.5 * DAY)
        assert await all_of(suno.expiring()) == []


async def test_each_task_is_told_of_once_among_all_processes(store: MemoryStore) -> None:
    told: list[Any] = []

    async def on_expiring(task: Any) -> None:
        told.append(task.context)
        raise ValueError("a fault of the application")

    def on_expiring_too(task: Any) -> None:
        told.append(task.context)

    async with (
        opened(store, DONE, on_expiring=on_expiring) as (one, _),
        opened(store, DONE, on_expiring=on_expiring_too, expiring_within=2 * DAY) as (two, _),
    ):
        await all_of(two.resume())
        for number in range(2):
            await (await one.submit(SONG, context=number))
            await asyncio.sleep(600)
        await asyncio.sleep(11.5 * DAY)
        assert told == []
        await asyncio.sleep(2.3 * DAY)
    assert sorted(told) == [0, 1]


async def test_the_words_of_one_user_are_erased_and_nothing_is_paid_twice(store: MemoryStore) -> None:
    async with opened(store, DONE) as (suno, script):
        mine, other = [await suno.submit(SONG, key=f"k{user}", context={"user": user, "chat": 1}) for user in (7, 8)]
        await asyncio.gather(mine, other)
        assert await suno.store.erase(context={"user": 7}) == 1
        assert [task.context for task in await all_of(suno.results())] == [{"user": 8, "chat": 1}]
        left = await record(store, key="k7")
        assert "rain" not in repr([left.request_json, left.context, left.body])
        with pytest.raises(StoreError, match="was erased"):
            job_of(left)
    async with opened(store, script=script) as (suno, _):
        again = await suno.submit(SONG, key="k7")
        assert (again.id, len(script.posted)) == (mine.id, 2)
        assert len((await again).tracks) == 2, "the service still knows it"
        assert b"Sample" not in (await record(store, key="k7")).body


async def test_a_task_that_goes_on_while_it_is_erased_leaves_nothing_either(store: MemoryStore) -> None:
    async with opened(store, PENDING, DONE) as (suno, _):
        task = await suno.submit(SONG, key="k", context={"user": 7})
        assert await suno.store.erase(context={"user": 7}) == 1
        assert len((await task).tracks) == 2
        left = await record(store, key="k")
        assert (left.body, left.context, left.stage.name) == (b"", None, "COMPLETE")
        assert await all_of(suno.results()) == []


@pytest.mark.parametrize(
    "given",
    [{"retention": -1}, {"retention": "1 day"}, {"expiring_within": True}, {"on_expiring": 3}, {"retention": 1e12}],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        SunoClient(api_key="k", **given)


async def test_extensions_are_kept_a_day_longer_at_sunoapi() -> None:
    kinds = (GenerateMusic, ExtendMusic, UploadCover)
    assert [seconds_kept(kind, KIE) / DAY for kind in kinds] == [14, 14, 15]
    assert [seconds_kept(kind, SUNOAPI) / DAY for kind in kinds] == [14, 15, 15]
