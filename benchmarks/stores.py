"""What a store costs: submits a second, memory of what nobody holds, resuming very many, the latency of changes."""

import asyncio
import gc
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from suno_async import KIE, KIE_LEGACY, GenerateMusic, Pace, Rate, Stage, SunoClient, Update
from suno_async.stores.address import store_at
from suno_async.stores.base import Store
from suno_async.stores.record import Record, State
from suno_async.stores.transitions import accepted, updated
from suno_async.wire.envelope import Reply
from tests.postgres import postgres_server, programs
from tests.servers import redis_server

from .bodies import PAGE
from .table import Row, row
from .waiting import Idle

UNLIMITED = replace(KIE, submits=Rate(1000, 0.01))
"""What is measured is the store, not the account's rate."""


async def submits(url: str, count: int) -> float:
    """Submits a second that a client writes down, intent and task id, a hundred at once."""
    room = asyncio.Semaphore(100)
    async with SunoClient(api_key="k", provider=UNLIMITED, transport=Idle(), store=url) as suno:

        async def submit(number: int) -> None:
            async with room:
                await suno.submit(GenerateMusic(prompt=f"song {number}"), context=number)

        await submit(-1)
        began = time.perf_counter()
        await asyncio.gather(*map(submit, range(count)))
        return count / (time.perf_counter() - began)


class Sings(Idle):
    """A network on which every song is complete when it is polled."""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        return Reply(200, PAGE) if method == "GET" else await super().send(method, url, body, fresh=fresh)


async def songs(url: str, count: int) -> float:
    """Songs a second from the submit through their poll to their end, each step written down, a hundred at once."""
    pace, few = (
        Pace(first=0.001, growth=1, cap=1, patience=1e4),
        KIE_LEGACY.replace(submits=UNLIMITED.submits, polls_at_once=100),
    )
    async with SunoClient(api_key="k", provider=few, transport=Sings(), store=url, pace=pace) as suno:
        await suno.run(GenerateMusic(prompt="warm"))
        jobs = (GenerateMusic(prompt=f"song {number}") for number in range(count))
        began = time.perf_counter()
        done = [outcome.error is None async for outcome in suno.map(jobs, concurrency=100)]
        assert sum(done) == count
        return count / (time.perf_counter() - began)


async def forgotten_bytes(url: str, count: int) -> float:
    """Bytes that one submission leaves in the process once its handle is dropped."""
    async with SunoClient(api_key="k", provider=UNLIMITED, transport=Idle(), store=url) as suno:

        async def submit_all(numbers: range) -> None:
            for _ in numbers:
                await suno.generate_music(prompt="x")

        await submit_all(range(500))
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await submit_all(range(count))
        await asyncio.sleep(0.1)
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return max(0, used) / count


async def fill(store: Store, count: int) -> None:
    sent = '{"prompt":"a song about the sea, slow, with a cello","model":"V5"}'
    for start in range(0, count, 5000):
        records = (
            Record(
                ref=f"{n:016d}", kind="GenerateMusic", provider="kie", request_json=sent, context={"chat": n}, created=n
            )
            for n in range(start, min(start + 5000, count))
        )
        await asyncio.gather(*map(store.intend, records))
        steps = ((f"{n:016d}", f"{n:032x}") for n in range(start, min(start + 5000, count)))
        await asyncio.gather(
            *(store.change(partial(accepted, task_id=task_id, now=1.0), ref=ref) for ref, task_id in steps)
        )


async def resume(url: str) -> None:
    """Prints how many tasks were resumed, by how many MB the process grew, and the seconds it took."""
    async with SunoClient(api_key="k", transport=Idle(), store=url) as suno:
        await anext(suno.resume())
        before = most_used()
        began, count = time.perf_counter(), 0
        async for task in suno.resume():
            count += task.context is not None
        print(count, most_used() - before, time.perf_counter() - began)


async def fill_with_uncertain(store: Store, count: int) -> None:
    for start in range(0, count, 200):
        records = (
            Record(
                ref=f"{n:016d}",
                kind="GenerateMusic",
                provider="kie",
                request_json='{"prompt":"x"}',
                created=n,
                state=State.UNCERTAIN,
            )
            for n in range(start, min(start + 200, count))
        )
        await asyncio.gather(*map(store.intend, records))


async def uncertain(url: str) -> None:
    """Prints how many uncertain submissions were listed, and the seconds it took."""
    async with SunoClient(api_key="k", transport=Idle(), store=url) as suno:
        began, count = time.perf_counter(), 0
        async for _ in suno.uncertain():
            count += 1
        print(count, time.perf_counter() - began)


async def uncertain_seconds(url: str, count: int) -> float:
    store = store_at(url)
    await fill_with_uncertain(store, count)
    await store.aclose()
    listed, seconds = await asyncio.to_thread(alone, "uncertain", url)
    assert listed == count
    return seconds


def most_used() -> float:
    """MB of memory at the peak of this process; what `getrusage` tells may be its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def submit(url: str) -> None:
    """Prints how many submits a second were written down."""
    print(await submits(url, 10_000))


async def sing(url: str) -> None:
    """Prints how many songs a second were written down from beginning to end."""
    print(await songs(url, 4_000))


def alone(what: str, url: str) -> list[float]:
    """What one of these prints in a process of its own, without what other benchmarks have left."""
    ran = subprocess.run([sys.executable, "-m", __name__, what, url], capture_output=True, text=True, check=True)
    return [float(number) for number in ran.stdout.split()]


async def change_latency(url: str) -> float:
    """Milliseconds until a change in one process is heard in another."""
    one, two = store_at(url), store_at(url)
    late: list[float] = []
    heard = two.updates()
    assert await anext(heard) is None
    for number in range(40):
        ref = f"change {number}"
        await one.intend(Record(ref=ref, kind="GenerateMusic", provider="kie", request_json="{}"))
        hearing = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0.013 * (number % 9))  # out of step with the other's polls of the file
        began = time.perf_counter()
        step = partial(updated, update=Update(task_id=ref, stage=Stage.TEXT), now=1.0)
        await one.change(step, ref=ref)
        await hearing
        late.append((time.perf_counter() - began) * 1000)
    await heard.aclose()
    await one.aclose()
    await two.aclose()
    return statistics.quantiles(late, n=20)[-1]


def suite(quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        at = f"sqlite:///{Path(folder)}/"
        [rate] = alone("submit", at + "submits.db")
        [whole] = alone("sing", at + "songs.db")
        left = asyncio.run(forgotten_bytes(at + "left.db", 5_000))
        late = asyncio.run(change_latency(at + "changes.db"))

        async def filled() -> None:
            store = store_at(at + "many.db")
            await fill(store, 100_000)
            await store.aclose()

        asyncio.run(filled())
        count, grown, seconds = alone("resume", at + "many.db")
        assert count == 100_000
        listed = asyncio.run(uncertain_seconds(at + "uncertain.db", 100_000))
    return [
        row("sqlite.rate", "SQLite, submits written down, 100 at once", "a second", rate, "≥ 5000"),
        row("sqlite.songs", "SQLite, songs from submit to end, 100 at once", "a second", whole),
        row("sqlite.left", "SQLite, memory of a submission nobody holds", "bytes", left, "≤ 16"),
        row("sqlite.resume.memory", "SQLite, resume() of 100 000: growth", "MB", grown, "≤ 50"),
        row("sqlite.resume.seconds", "SQLite, resume() of 100 000: time", "s", seconds),
        row("sqlite.uncertain", "SQLite, uncertain() of 100 000: time", "s", listed, "≤ 5"),
        row("sqlite.news", "SQLite, a change in another process, 95 of 100", "ms", late, "≤ 250"),
        *_redis(),
        *_postgres(),
    ]


def _redis() -> list[Row]:
    """The same over Redis, where there is one."""
    if shutil.which("redis-server") is None:
        return []
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        [rate] = alone("submit", server.url)
        [whole] = alone("sing", server.url)
        late = asyncio.run(change_latency(server.url))
    return [
        row("redis.rate", "Redis, submits written down, 100 at once", "a second", rate, "≥ 3000"),
        row("redis.songs", "Redis, songs from submit to end, 100 at once", "a second", whole),
        row("redis.news", "Redis, a change in another process, 95 of 100", "ms", late, "≤ 50"),
    ]


def _postgres() -> list[Row]:
    """The same over PostgreSQL, where there is one; as it is set up for production, it flushes each commit."""
    if programs() is None:
        return []
    with postgres_server(fsync="on", full_page_writes="on", autovacuum="on") as server:
        [rate] = alone("submit", server.url)
        late = asyncio.run(change_latency(server.url))
        uncertain = asyncio.run(uncertain_seconds(server.database(), 100_000))
    return [
        row("postgres.rate", "PostgreSQL, submits written down, 100 at once", "a second", rate),
        row("postgres.news", "PostgreSQL, a change in another process, 95 of 100", "ms", late, "≤ 50"),
        row("postgres.uncertain", "PostgreSQL, uncertain() of 100 000: time", "s", uncertain, "≤ 5"),
    ]


if __name__ == "__main__":
    asyncio.run({"resume": resume, "sing": sing, "submit": submit, "uncertain": uncertain}[sys.argv[1]](sys.argv[2]))
