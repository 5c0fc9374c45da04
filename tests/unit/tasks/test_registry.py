"""The registry of handles: one handle for one task, found by id and by submission."""

import asyncio
import gc

import anyio
import anyio.lowlevel
import pytest

from suno_async import KIE, GenerateLyrics, GenerateMusic, Pace, Stage, Task, UploadCover
from suno_async.tasks.registry import RECENT, TaskRegistry
from suno_async.tasks.task import TaskInfo

from ...conftest import now
from .support import DONE, Interests, update

INFO = TaskInfo("t1", GenerateMusic, "r1", "V5", {"chat": 7})


@pytest.fixture
def registry() -> TaskRegistry:
    return TaskRegistry(Interests(), KIE)


def test_a_submission_is_found_by_its_task_while_somebody_holds_its_handle(registry: TaskRegistry) -> None:
    task = registry.add(INFO)
    assert (registry.find("t1"), registry.find("t2"), registry.find()) == (task, None, None)
    del task
    gc.collect()
    assert registry.find("t1") is None


def test_attaching_gives_the_handle_that_is_there(registry: TaskRegistry) -> None:
    task = registry.add(INFO)
    assert registry.attach(GenerateMusic, "t1") is task
    assert registry.attach(UploadCover, "t1") is task  # the same results from the same page


def test_attaching_as_another_kind_does_not_take_the_callbacks_of_a_task(registry: TaskRegistry) -> None:
    task = registry.add(INFO)
    slip = registry.attach(GenerateLyrics, "t1")
    assert slip.kind is GenerateLyrics
    assert registry.find("t1") is task


def test_a_detached_handle_is_found_by_nobody(registry: TaskRegistry) -> None:
    task = registry.detached(GenerateMusic, "t1", Pace(first=1))
    assert (task.id, task.pace, registry.find("t1")) == ("t1", Pace(first=1), None)


def test_a_submission_takes_over_the_handle_that_its_callback_made(registry: TaskRegistry) -> None:
    early = registry.detached(GenerateMusic, "t1")
    registry.keep(early, "t1")
    early.feed(update(Stage.TEXT))
    task = registry.add(INFO)
    assert task is early
    assert (task.ref, task.model, task.context, task.stage) == ("r1", "V5", {"chat": 7}, Stage.TEXT)


def test_two_submissions_of_one_task_have_a_handle_each(registry: TaskRegistry) -> None:
    first, second = registry.add(INFO), registry.add(INFO._replace(ref="r2"))
    assert first is not second
    assert (first.ref, second.ref) == ("r1", "r2")


def test_what_was_answered_at_once_has_a_handle_that_nobody_finds(registry: TaskRegistry) -> None:
    task = registry.add(INFO._replace(id=""))
    assert (task.ref, registry.find(ref="r1")) == ("r1", None)


def test_only_the_newest_tasks_of_callbacks_alone_are_kept(registry: TaskRegistry) -> None:
    for number in range(RECENT + 5):
        registry.keep(registry.detached(GenerateMusic, f"t{number}"), f"t{number}")
    gc.collect()
    found = [registry.find(f"t{number}") is not None for number in range(RECENT + 5)]
    assert found == [False] * 5 + [True] * RECENT


# ---- submissions as a store knows them -------------------------------------------------------------------------------


def test_a_restored_submission_is_fed_with_what_is_stored(registry: TaskRegistry) -> None:
    task = registry.restored(INFO, update(Stage.FIRST))
    assert (task.stage, task.context) == (Stage.FIRST, {"chat": 7})
    assert registry.restored(INFO, update(Stage.TEXT)) is task
    assert task.stage is Stage.FIRST


def test_a_submission_without_a_task_is_found_by_its_ref_until_it_has_one(registry: TaskRegistry) -> None:
    task = registry.restored(INFO._replace(id=""))
    assert registry.find("t1", "r1") is task
    assert registry.restored(INFO._replace(id="")) is task
    assert registry.restored(INFO) is task
    assert (task.id, registry.find("t1"), registry.find(ref="r1")) == ("t1", task, None)


def test_an_answer_settles_the_submission_that_was_restored_before(registry: TaskRegistry) -> None:
    task = registry.restored(INFO._replace(id=""))
    assert registry.add(INFO) is task
    assert registry.find("t1") is task


def test_two_handles_that_turn_out_to_be_one_task_hear_the_same(registry: TaskRegistry) -> None:
    """One was resumed without an id, the other attached by it."""
    resumed = registry.restored(INFO._replace(id=""))
    attached = registry.attach(GenerateMusic, "t1")
    attached.feed(update(Stage.TEXT))
    registry.settle(resumed, "t1")
    assert resumed.stage is Stage.TEXT
    resumed.feed(update(Stage.FIRST))
    assert attached.stage is Stage.FIRST
    attached.feed(DONE)
    assert resumed.done()


# ---- waiting for an answer -------------------------------------------------------------------------------------------


async def test_a_callback_waits_for_the_submission_that_it_overtook(registry: TaskRegistry) -> None:
    waiting = [asyncio.create_task(registry.wait_for("t1", 10)) for _ in range(2)]
    await anyio.sleep(3)
    task = registry.add(INFO)
    assert await asyncio.gather(*waiting) == [task, task]
    assert now() == 3


async def test_it_does_not_wait_longer_than_it_may(registry: TaskRegistry) -> None:
    assert await registry.wait_for("t1", 10) is None
    assert now() == 10


async def test_who_stops_waiting_disturbs_nobody(registry: TaskRegistry) -> None:
    waiting = [asyncio.create_task(registry.wait_for("t1", 10)) for _ in range(2)]
    await anyio.lowlevel.checkpoint()
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    task: Task[object] = registry.add(INFO)
    assert await waiting[1] is task
