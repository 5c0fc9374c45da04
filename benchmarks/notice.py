"""How late the end of a song is noticed, and with how many polls: the default pace, others, and what is possible.

The clients are real, the clock is virtual, and how long songs take follows stated distributions. They are not measured:
the pages of the service say "2 to 3 minutes" (docs/service.md#task-life-cycle), the others are to break what was
learned.
"""

import asyncio
import random
import statistics
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from suno_async import KIE_LEGACY, GenerateMusic, Pace, Stage, SunoClient, TaskFailed
from suno_async.tasks.pace import default_pace
from suno_async.wire.envelope import Reply

from .bodies import RESPONSE
from .latency import called_back
from .rounds import Series
from .table import Row, row
from .waiting import Idle, run

SONGS = 400
WARM = 50
"""Songs before the numbers count."""
EVERY = 20.0
"""Seconds between two submits: about eight songs run at the same time."""


class Song(NamedTuple):
    """When a song reaches its stages, in seconds after the submit."""

    text: float
    first: float
    end: float
    failed: bool = False

    def times(self, factor: float) -> "Song":
        """The same, slower by a factor."""
        return Song(self.text * factor, self.first * factor, self.end * factor)


def pages(chance: random.Random, number: int) -> Song:
    """As the pages say: a stream after 30 to 40 s, files after 2 to 3 minutes."""
    return Song(chance.uniform(8, 14), chance.uniform(30, 40), chance.uniform(120, 180))


def regular(chance: random.Random, number: int) -> Song:
    """All about the same."""
    return Song(10, 35, max(40.0, chance.gauss(140, 8)))


def tail(chance: random.Random, number: int) -> Song:
    """Half within 90 s, and a few that take ten minutes: log-normal."""
    end = min(90 * chance.lognormvariate(0, 0.6), 1100.0)
    return Song(end * 0.1, end * 0.3, end)


def queued(chance: random.Random, number: int) -> Song:
    """A queue that takes anything, exponential of 60 s, and work that always takes as long."""
    queue = chance.expovariate(1 / 60)
    return Song(queue + 10, queue + 35, queue + chance.uniform(85, 95))


def failing(chance: random.Random, number: int) -> Song:
    """As the pages say, but one of ten is refused after 2 to 8 s."""
    if chance.random() < 0.1:
        end = chance.uniform(2, 8)
        return Song(end, end, end, failed=True)
    return pages(chance, number)


def slower(chance: random.Random, number: int) -> Song:
    """As the pages say; in the middle of the run everything takes twice as long."""
    return pages(chance, number).times(2 if number >= SONGS // 2 else 1)


def faster(chance: random.Random, number: int) -> Song:
    """As the pages say; in the middle of the run everything takes a third."""
    return pages(chance, number).times(1 / 3 if number >= SONGS // 2 else 1)


def drifting(chance: random.Random, number: int) -> Song:
    """As the pages say, half as long again by the end of each hour, and back in the next."""
    return pages(chance, number).times(1 + 0.5 * abs((number * EVERY / 3600) % 2 - 1))


World = Callable[[random.Random, int], Song]
WORLDS: tuple[World, ...] = (pages, regular, tail, queued, failing, slower, faster, drifting)
SHIFTED: tuple[World, ...] = (slower, faster, drifting)

DEFAULT = "the default before it has learned"
PACES: dict[str, Pace | None] = {
    "learned, the default": None,
    DEFAULT: default_pace(GenerateMusic),
    "fixed 5 s": Pace(first=5, growth=1, cap=5),
    "fixed 30 s": Pace(first=30, growth=1, cap=30),
    "doubling from 2 s to 60 s": Pace(first=2, growth=2, cap=60),
}


class Result(NamedTuple):
    """What a pace came to."""

    late: float
    """Seconds from the end of a song until it is noticed, in the mean."""
    late95: float
    """The same, 95 of 100."""
    polls: float
    """Polls a song."""
    first: float
    """Seconds from the first track until it is noticed, in the mean, if somebody waits for it."""


class Service(Idle):
    """Answers polls by the virtual clock."""

    def __init__(self, songs: list[Song]) -> None:
        super().__init__()
        self.songs = songs
        self.began: list[float] = []
        self.asked = [0] * len(songs)

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        now = asyncio.get_running_loop().time()
        if method != "GET":
            self.began.append(now)
            return Reply(200, b'{"code":200,"data":{"taskId":"%d"}}' % (len(self.began) - 1))
        number = int(parse_qs(urlsplit(url).query)["taskId"][0])
        self.asked[number] += 1
        song, age = self.songs[number], now - self.began[number]
        return Reply(200, page(number, song, age))


def page(number: int, song: Song, age: float) -> bytes:
    if age >= song.end:
        status = "SENSITIVE_WORD_ERROR" if song.failed else "SUCCESS"
    else:
        status = "FIRST_SUCCESS" if age >= song.first else "TEXT_SUCCESS" if age >= song.text else "PENDING"
    response = RESPONSE if status in ("SUCCESS", "FIRST_SUCCESS") else None
    data = {"taskId": str(number), "status": status, "response": response}
    return msgspec.json.encode({"code": 200, "msg": "success", "data": data})


async def noticed(world: World, pace: Pace | None, *, stages: bool) -> tuple[list[float], list[float], list[int]]:
    """Seconds by which the end of each song, and its first track, are noticed late, and its polls."""
    chance = random.Random(1)
    songs = [world(chance, number) for number in range(SONGS)]
    service, clock = Service(songs), asyncio.get_running_loop().time
    late, first = [0.0] * SONGS, [0.0] * SONGS

    async def one(suno: SunoClient) -> None:
        task = await suno.submit(GenerateMusic(prompt="x"))
        number = int(task.id)
        began, song = service.began[number], songs[number]
        if stages:
            async for update in task:
                if update.stage is Stage.FIRST:
                    first[number] = clock() - began - song.first
        with suppress(TaskFailed):
            await task
        late[number] = clock() - began - song.end

    async with SunoClient(api_key="k", provider=KIE_LEGACY, transport=service, pace=pace) as suno:
        running = list[asyncio.Future[None]]()
        for _ in songs:
            running.append(asyncio.ensure_future(one(suno)))
            await asyncio.sleep(chance.uniform(0.5, 1.5) * EVERY)
        await asyncio.gather(*running)
    return late, first, service.asked


def best(times: list[float], polls: float) -> float:
    """The least mean delay of any schedule with so many polls a song, which knows how long songs take."""
    times = sorted(times)
    low, high, late = 1e-4, 1e4, 0.0
    for _ in range(40):
        price = (low * high) ** 0.5
        late, used = _schedule(times, price)
        low, high = (price, high) if used > polls else (low, price)
    return late


def _schedule(times: list[float], price: float) -> tuple[float, float]:
    """The schedule with the least delay and price of polls: each poll stands at the end of some song."""
    count = len(times)
    sums = [0.0]
    for time in times:
        sums.append(sums[-1] + time)
    cost, follows = [0.0] * (count + 1), [count] * (count + 1)
    for start in range(count - 1, -1, -1):
        left = (count - start) * price
        cost[start] = float("inf")
        for end in range(start + 1, count + 1):
            late = times[end - 1] * (end - start) - (sums[end] - sums[start])
            if left + late > cost[start]:
                break
            if (total := left + late + cost[end]) < cost[start]:
                cost[start], follows[start] = total, end
    late, used, start = 0.0, 0, 0
    while start < count:
        end = follows[start]
        used += count - start
        late += times[end - 1] * (end - start) - (sums[end] - sums[start])
        start = end
    return late / count, used / count


def measured(world: World, pace: Pace | None, *, stages: bool = False) -> Result:
    late, first, polls = run(noticed(world, pace, stages=stages))
    late, first, polls = late[WARM:], first[WARM:], polls[WARM:]
    mean = statistics.fmean
    return Result(mean(late), statistics.quantiles(late, n=20)[-1], mean(polls), mean(first))


def possible(world: World, polls: float) -> float:
    chance = random.Random(7)
    return best([world(chance, 0).end for _ in range(1000)], polls)


def lines() -> list[list[str]]:
    """The table of docs/polling.md."""
    table = list[list[str]]()
    for stages, worlds in ((False, WORLDS), (True, (pages, tail, queued))):
        for world in worlds:
            for name, pace in PACES.items():
                if pace is None or world is pages or name == DEFAULT:
                    got = measured(world, pace, stages=stages)
                    described = (world.__doc__ or "").split(".")[0]
                    first = f"{got.first:.1f}" if stages else ""
                    known = "" if world in SHIFTED or pace is not None else f"{possible(world, got.polls):.1f}"
                    table.append([described, name, *(f"{number:.1f}" for number in got[:3]), first, known])
    called, soon = run(called_back())
    table.append(["As the pages say", "callbacks, after the first song", f"{soon:.1f}", "", f"{called:.1f}", "", ""])
    return table


def suite(quick: bool) -> list[Row]:
    """The distributions that do not shift, each beside a schedule that knows it."""
    rows = list[Row]()
    for world in WORLDS[:1] if quick else WORLDS:
        if world in SHIFTED:
            continue
        learned, name = measured(world, None), world.__name__
        known = Series((possible(world, learned.polls),))
        what, beside = f"a song's end noticed late, by the learned pace: {name}", "learned / one that knows"
        rows += [
            row(f"notice.{name}", what, "s", learned.late, "≤ 1.3", against=(beside, known)),
            row(f"notice.{name}.polls", f"polls a song, by the learned pace: {name}", "", learned.polls),
        ]
    called, soon = run(called_back())
    return [
        *rows,
        row("notice.called.polls", "polls a song where callbacks come, after the first song", "", called, "≤ 0"),
        row("notice.called", "a song's end noticed late where callbacks come", "s", soon),
    ]


if __name__ == "__main__":
    for line in lines():
        print("|", " | ".join(line), "|")
