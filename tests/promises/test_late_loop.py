"""A loop that is always late, as on a machine that has far too much to do: no song is lost, and none is given up."""

import asyncio
import random
import socket
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from aiohttp import web

from suno_async import GenerateMusic, Stage
from suno_async.emulator import Emulator

from ..conftest import now, stand_still

SONGS = 40


@contextmanager
def late(seconds: float) -> Generator[None]:
    """Let the loop stand still again and again, for so long in the mean."""
    luck = random.Random(1)

    async def stand() -> None:
        while True:
            stand_still(luck.uniform(0, 2 * seconds))
            await asyncio.sleep(0.05)

    standing = asyncio.create_task(stand())
    yield
    standing.cancel()


@pytest.mark.parametrize("seconds", [1, 4])
@pytest.mark.parametrize("callbacks", [True, False], ids=["callbacks", "polls"])
async def test_all_songs_come_although_the_loop_is_always_late(callbacks: bool, seconds: float) -> None:
    door = socket.create_server(("127.0.0.1", 0))
    options = {"callback_url": f"http://127.0.0.1:{door.getsockname()[1]}/suno"} if callbacks else {}
    noticed = list[float]()
    async with Emulator(rate_limits=False, seed=1) as emulator, emulator.client(**options) as suno:
        app = web.Application()
        app.router.add_post("/suno", suno.receiver().aiohttp)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, door).start()
        jobs = (GenerateMusic(prompt=f"song {number}") for number in range(SONGS))
        with late(seconds):
            async for outcome in suno.map(jobs, concurrency=SONGS):
                assert outcome.error is None
                run = emulator.runs[outcome.task.id]
                noticed.append(now() - run.born - run.marks[Stage.COMPLETE])
        assert len(emulator.runs) == len(noticed) == SONGS  # each was paid once
        assert [posted.statuses[-1] for posted in emulator.posted] == [200] * (3 * SONGS if callbacks else 0)
        assert max(noticed) < 60
        await runner.cleanup()
