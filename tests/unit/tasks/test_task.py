"""The handle: awaited by many, iterated, fed."""

import asyncio
import gc
import itertools
import pickle
from copy import copy, deepcopy
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from suno_async import GenerateMusic, Music, Pace, Stage, SunoError, Task, TaskFailed, TaskTimeout, Update
from suno_async.tasks.task import Holder, TaskInfo

from .support import MUSIC, Interests, update


@pytest.fixture
def interests() -> Interests:
    return Interests()


@pytest.fixture
def task(interests: Interests) -> Task[Music]:
    return Task(TaskInfo("t1", GenerateMusic), interests)


@pytest.mark.parametrize("order", list(itertools.permutations((Stage.TEXT, Stage.FIRST, Stage.COMPLETE, Stage.FAILED))))
def test_updates_in_any_order_and_twice_only_ever_raises_the_stage(task: Task[Music], order: tuple[Stage, ...]) -> None:
    seen = [task.stage]
    for stage in (*order, *order):
        before = task.stage
        rises = before < stage and before < Stage.COMPLETE
        assert task.feed(update(stage)) is rises
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
        task.feed(update(stage))


async def test_everybody_waiting_is_woken_for_their_own_stage(task: Task[Music], interests: Interests) -> None:
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
    assert interests.calls == ["retain", "release"]


async def test_iterating_gives_every_stage_once_to_everyone(task: Task[Music]) -> None:
    async def collects() -> list[Stage]:
        return [update.stage async for update in task]

    early = asyncio.create_task(collects())
    await anyio.sleep(1)
    for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE):  # all in one breath
        task.feed(update(stage))
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
    task.feed(update(Stage.FAILED))
    errors = [*(await asyncio.gather(*waiting)), await caught()]
    assert all(error is task.exception() for error in errors)
    assert await iterating == [Stage.FAILED]
    with pytest.raises(TaskFailed):
        await task.wait(Stage.TEXT)


async def test_a_failure_nobody_waited_for_prints_nothing(task: Task[Music], caplog: pytest.LogCaptureFixture) -> None:
    waiting = asyncio.create_task(task.wait())
    await anyio.lowlevel.checkpoint()
    task.feed(update(Stage.FAILED))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    del task, waiting
    gc.collect()
    await anyio.lowlevel.checkpoint()
    assert caplog.records == []


async def test_a_cancelled_waiter_disturbs_nobody(task: Task[Music], interests: Interests) -> None:
    patient = asyncio.create_task(task.wait())
    with anyio.move_on_after(1):
        await task
    assert interests.calls == ["retain"]
    task.feed(update(Stage.COMPLETE))
    assert (await patient).result == MUSIC
    assert interests.calls == ["retain", "release"]


async def test_the_last_waiter_leaving_ends_the_interest_and_the_next_begins_one(
    task: Task[Music], interests: Interests
) -> None:
    for _ in range(2):
        with anyio.move_on_after(1):
            await task
    assert interests.calls == ["retain", "release"] * 2


async def test_giving_up_ends_the_waiting_and_not_the_task(task: Task[Music], interests: Interests) -> None:
    waiting = [asyncio.create_task(task.wait()) for _ in range(2)]
    await anyio.lowlevel.checkpoint()
    error = TaskTimeout("t1", 5)
    task.give_up(task, error)
    late = asyncio.create_task(task.wait())  # comes before the others have left
    assert await asyncio.gather(*waiting, return_exceptions=True) == [error, error]
    assert (task.done(), interests.calls) == (False, ["retain", "retain"])
    task.feed(update(Stage.COMPLETE))
    assert (await late).result == MUSIC
    assert isinstance(error, TimeoutError)
    assert isinstance(error, SunoError)


async def test_who_refuses_an_interest_is_heard() -> None:
    class Closed(Interests):
        def retain(self, task: Task[Any], holder: Holder) -> None:
            raise SunoError("closed")

    task = Task[Music](TaskInfo("t1", GenerateMusic), Closed())
    for _ in range(2):
        with pytest.raises(SunoError, match="closed"):
            await task


def test_a_task_without_id_learns_it_from_an_update_once(interests: Interests) -> None:
    task = Task[Music](TaskInfo("", GenerateMusic, ref="r"), interests)
    assert task.feed(Update(task_id="t1", stage=Stage.PENDING)) is False
    task.feed(Update(task_id="t2", stage=Stage.PENDING))
    assert (task.id, task.ref) == ("t1", "r")


def test_what_is_learnt_fills_gaps_and_replaces_only_the_pace(task: Task[Music]) -> None:
    one, two = Pace(first=1), Pace(first=2)
    task.learn(TaskInfo("t1", GenerateMusic, "r1", "V5", {"chat": 7}, one, 5.0))
    task.learn(TaskInfo("t2", GenerateMusic, "r2", "V6", "other", two, 6.0))
    task.learn(TaskInfo("t2", GenerateMusic))
    learnt = (task.id, task.ref, task.model, task.context, task.pace, task.accepted_at)
    assert learnt == ("t1", "r1", "V5", {"chat": 7}, two, 5.0)


@pytest.mark.parametrize("name", ["id", "kind", "ref", "model", "context", "pace", "accepted_at", "stage", "updates"])
def test_who_a_task_is_cannot_be_assigned(task: Task[Music], name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(task, name, None)


def test_listeners_hear_each_rise_until_they_leave_and_cause_no_polls(task: Task[Music], interests: Interests) -> None:
    heard: list[Stage] = []

    def listen(one: Update[Music]) -> None:
        heard.append(one.stage)

    task.subscribe(listen)
    for stage in (Stage.TEXT, Stage.TEXT, Stage.FIRST):
        task.feed(update(stage))
    task.unsubscribe(listen)
    task.feed(update(Stage.COMPLETE))
    assert (heard, interests.calls) == ([Stage.TEXT, Stage.FIRST], [])


def test_an_attribute_of_the_result_says_await_it_first(task: Task[Music]) -> None:
    with pytest.raises(AttributeError, match=r"await it first, \(await task\)\.tracks"):
        task.tracks  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'trakcs'"):
        task.trakcs  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"await it first, \(await task\)\.files"):
        task.files()  # type: ignore[attr-defined]
    assert not hasattr(task, "_tracks")


def test_done_is_called(task: Task[Music]) -> None:
    """`if task.done:` would always be true."""
    with pytest.raises(TypeError, match=r"done is a method: write task\.done\(\)"):
        assert not task.done  # type: ignore[truthy-function]
    assert task.done() is False
    assert callable(task.done)


@pytest.mark.parametrize("copies", [copy, deepcopy, pickle.dumps])
def test_a_task_can_neither_be_copied_nor_pickled(task: Task[Music], copies: Any) -> None:
    """A copy would wait for updates that never come."""
    with pytest.raises(TypeError, match=r"client\.attach"):
        copies(task)


def test_repr_answers_the_debuggers_question(task: Task[Music]) -> None:
    task.feed(update(Stage.FIRST))
    assert repr(task) == "<Task t1 first>"
