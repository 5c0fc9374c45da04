"""Clients that only know the documented wire format make songs at the emulator."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from suno_async import SUNOAPI
from suno_async.emulator import Emulator

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parents[2] / ".venv/third-party"
"""Where `make third-party` installs them."""
EASY = """
import json, os
from suno_easy import SunoClient
SunoClient.BASE_URL = url = os.environ["SUNO_BASE_URL"]
client = SunoClient(api_key=os.environ["SUNO_API_KEY"], upload_base_url=url)
songs = client.music.generate("rain", style="fado", title="Rain")
lyrics = client.lyrics.generate("rain")
audio = client.session.get(songs[0].audio_url).content
print(json.dumps([len(songs), songs[0].title, len(lyrics), audio[:3].decode(), client.account.get_credits().remaining]))
"""


def installed(path: str) -> Path:
    """A program of theirs."""
    if not os.environ.get("THIRD_PARTY"):
        pytest.skip("needs the clients of other people: make third-party")
    return FOLDER / path


async def output(emulator: Emulator, tmp_path: Path, program: str, *arguments: str) -> str:
    """What a program of theirs prints."""
    path = installed(f"bin/{program}")
    environment = {"SUNO_BASE_URL": emulator.url, "SUNO_API_KEY": emulator.api_key, "HOME": str(tmp_path)}
    ended = await asyncio.create_subprocess_exec(
        path, *arguments, env=os.environ | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, said = await ended.communicate()
    assert ended.returncode == 0, said.decode()
    return printed.decode()


@pytest.fixture
def anyio_backend() -> str:
    """In real time: the clients are programs of their own."""
    return "asyncio"


async def test_suno_easy(tmp_path: Path) -> None:
    async with Emulator(provider=SUNOAPI, speed=200, media_seconds=1) as emulator:
        printed = json.loads(await output(emulator, tmp_path, "python", "-c", EASY))
    assert printed[:4] == [2, "Rain", 2, "ID3"]
    assert printed[4] == int(emulator.credits)


async def test_suno_music_cli(tmp_path: Path) -> None:
    async with Emulator(provider=SUNOAPI, speed=200, media_seconds=1) as emulator:
        callback = ("--callback-url", "http://127.0.0.1:9/callback")
        submit = ("generate", "-p", "rain", "--wait", "--interval", "0.5")
        printed = await output(emulator, tmp_path, "suno", *submit, *callback)
        assert "SUCCESS" in printed
        assert printed.count("/files/") == 2
        assert "credits: 988" in await output(emulator, tmp_path, "suno", "credits")


class Tools:
    """Calls the tools of an MCP server over its standard streams."""

    def __init__(self, server: asyncio.subprocess.Process) -> None:
        self._server = server
        self._asked = 0

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request, and return its result."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._server.stdin.write(json.dumps(message).encode() + b"\n")
        answered: dict[str, Any] = {}
        while answered.get("id") != self._asked:
            answered = json.loads(await asyncio.wait_for(self._server.stdout.readline(), 30))
        return answered["result"]

    async def call(self, name: str, **arguments: Any) -> Any:
        """Call a tool, and return the JSON in its answer."""
        result = await self.ask("tools/call", name=name, arguments=arguments)
        return json.loads(result["content"][0]["text"])


async def test_kie_ai_mcp_server(tmp_path: Path) -> None:
    program = installed("node_modules/@felores/kie-ai-mcp-server/dist/index.js")
    async with Emulator(speed=1000, media_seconds=1) as emulator:
        environment = {
            "KIE_AI_BASE_URL": f"{emulator.url}/api/v1",
            "KIE_AI_API_KEY": emulator.api_key,
            "KIE_AI_DB_PATH": str(tmp_path / "tasks.db"),
            "KIE_AI_ALLOW_DIRECT_GENERATION": "true",  # without asking a person
        }
        pipe = asyncio.subprocess.PIPE
        server = await asyncio.create_subprocess_exec(
            "node", program, env=os.environ | environment, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            tools = Tools(server)
            client = {"name": "test", "version": "1"}
            await tools.ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
            song = {"prompt": "rain", "customMode": False, "instrumental": False, "model": "V5"}
            made = await tools.call("suno_generate_music", **song, callBackUrl="http://127.0.0.1:9/callback")
            assert (made["success"], [*emulator.runs]) == (True, [made["task_id"]])
            emulator.advance(500)
            told = await tools.call("get_task_status", task_id=made["task_id"])
        finally:
            server.kill()
            await server.communicate()
    assert told["status"] == "SUCCESS"
    assert [url.partition("/files/")[0] for url in told["result_urls"]] == [emulator.url] * 2
