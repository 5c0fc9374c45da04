"""The CPU of whole songs over loopback: submitted, polled until they end, and read.

By hand it is what people write: a coroutine a song, `asyncio.gather` over them. Ours sends each paid submit on a fresh
connection, theirs keep all alive; what that costs is a row of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
from msgspec.structs import replace

from suno_async import KIE_LEGACY, GenerateMusic, Pace, SunoClient
from suno_async.api.limits import Rate

from .baselines import by_json
from .nginx import DETAILS, POLLS, SUBMIT, nginx
from .polls import CONNECTIONS, HEADERS
from .rounds import measured
from .table import Row, row

PAUSE = 0.1
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

Songs = Callable[[str, int], Awaitable[None]]


async def by_sdk(base: str, songs: int, **options: Any) -> None:
    pace = Pace(PAUSE, growth=1, cap=PAUSE)
    async with SunoClient(api_key="k", base_url=base, provider=UNLIMITED, pace=pace, **options) as suno:

        async def song() -> None:
            music = await suno.run(GenerateMusic(prompt=PROMPT))
            assert len(music.tracks) == 2

        await asyncio.gather(*(song() for _ in range(songs)))


async def by_sdk_kept(base: str, songs: int) -> None:
    """Ours with connections that are kept alive for submits, too, as users may choose."""
    await by_sdk(base, songs, connector=aiohttp.TCPConnector, paid_through_session=True)


async def by_hand(base: str, songs: int) -> None:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song() -> None:
            async with session.post(f"{base}{SUBMIT}", json=BODY) as answer:
                page = await answer.json()
            if page["code"] != 200:
                raise RuntimeError(page["msg"])
            task_id, tracks = page["data"]["taskId"], None
            while not tracks:
                await asyncio.sleep(PAUSE)
                async with session.get(f"{base}{DETAILS}", params={"taskId": task_id}) as answer:
                    tracks = by_json(await answer.read())
            assert len(tracks) == 2

        await asyncio.gather(*(song() for _ in range(songs)))


def cost(way: Songs, base: str, songs: int) -> float:
    """µs of CPU a song."""
    began = time.process_time()
    asyncio.run(way(base, songs))  # type: ignore[arg-type]  # they are coroutine functions
    return (time.process_time() - began) / songs * 1e6


def suite(quick: bool) -> list[Row]:
    songs, rounds = (300, 1) if quick else (2000, 3)
    ways: dict[str, Songs] = {"ours": by_sdk, "kept": by_sdk_kept, "hand": by_hand}
    with nginx() as server:
        for way in ways.values():
            cost(way, server.ending, 20)  # what is loaded and made once
        taken = measured({name: partial(cost, way, server.ending, songs) for name, way in ways.items()}, rounds)
    ours, kept, hand = taken["ours"], taken["kept"], taken["hand"]
    what = f"a song end to end, {POLLS} polls"
    return [
        row("song", f"{what}: ours", "µs CPU", ours, "≤ 1.0", against=("ours / by hand", hand)),
        row("song.hand", "the same by hand: gather over coroutines", "µs CPU", hand),
        row(
            "song.kept",
            "the same, ours, connections kept alive for submits",
            "µs CPU",
            kept,
            against=("kept / by hand", hand),
        ),
        row("song.fresh", "what fresh connections cost", "µs CPU", ours, against=("fresh / kept alive", kept)),
    ]
