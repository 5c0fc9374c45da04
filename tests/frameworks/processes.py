"""Programs that run as a user runs them, against an emulator in a thread of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from suno_async.emulator import Emulator

from ..servers import HANGS

ROOT = Path(__file__).parents[2]


@contextmanager
def served() -> Generator[Emulator]:
    """An emulator in a thread of its own."""
    emulator = Emulator(speed=500, media_seconds=5)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulator):
        yield emulator


@contextmanager
def running(*command: str) -> Generator[None]:
    """A program that is asked to stop at the end, and must then have left nothing open."""
    options: Any = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-W", "default", *command], **options) as process:
        try:
            yield
        finally:
            process.terminate()
            _, said = process.communicate(timeout=HANGS)
        assert not [word for word in ("Traceback", "Unclosed", "ResourceWarning", "suno_async") if word in said], said


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def listening(port: int) -> None:
    """Wait until a server listens."""
    for _ in range(1500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nobody listens")
