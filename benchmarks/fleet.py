"""Many processes over one Redis: what a task costs there, measured, and what that comes to at a million, computed.

    python -m benchmarks.fleet          the inputs, the model, and docs/images/fleet.svg

It needs redis-server.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from redis.asyncio import Redis

from suno_async import GenerateMusic, Pace, Stage, SunoClient, Update
from suno_async.stores.redis import RedisStore
from suno_async.stores.transitions import updated
from tests.servers import redis_server

from .bodies import RESPONSE
from .flow import Script
from .scale import UNLIMITED
from .stores import fill
from .svg import draw

T = TypeVar("T")

TASKS = 1000
CHANGES, LISTENERS = 1000, 8
SECONDS = 150.0
"""From the submit to the end, in the mean (docs/service.md#task-life-cycle)."""
POLLS = 13
"""Of each song, by the learned pace (docs/polling.md)."""
WORKERS = 50
CAPACITY = 0.7
"""Part of one core that Redis, which has one thread for commands, can be busy without making others wait."""
ACCOUNT = 2.0
"""Submits a second of one account: 20 in 10 s (docs/service.md#rate-limits)."""
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "fleet.svg"


class Inputs(NamedTuple):
    """What Redis does, by `INFO`: µs of its main thread, and commands."""

    submit: float
    submit_commands: float
    poll: float
    """A poll that sees nothing new: a claim."""
    rise: float
    """A stage that is written down, without the claim."""
    rise_commands: float
    heard: float
    """A change that one other process hears and whose record it reads."""
    record: float
    """Bytes of memory of a running task."""
    ended: float
    """Bytes of one that has ended, with its answer."""


class Ends(Script):
    """A network on which tasks go on to the page that is set."""


async def at_once(calls: Sequence[Callable[[], Awaitable[T]]], workers: int = 16) -> list[T]:
    """Make calls, some at the same time, as many processes would."""
    left, got = iter(calls), list[T]()

    async def work() -> None:
        for call in left:
            got.append(await call())

    await asyncio.gather(*(work() for _ in range(workers)))
    return got


async def used(redis: Any) -> tuple[float, int]:
    """Seconds of CPU of the server so far, and its commands."""
    cpu, stats = await redis.info("cpu"), await redis.info("commandstats")
    seconds = cpu["used_cpu_sys_main_thread"] + cpu["used_cpu_user_main_thread"]
    return seconds, sum(one["calls"] for name, one in stats.items() if name != "cmdstat_info")


async def measure(url: str, redis: Any) -> Inputs:
    """Run some tasks through a client, and ask what the server did between the steps."""
    network = Ends()
    pace = Pace(first=1e6, growth=1, cap=1e6, patience=1e9)
    answer: dict[str, Any] = {"code": 200, "msg": "success", "data": {"status": "FIRST_SUCCESS", "response": RESPONSE}}

    async def cost(before: tuple[float, int], count: int) -> tuple[float, float]:
        seconds, commands = await used(redis)
        return (seconds - before[0]) / count * 1e6, (commands - before[1]) / count

    async with SunoClient(api_key="k", provider=UNLIMITED, transport=network, store=url, pace=pace) as suno:
        await suno.submit(GenerateMusic(prompt="x"))
        memory, before = (await redis.info("memory"))["used_memory"], await used(redis)
        song = GenerateMusic(prompt="a song about the sea")
        tasks = await at_once([partial(suno.submit, song)] * TASKS)
        submit, submit_commands = await cost(before, TASKS)
        record = ((await redis.info("memory"))["used_memory"] - memory) / TASKS
        rises = list[tuple[float, float]]()
        for status in ("FIRST_SUCCESS", "SUCCESS"):
            answer["data"]["status"] = status
            network.page = msgspec.json.encode(answer)
            before = await used(redis)
            for task in tasks:
                suno._lifecycle.current().poller.confirm(task)
            while any(task.last.status != status for task in tasks):  # noqa: ASYNC110  tasks set no event that many can wait for
                await asyncio.sleep(0.05)
            rises.append(await cost(before, TASKS))
        ended = ((await redis.info("memory"))["used_memory"] - memory) / TASKS
    rise, rise_commands = (sum(one[n] for one in rises) / 2 for n in (0, 1))
    async with RedisStore(url) as store:
        before = await used(redis)
        await at_once([partial(store.claim, f"poll {number:032x}", "me", 12.5) for number in range(2000)])
        poll, _ = await cost(before, 2000)
        heard = await hearing(url, redis, store)
    return Inputs(submit, submit_commands, poll, rise, rise_commands, heard, record, ended)


async def hearing(url: str, redis: Any, store: RedisStore) -> float:
    """µs of the server for one more process that hears a change: ten that listen against none."""
    await fill(store, CHANGES)
    body = msgspec.json.encode({"code": 200, "data": {"status": "FIRST_SUCCESS", "response": RESPONSE}})

    async def changes(stage: Stage, *listening: asyncio.Future[None]) -> float:
        before = await used(redis)
        calls = list[Callable[[], Awaitable[object]]]()
        for number in range(CHANGES):
            update = Update[Any](task_id=f"{number:032x}", stage=stage).came_from(body, None)
            calls.append(partial(store.change, partial(updated, update=update, now=1.0), ref=f"{number:016d}"))
        await at_once(calls)
        await asyncio.gather(*listening)
        return ((await used(redis))[0] - before[0]) / CHANGES * 1e6

    alone = await changes(Stage.TEXT)
    others = [RedisStore(url) for _ in range(LISTENERS)]
    heard = [other.updates() for other in others]
    for one in heard:
        await anext(one)

    async def listen(one: AsyncGenerator[Any]) -> None:
        for _ in range(CHANGES):
            await anext(one)

    listening = [asyncio.ensure_future(listen(one)) for one in heard]
    together = await changes(Stage.FIRST, *listening)
    for one, other in zip(heard, others, strict=True):
        await one.aclose()
        await other.aclose()
    return (together - alone) / LISTENERS


class Load(NamedTuple):
    """Part of one core that Redis is busy with, by what for."""

    records: float
    claims: float
    news: float

    @property
    def all(self) -> float:
        return sum(self)


def load(inputs: Inputs, unfinished: float, workers: int, *, stores: int = 1) -> Load:
    """What one of several equal stores does when so many tasks are under way, each of which lives SECONDS."""
    songs = unfinished / SECONDS / stores
    hearing = workers / stores
    return Load(
        records=songs * (inputs.submit + 2 * inputs.rise) / 1e6,
        claims=songs * POLLS * inputs.poll / 1e6,
        news=songs * 4 * inputs.heard * max(hearing - 1, 0) / 1e6,
    )


def most(inputs: Inputs, workers: int, *, stores: int = 1) -> float:
    """How many tasks may be unfinished before Redis is as busy as it should be."""
    return CAPACITY / load(inputs, 1.0, workers, stores=stores).all


async def run() -> Inputs:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        async with cast("Any", Redis).from_url(server.url) as redis:
            await redis.config_set("appendfsync", "everysec")  # as it comes
            return await measure(server.url, redis)


def main() -> None:
    inputs = asyncio.run(run())
    for name, number in inputs._asdict().items():
        print(f"{name:<16} {number:,.1f}")
    for workers, stores in ((1, 1), (10, 1), (50, 1), (50, 10), (50, 50)):
        limit = most(inputs, workers, stores=stores)
        parts = load(inputs, limit, workers, stores=stores)
        print(
            f"{workers} workers, {stores} stores: {limit:,.0f} tasks, {limit / SECONDS / ACCOUNT:,.0f} accounts,", parts
        )
    million = load(inputs, 1e6, WORKERS)
    print("a million:", million, f"{1e6 * inputs.record / 1e9:.1f} GB", f"{1e6 / SECONDS:,.0f} songs/s")
    sizes = [10.0**n for n in (2, 3, 4, 5, 6)]
    names = {
        "one store, 1 worker": (1, 1),
        "one store, 10": (10, 1),
        "one store, 50": (50, 1),
        "50 stores, 50": (50, 50),
    }
    lines = {
        name: [(size, max(load(inputs, size, workers, stores=stores).all, 1e-5)) for size in sizes]
        for name, (workers, stores) in names.items()
    }
    lines["as busy as it should be"] = [(size, CAPACITY) for size in sizes]
    draw(PICTURE, "Redis, part of one core", "unfinished tasks", "cores", lines)


if __name__ == "__main__":
    main()
