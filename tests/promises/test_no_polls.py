"""Where callbacks arrive, nothing is polled after the first: where jobs are submitted, elsewhere, after a restart.

Until the first one nobody knows whether they arrive, so polls keep their ordinary pace.
"""

import asyncio
import time
from typing import Any

import pytest

from suno_async import GenerateMusic, Receiver, Record, Reply, Stage, Store, SunoClient, Task
from suno_async.stores import MemoryStore, Transition

from ..callbacks import URL, observed, query_of
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, track

STAGES: Any = (("text", ()), ("first", (track(1),)), ("complete", (track(1), track(2))))
BODIES = (called("text"), called("first", track(1)), called("complete", track(1), track(2)))


class SlowStore(MemoryStore):
    """Takes half a second to write a change down."""

    async def change(self, transition: Transition, **named: Any) -> Record | None:
        await asyncio.sleep(0.5)
        return await super().change(transition, **named)


def client(script: Script, store: Store) -> SunoClient:
    """One process of several with a store."""
    start = time.time()
    return SunoClient(api_key="k", transport=script, callback_url=URL, store=store, clock=lambda: start + now())


async def post_all(submitted: Script, receiver: Receiver, *seconds: float) -> None:
    """Post each callback so long after the submit."""
    began = now()
    for at, body in zip(seconds, BODIES, strict=True):
        await asyncio.sleep(began + at - now())
        assert (await receiver.receive(body, {}, query_of(submitted))).status == 200


@pytest.mark.parametrize("seconds", [(10, 35, 140), (80, 100, 140)], ids=["early", "late"])
async def test_a_process_that_only_receives_polls_nothing_while_callbacks_come(seconds: tuple[float, ...]) -> None:
    """Although its observer has an interest in the task from the first callback on."""
    store, submitted, received = SlowStore(), Script(), Script()
    async with client(submitted, store) as submitting, client(received, store) as receiving:
        receiver, calls = observed(receiving)
        await submitting.generate_music(prompt="x")
        await post_all(submitted, receiver, *seconds)
        await asyncio.sleep(10)
        assert [call.stage for call in calls] == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
    assert submitted.polled_at == received.polled_at == []


async def test_a_task_that_is_resumed_young_is_polled_when_its_callbacks_are_late() -> None:
    """Not at once, as if nothing were known of it: before its first callback and after it."""
    store, submitted, resumed = MemoryStore(), Script(), Script()
    async with client(submitted, store) as submitting:
        await submitting.generate_music(prompt="x")
        receiver = submitting.receiver()
        posting = asyncio.create_task(post_all(submitted, receiver, 10, 35, 140))
        for age in (5, 20):
            async with client(resumed, store) as other:
                await asyncio.sleep(age - now())
                task: Task[Any] = await anext(other.resume())
                waiting = asyncio.create_task(task.wait())
                await asyncio.sleep(3)
                waiting.cancel()
                await asyncio.wait([waiting])
        await posting
    assert resumed.polled_at == []


async def test_a_callback_that_came_while_nobody_was_there_is_made_up_for_soon() -> None:
    """And not by the poll 150 s after the submit, as if callbacks were to be counted on."""
    store, submitted, resumed = MemoryStore(), Script(), Script(DONE)
    async with client(submitted, store) as submitting:
        await submitting.generate_music(prompt="x")
        await asyncio.sleep(10)
        assert (await submitting.receiver().receive(BODIES[0], {}, query_of(submitted))).status == 200
    await asyncio.sleep(30)  # in which the song is completed
    async with client(resumed, store) as other:
        async for task in other.resume():
            await task
    assert 49 <= now() <= 52
    assert len(resumed.polled_at) == 1


# ---- an address that the service cannot reach ------------------------------------------------------------------------


@pytest.mark.parametrize("store", [None, "memory"], ids=["alone", "with a store"])
async def test_an_address_that_cannot_be_reached_costs_no_time_and_is_named_once(
    store: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The program of the README answers in seconds after the song is there, not minutes."""

    def answer() -> Reply:
        return DONE if now() >= done_at else PENDING

    network, done_at = Script(answer), 40.0
    start = time.time()
    settings: dict[str, Any] = {} if store is None else {"store": MemoryStore()}
    async with SunoClient(
        api_key="k", transport=network, callback_url=URL, clock=lambda: start + now(), **settings
    ) as suno:
        suno.receiver()
        await suno.run(GenerateMusic(prompt="x"))
        ended = now()
        assert 40 <= ended <= 52
        done_at = ended + 40
        await suno.run(GenerateMusic(prompt="x"))
        assert now() - ended <= 52
        await asyncio.sleep(ended + 60 - now())
        assert len(caplog.records) == 1, "at most a minute after the first poll that shows COMPLETE"
        await asyncio.sleep(100)
    [record] = caplog.records
    assert (record.levelname, URL in record.message, "t1" in record.message) == ("WARNING", True, True)


async def test_with_the_first_verified_callback_waiting_tasks_are_polled_rarely_and_no_warning_is_given(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Script()
    async with client(network, MemoryStore()) as suno:
        receiver = suno.receiver()
        other = await suno.generate_music(prompt="x")
        task = await suno.generate_music(prompt="x")
        waiting = [asyncio.create_task(one.wait()) for one in (other, task)]
        await asyncio.sleep(15)
        assert network.polled_at == [10, 10]
        await receiver.receive(called("text", task_id=task.id), {}, {"suno": "forged"})
        await asyncio.sleep(15)
        assert len(network.polled_at) == 4, "what is not verified proves nothing"
        await receiver.receive(called("text", task_id=task.id), {}, query_of(network))
        await asyncio.sleep(110)
        assert len(network.polled_at) == 4
        await receiver.receive(called("complete", track(1), track(2), task_id=task.id), {}, query_of(network))
        await asyncio.sleep(60)
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
    assert [record for record in caplog.records if "is complete" in record.message] == []


async def test_a_process_that_only_submits_hears_that_callbacks_come_to_another() -> None:
    """Its first song is polled until then; the next ones are not."""
    store, submitted, received = MemoryStore(), Script(), Script()
    async with client(submitted, store) as submitting, client(received, store) as receiving:
        receiver = receiving.receiver()
        for _ in range(2):
            task = await submitting.generate_music(prompt="x")
            waiting = asyncio.create_task(task.wait())
            bodies = [called(stage, *tracks, task_id=task.id) for stage, tracks in STAGES]
            began = now()
            for at, body in zip((5, 35, 140), bodies, strict=True):
                await asyncio.sleep(began + at - now())
                await receiver.receive(body, {}, query_of(submitted))
            await waiting
        assert submitted.polled_at == received.polled_at == []
