"""Several processes on one store: submitted in one, called back to another, awaited in a third."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    GenerateMusic,
    Pace,
    Rate,
    ResponseLost,
    Stage,
    SunoClient,
    Task,
    Update,
    parse_callback,
)
from suno_async.stores import transitions
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.stores.redis import RedisStore

from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, track
from .world import (
    SONG,
    URL,
    WEBHOOK_KEY,
    World,
    all_of,
    client,
    sending,
    signature,
    token_of,
)
from .world import world as world


async def test_submitted_here_called_back_there_awaited_elsewhere(world: World) -> None:
    async with (
        world.process(callback_url=URL) as (submitter, script),
        world.process(callback_url=URL) as (door, unused),
        world.process(callback_url=URL) as (waiter, polls),
    ):
        submitted = await submitter.submit(SONG, context={"chat": 7})
        heard: list[tuple[Any, ...]] = []
        receiver = door.receiver(on_update=lambda update, record: heard.append((update.stage, record.context)))
        [resumed] = await all_of(waiter.resume())
        stages: list[tuple[Stage, float]] = []

        async def follow(task: Task[Any]) -> None:
            async for update in task:
                stages.append((update.stage, now()))

        following = [asyncio.create_task(follow(task)) for task in (resumed, submitted)]
        await asyncio.sleep(5)
        said: dict[Stage, float] = {}
        for stage, body in (
            (Stage.TEXT, called("text")),
            (Stage.FIRST, called("first", track(1))),
            (Stage.COMPLETE, called("complete", track(1), track(2))),
        ):
            said[stage] = now()
            assert (await receiver.receive(body, {}, token_of(script))).status == 200
            await asyncio.sleep(30)
        await asyncio.gather(*following)
        assert Counter(stage for stage, _ in stages) == {Stage.TEXT: 2, Stage.FIRST: 2, Stage.COMPLETE: 2}
        assert max(at - said[stage] for stage, at in stages) <= 0.25
        assert len((await resumed).tracks) == 2
        assert heard == [(stage, {"chat": 7}) for stage in said]
        assert polls.polled_at == unused.polled_at == script.polled_at == []


async def test_an_observer_in_each_of_many_processes_is_called_once_for_each_stage(world: World) -> None:
    """Wherever the callbacks land, repeats and restarts included."""
    heard: list[Stage] = []
    async with world.process(callback_url=URL) as (submitter, script):
        await submitter.submit(SONG)
        query = token_of(script)
    bodies = [called("text"), called("first", track(1)), called("complete", track(1))]
    for _ in range(2):
        async with world.process(callback_url=URL) as (one, _), world.process(callback_url=URL) as (two, _):
            doors = [suno.receiver(on_update=lambda update, record: heard.append(update.stage)) for suno in (one, two)]
            for place, body in enumerate(bodies * 2):
                assert (await doors[place % 2].receive(body, {}, query)).status == 200
                await asyncio.sleep(1)
            await asyncio.sleep(5)
    assert sorted(heard) == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


async def test_a_kind_that_is_not_imported_here_disturbs_nobody_who_waits(world: World) -> None:
    store = world.store()
    await store.intend(sending("AAAAAAAAAAAAAAA1", kind="shop.jobs:SingMore", task_id="t8", state=State.RUNNING))
    async with world.process(callback_url=URL) as (one, _), world.process(PENDING, callback_url=URL) as (two, _):
        task = await one.submit(SONG)
        waiting = asyncio.ensure_future(two.attach(GenerateMusic, task.id).wait())
        strange = asyncio.ensure_future(two.attach(GenerateMusic, "t8").wait())
        await asyncio.sleep(1)
        await store.change(partial(transitions.updated, update=complete("t8"), now=1), ref="AAAAAAAAAAAAAAA1")
        await store.change(partial(transitions.updated, update=complete(task.id), now=1), ref=task.ref)
        began = now()
        assert [update.stage for update in await asyncio.gather(waiting, strange)] == [Stage.COMPLETE] * 2
        assert now() - began < 0.3
    await store.aclose()


def complete(task_id: str) -> Update[Any]:
    made: Update[Any] = Update(task_id=task_id, stage=Stage.COMPLETE)
    return made.came_from(page("SUCCESS", track(1)).body)


async def test_a_callback_elsewhere_that_overtakes_the_answer_is_known_when_it_comes(world: World) -> None:
    """Called back in another process, while somebody else waits here."""
    script = Script(PENDING)
    async with (
        world.process(script=script, callback_url=URL) as (suno, _),
        world.process(callback_url=URL) as (door, _),
    ):
        other = asyncio.ensure_future((await suno.submit(SONG)).wait())
        await asyncio.sleep(1)
        script.delay = 5
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(2)
        body = called("complete", track(1), track(2), task_id="t2")
        assert (await door.receiver().receive(body, {}, token_of(script))).status == 200
        task = await submitting
        began = now()
        assert len((await task).tracks) == 2
        assert now() - began < 0.3
        other.cancel()


async def test_what_came_while_nobody_waited_is_known_to_who_waits_next(world: World) -> None:
    """Also if somebody has begun to wait for another task in between."""
    async with world.process(callback_url=URL) as (suno, script), world.process(callback_url=URL) as (door, _):
        task = await suno.submit(SONG)
        body = called("complete", track(1), track(2), task_id=task.id)
        assert (await door.receiver().receive(body, {}, token_of(script))).status == 200
        other = asyncio.ensure_future((await suno.submit(SONG)).wait())
        await asyncio.sleep(1)
        script.polls = [page("SUCCESS", track(1), track(2), task_id=task.id)]
        began = now()
        await task
        assert now() - began <= 0.25
        other.cancel()


async def test_a_signed_end_that_comes_to_another_process_is_polled_there(world: World) -> None:
    settings: dict[str, Any] = {"webhook_key": WEBHOOK_KEY}
    async with world.process(**settings) as (submitter, _), world.process(DONE, **settings) as (door, polls):
        task = await submitter.submit(SONG)
        verdict = await door.receiver().receive(called("complete", track(1), task_id=task.id), signature(task.id))
        assert verdict.status == 200
        await asyncio.sleep(2)
        assert len(polls.polled_at) == 1
        assert (await world.record(ref=task.ref)).state is State.FINISHED


async def test_feed_is_written_down_too(world: World) -> None:

    async with world.process() as (suno, _):
        task = await suno.submit(SONG)
        assert suno.feed(parse_callback(called("complete", track(1), task_id=task.id)))
        await asyncio.sleep(1)
        assert (await world.record(ref=task.ref)).stage is Stage.COMPLETE


async def test_feed_of_a_task_that_nobody_holds_is_written_down(world: World) -> None:

    async with world.process() as (one, _), world.process() as (two, _):
        ref = (await one.submit(SONG)).ref
        two.feed(parse_callback(called("complete", track(1))))
        await asyncio.sleep(1)
        assert (await world.record(ref=ref)).stage is Stage.COMPLETE


# ---- who polls -------------------------------------------------------------------------------------------------------


async def test_ten_who_wait_for_one_task_poll_as_often_as_one(world: World) -> None:
    async def polls_of(count: int) -> tuple[list[float], float]:
        world.path = world.path.with_name(f"{count}.db")
        script = Script(*[PENDING] * 8, DONE)
        began = now()
        async with world.process(script=script) as (first, _):
            id = (await first.submit(SONG)).id
            tasks = [await _waiter(world, script, id) for _ in range(count)]
            await asyncio.gather(*(task for task, _ in tasks))
            ended = now() - began
            for _, leave in tasks:
                await leave()
        return [at - began for at in script.polled_at], ended

    alone, ended = await polls_of(1)
    together, all_ended = await polls_of(10)
    assert len(together) == len(alone) == 9
    assert all_ended - ended < 15


async def _waiter(world: World, script: Script, id: str) -> tuple[Task[Any], Callable[[], Any]]:
    process = world.process(script=script)
    suno, _ = await process.__aenter__()
    await asyncio.sleep(0.3)
    return suno.attach(GenerateMusic, id), lambda: process.__aexit__(None, None, None)


async def test_when_the_one_who_polls_is_gone_another_does(world: World) -> None:
    pace = Pace(first=2, growth=1, cap=2, patience=600)
    script = Script(PENDING)
    async with world.process(script=script, pace=pace) as (one, _), world.process(script=script, pace=pace) as (two, _):
        task = await one.submit(SONG)
        first = asyncio.ensure_future(task.wait())
        other = asyncio.ensure_future(two.attach(GenerateMusic, task.id).wait())
        await asyncio.sleep(60)
        assert len(script.polled_at) == pytest.approx(30, abs=2)
        first.cancel()
        script.polls = [DONE]
        began = now()
        assert (await other).stage is Stage.COMPLETE
        assert now() - began < 6


async def test_one_who_cannot_poll_keeps_nobody_from_polling(world: World) -> None:
    sick, well = Script(ResponseLost("no route")), Script(DONE)
    async with (
        world.process(script=sick, callback_url=URL) as (one, _),
        world.process(script=well, callback_url=URL) as (two, _),
    ):
        task = await one.submit(SONG)
        stuck = asyncio.ensure_future(task.wait())
        await asyncio.sleep(200)
        assert sick.polled_at
        began = now()
        assert (await two.attach(GenerateMusic, task.id).wait()).stage is Stage.COMPLETE
        assert now() - began < 200
        assert (await stuck).stage is Stage.COMPLETE


async def test_an_end_is_in_the_store_before_anybody_is_complete(world: World) -> None:
    async with world.process(DONE) as (one, _), world.process() as (two, _):
        task = await one.submit(SONG)
        await task
        assert [found.id for found in await all_of(two.results())] == [task.id]


# ---- the rate limit --------------------------------------------------------------------------------------------------


async def test_ten_processes_share_the_accounts_window(world: World) -> None:
    async def submit(suno: SunoClient) -> None:
        await asyncio.gather(*(suno.submit(SONG) for _ in range(10)))

    script = Script()
    processes = [world.process(script=script) for _ in range(10)]
    clients = [(await process.__aenter__())[0] for process in processes]
    await asyncio.gather(*map(submit, clients))
    at = [when for when, method, _, _ in script.sent if method == "POST"]
    for process in processes:
        await process.__aexit__(None, None, None)
    assert len(at) == 100
    assert min(later - earlier for earlier, later in zip(at, at[20:], strict=False)) >= 10
    assert at[-1] - at[0] < 45


async def test_two_accounts_have_a_window_each(world: World) -> None:
    script, store = Script(), world.store()
    async with (
        SunoClient(api_key="k", account="a", transport=script, store=store) as one,
        SunoClient(api_key="k", account="b", transport=script, store=store) as two,
    ):
        await asyncio.gather(*(suno.submit(SONG) for suno in (one, two) for _ in range(20)))
        assert now() < 1
    await store.aclose()


class Counting(MemoryStore):
    """Counts how often somebody asked for a place and there was none."""

    in_vain = 0

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        waits = await super().reserve(name, places, rate)
        self.in_vain += sum(wait > 0 for wait in waits)
        return waits


async def test_who_waits_for_the_shared_window_waits_in_line() -> None:
    """First come, first served, and only one of them asks the store."""
    store, script = Counting(clock=now), Script()
    left: dict[SunoClient, list[int]] = {}

    async def submit(suno: SunoClient, number: int) -> None:
        await suno.submit(SONG)
        left.setdefault(suno, []).append(number)

    async with client(store, script) as one, client(store, script) as two:
        await asyncio.gather(*(submit(suno, number) for number in range(200) for suno in (one, two)))
    assert store.in_vain < 100
    assert [sorted(numbers) for numbers in left.values()] == list(left.values())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # real time: there is a server
async def test_many_clients_may_share_one_store(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each listens while somebody waits; that must leave room for those who write."""
    store = RedisStore(request.getfixturevalue("redis").url, name=tmp_path.name)
    script = Script(PENDING)
    clients = [SunoClient(api_key="k", account=f"a{n}", transport=script, store=store) for n in range(20)]
    tasks = [await suno.submit(SONG) for suno in clients]
    waiting = [asyncio.ensure_future(task.wait()) for task in tasks]
    try:
        await asyncio.sleep(0.5)
        took: list[float] = []
        for _ in range(5):
            began = time.monotonic()
            await clients[0].submit(SONG)
            took.append(time.monotonic() - began)
        assert min(took) < 0.5  # the fastest: a busy machine may take longer now and then
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for suno in clients:
            await suno.aclose()
        await store.aclose()
