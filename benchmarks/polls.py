"""The CPU of one poll over loopback at a hundred connections: ours, aiohttp by hand, httpx by hand.

The same work for ours and the loop that people write: a thousand songs, each polled until its page is final, a
sixteenth of a second apart. And both libraries by hand at their best: a hundred loops that do nothing but poll.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count

import aiohttp
import httpx
import msgspec

from suno_async import KIE_LEGACY, GenerateMusic, Pace, SunoClient

from .baselines import by_json, by_pydantic
from .server import LAST
from .table import Row

CONNECTIONS = 100
POLLS = 20_000
ROUNDS = 5
PAUSE = 1 / 16
DETAILS = "/api/v1/generate/record-info"
HEADERS = {"Authorization": "Bearer k", "User-Agent": "by-hand/1"}
task_ids = (f"{n:032x}" for n in count())

Baseline = Callable[[str], Awaitable[float]]


async def by_sdk(url: str) -> float:
    eager = msgspec.structs.replace(KIE_LEGACY, polls_per_second=1.07 / PAUSE, polls_at_once=CONNECTIONS)
    pace = Pace(first=PAUSE, growth=1, cap=PAUSE)
    async with SunoClient(api_key="k", base_url=url, provider=eager, pace=pace) as suno:

        async def run(polls: int) -> None:
            await asyncio.gather(*(suno.attach(GenerateMusic, next(task_ids)).wait() for _ in range(polls // LAST)))

        return await timed(run)


async def by_loops(url: str) -> float:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song() -> None:
            task_id, tracks = next(task_ids), None
            while not tracks:
                async with session.get(f"{url}{DETAILS}", params={"taskId": task_id}) as answer:
                    tracks = by_json(await answer.read())
                if not tracks:
                    await asyncio.sleep(PAUSE)

        async def run(polls: int) -> None:
            await asyncio.gather(*(song() for _ in range(polls // LAST)))

        return await timed(run)


async def by_aiohttp(url: str) -> float:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song(polls: int) -> None:
            task_id = next(task_ids)
            for _ in range(polls):
                async with session.get(f"{url}{DETAILS}", params={"taskId": task_id}) as answer:
                    by_json(await answer.read())

        return await timed(lambda polls: busy(song, polls))


async def by_httpx(url: str) -> float:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=60) as session:

        async def song(polls: int) -> None:
            task_id = next(task_ids)
            for _ in range(polls):
                answer = await session.get(f"{url}{DETAILS}", params={"taskId": task_id})
                by_pydantic(answer.content)

        return await timed(lambda polls: busy(song, polls), POLLS // 10)


async def busy(song: Callable[[int], Awaitable[None]], polls: int) -> None:
    await asyncio.gather(*(song(polls // CONNECTIONS) for _ in range(CONNECTIONS)))


async def timed(run: Callable[[int], Awaitable[None]], polls: int = POLLS) -> float:
    """µs of CPU a poll, with the connections already open."""
    await run(CONNECTIONS * LAST)
    began = time.process_time()
    await run(polls)
    return (time.process_time() - began) / polls * 1e6


def suite() -> list[Row]:
    baselines: dict[str, Baseline] = {"ours": by_sdk, "loops": by_loops, "aiohttp": by_aiohttp, "httpx": by_httpx}
    taken: dict[str, list[float]] = {name: [] for name in baselines}
    with subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            for _ in range(ROUNDS):
                for name, baseline in baselines.items():
                    taken[name].append(asyncio.run(_run(baseline, url)))
        finally:
            server.terminate()
    cost = {name: min(times) for name, times in taken.items()}
    by_hand, at_best, heavy = (cost["ours"] / cost[name] for name in ("loops", "aiohttp", "httpx"))
    return [
        Row("one poll: ours (poller, aiohttp, decode, feed)", cost["ours"], "µs CPU"),
        Row(
            *("one poll: a loop a song, aiohttp + json.loads", cost["loops"], "µs CPU", "ours / by hand", by_hand),
            *("≤ 1.0", by_hand <= 1.0),
        ),
        Row("one poll: 100 busy loops, the same", cost["aiohttp"], "µs CPU", "ours / by hand at its best", at_best),
        Row(
            *("one poll: 100 busy loops, httpx + pydantic", cost["httpx"], "µs CPU", "ours / httpx + pydantic", heavy),
            *("≤ 0.1", heavy <= 0.1),
        ),
    ]


async def _run(baseline: Baseline, url: str) -> float:
    return await baseline(url)
