"""The Telegram bot in the real aiogram, by `make examples`."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from suno_async.emulator import Emulator, Fail

from ..frameworks.processes import free_port
from ..programs import ROOT
from .telegram_program import bot_of
from .telegram_server import Telegram

pytest.importorskip("aiogram")
program: Any = import_module("examples.telegram_bot")


@pytest.fixture
async def telegram() -> AsyncGenerator[Telegram]:
    async with Telegram() as telegram:
        yield telegram


@asynccontextmanager
async def bot_running(telegram: Telegram) -> AsyncGenerator[None]:
    """The bot, stopped at the end of the block by SIGTERM."""
    async with asyncio.TaskGroup() as group:
        group.create_task(program.main(bot_of(telegram.url)))
        yield
        os.kill(os.getpid(), signal.SIGTERM)


async def test_stages_and_both_takes(telegram: Telegram, emulator: Emulator) -> None:
    async with bot_running(telegram):
        await telegram.say("/song rain in Lisbon")
        await telegram.until(lambda: len(telegram.audio) == 2)
    first, *stages, last = telegram.texts
    assert (first, stages) == ("A moment …", list(program.NEWS.values()))
    assert last.count(emulator.url) == 2
    assert all(len(audio) > 1000 for audio in telegram.audio)


async def test_webhooks(telegram: Telegram, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages and stages are posted to one server."""
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{port}")
    async with bot_running(telegram):
        await telegram.until(lambda: telegram.webhook)
        await telegram.say("/song rain in Lisbon")
        await telegram.until(lambda: len(telegram.audio) == 2)
    assert telegram.texts[1:-1] == list(program.NEWS.values())
    assert {posted.statuses[-1] for posted in emulator.posted} == {200}


async def test_a_song_that_fails(telegram: Telegram, emulator: Emulator) -> None:
    emulator.script(None, [Fail()])
    async with bot_running(telegram):
        await telegram.say("/song")
        await telegram.say("/song rain")
        await telegram.until(lambda: telegram.texts[-1:] and telegram.texts[-1].startswith("The song failed: "))
    assert telegram.texts[0] == "Write /song and what it shall be about."


async def test_a_restart_goes_on(telegram: Telegram, emulator: Emulator) -> None:
    async with bot_running(telegram):
        await telegram.say("/song rain")
        await telegram.until(lambda: len(emulator.runs) == 1)
        await telegram.until(lambda: program.NEWS[program.Stage.TEXT] in telegram.texts)
    async with bot_running(telegram):
        await telegram.until(lambda: len(telegram.audio) == 2)
    assert len(emulator.runs) == 1


@contextmanager
def program_running() -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "tests.bots.telegram_program"], cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_bot_that_was_killed_goes_on(served_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As processes, in real time."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Telegram()) as telegram:
        monkeypatch.setenv("TELEGRAM_URL", telegram.url)
        with program_running() as process:
            portal.call(telegram.say, "/song rain")
            portal.call(telegram.until, lambda: telegram.texts)
            while not served_emulator.runs:
                portal.call(asyncio.sleep, 0.02)
            portal.call(asyncio.sleep, 0.2)  # until the task id is written
            process.kill()
        with program_running() as process:
            portal.call(telegram.until, lambda: len(telegram.audio) == 2)
            process.terminate()
            assert process.wait(30) == 0
    assert len(served_emulator.runs) == 1
