"""The Discord bot in the real discord.py, by `make examples`."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import DropAfterAccepting, Emulator, Fail, Fault, Refuse

from ..programs import ROOT
from .discord_program import lead_to
from .discord_server import Discord

pytest.importorskip("discord")
bots: Any = import_module("examples.discord_bot")
WAITING = "The song is ready <t:"


@pytest.fixture
async def discord() -> AsyncGenerator[Discord]:
    async with Discord() as discord:
        lead_to(discord.url)
        yield discord


@asynccontextmanager
async def bot_running() -> AsyncGenerator[SunoClient]:
    """The bot, stopped at the end of the block as by Ctrl-C."""
    async with SunoClient() as suno, bots.SongBot(suno) as bot, asyncio.TaskGroup() as group:
        running = group.create_task(bot.start("token"))
        yield suno
        running.cancel()


async def delivered(suno: SunoClient) -> bool:
    """Whether nothing is left to tell, soon."""
    for _ in range(50):
        if not [task async for task in suno.results()] and not [task async for task in suno.resume()]:
            return True
        await asyncio.sleep(1)
    return False


async def test_stages_and_both_takes(discord: Discord, emulator: Emulator) -> None:
    async with bot_running() as suno:
        message = await discord.command("rain in Lisbon")
        await discord.until(lambda: any(shown.files for shown in discord.shown))
        assert await delivered(suno)
    assert [command["name"] for command in discord.commands] == ["song"]
    first, waiting, *stages, last = discord.texts(message)
    assert (first, waiting.startswith(WAITING)) == ("A moment …", True)
    assert stages == list(bots.NEWS.values())
    assert last.count(emulator.url) == 2
    files = discord.shown[-1].files
    assert len(files) == 2
    assert all(name.endswith(".mp3") and len(data) > 1000 for name, data in files.items())


async def test_takes_that_are_too_large_are_links(discord: Discord, emulator: Emulator) -> None:
    async with bot_running():
        message = await discord.command("rain in Lisbon", limit=1000)
        await discord.until(lambda: len(discord.texts(message)) == 5)
    assert discord.texts(message)[-1].count(emulator.url) == 2
    assert not discord.shown[-1].files


async def test_a_song_that_fails(discord: Discord, emulator: Emulator) -> None:
    emulator.script(None, [Fail()])
    async with bot_running() as suno:
        message = await discord.command("rain")
        await discord.until(lambda: any("The song failed: " in text for text in discord.texts(message)))
        assert await delivered(suno)


@pytest.mark.parametrize(
    ("fault", "told"),
    [(Refuse(402), "This cannot be sung: "), (DropAfterAccepting(), "It is not known whether this is made: ")],
)
async def test_what_cannot_be_sung(discord: Discord, emulator: Emulator, fault: Fault, told: str) -> None:
    emulator.script(GenerateMusic, [fault])
    async with bot_running():
        message = await discord.command("rain")
        await discord.until(lambda: len(discord.texts(message)) == 2)
    assert discord.texts(message)[-1].startswith(told)


@pytest.mark.parametrize(("status", "again"), [(404, False), (403, True)], ids=["deleted", "refused"])
async def test_an_answer_that_cannot_be_edited(discord: Discord, emulator: Emulator, status: int, again: bool) -> None:
    """One that was deleted is forgotten. Another one is told by the next start."""
    async with bot_running() as suno:
        message = await discord.command("rain")
        await discord.until(lambda: len(discord.texts(message)) == 2)
        discord.refusing = status
        await discord.until(lambda: discord.refused == 3)
        assert await delivered(suno) is not again
    discord.refusing = 0
    async with bot_running() as suno:
        assert await delivered(suno)
    assert bool(discord.shown[-1].files) is again


async def test_a_restart_goes_on(discord: Discord, emulator: Emulator) -> None:
    """The song of a bot that was stopped is told by the next one, in the same message."""
    async with bot_running():
        message = await discord.command("rain")
        await discord.until(lambda: len(discord.texts(message)) == 2)
    async with bot_running():
        await discord.until(lambda: discord.shown[-1].files)
    assert {shown.message for shown in discord.shown} == {message}
    assert len(emulator.runs) == 1


def test_a_bot_that_was_killed_goes_on(served_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As processes, in real time."""
    command = [sys.executable, "-m", "tests.bots.discord_program"]
    monkeypatch.setenv("DISCORD_TOKEN", "token")
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Discord()) as discord:
        monkeypatch.setenv("DISCORD_URL", discord.url)
        with subprocess.Popen(command, cwd=ROOT) as process:
            message = portal.call(discord.command, "rain")
            portal.call(discord.until, lambda: len(discord.texts(message)) == 2)
            process.kill()
        with subprocess.Popen(command, cwd=ROOT) as process:
            portal.call(discord.until, lambda: discord.shown[-1].files)
            process.terminate()
    assert {shown.message for shown in discord.shown} == {message}
    assert len(served_emulator.runs) == 1
