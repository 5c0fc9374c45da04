"""Two workers are replaced under load, and nothing is lost: real processes, in real time."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sized
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec.structs import replace

from suno_async import KIE_LEGACY, Rate, Stage, State
from suno_async.emulator import Emulator
from suno_async.stores import SQLiteStore

from ..frameworks.processes import free_port
from ..programs import Program
from ..servers import HANGS

GATEWAY = replace(KIE_LEGACY, submits=Rate(1000, 10.0))  # the load, and not the limit, is what matters here
SPEED = 160
"""A song takes about a second."""

WORKER = """
import asyncio, os, signal, sys
from aiohttp import web
from msgspec.structs import replace
from suno_async import KIE_LEGACY, ConfigurationError, GenerateMusic, Pace, Rate, SunoClient

name, port, drain, heard, callbacks = sys.argv[1:]

async def main():
    suno = SunoClient(
        provider=replace(KIE_LEGACY, submits=Rate(1000, 10.0)),
        pace=Pace(first=0.5, growth=1, cap=0.5, patience=60),
        callback_url=callbacks or None,
        drain=float(drain),
    )

    async def hear(update, record):
        await asyncio.sleep(0.02)  # closing must not cut it off
        with open(heard, "a") as file:
            file.write(f"{name} {update.task_id} {update.stage.name}\\n")

    app = web.Application()
    app.router.add_post("/suno", suno.receiver(on_update=hear).aiohttp)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()

    async def sing():
        count = 0
        while True:
            try:
                task = await suno.submit(GenerateMusic(prompt=f"{name} {count}"), key=f"{name} {count}")
            except ConfigurationError as exc:
                assert "is being closed" in str(exc) or "is closed" in str(exc), exc
                return
            print(task.id, flush=True)
            count += 1
            await asyncio.sleep(0.1)

    async for _ in suno.resume():
        pass
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    singing = asyncio.create_task(sing())
    await stop.wait()
    await suno.aclose()
    await singing
    await runner.cleanup()

asyncio.run(main())
"""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # there are other processes


class Deployment:
    """Workers by name, and the load balancer before them."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self._environment = os.environ | {
            "SUNO_API_KEY": emulator.api_key,
            "SUNO_BASE_URL": emulator.url,
            "SUNO_STORE": f"sqlite:///{folder / 'songs.db'}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self._folder = folder
        (folder / "heard").touch()
        self._processes: dict[str, Program] = {}
        self._ports: dict[str, int] = {}
        self.callbacks = ""
        self.accepted: dict[str, list[str]] = {}
        """Task ids by the worker that submitted them."""

    @property
    def heard(self) -> list[tuple[str, str, str]]:
        """The calls of observers: worker, task, stage."""
        lines = (self._folder / "heard").read_text().splitlines()
        return [(worker, task, stage) for worker, task, stage in (line.split() for line in lines)]

    async def start(self, name: str, drain: float) -> None:
        port = free_port()
        command = ["-c", WORKER, name, port, drain, self._folder / "heard", self.callbacks]
        process = self._processes[name] = Program(*command, env=self._environment)
        if await asyncio.to_thread(process.stdout.readline) != "ready\n":
            raise AssertionError((await asyncio.to_thread(process.communicate))[1])
        self._ports[name] = port

    async def stop(self, name: str) -> None:
        with self._processes.pop(name) as process:
            process.terminate()
            said, errors = await asyncio.to_thread(process.communicate)
        del self._ports[name]
        assert process.returncode == 0, errors
        assert "Traceback" not in errors, errors
        assert "no observer was called" not in errors, errors
        self.accepted[name] = said.split()

    def kill(self) -> None:
        for process in self._processes.values():
            with process:
                process.kill()

    @asynccontextmanager
    async def balanced(self) -> AsyncGenerator[None]:
        """Pass each callback to one worker after the other until one takes it, as a load balancer does."""
        async with aiohttp.ClientSession() as session:

            async def forward(request: web.Request) -> web.Response:
                body, status = await request.read(), 503
                for port in sorted(self._ports.values(), key=lambda port: (port + len(body)) % 7):
                    try:
                        url = f"http://127.0.0.1:{port}{request.path_qs}"
                        async with session.post(url, data=body) as answer:
                            status = answer.status
                    except aiohttp.ClientError:
                        continue
                    if status != 503:
                        break
                return web.Response(status=status)

            app = web.Application()
            app.router.add_post("/suno", forward)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.callbacks = f"http://127.0.0.1:{runner.addresses[0][1]}/suno"
            try:
                yield
            finally:
                await runner.cleanup()


@pytest.mark.parametrize("by", ["callbacks", "polls"])
async def test_no_song_and_no_call_of_an_observer_is_lost(by: str, tmp_path: Path) -> None:
    """The first two have so little time to drain that others must go on with their songs."""
    async with Emulator(speed=SPEED, provider=GATEWAY, credits=1e6) as emulator:
        workers = Deployment(emulator, tmp_path)
        try:
            if by == "callbacks":
                async with workers.balanced():
                    await replace_two(workers, emulator.runs, new_first=True)
            else:  # what a worker has left, the next one resumes
                await replace_two(workers, emulator.runs, new_first=False)
        finally:
            workers.kill()
        runs = set(emulator.runs)
        posted = [seen for seen in emulator.log if seen.method == "POST"]
    store = SQLiteStore(tmp_path / "songs.db")
    records = [await store.get(task_id=task) for task in runs]
    await store.aclose()

    assert sorted(task for tasks in workers.accepted.values() for task in tasks) == sorted(runs)
    assert len(posted) == len(runs) > 20
    assert {record and (record.state, record.stage, record.observed) for record in records} == {
        (State.FINISHED, Stage.COMPLETE, Stage.COMPLETE)
    }
    calls = Counter((task, stage) for _, task, stage in workers.heard)
    assert set(calls.values()) == {1}
    assert {task for task, stage in calls if stage == "COMPLETE"} == runs
    ended_by = {task: worker for worker, task, stage in workers.heard if stage == "COMPLETE"}
    for old in ("one", "two"):
        assert [task for task in workers.accepted[old] if ended_by[task] != old]  # others went on


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANGS):
        while not happened():
            await asyncio.sleep(0.02)


async def replace_two(workers: Deployment, runs: Sized, *, new_first: bool) -> None:
    await asyncio.gather(workers.start("one", 0.3), workers.start("two", 0.3))
    await until(lambda: len(runs) >= 12)
    for old, new in (("one", "three"), ("two", "four")):
        if new_first:
            await workers.start(new, 30)
            await workers.stop(old)
        else:
            await workers.stop(old)
            await workers.start(new, 30)
    left = {task for old in ("one", "two") for task in workers.accepted[old]}
    await until(lambda: left <= {task for _, task, stage in workers.heard if stage == "COMPLETE"})
    await asyncio.gather(workers.stop("three"), workers.stop("four"))
