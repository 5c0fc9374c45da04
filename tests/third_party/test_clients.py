"""Clients that only know the documented wire format make songs at the emulator."""

import asyncio
import json
import os
from pathlib import Path

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


async def output(emulator: Emulator, tmp_path: Path, program: str, *arguments: str) -> str:
    """What a program of theirs prints."""
    path = FOLDER / "bin" / program
    if not path.exists() and not os.environ.get("CI"):
        pytest.skip("third-party clients are not installed: make third-party")
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
