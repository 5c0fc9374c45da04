"""The CPU of whole songs over loopback: submitted, polled until they end, and read.

By hand it is what people write: a coroutine a song, `asyncio.gather` over them. Ours sends each paid submit on a fresh
connection, theirs keep all alive; what that costs is a row of its own.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any

import aiohttp
import httpx
from msgspec.structs import replace

from suno_async import KIE_LEGACY, GenerateMusic, Pace, SunoClient
from suno_async.api.limits import Rate

from .baselines import by_json, by_pydantic
from .nginx import DETAILS, POLLS, SUBMIT, nginx
from .polls import CONNECTIONS, HEADERS, suno_easy
from .rounds import measured
from .table import Row, row

PAUSE = 0.02
"""Seconds between two polls of a song."""
PROMPT = "a calm piano track"
UNLIMITED = replace(KIE_LEGACY, submits=Rate(10**6, 1.0), polls_per_second=2 / PAUSE, polls_at_once=CONNECTIONS)
BODY = {
    "prompt": PROMPT,
    "model": "V6",
    "customMode": False,
    "instrumental": False,
    "callBackUrl": "https://example.invalid/callback",
}

KEPT: dict[str, Any] = {"connector": aiohttp.TCPConnector, "paid_through_session": True}
"""Options of a client that keeps connections alive for submits, too, as users may choose."""

Songs = Callable[[str, int], Awaitable[None]]


async def by_sdk(base: str, songs: int, **options: Any) -> None:
    pace = Pace(PAUSE, growth=1, cap=PAUSE)
    async with SunoClient(api_key="k", base_url=base, provider=UNLIMITED, pace=pace, **options) as suno:

        async def song() -> None:
            music = await suno.run(GenerateMusic(prompt=PROMPT))
            assert len(music.tracks) == 2

        await asyncio.gather(*(song() for _ in range(songs)))


async def by_sdk_kept(base: str, songs: int) -> None:
    await by_sdk(base, songs, **KEPT)


async def submit_by_hand(session: aiohttp.ClientSession, base: str) -> str:
    """What people write to submit a song; the task id."""
    async with session.post(f"{base}{SUBMIT}", json=BODY) as answer:
        page = await answer.json()
    if page["code"] != 200:
        raise RuntimeError(page["msg"])
    task_id: str = page["data"]["taskId"]
    return task_id


async def by_hand(base: str, songs: int) -> None:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song() -> None:
            task_id, tracks = await submit_by_hand(session, base), None
            while not tracks:
                await asyncio.sleep(PAUSE)
                async with session.get(f"{base}{DETAILS}", params={"taskId": task_id}) as answer:
                    tracks = by_json(await answer.read())
            assert len(tracks) == 2

        await asyncio.gather(*(song() for _ in range(songs)))


async def by_httpx(base: str, songs: int) -> None:
    limits = httpx.Limits(max_connections=10)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=60) as session:

        async def song() -> None:
            submitted = (await session.post(f"{base}{SUBMIT}", json=BODY)).json()
            task_id, tracks = submitted["data"]["taskId"], None
            while not tracks:
                await asyncio.sleep(PAUSE)
                answer = await session.get(f"{base}{DETAILS}", params={"taskId": task_id})
                tracks = by_pydantic(answer.content)

        await asyncio.gather(*(song() for _ in range(songs)))


async def by_suno_easy(base: str, songs: int) -> None:
    """The published synchronous client, in threads."""
    client = suno_easy()
    client.BASE_URL = base

    of_thread = threading.local()

    def begin() -> None:
        of_thread.client = client("k")

    def song(_: int) -> None:
        made = of_thread.client.music.generate(PROMPT, wait=False).wait(poll_interval=PAUSE)
        assert len(made) == 2

    with ThreadPool(CONNECTIONS, begin) as pool:
        await asyncio.to_thread(pool.map, song, range(songs))


def cost(way: Songs, base: str, songs: int) -> float:
    """µs of CPU a song."""
    began = time.process_time()
    asyncio.run(way(base, songs))  # type: ignore[arg-type]  # they are coroutine functions
    return (time.process_time() - began) / songs * 1e6


def suite(quick: bool) -> list[Row]:
    songs, rounds = (300, 1) if quick else (2000, 3)
    ways: dict[str, Songs] = {"ours": by_sdk, "kept": by_sdk_kept, "hand": by_hand}
    heavy: dict[str, Songs] = {"httpx": by_httpx, "easy": by_suno_easy}
    with nginx() as server:
        runs = {name: partial(cost, way, server.ending, songs) for name, way in ways.items()}
        runs |= {name: partial(cost, way, server.ending, songs // 10) for name, way in heavy.items()}
        for way in (ways | heavy).values():
            cost(way, server.ending, 20)  # what is loaded and made once
        taken = measured(runs, rounds)
    ours, kept, hand = taken["ours"], taken["kept"], taken["hand"]
    what = f"a song end to end, {POLLS} polls"
    return [
        row("song", f"{what}: ours", "µs CPU", ours, "≤ 1.0", against=("ours / by hand", hand)),
        row("song.hand", "the same by hand: gather over coroutines", "µs CPU", hand),
        row(
            "song.kept",
            "a song end to end: ours, kept alive for submits",
            "µs CPU",
            kept,
            against=("kept / by hand", hand),
        ),
        row("song.httpx", "the same: httpx, pydantic, 10 connections", "µs CPU", taken["httpx"]),
        row(
            "song.over.httpx",
            "a song end to end, beside httpx",
            "µs CPU",
            ours,
            against=("ours / httpx", taken["httpx"]),
        ),
        row("song.easy", "the same: suno-easy 0.2.0, 100 threads", "µs CPU", taken["easy"]),
        row(
            "song.over.easy",
            "a song end to end, beside suno-easy",
            "µs CPU",
            ours,
            against=("ours / suno-easy", taken["easy"]),
        ),
        row(
            "song.fresh",
            "a song end to end, what fresh connections cost",
            "µs CPU",
            ours,
            against=("fresh / kept alive", kept),
        ),
    ]
