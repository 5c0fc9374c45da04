"""One poller: exact times of polls, interests, nudges, idleness."""

import asyncio
import gc
import weakref
from itertools import pairwise
from typing import Any

import anyio
import pytest

from suno_async import ConfigurationError, Music, Pace, ResponseLost, Source, Stage, Task, TaskTimeout, Update
from suno_async.api.updates import Provisional
from suno_async.tasks.pace import WITH_CALLBACKS

from ...conftest import now
from .support import DONE, MUSIC, PACE, PENDING, Observer, Polling, Service, update


def polled(service: Service, pace: Pace = PACE, at_once: int | None = None) -> tuple[Polling, Task[Music]]:
    polling = Polling(service, pace, at_once=at_once)
    return polling, polling.task()


async def test_polls_happen_at_the_times_of_the_pace_and_end_with_the_task() -> None:
    service = Service(PENDING, PENDING, update(Stage.FIRST), DONE)
    polling, task = polled(service)
    assert await task == MUSIC
    assert service.polled_at == [2, 6, 14, 29]
    assert polling.at_rest


async def test_nobody_waiting_means_no_polls() -> None:
    service = Service(PENDING)
    polling, _ = polled(service)
    await anyio.sleep(3600)
    assert service.polled_at == []
    assert polling.at_rest


async def test_a_task_awaited_late_is_polled_at_once() -> None:
    service = Service(DONE)
    _, task = polled(service)
    await anyio.sleep(500)
    await task
    assert service.polled_at == [500]


async def test_an_attached_task_is_polled_at_once() -> None:
    service = Service(PENDING, DONE)
    polling, _ = polled(service)
    await polling.attached()
    assert service.polled_at == [0, 2]


async def test_many_waiters_share_one_poll() -> None:
    service = Service(PENDING, DONE)
    _, task = polled(service)
    await asyncio.gather(*(task.wait() for _ in range(50)))
    assert service.polled_at == [2, 6]


async def test_short_waits_in_a_loop_get_their_polls() -> None:
    """A caller that waits a second at a time sees the task end as soon as one that waits for good."""
    service = Service(PENDING, PENDING, DONE)
    _, task = polled(service)
    while not task.done():
        with anyio.move_on_after(0.7):
            await task
    assert service.polled_at == pytest.approx([2, 6, 14])


async def test_the_last_waiter_leaving_stops_the_polls() -> None:
    service = Service(PENDING)
    polling, task = polled(service)
    with anyio.move_on_after(7):
        await task
    assert service.polled_at == [2, 6]
    assert polling.at_rest
    await anyio.sleep(1000)
    assert service.polled_at == [2, 6]


async def test_a_nudge_polls_at_once_and_says_so() -> None:
    service = Service(by=lambda at: DONE if at > 3 else PENDING)
    polling, task = polled(service, Pace(first=100, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(5)
    polling.poller.nudge(task)
    assert (await waiting).source is Source.CONFIRMED
    assert (now(), service.polled_at) == (5, [5])


async def test_nudges_never_exceed_three_polls_a_second() -> None:
    service = Service(PENDING)
    polling, task = polled(service, Pace(first=100, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    for _ in range(200):
        await anyio.sleep(0.05)
        polling.poller.nudge(task)
    assert 25 <= len(service.polled_at) <= 31
    waiting.cancel()


async def test_a_nudge_during_a_poll_is_not_lost() -> None:
    service = Service(by=lambda at: DONE if at > 4 else PENDING, delay=1)
    polling, task = polled(service, Pace(first=2, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(2.5)
    polling.poller.nudge(task)
    await waiting
    assert service.polled_at[:2] == [2, 3]


async def test_a_nudge_without_a_waiter_costs_nothing_until_somebody_waits() -> None:
    service = Service(DONE)
    polling, task = polled(service, Pace(first=100, growth=1, cap=100, patience=1000))
    polling.poller.nudge(task)
    await anyio.sleep(20)
    assert service.polled_at == []
    await task
    assert service.polled_at == [20]


async def test_an_update_from_elsewhere_ends_the_polls() -> None:
    service = Service(PENDING)
    polling, task = polled(service)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(7)
    task.feed(DONE)
    await waiting
    assert service.polled_at == [2, 6]
    assert polling.at_rest


async def test_a_callback_and_a_poll_racing_end_in_one_result() -> None:
    service = Service(update(Stage.FIRST), delay=2)
    polling, task = polled(service)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(3)
    task.feed(DONE)  # while the poll that will say FIRST is under way
    await waiting
    await anyio.sleep(10)
    assert [update.stage for update in task.updates] == [Stage.COMPLETE]
    assert polling.at_rest


@pytest.mark.parametrize(("count", "most"), [(100, 32), (2000, 40)])
async def test_the_more_tasks_are_waited_for_the_more_polls_run_at_once(count: int, most: int) -> None:
    """Else each of many would be polled too seldom."""
    service = Service(PENDING, delay=1)
    polling, _ = polled(service, Pace(first=60, growth=1, cap=60, patience=1000))
    waiting = [asyncio.create_task(polling.task(f"t{number}").get()) for number in range(count)]
    await anyio.sleep(60 + count / most + 2)
    assert (service.most_at_once, len(service.polled_at)) == (most, count)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_polls_run_at_once_up_to_the_bound() -> None:
    service = Service(DONE, delay=1)
    polling, _ = polled(service, at_once=8)
    tasks = [polling.task(f"t{n}", 0.0) for n in range(100)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert (service.most_at_once, len(service.polled_at)) == (8, 100)


async def test_closing_tells_whoever_waits_and_whoever_comes() -> None:
    service = Service(PENDING, delay=1)
    polling, task = polled(service)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(2.5)
    await polling.poller.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    with pytest.raises(ConfigurationError, match="closed"):
        await task
    assert polling.at_rest


async def test_a_finished_task_leaves_nothing_behind() -> None:
    polling, task = polled(Service(DONE))
    await task
    ended = weakref.ref(task)
    del task
    gc.collect()
    assert ended() is None
    assert polling.at_rest


@pytest.mark.parametrize("at_once", [1, 32])
async def test_a_poll_that_falls_due_as_the_last_worker_ends_is_not_lost(at_once: int) -> None:
    """A worker that has returned and is still counted must not keep the next from being started."""

    class Hopping(Service):
        async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
            answer = await super().details(task, attempt)
            await asyncio.sleep(0)  # a hop more, as every transport has
            return answer

    polling = Polling(Hopping(DONE, delay=1), at_once=at_once)
    waiting = [asyncio.create_task(polling.attached(f"t{n}").wait()) for n in range(at_once)]
    await asyncio.sleep(1)  # wakes up as the polls do
    with anyio.fail_after(1000):
        await polling.attached("late")
    await asyncio.gather(*waiting)


async def test_a_second_interest_of_the_same_holder_counts_for_itself() -> None:
    service, observer = Service(PENDING), Observer()
    polling, task = polled(service)
    polling.poller.retain(task, observer)
    polling.poller.retain(task, observer)
    polling.poller.release(task, observer)
    await anyio.sleep(7)
    assert (service.polled_at, polling.poller.tasks) == ([2, 6], [task])
    polling.poller.release(task, observer)
    polling.poller.release(task, observer)  # once too often
    assert polling.at_rest


async def test_polls_of_one_task_keep_their_distance_whoever_asks() -> None:
    """Three polls in a second by the service's count, which has jitter."""
    service = Service(PENDING)
    polling, task = polled(service, Pace(first=0, growth=1, cap=0, patience=20))
    with pytest.raises(TaskTimeout):
        await task
    again = polling.attached()
    with pytest.raises(TaskTimeout):
        await again
    gaps = [later - at for at, later in pairwise(service.polled_at)]
    assert min(gaps) >= 1.07 / 3 - 1e-9


async def test_a_callback_that_is_believed_puts_the_next_poll_off() -> None:
    service = Service(PENDING)
    polling, task = polled(service, Pace(first=150, growth=1, cap=150, patience=1800))
    waiting = asyncio.create_task(task.wait())
    for _ in range(5):
        await anyio.sleep(100)
        polling.poller.put_off(task)
    assert service.polled_at == []
    await anyio.sleep(151)
    assert service.polled_at == [650]
    waiting.cancel()


async def test_a_stage_that_no_callback_told_brings_the_usual_polls_back() -> None:
    """A callback that is not answered is given up by the service. The next one may be, too."""
    service = Service(by=lambda at: update(Stage.FIRST) if at < 180 else DONE)
    polling, task = polled(service, WITH_CALLBACKS)
    polling.without = Pace(first=10, growth=1, cap=10)
    assert await task == MUSIC
    assert service.polled_at == [150, 160, 170, 180]


async def test_a_poll_that_only_repeats_what_callbacks_told_stays_rare() -> None:
    service = Service(by=lambda at: update(Stage.FIRST) if at < 400 else DONE)
    polling, task = polled(service, WITH_CALLBACKS)
    polling.without = Pace(first=10, growth=1, cap=10)
    task.feed(update(Stage.FIRST))
    assert await task == MUSIC
    assert service.polled_at == [150, 300, 450]


async def test_a_confirmation_is_an_interest_of_its_own_until_a_poll_settles_something() -> None:
    service = Service(ResponseLost("x"), update(Stage.PENDING, Provisional.LATE_FILES), update(Stage.FIRST))
    polling, task = polled(service)
    polling.poller.confirm(task)
    polling.poller.confirm(task)
    await anyio.sleep(50)
    assert len(service.polled_at) == 3
    assert (task.stage, task.last.source) == (Stage.FIRST, Source.POLL)
    assert polling.at_rest


async def test_a_confirmation_that_never_comes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    polling, task = polled(Service(ResponseLost("x")))
    polling.poller.confirm(task)
    await anyio.sleep(110)
    assert "a callback of task t1 could not be confirmed" in caplog.text
    assert polling.at_rest


async def test_an_abandoned_poller_frees_whoever_waited_for_the_next_loop() -> None:
    """The loop is closed: nobody can be woken, and no waiter may be left in the task."""
    observer = Observer()
    polling, task = polled(Service(PENDING))
    polling.poller.retain(task, observer)
    polling.poller.abandon()
    assert polling.poller.tasks == []
    assert "loop" in str(observer.given_up[0][1])
    with pytest.raises(ConfigurationError, match="closed"):
        polling.poller.retain(task, observer)
