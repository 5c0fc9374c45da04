"""A real Redis on a private port, for as long as a test run."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

HANGS = 60.0
"""Real seconds after which something is taken to hang, however busy the machine is. No test measures with it."""
MISSING = "redis-server is not installed: `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis`"


class RedisServer:
    """One that a test may stop, start again and hold up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # What a process has written outlives it, and no machine loses power here.
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(self._folder), *options],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def send_signal(self, number: int) -> None:
        """SIGSTOP makes it hang, SIGCONT go on."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """As if its machine were gone."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It answers nobody, and its connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Generator[RedisServer]:
    """A server of its own; the test is skipped without redis-server, and fails in CI."""
    if shutil.which("redis-server") is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
