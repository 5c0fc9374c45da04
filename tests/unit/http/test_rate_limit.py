"""No burst over the limit, in any window, as the service counts it: by arrival."""

import asyncio
import random
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from suno_async import ConfigurationError, Rate
from suno_async.http.rate_limit import MARGIN, Place, RateLimit

from ...conftest import now
from ...loop import JumpLoop

RATE = Rate(20, 10.0)


def most_in_a_window(times: list[float], seconds: float = 10.0) -> int:
    return max(sum(start <= at < start + seconds for at in times) for start in times)


async def sends(limit: RateLimit, times: list[float], delay: float = 0.0) -> None:
    await asyncio.sleep(delay)
    place = await limit.take()
    times.append(now())
    await limit.answered(place)


async def test_the_first_twenty_go_at_once_and_every_window_holds_twenty() -> None:
    limit, times = RateLimit(RATE), list[float]()
    await asyncio.gather(*(sends(limit, times) for _ in range(100)))
    assert times[:20] == [0.0] * 20
    assert most_in_a_window(times) == 20
    assert times[-1] == pytest.approx(4 * 10 * MARGIN)  # and no slower than it must


async def test_requests_at_any_time_never_make_a_burst() -> None:
    chance = random.Random(7)
    limit, times = RateLimit(RATE), list[float]()
    await asyncio.gather(*(sends(limit, times, chance.uniform(0, 60)) for _ in range(150)))
    assert most_in_a_window(times) <= 20


def slow_first(chance: random.Random, number: int) -> float:
    return 4.9 if number < 20 else 0.0


def every_other_slow(chance: random.Random, number: int) -> float:
    return 4.9 if number % 2 else 0.0


def any_delay(chance: random.Random, number: int) -> float:
    return chance.uniform(0, 5)


@pytest.mark.parametrize(
    "way",
    [slow_first, every_other_slow, any_delay],
    ids=["slow first requests", "every other slow", "any"],
)
@pytest.mark.parametrize("thinks", [0.0, 0.5, 30.0])
async def test_slow_requests_never_arrive_as_a_burst(way: Callable[[random.Random, int], float], thinks: float) -> None:
    """Connecting takes up to five seconds, the answer its own time: the place counts from the arrival."""
    chance = random.Random(3)
    limit, arrived = RateLimit(RATE), list[float]()

    async def send(number: int) -> None:
        place = await limit.take()
        await asyncio.sleep(way(chance, number))
        arrived.append(now())
        await asyncio.sleep(thinks)
        await limit.answered(place)

    await asyncio.gather(*(send(number) for number in range(100)))
    assert most_in_a_window(arrived) <= 20
    assert max(arrived) <= 5 * (10 * MARGIN + 5)


async def test_an_answer_that_takes_its_time_does_not_hold_its_place_longer() -> None:
    """A request has arrived five seconds after it left, whenever it is answered."""
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    waiting = asyncio.create_task(limit.take())
    await anyio.sleep(12)
    await limit.answered(place)
    await waiting
    assert now() == pytest.approx(5 + 10 * MARGIN)


async def test_a_quick_answer_frees_the_place_for_those_who_wait_already() -> None:
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    waiting = asyncio.create_task(limit.take())
    await anyio.sleep(1)
    await limit.answered(place)
    await waiting
    assert now() == pytest.approx(1 + 10 * MARGIN)


async def test_a_place_that_was_not_used_is_free_at_once() -> None:
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    waiting = asyncio.create_task(limit.take())
    await anyio.sleep(1)
    limit.give_back(place)
    limit.give_back(place)
    await waiting
    assert now() == 1


async def test_places_are_given_in_the_order_of_asking() -> None:
    limit, order = RateLimit(Rate(2, 1.0)), list[int]()

    async def ask(number: int) -> None:
        place = await limit.take()
        order.append(number)
        await limit.answered(place)

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert order == list(range(20))


async def test_a_refusal_makes_everybody_wait_and_then_nobody_bursts() -> None:
    """Those who already queued before the service refused take a place after it."""
    limit, times = RateLimit(RATE), list[float]()
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(sends, limit, times)
        await anyio.sleep(1)
        limit.hold(35.0)
        limit.hold(5.0)  # never shorter
    assert sum(at < 1 for at in times) == 20
    assert sorted(times)[20] >= 35.0
    assert most_in_a_window(times) <= 20


async def test_a_waiter_that_gives_up_disturbs_nobody() -> None:
    limit, times = RateLimit(RATE), list[float]()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(sends, limit, times)
        await anyio.sleep(0.1)
        with anyio.move_on_after(1):
            await limit.take()
        group.start_soon(sends, limit, times)
    assert len(times) == 21
    assert most_in_a_window(times) <= 20


async def test_waiters_that_gave_up_do_not_close_the_limit_for_those_who_come() -> None:
    limit = RateLimit(RATE)

    async def hasty() -> None:
        with anyio.move_on_after(1):
            await limit.answered(await limit.take())

    await asyncio.gather(*(hasty() for _ in range(420)))
    began = now()
    await limit.take()
    assert now() - began <= 11


async def test_no_burst_after_the_loop_stood_still() -> None:
    """After a stall, or a laptop's sleep, what was missed must not leave at once."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    limit, times = RateLimit(RATE), list[float]()
    sending = [asyncio.create_task(sends(limit, times)) for _ in range(100)]
    await anyio.sleep(5)
    loop.jumps.skipped += 40  # nothing ran for forty seconds
    await asyncio.gather(*sending)
    assert most_in_a_window(times) <= 20


async def test_the_window_goes_on_in_the_one_that_replaces_it() -> None:
    """A client in its next event loop."""
    first, times = RateLimit(RATE), list[float]()
    await asyncio.gather(*(sends(first, times) for _ in range(15)))
    await anyio.sleep(2)
    second = RateLimit(RATE, arrivals=first.arrivals)
    await asyncio.gather(*(sends(second, times) for _ in range(15)))
    assert most_in_a_window(times) == 20


# ---- closing ---------------------------------------------------------------------------------------------------------


async def test_closing_tells_whoever_waits_and_whoever_comes() -> None:
    limit = RateLimit(Rate(1, 10.0))
    await limit.take()
    waiting = [asyncio.create_task(limit.take()) for _ in range(3)]
    waiting.append(asyncio.create_task(sleeps(limit)))
    await anyio.sleep(1)
    await limit.aclose()
    await anyio.lowlevel.checkpoint()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [ConfigurationError] * 4
    assert now() == 1
    for later in (limit.take(), limit.sleep(0)):
        with pytest.raises(ConfigurationError, match="closed"):
            await later
    with pytest.raises(ConfigurationError, match="closed"):
        limit.check_open()


async def sleeps(limit: RateLimit) -> Place:
    await limit.sleep(1000)
    raise AssertionError


async def test_sleeping_takes_its_time_while_the_client_is_open() -> None:
    await RateLimit(RATE).sleep(7)
    assert now() == 7


# ---- with a window that other processes use, too ---------------------------------------------------------------------


class Shared:
    """A window of a store, full until a time."""

    def __init__(self, full_until: float = 0.0) -> None:
        self.full_until = full_until
        self.asked: list[tuple[float, str]] = []
        self.given_back: list[str] = []

    async def reserve(self, place: str, rate: Rate) -> float:
        self.asked.append((now(), place))
        assert rate == Rate(20, 10.0 * MARGIN)
        return max(0.0, self.full_until - now())

    async def give_back(self, place: str) -> None:
        self.given_back.append(place)


async def test_the_place_in_the_shared_window_moves_to_the_answer() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    await limit.share(place)
    await anyio.sleep(3)
    await limit.answered(place)
    assert shared.asked == [(0, place.name), (3, place.name)]


async def test_of_those_who_find_the_shared_window_full_one_asks_and_all_keep_their_order() -> None:
    shared, order = Shared(full_until=9.0), list[int]()
    limit = RateLimit(RATE, shared)

    async def shares(number: int) -> None:
        await limit.share(await limit.take())
        order.append(number)

    await asyncio.gather(*(shares(number) for number in range(10)))
    assert order == list(range(10))
    assert len([at for at, _ in shared.asked if at < 9]) <= 2
    assert now() == 9


async def test_a_place_that_was_not_used_is_given_back_in_both_windows() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    await limit.share(place)
    await limit.give_back_shared(place)
    assert shared.given_back == [place.name]
    assert limit.arrivals == []


async def test_closing_ends_the_waiting_for_the_shared_window() -> None:
    limit = RateLimit(RATE, Shared(full_until=1000.0))
    waiting = [asyncio.create_task(limit.share(await limit.take())) for _ in range(3)]
    await anyio.sleep(1)
    await limit.aclose()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [ConfigurationError] * 3
    assert now() == 1
