"""The MCP server, started and asked by the client of the official SDK, by `make examples`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from suno_async import GenerateMusic
from suno_async.emulator import DropAfterAccepting, Emulator, Fail

from ..programs import ROOT

mcp: Any = pytest.importorskip("mcp")


class Agent:
    """What an agent does: it calls tools, and reads what they say."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.heard: list[tuple[float, str]] = []

    async def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool gives."""
        called = await self.client.call_tool(tool, arguments, progress_callback=self._hear)
        assert not called.is_error, called.content[0].text
        given = called.structured_content
        return given["result"] if set(given) == {"result"} else given

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Why a tool fails."""
        called = await self.client.call_tool(tool, arguments)
        assert called.is_error, called.structured_content
        return str(called.content[0].text)

    async def _hear(self, progress: float, total: float | None, message: str | None) -> None:
        self.heard.append((progress, message or ""))


class World:
    """An emulator whose clock is moved by hand, and a store for servers."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self._folder = folder

    @asynccontextmanager
    async def agent(self, budget: float = 30) -> AsyncGenerator[Agent]:
        """An agent with a server of its own, which is stopped in the end."""
        env = {
            "SUNO_API_KEY": self.emulator.api_key,
            "SUNO_BASE_URL": self.emulator.url,
            "SUNO_PROVIDER": self.emulator.provider.name,
            "SUNO_STORE": f"sqlite:///{self._folder / 'agent.db'}",
            "BUDGET": str(budget),
            "PID_FILE": str(self._folder / "pid"),
        }
        args = ["-W", "error", "-m", "tests.apps.quick", "examples/mcp_server.py"]
        with (self._folder / "stderr").open("a") as said:
            server = mcp.StdioServerParameters(command=sys.executable, args=args, env=env, cwd=ROOT)
            async with mcp.Client(mcp.stdio_client(server, errlog=said)) as client:
                yield Agent(client)

    def kill(self) -> None:
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)

    def said(self) -> str:
        return (self._folder / "stderr").read_text()


def told(story: Coroutine[Any, Any, None]) -> None:
    """Run a story in real time: the server is another process."""

    async def within() -> None:
        async with asyncio.timeout(120):
            await story

    asyncio.run(within())


@asynccontextmanager
async def world(folder: Path, provider: str = "kie") -> AsyncGenerator[World]:
    async with Emulator(speed=0, media_seconds=2, provider=provider) as emulator:
        one = World(emulator, folder)
        yield one
        assert "Traceback" not in one.said(), one.said()


def test_an_agent_makes_songs_within_its_budget(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as here, here.agent(budget=30) as agent:
            listed = await agent.client.list_tools()
            assert {"generate_song", "write_lyrics", "wait_for"} < {tool.name for tool in listed.tools}
            assert await agent.call("estimate_song", idea="rain") == "12 credits; 30 of the budget are left"
            first = await agent.call("generate_song", name="rain", idea="rain in Lisbon")
            assert (first["stage"], first["credits"], first["results"]) == ("pending", 12, [])
            await agent.call("write_lyrics", name="words", about="the sea")
            await agent.call("generate_song", name="sun", style="fado", title="Sun", lyrics="[Verse]\nsun")
            assert await agent.call("generate_song", name="rain", idea="rain in Lisbon") == first
            assert "12.0 credits, and 5.6 of the budget" in await agent.refused("generate_song", name="x", idea="x")
            assert "another" in await agent.refused("generate_song", name="rain", idea="snow")
            assert "idea alone" in await agent.refused("generate_song", name="y", idea="y", style="fado")
            assert "prompt must have at most" in await agent.refused("estimate_song", idea="x" * 9000)
            assert len(here.emulator.runs) == 3
            pending = await agent.call("wait_for", name="rain", seconds=0.5)
            assert pending["stage"] == "pending"
            progress, message = agent.heard[0]
            assert (progress < 0.1, message[:14]) == (True, "pending, about")
            here.emulator.advance(200)
            rain = await agent.call("wait_for", name="rain")
            assert [line.split(": ")[0] for line in rain["results"]] == ["Rain In Lisbon"] * 2
            assert here.emulator.url in rain["results"][0]
            words = await agent.call("wait_for", name="words")
            assert "[Verse]" in words["results"][0]
            assert "there is no order 'snow'" in await agent.refused("wait_for", name="snow")
            left = await agent.call("credits_left")
            assert left["budget"] == pytest.approx(5.6)
            assert left["account"] == pytest.approx(1000 - 24.4)

    told(story())


def test_an_order_of_a_server_that_was_killed_is_found_again(tmp_path: Path) -> None:
    """And a new server does not forget what was spent."""

    async def story() -> None:
        async with world(tmp_path) as here:
            with suppress(BaseExceptionGroup, mcp.MCPError):  # what the agent hears of it is the SDK's affair
                async with here.agent(budget=20) as agent:
                    await agent.call("generate_song", name="rain", idea="rain in Lisbon")
                    here.kill()
            here.emulator.advance(200)
            async with here.agent(budget=20) as agent:
                (found,) = await agent.call("list_orders")
                assert (found["name"], found["credits"]) == ("rain", 12)
                assert "8 of the budget are left" in await agent.refused("generate_song", name="x", idea="x")
                assert len((await agent.call("wait_for", name="rain"))["results"]) == 2
            async with here.agent(budget=40) as agent:
                (found,) = await agent.call("list_orders")
                assert (found["stage"], len(found["results"])) == ("complete", 2)
                assert len(here.emulator.runs) == 1
                await agent.call("generate_song", name="x", idea="x")

    told(story())


def test_what_went_wrong_is_told_and_not_paid_again(tmp_path: Path) -> None:
    """A failure gives its credits back to the budget. An order whose answer was lost counts, and is not sent again."""

    async def story() -> None:
        async with world(tmp_path) as here, here.agent(budget=24) as agent:
            here.emulator.script(GenerateMusic, [Fail(), DropAfterAccepting()])
            await agent.call("generate_song", name="fails", idea="rain")
            here.emulator.advance(200)
            failed = await agent.call("wait_for", name="fails")
            assert (failed["stage"], failed["credits"]) == ("failed", 0)
            assert failed["error"]
            for _ in range(2):
                assert "may" in await agent.refused("generate_song", name="lost", idea="sun")
            assert len(here.emulator.runs) == 2
            assert (await agent.call("credits_left"))["budget"] == 12

    told(story())


def test_an_order_without_a_name_is_refused(tmp_path: Path) -> None:
    """A name is the idempotency key: without one, each call would be paid, and none would be counted."""

    async def story() -> None:
        async with world(tmp_path) as here, here.agent(budget=12) as agent:
            for name in ("", " ", "x" * 600):
                for _ in range(2):
                    assert "name" in await agent.refused("generate_song", name=name, idea="rain")
            assert not here.emulator.runs

    told(story())


def test_an_order_without_a_known_price_is_refused(tmp_path: Path) -> None:
    """No prices of sunoapi.org are known, so the budget could not be kept."""

    async def story() -> None:
        async with world(tmp_path, provider="sunoapi") as here, here.agent(budget=12) as agent:
            assert "no price is known" in await agent.refused("estimate_song", idea="rain")
            assert "no price is known" in await agent.refused("generate_song", name="rain", idea="rain")
            assert not here.emulator.runs

    told(story())
