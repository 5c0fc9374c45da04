"""How one process grows with the tasks that it waits for, and ten thousand songs from end to end.

    python -m benchmarks.scale              the curve, as a table and as docs/images/scale.svg
    python -m benchmarks.scale songs polls  10 000 songs against the emulator, or `songs callbacks`

Each size runs in a process of its own, in real time.
"""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from aiohttp import web
from msgspec.structs import replace

from suno_async import KIE, KIE_LEGACY, GenerateMusic, MemoryStore, Pace, Rate, SunoClient, SunoError, Task
from suno_async.emulator import Emulator
from suno_async.submissions.coordination import Alone
from suno_async.tasks.pace import PacePolicy
from suno_async.tasks.poller import Poller
from suno_async.tasks.reach import CallbackReach
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import TaskInfo

from .svg import draw
from .waiting import Details, Idle, Interests, Sink

SIZES = (100, 1_000, 10_000, 100_000)
SECONDS = 12.0
"""For how long polls are measured: about once a task."""
UNLIMITED = replace(KIE_LEGACY, submits=Rate(1_000_000, 0.01))
SONGS = 10_000
SPEED = 2.0
"""Of the emulator's clock: 10 000 songs end within 90 s, at 870 polls a second."""
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "scale.svg"


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
    """µs to submit one task, and bytes of one that is awaited, a hundred submits at once."""
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
    return taken / count * 1e6, used / count


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


def curve() -> list[list[float]]:
    rows = list[list[float]]()
    for size in SIZES:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", str(size)], capture_output=True, text=True, check=True
        )
        rows.append([size, *map(float, ran.stdout.split())])
    names = ("submit, µs", "memory of a task, bytes", "CPU of a poll, µs", "late, half, ms", "late, 99 of 100, ms")
    lines = {name: [(row[0], max(row[n], 0.01)) for row in rows] for n, name in enumerate(names, 1)}
    draw(PICTURE, "One process", "tasks that are waited for", "", lines)
    return rows


async def songs(*, callbacks: bool) -> tuple[float, float, int]:
    """Real seconds, seconds of CPU, and polls of 10 000 songs; client and emulator are in this process."""
    asked = 0

    @web.middleware
    async def counting(request: web.Request, handler: Any) -> Any:
        nonlocal asked
        asked += request.path.endswith("record-info")
        return await handler(request)

    limits: dict[str, Any] = {"provider": UNLIMITED, "credits": 1e9, "rate_limits": False}
    async with Emulator(**limits, speed=SPEED, middlewares=[counting]) as emulator:
        options: dict[str, Any] = {}
        if callbacks:
            options["callback_url"] = "http://127.0.0.1:8099/suno"
        pace = None if callbacks else Pace(10 / SPEED, 1.3, 11.5 / SPEED)
        async with emulator.client(**options, pace=pace) as suno:
            runner = None
            if callbacks:
                app = web.Application()
                app.router.add_post("/suno", suno.receiver().aiohttp)
                runner = web.AppRunner(app)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", 8099).start()
            began, cpu = time.perf_counter(), time.process_time()
            left, running = iter(range(SONGS)), list[Task[Any]]()

            async def submit() -> None:
                for _ in left:
                    running.append(await suno.submit(GenerateMusic(prompt="x")))

            await asyncio.gather(*(submit() for _ in range(50)))
            await asyncio.gather(*(task.get() for task in running))
            taken = time.perf_counter() - began, time.process_time() - cpu
            if runner is not None:
                await runner.cleanup()
    return *taken, asked


def main() -> None:
    match sys.argv[1:]:
        case ["songs", way]:
            seconds, cpu, asked = asyncio.run(songs(callbacks=way == "callbacks"))
            print(f"{way}: {seconds:.1f} s, {cpu:.1f} s CPU, {asked} polls")
        case [size]:
            one(int(size))
        case _:
            for row in curve():
                print("|", " | ".join(f"{number:,.2f}" if number < 100 else f"{number:,.0f}" for number in row), "|")


if __name__ == "__main__":
    main()
