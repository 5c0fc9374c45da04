"""DESIGN, defaults of Pace: 150 s only once a verified callback has come."""

import asyncio
from typing import Any

import anyio
import pytest

from suno_async import GenerateMusic
from suno_async.stores.memory import MemoryStore

from ..callbacks import opened
from ..conftest import now
from ..doubles import PENDING


@pytest.mark.parametrize("shared", [True, False])
async def test_callbacks_that_never_come_do_not_make_the_first_poll_wait(shared: bool) -> None:
    given: dict[str, Any] = {"store": MemoryStore(clock=now)} if shared else {}
    async with opened(PENDING, **given) as (suno, script):
        if not shared:
            suno.receiver()
        task = await suno.submit(GenerateMusic(prompt="rain"))
        waiting = asyncio.create_task(task.wait())
        await anyio.sleep(60)
        waiting.cancel()
        assert script.polled_at and script.polled_at[0] <= 11
