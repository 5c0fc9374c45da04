"""Many processes over one Redis: what a task costs there, measured, and what that comes to at a million, computed.

    python -m benchmarks.fleet          the inputs, the model, and docs/images/fleet.svg

It needs redis-server.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from redis.asyncio import Redis

from suno_async import GenerateMusic, Pace, Stage, SunoClient, Update
from suno_async.stores.redis import GATHER, RedisStore
from suno_async.stores.redis_pipeline import AT_ONCE
from suno_async.stores.transitions import updated
from tests.servers import redis_server

from .bodies import RESPONSE
from .flow import Script
from .scale import UNLIMITED
from .stores import fill
from .svg import picture

T = TypeVar("T")

TASKS = 1000
LISTENERS, SPACED = 20, 100
"""Processes that are told of changes, and changes that come one by one."""
CHANGES_A_SONG = 4
"""Its task id, two stages of which the last is its end, and that it is delivered."""
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
    wake: float
    """A read of the stream that tells one other process of a change which nobody waits for there."""
    heard: float
    """One more change in such a read."""
    record: float
    """Bytes of memory of a running task."""
    ended: float
    """Bytes of one that has ended, with its answer."""


class Ends(Script):
    """A network on which tasks go on to the page that is set."""


async def at_once(calls: Sequence[Callable[[], Awaitable[T]]], workers: int = AT_ONCE) -> list[T]:
    """Make calls, few at the same time, so that none shares a pipeline: each process of many has little to send."""
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

    few = UNLIMITED.replace(polls_at_once=AT_ONCE)
    async with SunoClient(api_key="k", provider=few, transport=network, store=url, pace=pace) as suno:
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
        wake, heard = await hearing(url, redis, store)
    return Inputs(submit, submit_commands, poll, rise, rise_commands, wake, heard, record, ended)


async def hearing(url: str, redis: Any, store: RedisStore) -> tuple[float, float]:
    """µs of the server for one more process: to be woken by a change, and for each change that it is told of."""
    await fill(store, SPACED)

    async def changes(stage: Stage) -> float:
        before = await used(redis)
        for number in range(SPACED):
            update = Update[Any](task_id=f"{number:032x}", stage=stage)
            await store.change(partial(updated, update=update, now=1.0), ref=f"{number:016d}")
            await asyncio.sleep(2 * GATHER)
        return (await used(redis))[0] - before[0]

    alone = await changes(Stage.TEXT)
    others = [RedisStore(url) for _ in range(LISTENERS)]
    heard = [other.updates(lambda ref, task_id: False) for other in others]
    for one in heard:
        await anext(one)
    listening = [asyncio.ensure_future(anext(one)) for one in heard]
    wake = (await changes(Stage.FIRST) - alone) / LISTENERS / SPACED
    for waiting in listening:
        waiting.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    for other in others:
        await other.aclose()
    before, entries = await used(redis), 0
    for _ in range(LISTENERS):
        entries += len(await redis.xrange("{suno}:changes"))
    return wake * 1e6, ((await used(redis))[0] - before[0]) / entries * 1e6


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
    changes = songs * CHANGES_A_SONG
    told = min(changes, 1 / GATHER) * inputs.wake + changes * inputs.heard
    return Load(
        records=songs * (inputs.submit + 2 * inputs.rise) / 1e6,
        claims=songs * POLLS * inputs.poll / 1e6,
        news=told * max(workers / stores - 1, 0) / 1e6,
    )


def most(inputs: Inputs, workers: int, *, stores: int = 1) -> float:
    """How many tasks may be unfinished before Redis is as busy as it should be."""
    low, high = 1.0, 1e9
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        fits = load(inputs, middle, workers, stores=stores).all <= CAPACITY
        low, high = (middle, high) if fits else (low, middle)
    return low


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
    PICTURE.write_text(picture("Redis, part of one core", "unfinished tasks", "cores", lines))


if __name__ == "__main__":
    main()
