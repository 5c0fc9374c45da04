"""Servers of `examples/song_page`, and what its page is told."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from ..programs import ROOT, Program
from .processes import listening


@contextmanager
def serving(port: int, workers: int = 1) -> Generator[Program]:
    """Serve the page, until the block ends or somebody kills it."""
    options = ("--port", str(port), "--workers", str(workers), "--timeout-graceful-shutdown", "3", "--no-access-log")
    command = ["-m", "uvicorn", "examples.song_page.app:app", *options]
    with Program(*command, cwd=ROOT, start_new_session=True) as process:
        try:
            listening(port)
            yield process
        finally:
            kill(process, port)


def kill(process: Program, port: int) -> None:
    """End a server and its workers without notice."""
    process.send_signal(signal.SIGKILL, group=True)
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
