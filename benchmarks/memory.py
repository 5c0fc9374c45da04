"""Memory of a task: pending, awaited, awaited at TEXT, and in `map`; each in a process of its own, time virtual.

python -m benchmarks.memory pending 20000
"""

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

from suno_async import KIE_LEGACY, GenerateMusic, Pace, SunoClient, Task
from suno_async.wire.envelope import Reply

from .bodies import PAGE
from .rounds import Series
from .scale import resident
from .table import Row, row
from .waiting import Idle, run

NEVER = 1e6
"""Virtual seconds until a poll that does not come."""
TEXT = PAGE.replace(b'"SUCCESS"', b'"TEXT_SUCCESS"')

Used = Callable[[], int]
"""Bytes in use."""


class Texts(Idle):
    """A network where each poll finds the text of two tracks, in a body of its own as a network hands them over."""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        return Reply(200, bytes(bytearray(TEXT)))


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def pending(count: int, used: Used) -> float:
    """Bytes of one handle that nobody waits for."""
    suno = SunoClient(api_key="k", transport=Idle())
    before = used()
    held = [suno.attach(GenerateMusic, f"{n:032x}") for n in range(count)]
    return (used() - before) / len(held)


async def awaited(count: int, used: Used, network: Any = None, first: float = NEVER) -> float:
    """Bytes of one that a coroutine awaits."""
    pace = Pace(first=first, growth=NEVER, cap=NEVER, patience=NEVER)
    suno = SunoClient(
        api_key="k", provider=KIE_LEGACY.replace(polls_at_once=count), transport=network or Idle(), pace=pace
    )
    before = used()
    held: list[Task[Any]] = [suno.attach(GenerateMusic, f"{n:032x}") for n in range(count)]
    waiting = [asyncio.ensure_future(task.get()) for task in held]
    await asyncio.sleep(100)
    taken = (used() - before) / count
    assert network is None or all(task.stage for task in held)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return taken


async def text(count: int, used: Used) -> float:
    """The same after a poll that found the text of both tracks."""
    return await awaited(count, used, Texts(), first=10)


async def mapped(count: int, used: Used) -> float:
    """Bytes of one that is submitted and awaited through `map`."""
    network, pace = Idle(), Pace(first=NEVER, growth=1, cap=NEVER, patience=NEVER)
    suno = SunoClient(api_key="k", provider=KIE_LEGACY, transport=network, pace=pace)
    before = used()
    outcomes = suno.map((GenerateMusic(prompt="x") for _ in range(count)), concurrency=count)
    first = asyncio.ensure_future(anext(outcomes))
    while network.count < count:  # noqa: ASYNC110  virtual time
        await asyncio.sleep(20)
    await asyncio.sleep(20)  # the last are waited for by now
    taken = (used() - before) / count
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await outcomes.aclose()
    return taken


WAYS = {"pending": pending, "awaited": awaited, "text": text, "map": mapped}


def suite(quick: bool) -> list[Row]:
    count, rounds = (2_000, 1) if quick else (10_000, 3)

    def kilobytes(arguments: str) -> float:
        command = [sys.executable, "-m", __name__, *arguments.split(), str(count)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1000

    with ThreadPool(2) as pool:  # what others do at the same time costs no memory
        resident = Series(tuple(pool.map(kilobytes, ["rss map"] * rounds)))
        traced = dict(zip(WAYS, pool.map(kilobytes, (f"traced {way}" for way in WAYS)), strict=True))
    return [
        row("memory.pending", "memory of a task: pending", "KB", traced["pending"], "≤ 0.4"),
        row("memory.awaited", "memory of a task: awaited", "KB", traced["awaited"], "≤ 1.8"),
        row("memory.text", "memory of a task: awaited at TEXT with two tracks", "KB", traced["text"], "≤ 6"),
        row("memory.map", "memory of a task: in map, traced", "KB", traced["map"], "≤ 2"),
        row("memory.map.rss", "memory of a task: in map, resident", "KB", resident, "≤ 4"),
    ]


def main() -> None:
    unit, way, count = sys.argv[1:]
    if unit == "traced":
        tracemalloc.start()
    print(run(WAYS[way](int(count), traced if unit == "traced" else resident)))


if __name__ == "__main__":
    main()
