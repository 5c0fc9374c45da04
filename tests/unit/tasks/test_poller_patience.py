"""How polling ends: with patience, by refusals, and by what time makes of an answer."""

import asyncio
from typing import Any

import anyio
import pytest

from suno_async import (
    ConnectError,
    DecodeError,
    InsufficientCredits,
    Music,
    Pace,
    RateLimited,
    ResponseLost,
    ServerError,
    Stage,
    SunoError,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    Track,
    Unauthorized,
)
from suno_async.api.updates import Provisional

from ...conftest import now, stand_still
from .support import DONE, MUSIC, PACE, PENDING, Answer, Polling, Service, update

EMPTY = Music(task_id="t1", tracks=(Track(id="a"),))


def polled(service: Service, pace: Pace = PACE, at_once: int = 32) -> tuple[Polling, Task[Music]]:
    polling = Polling(service, pace, at_once=at_once)
    return polling, polling.task()


async def test_patience_ends_with_a_timeout_after_a_last_poll_and_begins_anew() -> None:
    service = Service(PENDING)
    polling, task = polled(service, Pace(first=10, growth=1, cap=10, patience=25))
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert (now(), service.polled_at) == (25, [10, 20, 25])
    assert (caught.value.task_id, caught.value.waited) == ("t1", 25)
    assert polling.at_rest
    service.answers = [DONE]
    assert await task == MUSIC
    assert service.polled_at[3:] == [pytest.approx(25 + 1.07 / 3)]  # at once, as far as the service allows


async def test_a_poll_that_outlives_its_patience_does_not_end_the_next_wait() -> None:
    """Somebody who comes while an old poll is still under way has the whole patience ahead."""
    service = Service(by=lambda at: DONE if at > 26 else PENDING, delay=4)
    _, task = polled(service, Pace(first=20, growth=1, cap=20, patience=22))
    with anyio.move_on_after(21):
        await task
    await anyio.sleep(2)  # past the patience; the poll of 20 is still under way
    assert await task == MUSIC
    assert (service.polled_at, now()) == ([20, 23], 27)


async def test_patience_begins_with_the_first_waiter_and_not_with_a_nudge() -> None:
    service = Service(PENDING)
    polling, task = polled(service, Pace(first=10, growth=1, cap=10, patience=50))
    polling.poller.nudge(task)
    await anyio.sleep(45)
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert (now(), caught.value.waited) == (95, 50)


async def test_patience_counts_again_after_everybody_left_for_long() -> None:
    service = Service(PENDING)
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=25))
    with anyio.move_on_after(5):
        await task
    await anyio.sleep(1000)
    service.by = lambda at: DONE if at > 1010 else PENDING  # pyright: ignore[reportUnknownLambdaType]
    assert await task == MUSIC


@pytest.mark.parametrize(
    "trouble",
    [ConnectError("x"), ResponseLost("x"), ServerError(0, status=502), ServerError(500), InsufficientCredits(429)],
    ids=lambda exc: type(exc).__name__,
)
async def test_what_passes_is_polled_through(trouble: Exception) -> None:
    service = Service(trouble, trouble, trouble, DONE)
    _, task = polled(service)
    assert await task == MUSIC
    assert len(service.polled_at) == 4


async def test_trouble_for_good_ends_with_patience_and_names_its_cause() -> None:
    service = Service(ServerError(500, "down"))
    _, task = polled(service)
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert now() == 100
    assert isinstance(caught.value.__cause__, ServerError)
    assert min(b - a for a, b in zip(service.polled_at, service.polled_at[1:], strict=False)) >= 0.33


async def test_a_rate_refusal_never_outlasts_patience() -> None:
    service = Service(RateLimited(429, retry_after=86_400))
    _, task = polled(service)
    with pytest.raises(TaskTimeout):
        await task
    assert now() <= 160


@pytest.mark.parametrize("error", [Unauthorized(401), DecodeError("odd")], ids=["unauthorized", "puzzles"])
async def test_what_polling_cannot_mend_is_raised(error: SunoError) -> None:
    service = Service(error)
    polling, task = polled(service)
    with pytest.raises(type(error)):
        await task
    assert len(service.polled_at) == (1 if isinstance(error, Unauthorized) else 3)
    assert not task.done()
    assert polling.at_rest


async def test_a_bug_while_polling_does_not_leave_anybody_waiting() -> None:
    service = Service(ZeroDivisionError("oops"))
    _, task = polled(service)
    with pytest.raises(SunoError, match="oops") as caught:
        await task
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_poll_that_somebody_else_cancels_does_not_leave_anybody_waiting() -> None:
    """A future that a transport waits for can be cancelled without the poll being so."""
    service = Service(asyncio.CancelledError())
    _, task = polled(service)
    with anyio.fail_after(100), pytest.raises(SunoError, match="CancelledError"):
        await task


async def test_a_task_that_never_shows_up_is_not_found_after_ninety_seconds(caplog: pytest.LogCaptureFixture) -> None:
    """Which is told at the first poll, once; just after a submit it is usual."""
    caplog.set_level("INFO")
    service = Service(update(Stage.PENDING, Provisional.MISSING))
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=500))
    with pytest.raises(TaskNotFound, match="t1"):
        await task
    assert now() == 90
    assert [one.message for one in caplog.records if "t1" in one.message] == [
        "task t1 is not known to the service, or not yet: it is asked again"
    ]


async def test_a_task_that_shows_up_late_is_fine() -> None:
    service = Service(by=lambda at: update(Stage.PENDING, Provisional.MISSING) if at < 80 else DONE)
    _, task = polled(service)
    assert await task == MUSIC


async def test_late_files_are_waited_for_a_minute_and_may_come_after_that() -> None:
    late = update(Stage.PENDING, Provisional.LATE_FILES, EMPTY)
    service = Service(by=lambda at: late if at < 50 else DONE)
    _, task = polled(service)
    assert await task == MUSIC

    service = Service(late)
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=500))
    began = now()
    with pytest.raises(TaskFailed, match="success without files"):
        await task
    assert now() - began == 70
    assert (task.stage, task.done()) == (Stage.PENDING, False)
    assert task.feed(DONE)
    assert await task == MUSIC


async def test_an_undelivered_callback_is_a_failure_only_when_patience_ends() -> None:
    undelivered = update(Stage.PENDING, Provisional.UNDELIVERED)
    service = Service(by=lambda at: undelivered if at < 80 else DONE)
    _, task = polled(service)
    assert await task == MUSIC

    _, task = polled(Service(undelivered))
    with pytest.raises(TaskFailed, match="callback"):
        await task
    assert (task.stage, task.done()) == (Stage.PENDING, False)  # our verdict: a song that comes later is a song
    assert task.feed(DONE)
    assert await task == MUSIC


@pytest.mark.parametrize("told", [3600.0, float("inf")])
async def test_patience_ends_whatever_retry_after_says(told: float) -> None:
    service = Service(RateLimited(429, retry_after=told), PENDING)
    _, task = polled(service)  # patience 100
    with anyio.fail_after(500):
        with pytest.raises(SunoError) as caught:
            await task
    assert isinstance(caught.value, TaskTimeout)
    assert now() <= 110


async def test_an_absurd_retry_after_does_not_stop_every_other_task_for_ever() -> None:
    first = [RateLimited(429, retry_after=float("inf"))]
    service = Service(by=lambda at: first.pop() if first else DONE)
    polling, task = polled(service)
    with anyio.fail_after(100):
        await task
    other = polling.task("t2")
    with anyio.fail_after(1000):
        await other


async def test_one_rate_refusal_delays_its_own_task_only() -> None:
    """One 429 is about one task."""
    first = [RateLimited(429, retry_after=30)]
    service = Service(by=lambda _: first.pop() if first else DONE)
    polling, _ = polled(service)
    tasks = [polling.task(f"t{n}", n / 10) for n in range(5)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert service.polled_at == pytest.approx([2, 2.125, 2.25, 2.3125, 2.4375, 32], abs=0.01)


async def test_three_rate_refusals_in_a_row_make_every_poll_wait() -> None:
    """They are about all of us: nobody polls before the moment that was said."""
    refusals = [RateLimited(429, retry_after=30)] * 3
    service = Service(by=lambda _: refusals.pop() if refusals else DONE)
    polling, _ = polled(service)
    tasks = [polling.task(f"t{n}", n / 10) for n in range(8)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert len(service.polled_at) == 11
    assert [at for at in service.polled_at if at < 32] == pytest.approx([2, 2.125, 2.25], abs=0.01)


async def test_refusals_with_an_answer_between_them_hold_nobody() -> None:
    answers: list[Answer] = [RateLimited(429, retry_after=30)] * 2
    answers += [PENDING, *answers]
    service = Service(*answers, DONE)
    polling, _ = polled(service, Pace(first=2, growth=1, cap=2, patience=100))
    tasks = [polling.task(f"t{n}", n / 10) for n in range(8)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert [at for at in service.polled_at if at < 2.8] == pytest.approx(
        [2, 2.125, 2.25, 2.3125, 2.4375, 2.5, 2.625, 2.75], abs=0.01
    )


async def test_three_refusals_stop_the_polls_that_were_due_together() -> None:
    refusals = [RateLimited(429, retry_after=30)] * 3
    service = Service(by=lambda _: refusals.pop() if refusals else DONE, delay=1)
    polling, _ = polled(service, at_once=2)
    tasks = [polling.task(f"t{n}", 0.0) for n in range(50)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert sum(at < 33 for at in service.polled_at) <= 4


async def test_patience_ends_on_time_while_polls_queue_behind_slow_ones() -> None:
    """An API that answers nothing for a minute must not keep anybody longer than their patience."""
    service = Service(ResponseLost("slow"), delay=60)
    polling, _ = polled(service, at_once=2)
    tasks = [polling.task(f"t{n}", 0.0) for n in range(20)]
    ended: list[float] = []

    async def waits(task: Task[Any]) -> None:
        with pytest.raises(TaskTimeout):
            await task
        ended.append(now())

    await asyncio.gather(*(waits(task) for task in tasks))
    assert (min(ended), max(ended)) == (100, 100)


async def test_patience_ends_on_time_during_a_poll_that_hangs() -> None:
    polling, task = polled(Service(PENDING, delay=3600), Pace(first=10, growth=1, cap=10, patience=25))
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert (now(), caught.value.waited) == (25, 25)
    assert polling.poller.tasks == []


async def test_a_last_poll_that_hangs_may_take_a_second() -> None:
    service = Service(PENDING)
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=25))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(24)
    service.delay = 3600
    with pytest.raises(TaskTimeout):
        await waiting
    assert (service.polled_at, now()) == ([10, 20, 25], 26)


async def test_a_last_poll_that_is_answered_in_time_gives_the_result() -> None:
    service = Service(by=lambda at: DONE if at > 25 else PENDING, delay=0.5)
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=25))
    assert await task == MUSIC
    assert service.polled_at[-1] == 25


async def test_patience_shorter_than_the_first_pause_ends_with_one_poll() -> None:
    service = Service(DONE)
    _, task = polled(service, Pace(first=150, growth=1, cap=150, patience=5))
    assert await task == MUSIC
    assert service.polled_at == [5]


async def test_nudges_without_end_do_not_outlast_patience() -> None:
    polling, task = polled(Service(PENDING), Pace(first=10, growth=1, cap=10, patience=25))
    waiting = asyncio.create_task(task.wait())
    while not waiting.done():
        polling.poller.nudge(task)
        await anyio.sleep(0.3)
    with pytest.raises(TaskTimeout):
        await waiting
    assert now() <= 26.4


async def test_a_loop_that_stood_still_past_the_end_of_patience_makes_a_last_poll_all_the_same() -> None:
    """The song was there long before; only the process did not run."""
    service = Service(by=lambda at: DONE if at > 30 else PENDING)
    _, task = polled(service, Pace(first=10, growth=1, cap=10, patience=25))
    loop = asyncio.get_running_loop()
    loop.call_later(12, stand_still, 60)
    assert await task == MUSIC
    assert service.polled_at == [10, 72]


@pytest.mark.parametrize("seconds", [2.03, 2.5, 60])
async def test_an_answer_that_came_while_the_loop_stood_still_is_read(seconds: float) -> None:
    service = Service(by=lambda at: DONE, delay=4)
    _, task = polled(service, Pace(first=20, growth=1, cap=20, patience=25))
    asyncio.get_running_loop().call_later(23, stand_still, seconds)
    assert await task == MUSIC
    assert service.polled_at == [20]


async def test_patience_ends_where_the_loop_is_always_late() -> None:
    service = Service(PENDING, delay=3600)
    _, task = polled(service, Pace(first=20, growth=1, cap=20, patience=25))
    loop = asyncio.get_running_loop()

    def compute() -> None:
        stand_still(0.3)
        if not waiting.done() and now() < 60:
            loop.call_soon(compute)

    waiting = asyncio.ensure_future(task.wait())
    loop.call_soon(compute)
    with pytest.raises(TaskTimeout):
        await waiting
    assert now() < 28


async def test_after_a_loop_stood_still_all_last_polls_together_take_a_second() -> None:
    service = Service(PENDING, delay=3600)
    polling, _ = polled(service, Pace(first=50, growth=1, cap=50, patience=25), at_once=2)
    waiting = [asyncio.create_task(polling.task(f"t{n}").wait()) for n in range(5)]
    asyncio.get_running_loop().call_later(12, stand_still, 60)
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {TaskTimeout}
    assert (service.polled_at, now()) == ([72, 72], 73)
