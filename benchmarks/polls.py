"""The CPU of one poll over loopback: ours, by hand, by other libraries, and the least that asyncio can do.

Each side polls songs that do not end, in a process that does nothing else, and nginx counts its polls.
"""

import asyncio
import importlib
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any

import aiohttp
import httpx
import msgspec
import uvloop

from suno_async import KIE_LEGACY, GenerateMusic, Pace, SunoClient

from .baselines import by_json, by_pydantic
from .nginx import DETAILS, Server, nginx
from .rounds import measured
from .table import Row, row

CONNECTIONS = 100
SONGS = 2000
"""That wait at the same time, each polled once a second."""
CROWD = 3000
"""That wait at full speed: more than can be polled in time."""
HEADERS = {"Authorization": "Bearer k", "User-Agent": "by-hand/1"}
task_ids = (f"{n:032x}" for n in count())

Way = Callable[[str], Awaitable[object]]
"""Polls at a base address until it is cancelled."""


async def paced_by_sdk(base: str) -> None:
    async with SunoClient(api_key="k", base_url=base, provider=KIE_LEGACY, pace=Pace(1, growth=1, cap=1)) as suno:

        async def song(number: int) -> None:
            await asyncio.sleep(number / SONGS)
            await suno.attach(GenerateMusic, next(task_ids)).wait()

        await asyncio.gather(*map(song, range(SONGS)))


async def paced_by_hand(base: str) -> None:
    """A loop a song, which is what people write."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def song(number: int) -> None:
            task_id, tracks = next(task_ids), None
            await asyncio.sleep(number / SONGS)
            while not tracks:
                async with session.get(f"{base}{DETAILS}", params={"taskId": task_id}) as answer:
                    tracks = by_json(await answer.read())
                await asyncio.sleep(1)

        await asyncio.gather(*map(song, range(SONGS)))


async def by_sdk(base: str) -> None:
    eager = msgspec.structs.replace(KIE_LEGACY, polls_per_second=20, polls_at_once=CONNECTIONS)
    pace = Pace(1 / 16, growth=1, cap=1 / 16)
    async with SunoClient(api_key="k", base_url=base, provider=eager, pace=pace) as suno:
        await asyncio.gather(*(suno.attach(GenerateMusic, next(task_ids)).wait() for _ in range(CROWD)))


async def by_aiohttp(base: str) -> None:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def work() -> None:
            task_id = next(task_ids)
            while True:
                async with session.get(f"{base}{DETAILS}", params={"taskId": task_id}) as answer:
                    by_json(await answer.read())

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


async def by_httpx(base: str, connections: int = CONNECTIONS) -> None:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=60) as session:

        async def work() -> None:
            task_id = next(task_ids)
            while True:
                answer = await session.get(f"{base}{DETAILS}", params={"taskId": task_id})
                by_pydantic(answer.content)

        await asyncio.gather(*(work() for _ in range(connections)))


async def by_few_httpx(base: str) -> None:
    """The same at its best: its pool asks all connections that are free at each request, so more make it slower."""
    await by_httpx(base, 10)


def suno_easy() -> Any:
    """Return the class of its client; it has no types."""
    return importlib.import_module("suno_easy").SunoClient


async def by_suno_easy(base: str) -> None:
    """The published client, which is synchronous: a thread for each connection, since its sessions are not shared."""
    client = suno_easy()
    client.BASE_URL = base
    ended = threading.Event()

    def work() -> None:
        one = client("k")
        while not ended.is_set():
            one.music.get_task(next(task_ids))

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class Status(msgspec.Struct):
    status: str


class Envelope(msgspec.Struct):
    code: int
    data: Status


async def at_least(base: str) -> None:
    """The floor: streams of asyncio, a request that is prepared, and of its answer no more than code and status."""
    host, _, path = base.removeprefix("http://").partition("/")
    port = int(host.rpartition(":")[2])
    request = f"GET /{path}{DETAILS}?taskId={next(task_ids)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    read = msgspec.json.Decoder(Envelope).decode

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                assert read(await reader.readexactly(length)).code == 200
        finally:
            writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def cost(way: Way, server: Server, seconds: float, warm: int, *, fast: bool = False) -> float:
    """µs of CPU a poll, after so many polls, in uvloop or without."""

    async def run() -> float:
        start = server.requests()
        polling = asyncio.ensure_future(way(server.going))
        while server.requests() < start + warm:  # noqa: ASYNC110  another process counts
            await asyncio.sleep(0.1)
        before, began = server.requests(), time.process_time()
        await asyncio.sleep(seconds)
        taken, polls = time.process_time() - began, server.requests() - before
        assert not polling.done(), polling.exception()
        polling.cancel()
        await asyncio.wait([polling])
        return taken / polls * 1e6

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if fast else asyncio.new_event_loop) as runner:
        return runner.run(run())


def suite(quick: bool) -> list[Row]:
    paced: dict[str, Way] = {"ours": paced_by_sdk, "hand": paced_by_hand}
    busy: dict[str, Way] = {
        "ours": by_sdk,
        "hand": by_aiohttp,
        "httpx": by_httpx,
        "few httpx": by_few_httpx,
        "easy": by_suno_easy,
        "floor": at_least,
    }
    seconds, rounds = (0.25, 1) if quick else (0.7, 4)

    def warm(name: str) -> int:
        return CROWD if name == "ours" else CONNECTIONS

    with nginx() as server:
        ways = {name: partial(cost, way, server, seconds * 3, SONGS) for name, way in paced.items()}
        waiting = measured(ways, rounds)
        ways = {name: partial(cost, way, server, seconds, warm(name)) for name, way in busy.items()}
        for name in ("ours", "hand", "floor"):
            ways[f"{name}, uvloop"] = partial(cost, busy[name], server, seconds, warm(name), fast=True)
        full = measured(ways, rounds)
    ours, faster = full["ours"], full["ours, uvloop"]
    return [
        row(
            "poll.paced",
            "a poll, 2 000 songs at one a second: ours",
            "µs CPU",
            waiting["ours"],
            "≤ 0.5",
            against=("ours / by hand", waiting["hand"]),
        ),
        row("poll.paced.hand", "the same by hand, a loop a song: aiohttp, json", "µs CPU", waiting["hand"]),
        row("poll", "a poll at full speed: ours", "µs CPU", ours, "≤ 0.9", against=("ours / by hand", full["hand"])),
        row("poll.aim", "the same, as aimed for", "µs CPU", ours, "≤ 0.6", against=("ours / by hand", full["hand"])),
        row("poll.hand", "the same by hand, 100 workers: aiohttp, json", "µs CPU", full["hand"]),
        row("poll.httpx", "a poll, 100 workers: httpx, pydantic", "µs CPU", full["httpx"]),
        row(
            "poll.over.httpx",
            "a poll at full speed, beside 100 workers of httpx",
            "µs CPU",
            ours,
            "≤ 0.05",
            against=("ours / httpx", full["httpx"]),
        ),
        row("poll.httpx.few", "the same, 10 workers, which suit it best", "µs CPU", full["few httpx"]),
        row(
            "poll.over.httpx.few",
            "a poll at full speed, beside 10 workers of httpx",
            "µs CPU",
            ours,
            against=("ours / httpx", full["few httpx"]),
        ),
        row("poll.easy", "the same, 100 threads: suno-easy 0.2.0", "µs CPU", full["easy"]),
        row(
            "poll.over.easy",
            "a poll at full speed, beside suno-easy",
            "µs CPU",
            ours,
            against=("ours / suno-easy", full["easy"]),
        ),
        row("poll.floor", "a poll, the floor: asyncio streams, code and status", "µs CPU", full["floor"]),
        row(
            "poll.over.floor",
            "a poll at full speed, beside the floor",
            "µs CPU",
            ours,
            against=("ours / floor", full["floor"]),
        ),
        row(
            "poll.uvloop",
            "a poll at full speed with uvloop: ours",
            "µs CPU",
            faster,
            "≤ 0.9",
            against=("ours / by hand", full["hand, uvloop"]),
        ),
        row(
            "poll.uvloop.aim",
            "the same, as aimed for",
            "µs CPU",
            faster,
            "≤ 0.6",
            against=("ours / by hand", full["hand, uvloop"]),
        ),
        row("poll.uvloop.hand", "a poll with uvloop by hand, 100 workers", "µs CPU", full["hand, uvloop"]),
        row("poll.uvloop.floor", "a poll with uvloop, the floor", "µs CPU", full["floor, uvloop"]),
    ]
