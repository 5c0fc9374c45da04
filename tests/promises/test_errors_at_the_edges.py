"""Errors that are not ours, observers that close, and callbacks that report a failure."""

import asyncio
from typing import Any

import anyio

from suno_async import GenerateMusic, Stage, StoreError
from suno_async.stores.base import Transition
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record

from ..callbacks import opened, query_of
from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, track

SONG = GenerateMusic(prompt="rain")


async def test_a_posted_failure_with_a_token_is_confirmed_by_a_poll() -> None:
    """Law 5: what is posted never ends a paid task by itself when a poll would say otherwise."""
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        task = await suno.submit(SONG)
        waiting = asyncio.create_task(task.wait())
        await receiver.receive(called("error", code=500), {}, query_of(script))
        await anyio.sleep(5)
        assert (await waiting).stage is Stage.COMPLETE


async def test_a_poisoned_write_that_is_alone_is_set_aside_while_other_writes_succeed() -> None:
    """Others that are written at once by `apply_durably` are no proof that the store is there."""

    class Poisoned(MemoryStore):
        async def change(self, transition: Transition, **named: Any) -> Record | None:
            if named["ref"] == "AAECAwQFBgcICQoL":
                raise StoreError("WRONGTYPE")
            return await super().change(transition, **named)

    store = Poisoned(clock=now)
    async with opened(PENDING, store=store, clock=now) as (suno, script):
        receiver = suno.receiver()
        await suno.submit(SONG)
        for _ in range(3):
            for stage, tracks in (("text", ()), ("first", (track(1),))):
                await receiver.receive(called(stage, *tracks), {}, query_of(script))
                await anyio.sleep(30)


async def test_a_write_error_that_is_not_ours_while_the_task_id_is_written_does_not_lose_the_task() -> None:
    """A store of a user that raises its own error after the job was accepted: the task id is gone."""

    class Odd(MemoryStore):
        async def change(self, transition: Transition, **named: Any) -> Record | None:
            raise OSError("disk")

    async with client(Script(DONE), store=Odd(clock=now), clock=now) as suno:
        task = await suno.submit(SONG)
        assert task.id == "t1"


async def test_tasks_that_completed_are_forgotten() -> None:
    import gc
    import weakref

    left: weakref.WeakSet[Any] = weakref.WeakSet()
    network = Script(DONE)
    async with client(network) as suno:
        suno.receiver(on_update=lambda update, record: None)

        async def one(n: int) -> None:
            task = await suno.submit(GenerateMusic(prompt=f"{n}"))
            left.add(task)
            await task

        async with anyio.create_task_group() as group:
            for n in range(200):
                group.start_soon(one, n)
        await anyio.sleep(300)
        gc.collect()
        assert len(left) == 0


async def test_closing_from_an_observer_by_wait_for() -> None:
    network = Script(DONE)
    suno = client(network)
    took: list[float] = []

    async def observer(update: Any, record: Record) -> None:
        begun = now()
        await asyncio.wait_for(suno.aclose(), 60)
        took.append(now() - begun)

    suno.receiver(on_update=observer)
    await suno.submit(SONG)
    await anyio.sleep(60)
    assert took
    assert took[0] < 1


async def test_a_done_callback_removed_while_a_poll_is_under_way_ends_the_polls() -> None:
    network = Script(PENDING, delay=3)
    async with client(network) as suno:
        task = await suno.submit(SONG)

        def fn(task: object) -> None:
            """Nothing."""

        task.add_done_callback(fn)
        await anyio.sleep(3)
        task.remove_done_callback(fn)
        task.add_done_callback(fn)
        task.remove_done_callback(fn)
        polls = len(network.polled_at)
        await anyio.sleep(300)
        assert len(network.polled_at) == polls


async def test_a_task_fed_from_two_places_with_a_done_callback_and_a_waiter_that_leave_together() -> None:
    network = Script(PENDING)
    async with client(network) as suno:
        task = await suno.submit(SONG)
        calls: list[Any] = []
        task.add_done_callback(calls.append)
        waiting = asyncio.create_task(task.wait())
        await anyio.sleep(1)
        waiting.cancel()
        network.polls = [DONE]
        await anyio.sleep(60)
        assert calls == [task]
        assert repr(suno).count(" 0 waited for") == 1
