"""No burst over the limit, in any window."""

import asyncio
import random

import anyio
import pytest

from suno_async.api.limits import Rate
from suno_async.http.rate_limit import MARGIN, Limiter

from .conftest import now
from .loop import JumpLoop

RATE = Rate(20, 10.0)


def most_in_a_window(times: list[float], seconds: float) -> int:
    times = sorted(times)
    return max(sum(start <= at < start + seconds for at in times) for start in times)


async def sends(limiter: Limiter, times: list[float], delay: float = 0.0) -> None:
    await asyncio.sleep(delay)
    await limiter.wait()
    times.append(now())


async def test_the_first_twenty_go_at_once_and_every_window_holds_twenty() -> None:
    limiter, times = Limiter(RATE), list[float]()
    await asyncio.gather(*(sends(limiter, times) for _ in range(100)))
    assert times[:20] == [0.0] * 20
    assert most_in_a_window(times, 10.0) == 20
    assert times[-1] == pytest.approx(4 * 10 * MARGIN)  # and no slower than it must


async def test_arrivals_at_any_time_never_make_a_burst() -> None:
    chance = random.Random(7)
    limiter, times = Limiter(RATE), list[float]()
    await asyncio.gather(*(sends(limiter, times, chance.uniform(0, 60)) for _ in range(150)))
    assert most_in_a_window(times, 10.0) <= 20


async def test_a_refusal_makes_everybody_wait_and_then_nobody_bursts() -> None:
    """Those who already had a slot before the service refused take a new one after it."""
    limiter, times = Limiter(RATE), list[float]()
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(sends, limiter, times)
        await anyio.sleep(1)
        limiter.close(35.0)
    assert sum(at < 1 for at in times) == 20
    assert sorted(times)[20] >= 35.0
    assert most_in_a_window(times, 10.0) <= 20


async def test_a_waiter_that_gives_up_disturbs_nobody() -> None:
    limiter, times = Limiter(RATE), list[float]()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(sends, limiter, times)
        await anyio.sleep(0.1)
        with anyio.move_on_after(1):
            await limiter.wait()
        group.start_soon(sends, limiter, times)
    assert len(times) == 21
    assert most_in_a_window(times, 10.0) <= 20


async def test_no_burst_after_the_loop_stood_still() -> None:
    """Slots are handed out ahead of time: after a stall (or a laptop's sleep) all that passed go at once."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    limiter, times = Limiter(Rate(20, 10.0)), list[float]()

    async def sends() -> None:
        await limiter.wait()
        times.append(now())

    sending = [asyncio.create_task(sends()) for _ in range(100)]
    await anyio.sleep(5)
    loop.jumps.skipped += 40  # nothing ran for forty seconds
    await asyncio.gather(*sending)
    assert max(sum(start <= at < start + 10 for at in times) for start in times) <= 20


async def test_waiters_that_gave_up_do_not_close_the_limit_for_those_who_come() -> None:
    limiter = Limiter(Rate(20, 10.0))

    async def hasty() -> None:
        with anyio.move_on_after(1):
            await limiter.wait()

    await asyncio.gather(*(hasty() for _ in range(420)))
    began = now()
    await limiter.wait()
    assert now() - began <= 11
