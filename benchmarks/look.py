"""The CPU of one look over loopback at a hundred connections: ours, aiohttp by hand, httpx by hand.

The same work for ours and the loop that people write: a thousand songs, each looked at until its page is final, a
sixteenth of a second apart. And both libraries by hand at their best: a hundred loops that do nothing but look.
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

from suno_async import KIE, GenerateMusic, Pace, SunoClient

from .rivals import by_json, by_pydantic
from .server import LAST
from .table import Row

CONNECTIONS = 100
LOOKS = 20_000
ROUNDS = 5
PAUSE = 1 / 16
DETAILS = "/api/v1/generate/record-info"
HEADERS = {"Authorization": "Bearer k", "User-Agent": "by-hand/1"}
task_ids = (f"{n:032x}" for n in count())

Rival = Callable[[str], Awaitable[float]]


async def by_sdk(url: str) -> float:
    eager = msgspec.structs.replace(KIE, polls_per_second=1 / PAUSE)
    pace = Pace(first=PAUSE, growth=1, cap=PAUSE)
    async with SunoClient(api_key="k", base_url=url, provider=eager, pace=pace) as suno:
        suno._poller._looks = CONNECTIONS

        async def run(looks: int) -> None:
            await asyncio.gather(*(suno.attach(GenerateMusic, next(task_ids)).wait() for _ in range(looks // LAST)))

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

        async def run(looks: int) -> None:
            await asyncio.gather(*(song() for _ in range(looks // LAST)))

        return await timed(run)


async def by_aiohttp(url: str) -> float:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song(looks: int) -> None:
            task_id = next(task_ids)
            for _ in range(looks):
                async with session.get(f"{url}{DETAILS}", params={"taskId": task_id}) as answer:
                    by_json(await answer.read())

        return await timed(lambda looks: busy(song, looks))


async def by_httpx(url: str) -> float:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=60) as session:

        async def song(looks: int) -> None:
            task_id = next(task_ids)
            for _ in range(looks):
                answer = await session.get(f"{url}{DETAILS}", params={"taskId": task_id})
                by_pydantic(answer.content)

        return await timed(lambda looks: busy(song, looks), LOOKS // 10)


async def busy(song: Callable[[int], Awaitable[None]], looks: int) -> None:
    await asyncio.gather(*(song(looks // CONNECTIONS) for _ in range(CONNECTIONS)))


async def timed(run: Callable[[int], Awaitable[None]], looks: int = LOOKS) -> float:
    """µs of CPU a look, with the connections already open."""
    await run(CONNECTIONS * LAST)
    began = time.process_time()
    await run(looks)
    return (time.process_time() - began) / looks * 1e6


def suite() -> list[Row]:
    rivals: dict[str, Rival] = {"ours": by_sdk, "loops": by_loops, "aiohttp": by_aiohttp, "httpx": by_httpx}
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    with subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            for _ in range(ROUNDS):
                for name, rival in rivals.items():
                    taken[name].append(asyncio.run(_run(rival, url)))
        finally:
            server.terminate()
    cost = {name: min(times) for name, times in taken.items()}
    by_hand, at_best, heavy = (cost["ours"] / cost[name] for name in ("loops", "aiohttp", "httpx"))
    return [
        Row("one look: ours (poller, aiohttp, decode, feed)", cost["ours"], "µs CPU"),
        Row(
            *("one look: a loop a song, aiohttp + json.loads", cost["loops"], "µs CPU", "ours / by hand", by_hand),
            *("≤ 1.0", by_hand <= 1.0),
        ),
        Row("one look: 100 busy loops, the same", cost["aiohttp"], "µs CPU", "ours / by hand at its best", at_best),
        Row(
            *("one look: 100 busy loops, httpx + pydantic", cost["httpx"], "µs CPU", "ours / httpx + pydantic", heavy),
            *("≤ 0.1", heavy <= 0.1),
        ),
    ]


async def _run(rival: Rival, url: str) -> float:
    return await rival(url)
