"""No burst over the limit, in any window, as the service counts it: by arrival."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from suno_async import KIE, ConfigurationError, Rate, StoreError
from suno_async.http.rate_limit import MARGIN, Place, RateLimit
from suno_async.http.turns import Turn
from suno_async.stores.memory import MemoryStore
from suno_async.submissions.coordination import Coordination

from ...conftest import now
from ...loop import JumpLoop

RATE = Rate(20, 10.0)


def most_in_a_window(times: list[float], seconds: float = 10.0) -> int:
    return max(sum(start <= at < start + seconds for at in times) for start in times)


async def sends(limit: RateLimit, times: list[float], delay: float = 0.0) -> None:
    await asyncio.sleep(delay)
    place = await limit.take()
    times.append(now())
    limit.answered(place)


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
        limit.answered(place)

    await asyncio.gather(*(send(number) for number in range(100)))
    assert most_in_a_window(arrived) <= 20
    assert max(arrived) <= 5 * (10 * MARGIN + 5)


async def test_an_answer_that_takes_its_time_does_not_hold_its_place_longer() -> None:
    """A request has arrived five seconds after it left, whenever it is answered."""
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    waiting = asyncio.create_task(limit.take())
    await anyio.sleep(12)
    limit.answered(place)
    await waiting
    assert now() == pytest.approx(5 + 10 * MARGIN)


async def test_a_quick_answer_frees_the_place_for_those_who_wait_already() -> None:
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    waiting = asyncio.create_task(limit.take())
    await anyio.sleep(1)
    limit.answered(place)
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
        limit.answered(place)

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
            limit.answered(await limit.take())

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


# ---- turns -----------------------------------------------------------------------------------------------------------

ANNA, BERT = Turn("anna"), Turn("bert")


async def goes(limit: RateLimit, turn: Turn, left: dict[float, list[Turn]] | None = None) -> float:
    """Take a place and be answered at once; the time."""
    place = await limit.take(turn)
    if left is not None:
        left.setdefault(now(), []).append(turn)
    limit.answered(place)
    return now()


def start(limit: RateLimit, turn: Turn, count: int = 1, left: Any = None) -> list[asyncio.Task[float]]:
    return [asyncio.create_task(goes(limit, turn, left)) for _ in range(count)]


async def test_a_batch_of_one_does_not_stand_before_the_song_of_another() -> None:
    limit = RateLimit(RATE)
    batch = start(limit, ANNA, 500)
    await anyio.sleep(25)
    [song] = start(limit, BERT)
    assert await song == pytest.approx(30 * MARGIN)  # with the next places, and 440 of the batch behind it
    assert max(await asyncio.gather(*batch)) == pytest.approx(25 * 10 * MARGIN)


async def test_a_higher_priority_goes_before_those_who_wait() -> None:
    limit = RateLimit(RATE)
    batch = start(limit, ANNA, 100)
    await anyio.sleep(1)
    [song] = start(limit, Turn("anna", 1))
    assert await song == pytest.approx(10 * MARGIN)
    await asyncio.gather(*batch)


@pytest.mark.parametrize("seed", range(5))
async def test_the_window_is_used_whoever_waits_and_whoever_gives_up(seed: int) -> None:
    """Those who are cancelled leave no hole, and no window holds too many."""
    chance, limit, times = random.Random(seed), RateLimit(RATE), list[float]()

    async def ask() -> None:
        with anyio.move_on_after(chance.choice([1000.0, chance.uniform(0, 60), 10 * MARGIN])):
            place = await limit.take(Turn(chance.randrange(7), chance.randrange(3)))
            times.append(now())
            limit.answered(place)

    await asyncio.gather(*(ask() for _ in range(400)))
    assert most_in_a_window(times) <= 20
    assert now() == pytest.approx((len(times) + 19) // 20 * 10 * MARGIN - 10 * MARGIN, abs=0.01)
    await anyio.sleep(20)
    began = now()
    await asyncio.gather(*(limit.take() for _ in range(20)))
    assert now() == began, "nobody who left is still in the queue"


async def test_a_place_that_is_given_at_the_moment_of_the_cancellation_is_free_again() -> None:
    limit = RateLimit(Rate(1, 10.0))
    place = await limit.take()
    asking = asyncio.create_task(limit.take())
    await anyio.sleep(1)
    limit.give_back(place)
    assert len(limit.arrivals) == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert limit.arrivals == []


# ---- the place in the queue ------------------------------------------------------------------------------------------


class Notes:
    """Notes its places, with the time."""

    def __init__(self) -> None:
        self.places: list[tuple[float, int]] = []
        self.gone: list[float] = []

    def moved(self, place: int) -> None:
        self.places.append((round(now(), 1), place))

    def left(self) -> None:
        self.gone.append(round(now(), 1))


async def test_whoever_wants_to_know_hears_of_each_new_place() -> None:
    limit, anna, bert = RateLimit(Rate(2, 10.0)), Notes(), Notes()
    batch = start(limit, ANNA, 6)
    [last] = start(limit, Turn("anna", observer=anna))
    await anyio.sleep(1)
    [song] = start(limit, Turn("bert", observer=bert))
    await asyncio.gather(*batch, last, song)
    assert anna.places == [(0.0, 5), (1.0, 6), (10.2, 4), (20.4, 2)]
    assert anna.gone == [30.6]
    assert bert.places == [(1.0, 2)]
    assert bert.gone == [10.2]


async def test_who_need_not_wait_hears_nothing() -> None:
    notes = Notes()
    await goes(RateLimit(RATE), Turn(observer=notes))
    assert notes.places == []


# ---- with a window that other processes use, too ---------------------------------------------------------------------


class Shared:
    """A window of a store, full until a time."""

    def __init__(self, full_until: float = 0.0, takes: float = 0.0) -> None:
        self.full_until = full_until
        self.takes = takes
        self.asked: list[tuple[float, str]] = []
        self.given_back: list[str] = []
        self.error: Exception | None = None
        self.answers: list[float] | None = None

    async def reserve(self, places: Sequence[str], rate: Rate) -> list[float]:
        self.asked += [(now(), place) for place in places]
        await asyncio.sleep(self.takes)
        if self.error is not None:
            raise self.error
        assert rate == Rate(20, 10.0 * MARGIN)
        return [max(0.0, self.full_until - now()) for _ in places] if self.answers is None else self.answers

    async def give_back(self, place: str) -> None:
        self.given_back.append(place)


async def test_the_place_in_the_shared_window_moves_to_the_answer() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    await anyio.sleep(3)
    await limit.aclose()
    limit.answered(place)  # what is under way when the client is closed is seen through
    await limit.finish()
    assert shared.asked == [(0, place.name), (3, place.name)]


async def test_closing_does_not_wait_for_a_shared_window_that_hangs() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    shared.takes = 3600
    limit.answered(place)
    await limit.finish()
    assert now() == 5


async def test_of_those_who_find_the_shared_window_full_one_asks_and_all_keep_their_order() -> None:
    shared, order = Shared(full_until=9.0), list[int]()
    limit = RateLimit(RATE, shared)

    async def shares(number: int) -> None:
        await limit.take()
        order.append(number)

    await asyncio.gather(*(shares(number) for number in range(10)))
    assert order == list(range(10))
    assert len([at for at, _ in shared.asked if at < 9]) == 1
    assert now() == pytest.approx(9, abs=0.1)


async def test_of_a_burst_each_round_asks_for_twice_as_many_places() -> None:
    shared = Shared(takes=1.0)
    limit = RateLimit(RATE, shared)
    await asyncio.gather(*(limit.take() for _ in range(15)))
    assert [at for at, _ in shared.asked] == [0, 1, 1, *[2] * 4, *[3] * 8]


async def test_a_burst_after_one_that_has_found_places_goes_on_with_as_many() -> None:
    shared = Shared(takes=1.0)
    limit = RateLimit(RATE, shared)
    await asyncio.gather(*(limit.take() for _ in range(3)))
    await asyncio.gather(*(limit.take() for _ in range(4)))
    assert [at for at, _ in shared.asked] == [0, 1, 1, *[2] * 4]


async def test_a_store_that_is_away_ends_the_waiting_of_who_is_next_and_leaves_no_hole() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    shared.error = StoreError("away")
    ended = await asyncio.gather(*start(limit, ANNA, 3), return_exceptions=True)
    assert [str(one) for one in ended] == ["away"] * 3
    shared.error = None
    assert await asyncio.gather(*start(limit, ANNA, 20)) == [0.0] * 20


class OddError(Exception):
    """Of a store of somebody's own; it cannot be copied."""

    def __init__(self, table: str, why: str) -> None:
        super().__init__(f"{table}: {why}")


async def test_whatever_a_store_raises_or_gives_ends_the_waiting() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    shared.error = OddError("places", "locked")
    limit.answered(place)
    await limit.finish()
    ended = await asyncio.gather(*start(limit, ANNA, 3), return_exceptions=True)
    assert [str(one) for one in ended] == ["places: locked"] * 3
    shared.error, shared.answers = None, []
    [short] = await asyncio.gather(*start(limit, ANNA), return_exceptions=True)
    assert isinstance(short, ValueError)
    shared.answers = None
    assert await asyncio.gather(*start(limit, ANNA, 19)) == [0.0] * 19


class Processes:
    """As many processes as a test wants, each with a rate limit, on the window of one store."""

    def __init__(self, count: int) -> None:
        store = MemoryStore(clock=now)
        self.limits = [RateLimit(RATE, Coordination(store, provider=KIE)) for _ in range(count)]
        self.left: dict[float, list[Turn]] = {}

    def start(self, process: int, turn: Turn, count: int = 1) -> list[asyncio.Task[float]]:
        return start(self.limits[process], turn, count, self.left)

    def share(self, since: float, until: float) -> Counter[Hashable]:
        """How many places each group has had."""
        return Counter(turn.group for at, turns in self.left.items() if since <= at < until for turn in turns)


async def test_of_several_processes_a_song_goes_before_the_batch_of_another() -> None:
    """With the next places, although one process alone would fill all windows."""
    processes = Processes(5)
    batches = [one for process in range(4) for one in processes.start(process, Turn(f"batch {process}"), 100)]
    await anyio.sleep(25)
    [song] = processes.start(4, BERT)
    [more] = processes.start(0, Turn("new"))
    ended = [await song, await more]
    assert max(ended) == pytest.approx(30 * MARGIN, abs=0.5)
    await asyncio.gather(*batches)


async def test_of_several_processes_groups_have_like_shares() -> None:
    """Not processes: one has a group, another has three."""
    processes = Processes(2)
    waiting = processes.start(0, ANNA, 300)
    for group in ("bert", "cleo", "dora"):
        waiting += processes.start(1, Turn(group), 300)
    await anyio.sleep(300)
    shares = processes.share(50, 300)
    assert min(shares.values()) >= 0.8 * max(shares.values())
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("count", [1, 2, 10])
async def test_several_processes_use_the_window_and_never_more(count: int) -> None:
    processes = Processes(count)
    waiting = [one for each in range(400) for one in processes.start(each % count, Turn(each % 7))]
    await asyncio.gather(*waiting)
    times = [at for at, turns in processes.left.items() for _ in turns]
    assert most_in_a_window(times) <= 20
    assert max(times) * 0.97 <= 19 * 10 * MARGIN


async def test_a_place_that_was_not_used_is_given_back_in_both_windows() -> None:
    shared = Shared()
    limit = RateLimit(RATE, shared)
    place = await limit.take()
    await limit.give_back_shared(place)
    assert shared.given_back == [place.name]
    assert limit.arrivals == []


async def test_closing_ends_the_waiting_for_the_shared_window() -> None:
    limit = RateLimit(RATE, Shared(full_until=1000.0))
    waiting = [asyncio.create_task(limit.take()) for _ in range(3)]
    await anyio.sleep(1)
    await limit.aclose()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [ConfigurationError] * 3
    assert now() == 1
