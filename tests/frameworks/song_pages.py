"""Servers of `examples/song_page`, and an emulator whose clock stands still."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from anyio.from_thread import BlockingPortal, start_blocking_portal

from suno_async import Stage
from suno_async.emulator import Emulator

from .processes import ROOT, listening


class Service(NamedTuple):
    """An emulator in a thread of its own."""

    emulator: Emulator
    portal: BlockingPortal

    def reach(self, stage: Stage) -> None:
        """Move the clock until the only song has reached a stage and its callback is answered."""
        (run,) = self.emulator.runs.values()

        async def advance() -> None:
            await self.emulator.advance(run.marks[stage] + run.born - self.emulator.now() + 0.1)

        self.portal.call(advance)


@contextmanager
def service() -> Generator[Service]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Emulator(speed=0, media_seconds=4, seed=1)) as emulator,
    ):
        yield Service(emulator, portal)


@contextmanager
def serving(port: int, workers: int = 1) -> Generator[subprocess.Popen[str]]:
    """Serve the page, until the block ends or somebody kills it."""
    options = ("--port", str(port), "--workers", str(workers), "--timeout-graceful-shutdown", "3", "--no-access-log")
    command = [sys.executable, "-m", "uvicorn", "examples.song_page.app:app", *options]
    with subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True) as process:
        try:
            listening(port)
            yield process
        finally:
            kill(process, port)


def kill(process: subprocess.Popen[str], port: int) -> None:
    """End a server and its workers without notice."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    while True:  # until the last worker is gone
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.02)


@contextmanager
def opened(url: str) -> Generator[Iterator[Any]]:
    """Open the page; what it is told of songs."""
    with urllib.request.urlopen(f"{url}/events", timeout=30) as answer:
        yield (json.loads(line.removeprefix(b"data: ")) for line in answer if line.startswith(b"data: "))


def told(page: Iterator[Any], stage: str) -> Any:
    """Read until the page is told of a stage."""
    return next(song for song in page if song["stage"] == stage)


def asked(url: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read()
