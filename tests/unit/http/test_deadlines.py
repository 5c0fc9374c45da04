"""Time limits of requests: what is too late ends, what ends in time leaves nothing, and cancelling stays cancelling."""

import asyncio

import pytest

from suno_async.http.deadlines import Deadlines

from ...conftest import now, stand_still
from ...loop import JumpLoop


def timers() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    return len(loop.timers)


async def late(deadlines: Deadlines, seconds: float | None, takes: float) -> float:
    """When it ended, or minus that if it was too late."""
    try:
        with deadlines.within(seconds):
            await asyncio.sleep(takes)
    except TimeoutError:
        return -now()
    return now()


async def test_each_ends_at_its_own_limit_with_one_timer_for_all_of_one_length() -> None:
    deadlines = Deadlines()
    begun = now()

    async def after(pause: float, seconds: float | None, takes: float) -> float:
        await asyncio.sleep(pause)
        ended = await late(deadlines, seconds, takes)
        return ended - begun if ended > 0 else ended + begun

    some = [(0.0, 20.0, 5.0), (1.0, 20.0, 100.0), (2.0, 20.0, 100.0), (3.0, 60.0, 100.0), (4.0, None, 100.0)]
    ran = asyncio.gather(*(after(*one) for one in some))
    await asyncio.sleep(4.5)
    assert timers() == 2 + 5  # of the limits, and of the five sleeps
    assert await ran == [5.0, -21.0, -22.0, -63.0, 104.0]
    assert timers() == 0


async def test_who_is_cancelled_from_outside_stays_cancelled() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(late(deadlines, 20.0, 100.0))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_both_at_once_are_a_cancellation() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(late(deadlines, 20.0, 100.0))
    asyncio.get_running_loop().call_later(20, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_leaves_no_timer() -> None:
    deadlines = Deadlines()
    await late(deadlines, 20.0, 1.0)
    assert timers() == 1
    deadlines.aclose()
    assert timers() == 0


@pytest.mark.parametrize("until", [20.1, 65])
async def test_what_came_while_the_loop_stood_still_is_in_time(until: float) -> None:
    """And what did not come has a second more, so that a loop that is always late ends it all the same."""
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    begun = now()

    async def read() -> str:
        with deadlines.within(20.0):
            return await answer

    reading, hanging = asyncio.create_task(read()), asyncio.create_task(late(deadlines, 20.0, 1000.0))
    loop.call_later(5, stand_still, until - 5)
    loop.call_later(6, answer.set_result, "paid")
    loop.call_later(until + 0.5, stand_still, 60)
    assert (await reading, await hanging) == ("paid", -begun - until - 60.5)
    assert timers() == 0
