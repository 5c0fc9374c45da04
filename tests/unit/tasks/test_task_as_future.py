"""A task where a future is expected: done callbacks, early results, asyncio's functions."""

import asyncio
import contextvars
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from suno_async import GenerateMusic, Music, Stage, Task, TaskFailed, TaskTimeout
from suno_async.errors import TaskNotDone
from suno_async.tasks.task import TaskInfo

from .support import DONE, MUSIC, Interests, Observer, Polling, Service, update


@pytest.fixture
def interests() -> Interests:
    return Interests()


@pytest.fixture
def task(interests: Interests) -> Task[Music]:
    return Task(TaskInfo("t1", GenerateMusic), interests)


@pytest.mark.parametrize("ask", [Task[Music].result, Task[Music].exception])
def test_a_result_asked_for_too_early_is_an_invalid_state(task: Task[Music], ask: Any) -> None:
    with pytest.raises(TaskNotDone, match=r"t1 has not ended .*: await it first") as caught:
        ask(task)
    assert isinstance(caught.value, asyncio.InvalidStateError)


def test_result_and_exception_after_a_success(task: Task[Music]) -> None:
    task.feed(DONE)
    assert (task.done(), task.result(), task.exception()) == (True, MUSIC, None)


def test_result_and_exception_after_a_failure(task: Task[Music]) -> None:
    task.feed(update(Stage.FAILED))
    with pytest.raises(TaskFailed) as caught:
        task.result()
    assert caught.value is task.exception()


def test_a_task_cannot_be_cancelled(task: Task[Music]) -> None:
    assert not hasattr(task, "cancel")
    assert task.cancelled() is False


async def test_a_done_callback_is_an_interest_until_the_end(task: Task[Music], interests: Interests) -> None:
    called: list[Any] = []
    task.add_done_callback(called.append)
    task.add_done_callback(called.append)
    assert interests.calls == ["retain"]
    task.feed(update(Stage.FIRST))
    task.feed(DONE)
    assert called == []  # soon, not within feed
    await anyio.lowlevel.checkpoint()
    assert called == [task, task]
    assert interests.calls == ["retain", "release"]


async def test_a_done_callback_of_a_task_that_has_ended_is_called_soon(task: Task[Music], interests: Interests) -> None:
    called: list[Any] = []
    task.feed(DONE)
    task.add_done_callback(called.append)
    assert called == []
    await anyio.lowlevel.checkpoint()
    assert (called, interests.calls) == ([task], [])


async def test_removing_the_last_done_callback_ends_the_interest(task: Task[Music], interests: Interests) -> None:
    called: list[Any] = []

    def other(one: Any) -> None:
        called.append(one)

    for fn in (called.append, called.append, other):
        task.add_done_callback(fn)
    assert task.remove_done_callback(print) == 0
    assert task.remove_done_callback(called.append) == 2
    assert interests.calls == ["retain"]
    assert task.remove_done_callback(other) == 1
    assert interests.calls == ["retain", "release"]
    task.feed(DONE)
    await anyio.lowlevel.checkpoint()
    assert called == []


async def test_a_done_callback_runs_in_its_context(task: Task[Music]) -> None:
    name = contextvars.ContextVar("name", default="")
    seen: list[str] = []
    context = contextvars.copy_context()
    context.run(name.set, "given")
    task.add_done_callback(lambda _: seen.append(name.get()), context=context)
    name.set("present")
    task.add_done_callback(lambda _: seen.append(name.get()))
    name.set("later")
    task.feed(DONE)
    await anyio.lowlevel.checkpoint()
    assert seen == ["given", "present"]


async def test_a_waiter_and_a_done_callback_are_one_interest(task: Task[Music], interests: Interests) -> None:
    task.add_done_callback(print)
    with anyio.move_on_after(1):
        await task
    assert interests.calls == ["retain"]
    waiting = asyncio.create_task(task.wait())
    await anyio.lowlevel.checkpoint()
    task.remove_done_callback(print)
    assert interests.calls == ["retain"]
    task.feed(DONE)
    await waiting
    assert interests.calls == ["retain", "release"]


async def test_giving_up_calls_done_callbacks_and_the_task_is_not_done(task: Task[Music]) -> None:
    """Nobody shall hope for ever."""
    called: list[bool] = []
    task.add_done_callback(lambda one: called.append(one.done()))
    task.give_up(task, TaskTimeout("t1", 5))
    await anyio.lowlevel.checkpoint()
    assert called == [False]


# ---- with asyncio's functions, and a poller that polls for them ------------------------------------------------------


def two() -> tuple[Task[Music], Task[Music]]:
    polling = Polling(Service(DONE))
    return polling.task("t1", 0.0), polling.task("t2", 5.0)


async def test_wait_takes_tasks_as_they_are() -> None:
    first, second = two()
    some: Any = [first, second]
    done, pending = await asyncio.wait(some, return_when=asyncio.FIRST_COMPLETED)
    assert (done, pending) == ({first}, {second})
    done, pending = await asyncio.wait(some, timeout=60)
    assert (done, pending) == ({first, second}, set())


async def test_wait_ends_with_the_first_failure() -> None:
    polling = Polling(Service(update(Stage.FAILED)))
    failing, other = polling.task("t1", 0.0), polling.task("t2", 50.0)
    some: Any = [failing, other]
    done, pending = await asyncio.wait(some, return_when=asyncio.FIRST_EXCEPTION)
    assert (done, pending) == ({failing}, {other})


async def test_wait_gives_back_as_pending_what_it_did_not_wait_for() -> None:
    polling = Polling(Service(update(Stage.TEXT)))
    some: Any = [polling.task()]
    done, pending = await asyncio.wait(some, timeout=7)
    assert (done, pending) == (set(), set(some))
    assert polling.at_rest  # its done callbacks are removed, so nobody has an interest


async def test_gather_as_completed_wait_for_and_create_task() -> None:
    assert [*await asyncio.gather(*two())] == [MUSIC, MUSIC]
    assert [await one for one in asyncio.as_completed(two())] == [MUSIC, MUSIC]
    assert await asyncio.wait_for(two()[0], 60) == MUSIC
    assert await asyncio.create_task(two()[0].get()) == MUSIC


async def test_a_task_group_takes_get() -> None:
    first, second = two()
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(first.get()), group.create_task(second.get())]
    assert [one.result() for one in running] == [MUSIC, MUSIC]


async def test_a_waiter_an_observer_and_a_done_callback_share_polls_and_the_last_ends_them() -> None:
    service, observer, called = Service(update(Stage.TEXT)), Observer(), list[Any]()
    polling = Polling(service)
    task = polling.task()
    polling.poller.retain(task, observer)
    task.add_done_callback(called.append)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(7)
    assert service.polled_at == [2, 6]
    waiting.cancel()
    await anyio.sleep(8)
    assert service.polled_at == [2, 6, 14]
    task.remove_done_callback(called.append)
    await anyio.sleep(15)
    assert service.polled_at == [2, 6, 14, 29]
    polling.poller.release(task, observer)
    assert polling.at_rest
    await anyio.sleep(1000)
    assert service.polled_at == [2, 6, 14, 29]


async def test_patience_ends_for_everybody_who_shares_it() -> None:
    observer, called = Observer(), list[Any]()
    polling = Polling(Service(update(Stage.TEXT)))
    task = polling.task()
    task.add_done_callback(called.append)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(50)
    polling.poller.retain(task, observer)
    with pytest.raises(TaskTimeout) as caught:
        await waiting
    await anyio.lowlevel.checkpoint()
    assert observer.given_up == [(100, caught.value)]
    assert (called, task.done()) == ([task], False)
    assert polling.at_rest
