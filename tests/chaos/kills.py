"""`python -m tests.chaos --rounds 20`: fan out jobs, kill who does it at random moments, and see that nothing is lost.

A round is one emulator, which is never killed, one store, and one worker over SQLite or three over Redis. Each worker
is killed with SIGKILL so many times and started again until it ends by itself; then store, log and emulator must agree.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from suno_async.api.updates import Stage
from suno_async.emulator import Emulator, Fault, Run
from suno_async.stores.address import store_at
from suno_async.stores.base import Store
from suno_async.stores.record import State
from suno_async.wire import tokens

from ..servers import MISSING, redis_server
from .program import API_KEY, PROVIDER, key_of

ROOT = Path(__file__).parents[2]
SPEED = 80.0
"""Of the emulator: a song takes about two seconds."""
AWAY = 0.08
"""Seconds that a request or its answer takes on its way, at most."""
LEASE = 1.0
"""Seconds after which a worker that was killed is known to be dead, for the others and for its next life."""
STARTING = 0.2
"""The share of kills that come while a worker starts."""
LONGEST = 0.8
"""Seconds that a worker that is to be killed is left alone, at most, once it is up."""
PATIENCE = 60.0
"""Seconds after which a worker that nobody kills hangs."""
FAULTS: dict[Fault | None, int] = {
    None: 60,
    Fault.LOSE_ANSWER: 6,
    Fault.GARBLE: 3,
    Fault.DROP: 4,
    Fault.DUPLICATED: 6,
    Fault.OVERTAKING: 6,
    Fault.DELAYED: 6,
    Fault.REORDERED: 6,
    Fault.SILENT: 3,
    Fault.FAIL: 6,
}
"""What goes wrong, and in how many of so many jobs."""


class Tally(NamedTuple):
    """What came of one round or of several."""

    rounds: int = 0
    kills: int = 0
    jobs: int = 0
    finished: int = 0
    lost: int = 0
    twice: int = 0
    """Runs of the emulator that neither a result nor a decision accounts for."""
    uncertain: int = 0
    """Submissions that the person decided about."""
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()
    """What is not as it should be, in words."""


def total(tallies: Iterable[Tally]) -> Tally:
    """Their sum."""
    columns: list[Any] = list(zip(*tallies, strict=True))
    wrong = tuple(chain.from_iterable(columns.pop()))
    return Tally._make([*map(sum, columns), wrong])


@web.middleware
async def slowly(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Adds latency, so that kills come before a request has arrived and before its answer has."""
    if request.method != "POST":
        return await handler(request)
    await request.read()  # it has arrived, whatever becomes of its sender
    await asyncio.sleep(random.uniform(0, AWAY))
    answer = await handler(request)
    await asyncio.sleep(random.uniform(0, AWAY))
    return answer


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
        given = 100.0 * self._jobs
        async with Emulator(
            api_key=API_KEY,
            provider=PROVIDER,
            speed=self._speed,
            credits=given,
            seed=self._seed,
            middlewares=[slowly],
        ) as emulator:
            emulator.next(*chance.choices(list(FAULTS), list(FAULTS.values()), k=5 * self._jobs))
            async with asyncio.TaskGroup() as group:
                for worker, port in enumerate(_free_ports(self._workers, random.Random())):
                    group.create_task(self._keep_alive(worker, port, emulator.url, random.Random(chance.random())))
            while any(run.stage(emulator.now()) < Stage.COMPLETE for run in emulator.runs.values()):
                await asyncio.sleep(0.05)  # of those that nobody knows any more
            store = store_at(self._store)
            try:
                judged = await self._judge(store, emulator, given)
            finally:
                await store.aclose()
        return judged._replace(kills=self._killed, seconds=time.monotonic() - began, wrong=tuple(self._wrong))

    # ---- killing -------------------------------------------------------------------------------------------------

    async def _keep_alive(self, worker: int, port: int, url: str, chance: random.Random) -> None:
        """Start a worker, kill it, and start it again, until it ends by itself."""
        values = {"store": self._store, "base-url": url, "jobs": self._jobs, "port": port, "log": self._log}
        values |= {"worker": worker, "lease": self._lease}
        command = [sys.executable, "-m", "tests.chaos.program"]
        command += [f"--{name}={value}" for name, value in values.items()]
        said = self._folder / f"worker-{worker}"
        for doomed in chain(repeat(True, self._kills), repeat(False)):
            with said.open("ab") as errors:
                process = await asyncio.create_subprocess_exec(
                    *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors
                )
            try:
                await (_until_a_moment(process, chance) if doomed else _until_the_end(process))
            finally:
                if process.returncode is None:
                    process.kill()
                code = await process.wait()
            if code == 0:
                break
            self._killed += doomed
            if code != -signal.SIGKILL or not doomed:
                self._wrong.append(f"worker {worker} {f'ended with {code}' if doomed or code > 0 else 'hangs'}")
                break
        if tail := said.read_text().strip():
            self._wrong.append(f"worker {worker} said: {tail[-4000:]}")

    # ---- judging -------------------------------------------------------------------------------------------------

    async def _judge(self, store: Store, emulator: Emulator, given: float) -> Tally:
        """Hold store, log and emulator against each other."""
        delivered, decided = self._read_log()
        runs: dict[str, list[Run]] = defaultdict(list)
        for run in emulator.runs.values():
            runs[str(run.params["prompt"])].append(run)
        finished = twice = 0
        for key in map(key_of, range(self._jobs)):
            problem, ref = await _problem(store, key, runs[key], emulator.now())
            finished += not problem
            explained = decided[key] | {ref}
            unexplained = len(runs[key]) - len(explained & {_ref_of(run) for run in runs[key]})
            twice += unexplained
            if problem:
                self._wrong.append(f"{key} {problem}")
            if unexplained:
                paid = ", ".join(f"{run.id} (ref {_ref_of(run)})" for run in runs[key])
                self._wrong.append(f"{key} was paid {len(runs[key])} times: {paid}; accounted for are {explained}")
        self._wrong += [f"{ref} was delivered {times} times" for ref, times in delivered.items() if times > 1]
        given_up = {ref for refs in decided.values() for ref in refs}  # what comes of these, comes to nobody
        self._wrong += [f"{record} is open" async for record in store.unfinished() if record.ref not in given_up]
        self._wrong += [f"{record} is not told" async for record in store.finished() if record.ref not in given_up]
        self._check_credits(emulator, given)
        return Tally(1, 0, self._jobs, finished, self._jobs - finished, twice, len(given_up))

    def _read_log(self) -> tuple[Counter[str], dict[str, set[str]]]:
        """How often each submission was delivered, and which ones of each job were given up."""
        delivered: Counter[str] = Counter()
        decided: dict[str, set[str]] = defaultdict(set)
        for line in self._log.read_text().splitlines():
            word, key, ref = line.split()
            if word == "delivered":
                delivered[ref] += 1
            else:
                decided[key].add(ref)
        return delivered, decided

    def _check_credits(self, emulator: Emulator, given: float) -> None:
        runs, now = emulator.runs.values(), emulator.now()
        spent = sum(run.cost for run in runs if run.state(now)[0] is not Stage.FAILED)
        if given - emulator.credits != spent:
            self._wrong.append(f"{given - emulator.credits} credits are gone, and the runs cost {spent}")


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


def _ref_of(run: Run) -> str:
    """Our own id of the submission that made it, from its callback address."""
    told = parse_qs(urlsplit(run.asked.callback).query)[tokens.NAME][0]
    token = tokens.read(told, [tokens.secret_of(API_KEY)])
    return "" if token is None else token.ref


async def _until_a_moment(process: asyncio.subprocess.Process, chance: random.Random) -> None:
    """Wait until it is time to kill it, maybe while it starts."""
    assert process.stdout
    if chance.random() < STARTING:
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        return
    await process.stdout.readline()  # it is up, or has ended
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), chance.uniform(0, LONGEST))


async def _until_the_end(process: asyncio.subprocess.Process) -> None:
    """Wait for its end, or have it tell what it hangs on."""
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
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


# ---- from the command line -------------------------------------------------------------------------------------------


def play(kind: str, folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """One round: `sqlite` with one worker, or `redis` with three and a server of its own."""
    if kind == "sqlite":
        round = Round(f"sqlite:///{folder}/songs.db", folder, workers=1, jobs=jobs, kills=kills, seed=seed, lease=lease)
        return asyncio.run(round.run())
    with redis_server(folder) as server:
        round = Round(server.url, folder, workers=3, jobs=jobs, kills=kills, seed=seed, lease=lease)
        return asyncio.run(round.run())


HEADS = ("store", *Tally._fields[:-1])
ROW = "{:8}" + "{:>10}" * (len(HEADS) - 1)


def row(name: str, tally: Tally) -> str:
    return ROW.format(name, *tally[:-2], f"{tally.seconds:.1f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--rounds", type=int, default=20, help="of each store")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=12, help="of each worker in a round, at most")
    parser.add_argument("--lease", type=float, default=LEASE, help="after so many seconds a killed worker is dead")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--store", choices=("sqlite", "redis", "both"), default="both")
    given = parser.parse_args()
    kinds = ("sqlite", "redis") if given.store == "both" else (given.store,)
    if "redis" in kinds and shutil.which("redis-server") is None:
        parser.error(MISSING)
    print(f"{given.rounds} rounds of each store, seed {given.seed}", file=sys.stderr)
    sums: dict[str, Tally] = {}
    for kind in kinds:
        tallies: list[Tally] = []
        for number in range(given.seed, given.seed + given.rounds):
            with tempfile.TemporaryDirectory() as folder:
                wanted: dict[str, Any] = {"jobs": given.jobs, "kills": given.kills, "lease": given.lease}
                tally = play(kind, Path(folder), seed=number, **wanted)
            tallies.append(tally)
            print(f"{row(kind, tally)}   seed {number}", file=sys.stderr, flush=True)
            for problem in tally.wrong:
                print(f"    {problem}", file=sys.stderr, flush=True)
        sums[kind] = total(tallies)
    sums["total"] = total(sums.values())
    print(ROW.format(*HEADS), *(row(name, tally) for name, tally in sums.items()), sep="\n")
    return bool(sums["total"].wrong)


if __name__ == "__main__":
    sys.exit(main())
