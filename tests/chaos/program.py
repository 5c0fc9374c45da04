"""The victim: fans out jobs over a store, and may be killed at any moment and started again.

`python -m tests.chaos.program --store sqlite:////tmp/songs.db --base-url http://127.0.0.1:8000 --port 8001 --log log`
"""

import argparse
import asyncio
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from aiohttp import web

from suno_async import KIE, GenerateMusic, Pace, Rate, SubmissionUncertain, SunoClient, Task, TaskFailed
from suno_async.stores import SQLiteStore
from suno_async.stores.address import store_at
from suno_async.stores.base import Store
from suno_async.stores.record import Record, State
from suno_async.submissions.coordination import LEASE, Alone

API_KEY = "chaos-key"
PROVIDER = msgspec.structs.replace(KIE, submits=Rate(100_000, 10.0))
"""A gateway whose limit does not slow us down."""
PACE = Pace(first=0.5, growth=1.3, cap=1.0, patience=300.0)
"""For songs that take about two seconds."""
AT_ONCE = 3
"""Submits under way: so few that they go on for a while, and a kill meets some of them."""


def key_of(number: int) -> str:
    return f"job-{number}"


class Program:
    """One life of one worker. The first of them also plays the person who decides what is uncertain."""

    def __init__(self, suno: SunoClient, store: Store, *, worker: int, jobs: int, log: str) -> None:
        self._suno = suno
        self._store = store
        self._worker = worker
        self._left = list(range(jobs))
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Take up what others and earlier lives have left, submit the rest, and stay until all have ended."""
        order = random.Random(self._worker).sample(self._left, len(self._left))
        async with asyncio.TaskGroup() as group:
            for task in await self._found():
                group.create_task(self._deliver(task))
            for number in order:
                group.create_task(self._see_through(number))
        while not await self._all_ended():
            await asyncio.sleep(0.1)
            await self._deliver_all(await self._found())
            if self._worker == 0:
                uncertain = [record async for record in self._suno.uncertain()]
                async with asyncio.TaskGroup() as group:
                    for record in uncertain:
                        group.create_task(self._decide(record))

    async def _found(self) -> list[Task[Any]]:
        """What is unfinished, and what has ended and was not delivered."""
        # Those without an id could be awaited for half an hour: they are found again when they have one.
        unfinished = [task async for task in self._suno.resume() if task.id]
        return unfinished + [task async for task in self._suno.results()]

    async def _see_through(self, number: int) -> None:
        job, key = GenerateMusic(prompt=key_of(number)), key_of(number)
        try:
            async with self._room:
                task = await self._suno.submit(job, key=key, context={"key": key})
        except SubmissionUncertain as exc:  # for a person to decide about
            self._write("doubted" if exc.__cause__ is None else "lost", key, exc.ref)
        else:
            self._write("accepted", key, task.ref)
            await self._deliver(task)

    async def _deliver_all(self, tasks: Iterable[Task[Any]]) -> None:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(self._deliver(task))

    async def _deliver(self, task: Task[Any]) -> None:
        with suppress(TaskFailed):  # is an end, too
            await task
        if await self._suno.mark_delivered(task):
            self._write("delivered", task.context["key"], task.ref)

    async def _decide(self, record: Record) -> None:
        """Give it up and pay again, as a person may; written down before, so that a kill can't hide it."""
        self._write("uncertain", record.key, record.ref)
        os.fsync(self._log)
        await self._suno.dismiss(record)
        await self._see_through(int(record.key.removeprefix("job-")))

    async def _all_ended(self) -> bool:
        """Whether every job has ended and been delivered, whoever did it."""
        for number in list(self._left):
            record = await self._store.get(key=key_of(number))
            if record is not None and record.state is State.FINISHED and record.delivered:
                self._left.remove(number)
        if self._left:
            return False
        async with aclosing(self._store.unfinished()) as found:
            return [record async for record in found] == []

    def _write(self, *words: str) -> None:
        os.write(self._log, f"{' '.join(words)}\n".encode())  # in one piece, whoever else writes


def show_tasks() -> None:
    """Tell on standard error what everybody waits for."""
    for task in asyncio.all_tasks():
        print(task.get_name(), file=sys.stderr)
        step: Any = task.get_coro()
        while step is not None:
            frame = (
                getattr(step, "cr_frame", None) or getattr(step, "ag_frame", None) or getattr(step, "gi_frame", None)
            )
            print("   ", step if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}", file=sys.stderr)
            step = (
                getattr(step, "cr_await", None)
                or getattr(step, "ag_await", None)
                or getattr(step, "gi_yieldfrom", None)
            )


def shifted_clock(path: str) -> Callable[[], float]:
    """Unix seconds and what a file adds to them, for all processes alike: so the clock of a machine jumps."""
    shift = os.open(path, os.O_RDONLY)
    return lambda: time.time() + struct.unpack("d", os.pread(shift, 8, 0))[0]


def opened(given: argparse.Namespace) -> tuple[SunoClient, Store]:
    """A client and its store, neither of them used yet."""
    clock = shifted_clock(given.clock) if given.clock else time.time
    path = given.store.removeprefix("sqlite:///")
    jumps = given.store_clock == "jumps" and path != given.store
    store: Store = SQLiteStore(path, clock=clock) if jumps else store_at(given.store)
    suno = SunoClient(
        api_key=API_KEY,
        base_url=given.base_url,
        provider=PROVIDER,
        callback_url=f"http://127.0.0.1:{given.port}/suno",
        pace=PACE,
        store=store,
        clock=clock,
    )
    return suno, store


async def main(given: argparse.Namespace, suno: SunoClient, store: Store) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, show_tasks)
    app = web.Application()
    app.router.add_post("/suno", suno.receiver().aiohttp)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port, reuse_port=True).start()  # forked workers share it
    print("up", flush=True)
    try:
        async with suno:
            await Program(suno, store, worker=given.worker, jobs=given.jobs, log=given.log).run()
    finally:
        await runner.cleanup()
        await store.aclose()


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.program")
    parser.add_argument("--store", required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--port", type=int, required=True, help="where callbacks are received, the same in every life")
    parser.add_argument("--log", required=True, help="where deliveries and decisions are written down")
    parser.add_argument("--worker", type=int, default=0, help="0 decides what is uncertain")
    parser.add_argument("--lease", type=float, default=LEASE, help="after so many seconds a silent one is dead")
    parser.add_argument("--clock", default="", help="a file with what to add to the time of day")
    parser.add_argument("--store-clock", choices=("jumps", "stays"), default="stays")
    return parser


if __name__ == "__main__":
    given = options().parse_args()
    Alone.lease = given.lease
    sys.exit(asyncio.run(main(given, *opened(given))))
