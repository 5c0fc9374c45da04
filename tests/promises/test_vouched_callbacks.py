"""Callbacks that the application vouches for: `feed` and `nudge`."""

import asyncio
from typing import Any

import anyio
import pytest

from suno_async import (
    GenerateLyrics,
    GenerateMusic,
    Pace,
    Record,
    Stage,
    SunoClient,
    TaskTimeout,
    Update,
    parse_callback,
)

from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, track
from .world import SONG, World, world

__all__ = ["world"]


async def test_a_callback_that_is_vouched_for_is_believed() -> None:
    network = Script(PENDING)
    async with client(network) as suno:
        task = await suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        for stage in ("text", "first", "complete"):
            await anyio.sleep(0.1)
            assert suno.feed(parse_callback(called(stage, track(1)))) is True
            assert suno.feed(parse_callback(called(stage, track(1)))) is False
        assert (await waiting).stage is Stage.COMPLETE
    assert network.polled_at == []


async def test_a_callback_that_overtakes_its_submit_is_applied_when_that_is_answered() -> None:
    network = Script(PENDING, delay=5)
    async with client(network) as suno:
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(1)
        assert suno.feed(parse_callback(called("complete", track(1)))) is False
        task = await submitting
        assert (await task.wait()).stage is Stage.COMPLETE
        assert (network.polled_at, now()) == ([], 5)
        assert suno.feed(parse_callback(called("first", track(1)))) is False


async def test_a_nudge_that_overtakes_its_submit_polls_at_once() -> None:
    network = Script(DONE, delay=1)
    async with client(network, pace=Pace(first=500, growth=1, cap=500, patience=1000)) as suno:
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(0.5)
        suno.nudge("t1")
        await (await submitting)
    assert now() == 2


async def test_strangers_callbacks_are_not_hoarded() -> None:
    network = Script(DONE, delay=5)
    async with client(network) as suno:
        suno.nudge("before any submit")
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(1)
        before = asyncio.all_tasks()
        for number in range(5000):
            suno.nudge(f"stranger {number}")
            suno.feed(parse_callback(called("complete", track(1), task_id=f"stranger {number}")))
        assert len(asyncio.all_tasks() - before) <= 100
        await submitting
        await anyio.sleep(20)
        assert asyncio.all_tasks() <= before


async def test_a_callback_without_files_asks_for_a_poll() -> None:
    network = Script(DONE)
    async with client(network, pace=Pace(first=500, growth=1, cap=500, patience=1000)) as suno:
        task = await suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        await anyio.sleep(1)
        assert suno.feed(parse_callback(called("complete"))) is False
        await waiting
    assert network.polled_at == [1]


async def test_attaching_as_another_kind_does_not_take_the_callbacks_of_a_task() -> None:
    network = Script(PENDING)
    async with client(network) as suno:
        task = await suno.generate_music(prompt="rain")
        suno.attach(GenerateLyrics, task.id)  # a slip, dropped at once
        assert suno.feed(parse_callback(called("complete", track(1)))) is True
        assert task.done()


async def test_the_pace_of_a_submit_holds_when_its_callback_overtook_the_answer() -> None:
    network = Script(PENDING, delay=1)
    async with SunoClient(api_key="k", transport=network) as suno:
        pace = Pace(first=2, growth=1, cap=2, patience=30)
        submitting = asyncio.create_task(suno.submit(GenerateMusic(prompt="x"), pace=pace))
        await anyio.sleep(0.5)
        suno.nudge("t1")
        task = await submitting
        with anyio.fail_after(40), pytest.raises(TaskTimeout):
            await task


async def test_on_update_hears_of_one_whose_task_nobody_holds_and_then_of_its_end(world: World) -> None:
    told: list[tuple[Stage, Any]] = []

    def on_update(update: Update[Any], record: Record) -> None:
        told.append((update.stage, record.context))

    async with world.process() as (one, _):
        task_id = (await one.submit(SONG, context=7)).id
    async with world.process(DONE, on_update=on_update) as (two, script):
        assert two.feed(parse_callback(called("text", track(1), task_id=task_id))) is False
        await anyio.sleep(1)
        assert told == [(Stage.TEXT, 7)]
        assert script.polled_at == []
        await anyio.sleep(1000)
    assert told == [(Stage.TEXT, 7), (Stage.COMPLETE, 7)]
