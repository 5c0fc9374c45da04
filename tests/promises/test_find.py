"""Any process says how far a task is, as the store knows it, and asks nobody else."""

import asyncio
from typing import Any

import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    ConfigurationError,
    GenerateMusic,
    Stage,
    Store,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
)
from suno_async.stores import MemoryStore

from ..callbacks import URL
from ..conftest import now
from ..doubles import DONE, Script, called, page, track
from .world import LOST, SONG, Shaky, World, client, token_of
from .world import world as world

FAILED = page("GENERATE_AUDIO_FAILED", errorCode=500, errorMessage="no voice")


class Counting(MemoryStore):
    """Counts how often it is asked for a record."""

    def __init__(self) -> None:
        super().__init__(clock=now)
        self.reads = 0

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Any:
        self.reads += 1
        return await super().get(ref=ref, task_id=task_id, key=key)


async def test_another_process_knows_every_stage_and_asks_the_store_alone(world: World) -> None:
    """As the page of a web application does, in a process that has not submitted the song."""
    async with (
        world.process(callback_url=URL) as (suno, sent),
        world.process() as (other, asked),
    ):
        receiver = suno.receiver()
        task_id = (await suno.submit(SONG, key="order-42", context={"user": 7})).id
        seen: list[tuple[Stage, int]] = []
        for body in (None, called("text"), called("first", track(1)), called("complete", track(1), track(2))):
            if body is not None:
                assert (await receiver.receive(body, {}, token_of(sent))).status == 200
            found = await other.find(task_id)
            assert found is not None
            assert (found.id, found.kind, found.context) == (task_id, GenerateMusic, {"user": 7})
            result = found.last.result
            seen.append((found.stage, len(result.tracks) if result is not None else 0))
        assert seen == [(Stage.PENDING, 0), (Stage.TEXT, 0), (Stage.FIRST, 1), (Stage.COMPLETE, 2)]
        assert found is not None
        assert found.done()
        assert len(found.result().tracks) == len((await found).tracks) == 2
        by_key = await other.find(key="order-42")
        assert by_key is not None
        assert by_key.result() == found.result()
        assert asked.sent == []
        assert other.status().waiting == 0


@pytest.mark.parametrize("name", ["task_id", "key"])
async def test_the_store_is_read_once(name: str) -> None:
    store = Counting()
    async with client(store, Script()) as suno:
        await suno.submit(SONG, key="k")
        store.reads = 0
        assert await suno.find(**{name: "t1" if name == "task_id" else "k"}) is not None
        assert store.reads == 1


async def test_a_failure_is_found(world: World) -> None:
    async with world.process(FAILED) as (suno, _):
        task = await suno.submit(SONG)
        with pytest.raises(TaskFailed):
            await task
    async with world.process() as (other, asked):
        found = await other.find(task.id)
        assert found is not None
        assert found.stage is Stage.FAILED
        with pytest.raises(TaskFailed, match="no voice"):
            found.result()
        assert asked.sent == []


async def test_a_handle_that_is_held_learns_what_the_store_knows() -> None:
    """Whoever waits with it is woken: it is fed like by a poll or a callback."""
    store: Store = MemoryStore(clock=now)
    async with client(store, Script()) as suno, client(store, Script(DONE)) as other:
        held = await suno.submit(SONG)
        seen = await other.find(held.id)
        assert seen is not None
        await seen
        assert held.stage is Stage.PENDING
        waiting = asyncio.create_task(held.get())
        await asyncio.sleep(0)
        assert await suno.find(held.id) is held
        assert held.done()
        assert len((await waiting).tracks) == 2


async def test_what_is_found_can_be_awaited(world: World) -> None:
    async with world.process() as (suno, _):
        task_id = (await suno.submit(SONG)).id
    async with world.process(DONE) as (other, asked):
        found = await other.find(task_id)
        assert found is not None
        assert asked.sent == []
        assert len((await found).tracks) == 2


async def test_a_program_without_a_store_finds_what_it_has_submitted() -> None:
    async with SunoClient(api_key="k", transport=Script(DONE)) as suno:
        task = await suno.submit(SONG)
        await task
        del task
        found = await suno.find("t1")
        assert found is not None
        assert len(found.result().tracks) == 2


async def test_of_what_was_erased_the_store_knows_no_result_and_the_service_is_asked_for_it() -> None:
    store = MemoryStore(clock=now)
    async with client(store, Script(DONE, FAILED)) as suno:
        await (await suno.submit(SONG, context={"user": 7}))
        with pytest.raises(TaskFailed, match="no voice"):
            await (await suno.submit(SONG, context={"user": 7}))
        assert await store.erase(context={"user": 7}) == 2
    async with client(store, Script(DONE)) as suno:
        complete, failed = await suno.find("t1"), await suno.find("t2")
        assert complete is not None
        assert failed is not None
        assert (complete.stage, complete.done(), complete.context) == (Stage.PENDING, False, None)
        assert (failed.stage, failed.last.message) == (Stage.FAILED, "")
        assert len((await complete).tracks) == 2
        again = await store.get(task_id="t1")
        assert again is not None
        assert (again.stage, again.body) == (Stage.COMPLETE, b"")


async def test_what_the_store_does_not_know_is_none() -> None:
    """An id that is only attached, records of other gateways, and what was given up."""
    store = MemoryStore(clock=now)
    async with client(store, Script(submits=[LOST])) as suno:
        suno.attach(GenerateMusic, "t9")
        for name in ({"task_id": "t9"}, {"key": "nobody's"}):
            assert await suno.find(**name) is None
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="lost")
        uncertain = await suno.find(key="lost")
        assert uncertain is not None
        assert (uncertain.id, uncertain.stage) == ("", Stage.PENDING)
        await suno.dismiss(uncertain)
        assert await suno.find(key="lost") is None
        task = await suno.submit(SONG)
    async with client(store, Script(), provider=SUNOAPI) as elsewhere:
        assert await elsewhere.find(task.id) is None
    async with client(store, Script(), provider=KIE) as here:
        assert await here.find(task.id) is not None


async def test_a_store_that_is_away_is_an_error_and_says_nothing_of_the_task() -> None:
    store = Shaky()
    async with client(store, Script()) as suno:
        task = await suno.submit(SONG)
        store.away = True
        with pytest.raises(StoreError):
            await suno.find(task.id)
        store.away = False


@pytest.mark.parametrize("names", [{}, {"task_id": " "}, {"task_id": "t1", "key": "k"}, {"key": " "}, {"task_id": 7}])
async def test_one_name_is_needed(names: Any) -> None:
    async with client(MemoryStore(clock=now), Script()) as suno:
        with pytest.raises(ConfigurationError, match=r"task_id|key"):
            await suno.find(**names)
