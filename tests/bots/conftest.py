"""An emulator for the bots, and their store."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from aiohttp import ClientSession

from suno_async.emulator import Emulator

from ..frameworks.conftest import emulator as served_emulator
from ..frameworks.conftest import suno as stepped_emulator
from ..loop import JumpLoop, stores_work

__all__ = ["served_emulator", "stepped_emulator"]

SLOW = ("getUpdates", "/slack/events")
"""Requests whose answers wait for a timer: of Telegram, and of Bolt."""


@pytest.fixture
async def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets time stand still while a request of the bot or of the client is under way, or a thread works."""
    flying: set[object] = set()
    request = ClientSession._request

    async def counted(self: ClientSession, method: str, url: Any, **options: Any) -> Any:
        with underway(flying, "" if any(name in str(url) for name in SLOW) else str(url)):
            return await request(self, method, url, **options)

    monkeypatch.setattr(ClientSession, "_request", counted)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    limiter = anyio.to_thread.current_default_thread_limiter()
    loop.jumps.busy = lambda: limiter.borrowed_tokens > 0 or stores_work()
    loop.jumps.flying = lambda: bool(flying)
    monkeypatch.setattr(loop.jumps, "alone", lambda: False)  # or time outruns what aiogram does between requests


@contextmanager
def underway(flying: set[object], url: str) -> Generator[None]:
    token = object()
    if url:
        flying.add(token)
    try:
        yield
    finally:
        flying.discard(token)


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jumping: None) -> AsyncGenerator[Emulator]:
    """In the loop of the test, and named by the environment; its polls tell each stage."""
    async with Emulator(media_seconds=4, seed=1, provider="kie-legacy") as emulator:
        monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
        monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
        monkeypatch.setenv("SUNO_STORE", f"sqlite:///{tmp_path / 'bot.db'}")
        yield emulator
