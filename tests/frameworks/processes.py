"""Programs that run as a user runs them, against an emulator in a thread of its own."""

import os
import random
import socket
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from anyio.from_thread import BlockingPortal, start_blocking_portal

from suno_async import Stage
from suno_async.emulator import Emulator

from ..programs import ROOT, Program


@contextmanager
def served() -> Generator[Emulator]:
    """An emulator in a thread of its own."""
    emulator = Emulator(speed=500, media_seconds=5)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulator):
        yield emulator


class Stepped(NamedTuple):
    """An emulator in a thread of its own, whose clock only a test moves."""

    emulator: Emulator
    portal: BlockingPortal

    def reach(self, stage: Stage) -> None:
        """Move the clock until the only song has reached a stage and its callback is answered."""
        (run,) = self.emulator.runs.values()

        async def advance() -> None:
            await self.emulator.advance(run.marks[stage] + run.born - self.emulator.now() + 0.1)

        self.portal.call(advance)


@contextmanager
def stepped() -> Generator[Stepped]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Emulator(speed=0, media_seconds=4, seed=1)) as emulator,
    ):
        yield Stepped(emulator, portal)


COMPLAINTS = ("Traceback", "Unclosed", "ResourceWarning")


@contextmanager
def running(
    *command: str, unwanted: Sequence[str] = (*COMPLAINTS, "suno_async"), log: Path | None = None
) -> Generator[None]:
    """A program that is asked to stop at the end, and must then have left nothing open and said nothing unwanted.

    `log` gets what it writes to stdout, such as its access log.
    """
    with (
        open(log or os.devnull, "w") as stdout,
        Program("-W", "default", *command, cwd=ROOT, stdout=stdout) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            _, said = process.communicate()
        assert not [word for word in unwanted if word in said], said


def free_port() -> int:
    """A port that nobody is given meanwhile who asks the system for any: those are above."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listened(port: int) -> bool:
    """Whether a server listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening(port: int) -> None:
    """Wait until a server listens."""
    for _ in range(1500):
        if listened(port):
            return
        time.sleep(0.02)
    raise AssertionError("nobody listens")
