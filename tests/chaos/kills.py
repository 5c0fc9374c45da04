"""Processes that are killed: nothing of what they have paid is lost.

A round is one service, which is never killed, one store, and workers over it. Each worker is killed with SIGKILL
so many times and started again until it ends by itself; then store, log and service must agree.
"""

import asyncio
import random
import signal
import socket
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from suno_async.emulator import Run
from suno_async.stores.address import store_at
from suno_async.stores.base import Store
from suno_async.stores.record import State

from ..postgres import postgres_server
from ..programs import ROOT, Program
from ..servers import redis_server
from .program import key_of
from .service import FAULTS, SPEED, Service, ref_of, serving
from .tally import Tally

__all__ = ["LEASE", "Round", "play_postgres", "play_redis", "play_sqlite"]

LEASE = 1.0
"""Seconds after which a worker that was killed is known to be dead, for the others and for its next life."""
STARTING = 0.2
"""The share of kills that come while a worker starts."""
LONGEST = 0.8
"""Seconds that a worker that is to be killed is left alone, at most, once it is up."""


class Log(NamedTuple):
    """What the workers wrote down."""

    delivered: Counter[str]
    """How often each submission was, by ref."""
    decided: Mapping[str, set[str]]
    """The refs that were given up, by key."""
    lost: set[str]
    """The refs of which a worker said that it lost the answer."""
    doubted: set[str]
    """The refs that were uncertain to another than who sent them."""
    revived: set[str]
    """The refs that were given up and accepted after that, where they had been sent."""
    refused: int
    """How often a client was refused where it must not be used."""


class Round:
    """One round over the store at an address; what it writes goes to `folder`."""

    def __init__(
        self,
        store: str,
        folder: Path,
        *,
        workers: int,
        jobs: int,
        kills: int,
        seed: int,
        lease: float = LEASE,
        speed: float = SPEED,
    ) -> None:
        self._store = store
        self._log = folder / "log"
        self._folder = folder
        self._workers = workers
        self._jobs = jobs
        self._kills = kills
        self._seed = seed
        self._lease = lease
        self._speed = speed
        self._killed = 0
        self._wrong: list[str] = []

    async def run(self) -> Tally:
        """Kill and start until every worker has ended by itself, and judge."""
        began = time.monotonic()
        chance = random.Random(self._seed)
        self._log.touch()
        async with serving(jobs=self._jobs, seed=self._seed, speed=self._speed, faults=FAULTS) as service:
            async with self.disturbed(random.Random(chance.random())), asyncio.TaskGroup() as group:
                for worker, port in enumerate(_free_ports(self._workers, random.Random())):
                    url = service.emulator.url
                    group.create_task(self._keep_alive(worker, port, url, random.Random(chance.random())))
            await service.settle()
            store = store_at(self._store)
            try:
                judged = await self._judge(store, service)
            finally:
                await store.aclose()
        return judged._replace(kills=self._killed, seconds=time.monotonic() - began, wrong=tuple(self._wrong))

    # ---- for other kinds of rounds -------------------------------------------------------------------------------

    program = "tests.chaos.program"
    """The module that a worker runs."""
    kills_workers = True
    """Whether workers are killed here; else they do that among themselves."""
    leases_hold = True
    """Whether nobody may take a living process for a dead one."""
    patience = 60.0
    """Seconds after which a worker that nobody kills hangs."""

    def options(self, worker: int) -> Mapping[str, object]:
        """Return what its program is told besides."""
        return {}

    @asynccontextmanager
    async def disturbed(self, chance: random.Random) -> AsyncGenerator[None]:
        """Disturb the workers while they work."""
        yield

    def judge_log(self, log: Log) -> list[str]:
        """Return what is wrong with what they wrote down."""
        return []

    # ---- killing -------------------------------------------------------------------------------------------------

    async def _keep_alive(self, worker: int, port: int, url: str, chance: random.Random) -> None:
        """Start a worker, kill it, and start it again, until it ends by itself."""
        values = {"store": self._store, "base-url": url, "jobs": self._jobs, "port": port, "log": self._log}
        values |= {"worker": worker, "lease": self._lease, **self.options(worker)}
        command = ["-m", self.program, *(f"--{name}={value}" for name, value in values.items())]
        said = self._folder / f"worker-{worker}"
        for doomed in chain(repeat(True, self._kills * self.kills_workers), repeat(False)):
            with (
                said.open("a") as errors,
                Program(*command, cwd=ROOT, stderr=errors, start_new_session=True) as process,
            ):
                try:
                    await (_until_a_moment(process, chance) if doomed else _until_the_end(process, self.patience))
                finally:
                    process.send_signal(signal.SIGKILL, group=True)  # with its children, if it has any
                code = process.wait()
            if code == 0:
                break
            self._killed += doomed
            if code != -signal.SIGKILL or not doomed:
                self._wrong.append(f"worker {worker} {f'ended with {code}' if doomed or code > 0 else 'hangs'}")
                break
        if tail := said.read_text().strip():
            self._wrong.append(f"worker {worker} said: {tail[-4000:]}")

    # ---- judging -------------------------------------------------------------------------------------------------

    async def _judge(self, store: Store, service: Service) -> Tally:
        """Hold store, log and service against each other."""
        log = self._read_log()
        runs, now = service.runs(), service.emulator.now()
        finished = twice = 0
        for key in map(key_of, range(self._jobs)):
            made = runs.get(key, [])
            problem, ref = await _problem(store, key, made, now)
            finished += not problem
            explained = log.decided.get(key, set()) | {ref}
            unexplained = len(made) - len(explained & {ref_of(run) for run in made})
            twice += unexplained
            if problem:
                self._wrong.append(f"{key} {problem}")
            if unexplained:
                paid = ", ".join(f"{run.id} (ref {ref_of(run)})" for run in made)
                self._wrong.append(f"{key} was paid {len(made)} times: {paid}; accounted for are {explained}")
        self._wrong += [f"{ref} was delivered {times} times" for ref, times in log.delivered.items() if times > 1]
        given_up = {ref for refs in log.decided.values() for ref in refs}  # what comes of these, comes to nobody
        self._wrong += [f"{record} is open" async for record in store.unfinished() if record.ref not in given_up]
        self._wrong += [f"{record} is not told" async for record in store.finished() if record.ref not in given_up]
        unseen = {ref for ref in log.lost if not service.seen[ref]}
        living = set[str]()
        if self.leases_hold:
            # Who is killed leaves what is uncertain to the others. Where nobody is, only its sender may call it so.
            living = log.revived if self._kills else (log.doubted | given_up) - log.lost
        self._wrong += [f"{ref} was called uncertain, and nothing of it left" for ref in unseen]
        self._wrong += [f"{ref} was called uncertain while its process was sending it" for ref in living]
        self._wrong += service.balance()
        self._wrong += self.judge_log(log)
        return Tally(1, 0, self._jobs, finished, self._jobs - finished, twice, len(given_up), len(unseen | living))

    def _read_log(self) -> Log:
        delivered: Counter[str] = Counter()
        decided: dict[str, set[str]] = defaultdict(set)
        given_up, lost, doubted, revived, refused = set[str](), set[str](), set[str](), set[str](), 0
        for line in self._log.read_text().splitlines():
            word, key, ref = line.split()
            if word == "delivered":
                delivered[ref] += 1
            elif word == "uncertain":
                decided[key].add(ref)
                given_up.add(ref)
            elif word == "lost":
                lost.add(ref)
            elif word == "doubted":
                doubted.add(ref)
            elif word == "accepted" and ref in given_up:
                revived.add(ref)
            elif word == "refused":
                refused += 1
        return Log(delivered, decided, lost, doubted, revived, refused)


async def _problem(store: Store, key: str, runs: Sequence[Run], now: float) -> tuple[str, str]:
    """What is wrong with the record of a job, if anything is, and its ref."""
    record = await store.get(key=key)
    if record is None:
        return "has no record", ""
    made = next((run for run in runs if run.id == record.task_id), None)
    if record.state is not State.FINISHED:
        problem = f"has not ended: {record}"
    elif made is None:
        problem = f"is of a task that was never made for it: {record}"
    elif made.state(now)[0] is not record.stage:
        problem = f"ended as {record.stage.name}, and its task as {made.state(now)[0].name}"
    else:
        problem = "" if record.delivered else f"was not delivered: {record}"
    return problem, record.ref


async def _until_a_moment(process: Program, chance: random.Random) -> None:
    """Wait until it is time to kill it, maybe while it starts."""
    if chance.random() < STARTING:
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        return
    await asyncio.to_thread(process.stdout.readline)  # it is up, or has ended
    with suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, chance.uniform(0, LONGEST))


async def _until_the_end(process: Program, patience: float) -> None:
    """Wait for its end, or have it tell what it hangs on."""
    try:
        await asyncio.to_thread(process.wait, patience)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(1)


def _free_ports(count: int, chance: random.Random) -> list[int]:
    """Below those that connections are given: such a one must not take a worker's place while it is dead."""
    found: list[int] = []
    while len(found) < count:
        port = chance.randrange(12_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def play_sqlite(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """One worker over SQLite."""
    store = f"sqlite:///{folder}/songs.db"
    return asyncio.run(Round(store, folder, workers=1, jobs=jobs, kills=kills, seed=seed, lease=lease).run())


def play_redis(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Three workers over a Redis of their own."""
    with redis_server(folder) as server:
        return asyncio.run(Round(server.url, folder, workers=3, jobs=jobs, kills=kills, seed=seed, lease=lease).run())


def play_postgres(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Three workers over a PostgreSQL of their own."""
    with postgres_server() as server:
        return asyncio.run(Round(server.url, folder, workers=3, jobs=jobs, kills=kills, seed=seed, lease=lease).run())
