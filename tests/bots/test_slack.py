"""The Slack bot in the real Bolt and SDK, by `make examples`."""

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

from suno_async import GenerateMusic, Stage, SunoClient
from suno_async.emulator import DropAfterAccepting, Emulator, Fail, Refuse

from ..frameworks.processes import Stepped, free_port
from ..programs import ROOT
from .slack_program import app_of
from .slack_server import Slack

pytest.importorskip("slack_bolt")
program: Any = import_module("examples.slack_bot")
FIRST = "A moment …"


@pytest.fixture
async def slack() -> AsyncGenerator[Slack]:
    async with Slack() as slack:
        yield slack


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the bot is."""
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{port}")
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def bot_running(slack: Slack) -> AsyncGenerator[None]:
    """The bot, stopped at the end of the block by SIGTERM."""
    async with asyncio.TaskGroup() as group:
        group.create_task(program.main(app_of(slack.url)))
        yield
        os.kill(os.getpid(), signal.SIGTERM)


async def delivered() -> bool:
    """Whether nothing is left to tell, soon."""
    async with SunoClient() as suno:
        for _ in range(50):
            if not [task async for task in suno.results()]:
                return True
            await asyncio.sleep(1)
    return False


async def test_stages_and_both_takes(slack: Slack, emulator: Emulator, address: str) -> None:
    """The stages come by callback, to the same server as the commands."""
    async with bot_running(slack):
        assert await slack.command(address, "rain in Lisbon") == (200, "")
        await slack.until(lambda: slack.files)
    first, *stages, last = slack.texts
    assert (first, stages) == (FIRST, list(program.NEWS.values()))
    assert last.count(emulator.url) == 2
    assert all(name.endswith(".mp3") and len(data) > 1000 for name, data in slack.files.items())
    assert (len(slack.files), len({shown.message for shown in slack.shown})) == (2, 1)
    assert {posted.statuses[-1] for posted in emulator.posted} == {200}


async def test_a_command_is_acknowledged_before_anything_else(slack: Slack, emulator: Emulator, address: str) -> None:
    """Slack waits for 3 seconds, however long its own answers take."""
    slack.answering.clear()
    async with bot_running(slack):
        assert await slack.command(address, "rain") == (200, "")
        assert not slack.shown
        slack.answering.set()
        await slack.until(lambda: slack.files)


@pytest.mark.parametrize("forged", [{"secret": "another"}, {"age": 600}], ids=["signature", "replay"])
async def test_a_forged_command_is_refused(
    slack: Slack, emulator: Emulator, address: str, forged: dict[str, Any]
) -> None:
    async with bot_running(slack):
        assert (await slack.command(address, "rain", **forged))[0] == 401
        await asyncio.sleep(5)
    assert not slack.shown
    assert not emulator.runs


async def test_what_cannot_be_sung(slack: Slack, emulator: Emulator, address: str) -> None:
    emulator.script(GenerateMusic, [Refuse(402), Fail()])
    async with bot_running(slack):
        assert await slack.command(address, " ") == (200, "Write /song and what it shall be about.")
        await slack.command(address, "rain")
        await slack.until(lambda: slack.texts[-1:] and slack.texts[-1].startswith("This cannot be sung: "))
        await slack.command(address, "rain")
        await slack.until(lambda: slack.texts[-1].startswith("The song failed: "))
        slack.refusing["chat.postMessage"] = "not_in_channel"
        await slack.command(address, "rain")
        await slack.until(lambda: slack.responses)
    assert slack.responses == ["I cannot write here (not_in_channel). Have you invited me to this channel?"]
    assert len(emulator.runs) == 1


async def test_a_command_that_is_delivered_twice_is_paid_once(slack: Slack, emulator: Emulator, address: str) -> None:
    async with bot_running(slack):
        for _ in range(2):
            await slack.command(address, "rain", trigger="7.7")
        await slack.until(lambda: "This song is being made already." in slack.texts and slack.files)
    assert len(emulator.runs) == 1


async def test_a_song_whose_answer_was_lost_is_not_refused(slack: Slack, emulator: Emulator, address: str) -> None:
    """Nobody is asked to pay again. The callback finds the message of the song."""
    emulator.script(GenerateMusic, [DropAfterAccepting()])
    async with bot_running(slack):
        await slack.command(address, "rain")
        await slack.until(lambda: slack.files)
    assert "not known yet" in slack.texts[1]
    assert slack.texts[-1].count(emulator.url) == 2
    assert not [text for text in slack.texts if "cannot" in text]
    assert len(emulator.runs) == 1


@pytest.mark.parametrize(("error", "again"), [("message_not_found", False), ("ratelimited", True)])
async def test_a_message_that_cannot_be_edited(
    slack: Slack, emulator: Emulator, address: str, error: str, again: bool
) -> None:
    """One that was deleted is forgotten. Another one is told by the next start."""
    slack.refusing["chat.update"] = error
    async with bot_running(slack):
        await slack.command(address, "rain")
        await slack.until(lambda: slack.refused == 3)
        await slack.until(lambda: again or slack.files)
    assert await delivered() is not again
    del slack.refusing["chat.update"]
    if again:
        async with bot_running(slack):
            await slack.until(lambda: slack.files)
        assert await delivered()
    assert len(emulator.runs) == 1


async def test_takes_that_cannot_be_uploaded_are_links(slack: Slack, emulator: Emulator, address: str) -> None:
    slack.refusing["files.completeUploadExternal"] = "missing_scope"
    async with bot_running(slack):
        await slack.command(address, "rain")
        await slack.until(lambda: slack.refused)
    assert slack.texts[-1].count(emulator.url) == 2
    assert await delivered()


async def test_text_is_no_markup(slack: Slack, emulator: Emulator, address: str) -> None:
    """A song can call nobody."""
    async with bot_running(slack):
        await slack.command(address, "<!channel> sing")
        await slack.until(lambda: slack.files)
    assert slack.texts[-1].startswith("&lt;!Channel&gt; Sing: ")


async def test_a_restart_goes_on(slack: Slack, emulator: Emulator, address: str) -> None:
    async with bot_running(slack):
        await slack.command(address, "rain")
        await slack.until(lambda: program.NEWS[Stage.TEXT] in slack.texts)
    async with bot_running(slack):
        await slack.until(lambda: slack.files)
    assert len({shown.message for shown in slack.shown}) == 1
    assert len(emulator.runs) == 1


@contextmanager
def program_running() -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "tests.bots.slack_program"], cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_bot_that_was_killed_goes_on(
    stepped_emulator: Stepped, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As processes, in real time."""
    text = program.NEWS[Stage.TEXT]
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Slack()) as slack:
        monkeypatch.setenv("SLACK_URL", slack.url)
        with program_running() as process:
            portal.call(slack.command, address, "rain")
            while not stepped_emulator.emulator.runs:
                portal.call(asyncio.sleep, 0.02)
            stepped_emulator.reach(Stage.TEXT)
            portal.call(slack.until, lambda: text in slack.texts)
            process.kill()
        with program_running() as process:
            portal.call(slack.command, address, "")  # it is there
            stepped_emulator.reach(Stage.COMPLETE)
            portal.call(slack.until, lambda: slack.files)
            process.terminate()
            assert process.wait(30) == 0
    assert len({shown.message for shown in slack.shown}) == 1
    assert len(stepped_emulator.emulator.runs) == 1
