"""Opening and closing works from anywhere."""

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest

from suno_async import ConfigurationError, GenerateMusic, Pace

from ..clients import client, jobs
from ..doubles import DONE, PENDING, Script


async def test_opened_in_one_task_and_closed_in_another() -> None:
    """Bots open in a hook and close elsewhere, while others wait."""
    network = Script(PENDING)
    suno = client(network)

    async def opens() -> Any:
        await suno.__aenter__()
        return await suno.generate_music(prompt="rain")

    task = await asyncio.create_task(opens())
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(10)
    await asyncio.create_task(suno.aclose())
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.generate_music(prompt="rain")
    await suno.aclose()
    assert network.closed


async def test_a_cancelled_scope_still_closes_everything() -> None:
    network = Script(PENDING)
    with anyio.move_on_after(5):
        async with client(network) as suno:
            await (await suno.generate_music(prompt="rain"))
    assert network.closed


async def test_a_closed_client_opens_nothing(tmp_path: Path) -> None:
    network = Script(DONE)
    suno = client(network)
    music = await (await suno.generate_music(prompt="rain"))
    await suno.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.download(music, tmp_path)


async def test_works_without_async_with() -> None:
    network = Script(DONE)
    suno = client(network)
    await (await suno.generate_music(prompt="rain"))
    await suno.aclose()


async def test_a_client_closed_inside_a_cancelled_scope_closes_its_connections() -> None:
    network = Script(PENDING, delay=1)
    with anyio.move_on_after(3.5):
        async with client(network, pace=Pace(first=2, growth=1, cap=2, patience=100)) as suno:
            task = await suno.generate_music(prompt="rain")
            await task  # the scope ends during a poll
    assert network.closed


async def test_closing_tells_those_who_queue_for_a_place_in_the_limit() -> None:
    network = Script()
    suno = client(network)
    sending = [asyncio.create_task(suno.submit(job)) for job in jobs(40)]
    await anyio.sleep(1)
    await suno.aclose()
    await anyio.sleep(0.1)
    assert all(one.done() for one in sending)
    await asyncio.gather(*sending, return_exceptions=True)


async def test_closing_with_a_deadline_closes_all_the_same() -> None:
    network = Script(PENDING)
    suno = client(network)
    waiting = asyncio.create_task(suno.attach(GenerateMusic, "t9").wait())
    await anyio.sleep(1)
    network.delay = 50
    submitting = asyncio.create_task(suno.submit(GenerateMusic(prompt="x")))
    await anyio.sleep(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(suno.aclose(), 5)
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    polls = len(network.polled_at)
    await anyio.sleep(300)
    assert (len(network.polled_at), network.closed) == (polls, True)
    assert (await submitting).id == "t1"
