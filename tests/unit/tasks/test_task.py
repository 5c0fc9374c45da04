"""The handle: awaited by many, iterated, fed."""

import asyncio
import gc
import itertools
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from suno_async import GenerateMusic, Music, Stage, SunoError, Task, TaskFailed, Track, Update
from suno_async.errors import TaskTimeout


class Watcher:
    """Notes who is watched; stands in for the poller, which has tests of its own."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def watch(self, task: Task[Any]) -> None:
        self.calls.append("watch")

    def unwatch(self, task: Task[Any]) -> None:
        self.calls.append("unwatch")


MUSIC = Music(task_id="t1", tracks=(Track(id="a", audio_url="https://f.example/a.mp3"),))


def news(stage: Stage) -> Update[Music]:
    return Update(task_id="t1", stage=stage, result=MUSIC if stage is Stage.COMPLETE else None, status=stage.name)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def task(watcher: Watcher) -> Task[Music]:
    return Task("t1", GenerateMusic, watcher)


@pytest.mark.parametrize("order", list(itertools.permutations((Stage.TEXT, Stage.FIRST, Stage.COMPLETE, Stage.FAILED))))
def test_news_in_any_order_and_twice_only_ever_raises_the_stage(task: Task[Music], order: tuple[Stage, ...]) -> None:
    seen = [task.stage]
    for stage in (*order, *order):
        before = task.stage
        rises = before < stage and before < Stage.COMPLETE
        assert task.feed(news(stage)) is rises
        seen.append(task.stage)
    assert seen == sorted(seen)
    ends = [stage for stage in order if stage >= Stage.COMPLETE]
    assert (task.stage, task.done()) == (ends[0], True)


async def test_awaiting_gives_the_result_before_and_after_the_end(task: Task[Music]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(feeds, task, Stage.COMPLETE)
        assert await task == MUSIC
    assert await task == MUSIC
    assert [*await asyncio.gather(task, task)] == [MUSIC, MUSIC]


async def feeds(task: Task[Music], *stages: Stage) -> None:
    for stage in stages:
        await anyio.sleep(1)
        task.feed(news(stage))


async def test_everybody_waiting_is_woken_for_their_own_stage(task: Task[Music], watcher: Watcher) -> None:
    woken: list[tuple[Stage, Stage]] = []

    async def waits(stage: Stage) -> None:
        update = await task.wait(stage)
        woken.append((stage, update.stage))

    async with anyio.create_task_group() as group:
        for stage in (Stage.COMPLETE, Stage.FIRST, Stage.TEXT, Stage.FIRST, Stage.PENDING):
            group.start_soon(waits, stage)
        group.start_soon(feeds, task, Stage.FIRST, Stage.COMPLETE)
    assert woken == [
        (Stage.PENDING, Stage.PENDING),
        (Stage.FIRST, Stage.FIRST),
        (Stage.TEXT, Stage.FIRST),
        (Stage.FIRST, Stage.FIRST),
        (Stage.COMPLETE, Stage.COMPLETE),
    ]
    assert watcher.calls == ["watch", "unwatch"]


async def test_iterating_gives_every_stage_once_to_everyone(task: Task[Music]) -> None:
    async def collects() -> list[Stage]:
        return [update.stage async for update in task]

    early = asyncio.create_task(collects())
    await anyio.sleep(1)
    for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE):  # all in one breath
        task.feed(news(stage))
    assert await early == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
    assert await collects() == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


async def test_iterating_a_slow_body_misses_nothing(task: Task[Music]) -> None:
    seen: list[Stage] = []
    async with anyio.create_task_group() as group:
        group.start_soon(feeds, task, Stage.TEXT, Stage.FIRST, Stage.COMPLETE)
        async for update in task:
            seen.append(update.stage)
            await anyio.sleep(10)
    assert seen == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


async def test_a_failure_is_the_same_error_for_everyone_and_iteration_ends_with_it(task: Task[Music]) -> None:
    async def caught() -> BaseException:
        with pytest.raises(TaskFailed) as info:
            await task
        return info.value

    async def collects() -> list[Stage]:
        return [update.stage async for update in task]

    waiting = [asyncio.create_task(caught()) for _ in range(3)]
    iterating = asyncio.create_task(collects())
    await anyio.sleep(1)
    task.feed(news(Stage.FAILED))
    errors = [*(await asyncio.gather(*waiting)), await caught()]
    assert all(error is task.failure for error in errors)
    assert await iterating == [Stage.FAILED]
    with pytest.raises(TaskFailed):
        await task.wait(Stage.TEXT)


async def test_a_failure_nobody_waited_for_prints_nothing(task: Task[Music], caplog: pytest.LogCaptureFixture) -> None:
    waiting = asyncio.create_task(task.wait())
    await anyio.lowlevel.checkpoint()
    task.feed(news(Stage.FAILED))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    del task, waiting
    gc.collect()
    await anyio.lowlevel.checkpoint()
    assert caplog.records == []


async def test_a_cancelled_waiter_disturbs_nobody(task: Task[Music], watcher: Watcher) -> None:
    patient = asyncio.create_task(task.wait())
    with anyio.move_on_after(1):
        await task
    assert watcher.calls == ["watch"]
    task.feed(news(Stage.COMPLETE))
    assert (await patient).result == MUSIC
    assert watcher.calls == ["watch", "unwatch"]


async def test_the_last_waiter_leaving_is_told_and_the_next_one_coming(task: Task[Music], watcher: Watcher) -> None:
    for _ in range(2):
        with anyio.move_on_after(1):
            await task
    assert watcher.calls == ["watch", "unwatch"] * 2


async def test_giving_up_ends_the_waiting_and_not_the_task(task: Task[Music], watcher: Watcher) -> None:
    waiting = [asyncio.create_task(task.wait()) for _ in range(2)]
    await anyio.lowlevel.checkpoint()
    error = TaskTimeout("t1", 5)
    task.give_up(error)
    late = asyncio.create_task(task.wait())  # comes before the others have left
    assert await asyncio.gather(*waiting, return_exceptions=True) == [error, error]
    assert (task.done(), watcher.calls) == (False, ["watch", "watch"])
    task.feed(news(Stage.COMPLETE))
    assert (await late).result == MUSIC
    assert isinstance(error, TimeoutError)
    assert isinstance(error, SunoError)


async def test_a_watcher_that_refuses_is_heard(watcher: Watcher) -> None:
    class Closed(Watcher):
        def watch(self, task: Task[Any]) -> None:
            raise SunoError("closed")

    task = Task("t1", GenerateMusic, Closed())
    for _ in range(2):
        with pytest.raises(SunoError, match="closed"):
            await task


def test_repr_answers_the_debuggers_question(task: Task[Music]) -> None:
    task.feed(news(Stage.FIRST))
    assert repr(task) == "<Task t1 first>"
