"""The CPU of one submit over loopback: what a fresh connection for each paid request costs beside a kept one.

The same in all three: songs are submitted, some at the same time, and the task id is read. Ours takes a place in the
rate window, writes the submission down in memory, and sees it through, too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp

from suno_async import GenerateMusic, SunoClient

from .nginx import nginx
from .polls import HEADERS
from .rounds import measured
from .songs import KEPT, PROMPT, UNLIMITED, submit_by_hand
from .table import Row, row

AT_ONCE = 20

Submit = Callable[[], Awaitable[object]]
Way = Callable[[str, int], Awaitable[float]]


async def by_sdk(base: str, count: int, **options: Any) -> float:
    """Ours as it is: a paid request never leaves on a connection that was used before."""
    async with SunoClient(api_key="k", base_url=base, provider=UNLIMITED, **options) as suno:
        return await timed(lambda: suno.submit(GenerateMusic(prompt=PROMPT)), count)


async def by_sdk_kept(base: str, count: int) -> float:
    return await by_sdk(base, count, **KEPT)


async def by_hand(base: str, count: int) -> float:
    """One session, kept alive, and json."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        return await timed(lambda: submit_by_hand(session, base), count)


async def timed(submit: Submit, count: int) -> float:
    """µs of CPU a submit, with the connections already open where they are kept."""

    async def some(count: int) -> None:
        for _ in range(count):
            await submit()

    await asyncio.gather(*(some(2) for _ in range(AT_ONCE)))
    began = time.process_time()
    await asyncio.gather(*(some(count // AT_ONCE) for _ in range(AT_ONCE)))
    return (time.process_time() - began) / count * 1e6


def cost(way: Way, base: str, count: int) -> float:
    return asyncio.run(way(base, count))  # type: ignore[arg-type]  # they are coroutine functions


def suite(quick: bool) -> list[Row]:
    count, rounds = (400, 1) if quick else (1600, 4)
    ways: dict[str, Way] = {"fresh": by_sdk, "kept": by_sdk_kept, "hand": by_hand}
    with nginx() as server:
        taken = measured({name: partial(cost, way, server.going, count) for name, way in ways.items()}, rounds)
    fresh, kept, hand = taken["fresh"], taken["kept"], taken["hand"]
    return [
        row("submit", "a submit: ours, a fresh connection each", "µs CPU", fresh, against=("fresh / by hand", hand)),
        row("submit.kept", "a submit: ours, kept alive", "µs CPU", kept, against=("kept / by hand", hand)),
        row("submit.hand", "a submit by hand, kept alive: aiohttp, json", "µs CPU", hand),
    ]
