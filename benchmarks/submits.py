"""The CPU of one submit over loopback: what a fresh connection for each paid request costs beside a kept one.

The same in all three: songs are submitted, some at the same time, and the task id is read. Ours takes a place in the
rate window, writes the submission down in memory, and sees it through, too.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec

from suno_async import KIE_LEGACY, GenerateMusic, SunoClient
from suno_async.api.limits import Rate

from .polls import HEADERS
from .table import Row

SUBMITS, AT_ONCE, ROUNDS = 2000, 20, 5
SUBMIT = "/api/v1/generate"
PROMPT = "a calm piano track"
UNLIMITED = msgspec.structs.replace(KIE_LEGACY, submits=Rate(10**6, 1.0))

Submit = Callable[[], Awaitable[object]]


async def by_sdk(url: str) -> float:
    """Ours as it is: a paid request never leaves on a connection that was used before."""
    async with SunoClient(api_key="k", base_url=url, provider=UNLIMITED) as suno:
        return await timed(lambda: suno.submit(GenerateMusic(prompt=PROMPT)))


async def by_sdk_kept(url: str) -> float:
    """Ours with connections that are kept alive, as users may choose."""
    async with SunoClient(
        api_key="k", base_url=url, provider=UNLIMITED, connector=aiohttp.TCPConnector, paid_through_session=True
    ) as suno:
        return await timed(lambda: suno.submit(GenerateMusic(prompt=PROMPT)))


async def by_hand(url: str) -> float:
    """What people write: one session, kept alive, and json."""
    body = {
        "prompt": PROMPT,
        "model": "V6",
        "customMode": False,
        "instrumental": False,
        "callBackUrl": "https://example.invalid/callback",
    }
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def submit() -> str:
            async with session.post(f"{url}{SUBMIT}", json=body) as answer:
                page = await answer.json()
            if page["code"] != 200:
                raise RuntimeError(page["msg"])
            task_id: str = page["data"]["taskId"]
            return task_id

        return await timed(submit)


async def timed(submit: Submit) -> float:
    """µs of CPU a submit, with the connections already open where they are kept."""

    async def some(count: int) -> None:
        for _ in range(count):
            await submit()

    await asyncio.gather(*(some(2) for _ in range(AT_ONCE)))
    began = time.process_time()
    await asyncio.gather(*(some(SUBMITS // AT_ONCE) for _ in range(AT_ONCE)))
    return (time.process_time() - began) / SUBMITS * 1e6


def suite() -> list[Row]:
    ways = {"fresh": by_sdk, "kept": by_sdk_kept, "hand": by_hand}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            for _ in range(ROUNDS):
                for name, way in ways.items():
                    taken[name].append(asyncio.run(way(url)))
        finally:
            server.terminate()
    cost = {name: min(times) for name, times in taken.items()}
    fresh, kept, hand = cost["fresh"], cost["kept"], cost["hand"]
    return [
        Row("one submit: ours, a fresh connection each", fresh, "µs CPU", "fresh / kept alive", fresh / kept),
        Row("one submit: ours, paid_through_session=True", kept, "µs CPU", "ours kept alive / by hand", kept / hand),
        Row("one submit: aiohttp + json, kept alive", hand, "µs CPU", "ours fresh / by hand", fresh / hand),
    ]
