"""How one process grows with the tasks that it waits for, and ten thousand songs from end to end.

    python -m benchmarks scale              the curve
    python -m benchmarks.scale late         how late polls are if the service answers after 0.2 s, in virtual time
    python -m benchmarks.scale songs polls  10 000 songs against the emulator, or `songs callbacks`; a number after that
                                            is another number of songs

Each size of the curve runs in a process of its own, in real time.
"""

import asyncio
import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from msgspec.structs import replace

from suno_async import (
    KIE,
    KIE_LEGACY,
    GenerateMusic,
    MemoryStore,
    Pace,
    Rate,
    Stage,
    SunoClient,
    SunoError,
    Task,
    Update,
)
from suno_async.emulator import Emulator
from suno_async.submissions.coordination import Alone
from suno_async.tasks.pace import PacePolicy
from suno_async.tasks.poller import MOST_AT_ONCE, Poller, PollLimits
from suno_async.tasks.reach import CallbackReach
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import TaskInfo

from .figures import SCALE, SIZES
from .table import Row, row
from .waiting import Details, Idle, Interests, Sink, run

SECONDS = 12.0
"""For how long polls are measured: about once a task."""
UNLIMITED = replace(KIE_LEGACY, submits=Rate(1_000_000, 0.01))
SONGS = 10_000
ANSWER = 0.2
"""Seconds until a poll is answered."""
LONG = 240.0
"""Seconds after which a run says what it waits for. A song ends within 180."""
EVERY = 30.0
"""Seconds until it says so again."""


def resident() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Late:
    """Notes how late polls begin."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def waiting(self, task: Task[Any]) -> None:
        """Not of interest."""

    def waited(self, task: Task[Any], error: SunoError | None) -> None:
        """Not of interest."""

    def polling(self, task: Task[Any], late: float) -> AbstractContextManager[object]:
        self.seconds.append(late)
        return nullcontext()


async def submits(count: int) -> tuple[float, float]:
    """µs to submit one task, and KB of one that is awaited, a hundred submits at once."""
    pace = Pace(first=1e6, growth=1, cap=1e6, patience=1e9)
    async with SunoClient(api_key="k", provider=UNLIMITED, transport=Idle(), pace=pace) as suno:
        left, waiting = iter(range(count)), list[asyncio.Future[Any]]()

        async def work() -> None:
            for _ in left:
                task = await suno.submit(GenerateMusic(prompt="x"))
                waiting.append(asyncio.ensure_future(task.get()))

        await asyncio.sleep(0.1)
        gc.collect()
        before, began = resident(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(100)))
        taken = time.perf_counter() - began
        await asyncio.sleep(0.1)
        used = resident() - before
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return taken / count * 1e6, used / count / 1000


async def polls(count: int) -> tuple[float, float, float]:
    """µs of CPU of one poll without HTTP, and how late polls begin in ms: half of them, and 99 of 100."""
    details, interests, late = Details(), Interests(), Late()
    registry, alone = TaskRegistry(interests, KIE), Alone(MemoryStore())
    reach = CallbackReach(PacePolicy(), alone, "")
    interests.poller = Poller(details, Sink(), alone, registry, reach, telemetry=late)
    now = asyncio.get_running_loop().time()
    infos = (TaskInfo(f"{n:032x}", GenerateMusic, accepted_at=now + n / count * 11.5) for n in range(count))
    waiters = [asyncio.ensure_future(registry.add(info).wait()) for info in infos]
    await asyncio.sleep(13)
    gc.collect()
    late.seconds.clear()
    details.polls, began = 0, time.process_time()
    await asyncio.sleep(SECONDS)
    taken = (time.process_time() - began) / details.polls * 1e6
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    steps = statistics.quantiles(late.seconds, n=100)
    return taken, steps[49] * 1e3, steps[98] * 1e3


def one(size: int) -> None:
    print(*asyncio.run(submits(size)), *asyncio.run(polls(size)))


def suite(quick: bool) -> list[Row]:
    rows = list[Row]()
    for size in SIZES[:2] if quick else SIZES:
        command = [sys.executable, "-m", __name__, str(size)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        for (key, told), value in zip(SCALE.items(), map(float, ran.stdout.split()), strict=True):
            what, unit = told.rsplit(", ", 1)
            rows.append(row(f"scale.{size}.{key}", f"{size} tasks that are waited for: {what}", unit, value))
    return rows


class Slow(Details):
    """Answers after a while, as a service does."""

    async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
        await asyncio.sleep(ANSWER)
        return await super().details(task, attempt)


async def slow_polls(count: int, at_once: int | None) -> tuple[float, float]:
    """Virtual seconds by which half of the polls begin late at most, and polls a second, once that changes no more."""
    details, interests, late = Slow(), Interests(), Late()
    registry, alone = TaskRegistry(interests, KIE), Alone(MemoryStore())
    reach = CallbackReach(PacePolicy(Pace(patience=1e9)), alone, "")
    interests.poller = Poller(details, Sink(), alone, registry, reach, PollLimits(at_once=at_once), telemetry=late)
    infos = (TaskInfo(f"{n:032x}", GenerateMusic, accepted_at=n / count * 11.5) for n in range(count))
    waiters = [asyncio.ensure_future(registry.add(info).wait()) for info in infos]
    rounds = max(12.0, count * ANSWER / (at_once or MOST_AT_ONCE))
    await asyncio.sleep(2.5 * rounds)
    late.seconds.clear()
    details.polls = 0
    await asyncio.sleep(rounds)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    return statistics.median(late.seconds), details.polls / rounds


class Songs(NamedTuple):
    """What ten thousand songs took."""

    seconds: float
    """Until all were there."""
    cpu: float
    """Seconds of CPU, those of the emulator included."""
    peak: float
    """MB of resident memory at most, those of the emulator included."""
    requests: int
    """Polls, or callbacks."""
    half: float
    """Seconds from the end of a song to its outcome, for half of them at most."""
    most: float
    """The same for 99 of 100."""


async def report(emulator: Emulator, suno: SunoClient, count: int, noticed: set[str]) -> None:
    """Say what is still waited for once that takes longer than songs do, and how much of the machine there was."""
    loop = asyncio.get_running_loop()
    began = told = loop.time()
    cpu, late = time.process_time(), 0.0
    while True:
        due = loop.time() + 1
        await asyncio.sleep(1)
        now = loop.time()
        late = max(late, now - due)
        if now < max(began + LONG, told + EVERY):
            continue
        left = [run for run in emulator.runs.values() if run.id not in noticed]
        stages = Counter(suno.attach(run.kind, run.id).stage.name for run in left)  # as its handle has it
        ended = [age for run in left if (age := now - run.born - run.marks[Stage.COMPLETE]) > 0]
        said = (
            f"{now - began:.0f} s: {count - len(emulator.runs)} of {count} not accepted, {len(left)} under way",
            f"by what is known here {dict(stages)}",
            f"{len(ended)} of them have ended, the first {max(ended, default=0):.0f} s ago",
            f"answers to callbacks {dict(emulator.stats.callbacks)}, polls {sum(emulator.stats.polls.values())}",
            f"{(time.process_time() - cpu) / (now - told):.0%} of a core was had, the loop was {late:.1f} s late",
        )
        print("; ".join(said), file=sys.stderr)
        told, cpu, late = now, time.process_time(), 0.0


async def songs(count: int, *, callbacks: bool) -> Songs:
    """Many songs through `map`, all at the same time, client and emulator in this process."""
    asked = 0

    @web.middleware
    async def counting(request: web.Request, handler: Any) -> Any:
        nonlocal asked
        asked += request.path.endswith("record-info")
        return await handler(request)

    async def posted(request: web.Request) -> Any:
        nonlocal asked
        asked += 1
        return await receive(request)

    app = web.Application()
    app.router.add_post("/suno", posted)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/suno"
    middlewares = [] if callbacks else [counting]
    late = list[float]()
    loop = asyncio.get_running_loop()
    async with Emulator(provider=UNLIMITED, credits=1e9, rate_limits=False, middlewares=middlewares) as emulator:
        options: dict[str, Any] = {"callback_url": address} if callbacks else {}
        async with emulator.client(provider=UNLIMITED, pace=None, **options) as suno:
            receive = suno.receiver().aiohttp
            began, cpu = time.perf_counter(), time.process_time()
            noticed = set[str]()
            reporting = asyncio.create_task(report(emulator, suno, count, noticed))
            jobs = (GenerateMusic(prompt="x") for _ in range(count))
            async for outcome in suno.map(jobs, concurrency=count):
                assert outcome.task is not None
                noticed.add(outcome.task.id)
                run = emulator.runs[outcome.task.id]
                late.append(loop.time() - run.born - run.marks[Stage.COMPLETE])
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            reporting.cancel()
    await runner.cleanup()
    steps = statistics.quantiles(late, n=100)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Songs(seconds, cpu, peak, asked, steps[49], steps[98])


def main() -> None:
    match sys.argv[1:]:
        case ["songs", way, *number]:
            print(way, asyncio.run(songs(int(number[0]) if number else SONGS, callbacks=way == "callbacks")))
        case ["late"]:
            for size in SIZES[1:]:
                for at_once in (32, None):
                    half, rate = run(slow_polls(size, at_once))
                    print(f"| {size:,} | {at_once or 'by the tasks'} | {rate:,.0f} | {half:,.1f} |")
        case [size]:
            one(int(size))
        case _:
            print(__doc__)


if __name__ == "__main__":
    main()
