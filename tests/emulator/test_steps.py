"""Time in steps: `await emulator.advance(…)`, and a clock without a limit of speed that polls move."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from suno_async import CreateMusicVideo, GenerateLyrics, GenerateMusic, Job, Stage, SunoClient, TaskTimeout
from suno_async.emulator import CallbackException, Emulator, Fault, Invisible, LateFiles, Stuck

from ..conftest import now
from ..loop import JumpLoop
from .support import Recorder

ALL = [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
RAIN = GenerateMusic(prompt="rain")


COUNTED = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpLoop})], ids=["counted"])
"""For tests that measure: the loop counts what is waited for, and a busy machine adds nothing."""


@pytest.fixture
def anyio_backend() -> str:
    """In real time, as in the tests of users."""
    return "asyncio"


@pytest.fixture
async def unlimited() -> AsyncIterator[Emulator]:
    async with Emulator(speed=math.inf, rate_limits=False, provider="kie-legacy", seed=5) as emulator:
        yield emulator


@pytest.fixture
async def stepped() -> AsyncIterator[Emulator]:
    async with Emulator(speed=0, rate_limits=False, provider="kie-legacy", seed=5) as emulator:
        yield emulator


async def stages(suno: SunoClient, job: Job[Any]) -> list[Stage]:
    task = await suno.submit(job)
    return [update.stage async for update in task]


@COUNTED
async def test_without_a_limit_of_speed_songs_take_no_time(unlimited: Emulator) -> None:
    """Nothing is waited for, and there is little to do."""
    async with unlimited.client() as suno:
        await suno.get_credits()  # connected
        began, worked = now(), time.process_time()
        for _ in range(9):
            await suno.run(RAIN)
        assert now() - began < 0.1
        assert time.process_time() - worked < 0.3


async def test_each_stage_is_seen_of_everything_that_is_waited_for(unlimited: Emulator) -> None:
    """A short task does not make time run past the stages of a long one."""
    async with unlimited.client() as suno:
        song = await suno.run(RAIN)
        jobs = [RAIN, CreateMusicVideo(song.tracks[0]), GenerateLyrics(prompt="rain"), RAIN, RAIN]
        seen = await asyncio.gather(*(stages(suno, job) for job in jobs))
        assert seen == [ALL, [Stage.COMPLETE], [Stage.COMPLETE], ALL, ALL]
        polls = [entry for entry in unlimited.log if entry.method == "GET"]
        assert len(polls) <= 3 * 4 + 2 + 3


async def test_time_moves_no_further_than_to_what_was_waited_for(unlimited: Emulator) -> None:
    async with unlimited.client() as suno:
        began = unlimited.now()
        task = await suno.submit(RAIN)
        await task.wait(Stage.FIRST)
        assert 30 <= unlimited.now() - began <= 41
        await task
        assert 120 <= unlimited.now() - began <= 181


@COUNTED
async def test_what_nobody_polls_keeps_nobody_waiting(unlimited: Emulator) -> None:
    async with unlimited.client() as suno:
        left = [await suno.submit(RAIN) for _ in range(20)]
        began = now()
        await suno.run(RAIN)
        assert now() - began < 0.5
        assert not any(task.updates for task in left)


@COUNTED
@pytest.mark.parametrize("fault", [Invisible(), LateFiles(), CallbackException()])
async def test_news_of_every_kind_are_reached(unlimited: Emulator, fault: Fault) -> None:
    async with unlimited.client() as suno:
        unlimited.script(None, [fault])
        began = now()
        await suno.run(RAIN)
        assert now() - began < 0.5


async def test_a_task_that_never_ends_is_given_up_soon(unlimited: Emulator) -> None:
    async with unlimited.client() as suno:
        unlimited.script(None, [Stuck()])
        with pytest.raises(TaskTimeout):
            await suno.run(RAIN)


async def test_callbacks_come_before_the_poll_that_could_tell_the_same(
    unlimited: Emulator, recorder: tuple[Recorder, str]
) -> None:
    record, url = recorder
    async with unlimited.client(callback_url=url) as suno:
        task = await suno.submit(RAIN)
        heard: list[tuple[Stage, int]] = []
        async for update in task:
            heard.append((update.stage, len(record.bodies)))
        assert heard == [(Stage.TEXT, 1), (Stage.FIRST, 2), (Stage.COMPLETE, 3)]


async def test_a_step_can_be_awaited_until_clients_have_seen_it(stepped: Emulator) -> None:
    async with stepped.client() as suno:
        task = await suno.submit(RAIN)
        waiting = asyncio.create_task(task.get())
        seen: list[Stage] = []
        for seconds in (5, 15, 25, 150):
            await stepped.advance(seconds)
            seen.append(task.stage)
        assert seen == [Stage.PENDING, *ALL]
        assert waiting.done()


async def test_a_step_can_be_awaited_until_callbacks_are_answered(
    stepped: Emulator, recorder: tuple[Recorder, str]
) -> None:
    record, url = recorder
    async with stepped.client(callback_url=url) as suno:
        await suno.submit(RAIN)
        counts: list[int] = []
        for seconds in (5, 15, 25, 150):
            await stepped.advance(seconds)
            counts.append(len(record.bodies))
        assert counts == [0, 1, 2, 3]


async def test_a_step_may_be_left_alone(stepped: Emulator) -> None:
    """It is taken at once, and nothing warns of what is not awaited."""
    began = stepped.now()
    stepped.advance(60)
    assert stepped.now() - began == 60
