"""A real Redis on a private port, for as long as a test run."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HANGS = 60.0
"""Real seconds after which something is taken to hang, however busy the machine is. No test measures with it."""
MISSING = "redis-server is not installed: `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis`"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """One that a test may stop, start again and hold up."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # What a process has written outlives it, and no machine loses power here.
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(self._folder), *options, *self._options],
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
def redis_server(folder: Path, *options: str) -> Generator[RedisServer]:
    """A server of its own; the test is skipped without redis-server, and fails in CI."""
    if shutil.which("redis-server") is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_cluster(folder: Path) -> Generator[list[RedisServer]]:
    """Two masters without replicas; the first has all slots."""
    with ExitStack() as stack:
        servers, bus = list[RedisServer](), [free_port(), free_port()]
        for number in range(2):
            (folder / str(number)).mkdir()
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus[number]))
            servers.append(stack.enter_context(redis_server(folder / str(number), *options)))
        one, two = servers
        ask(one, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        ask(one, "CLUSTER", "MEET", "127.0.0.1", two.port, bus[1])
        for _ in range(500):
            if all("cluster_state:ok" in str(ask(server, "CLUSTER", "INFO")) for server in servers):
                break
            time.sleep(0.02)
        yield servers


def ask(server: RedisServer, *words: object) -> Any:
    """A command of somebody else."""
    # Loaded here: the environments of some examples have no redis.
    other: Any = import_module("redis").Redis(port=server.port, decode_responses=True)
    try:
        return other.execute_command(*words)
    finally:
        other.connection_pool.disconnect()
