"""The client while the network is at its worst: odd addresses, answers that dribble, closing in the middle."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from suno_async import DownloadFailed, GenerateMusic, Music, Pace, SunoClient, SunoError, TaskTimeout, Track

from ..unit.http.test_transport import no_names as no_names


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("url", ["http://a%3Ab:c@127.0.0.1:1/x.mp3", "//cdn.example/x.mp3"])
async def test_an_odd_address_fails_as_a_download(url: str, tmp_path: Path) -> None:
    async with SunoClient(api_key="k") as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(Music(tracks=(Track(id="a", audio_url=url),)), tmp_path)


@pytest.fixture
async def dribbling() -> AsyncIterator[str]:
    """A server that begins an answer and sends a byte every fifty seconds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await anyio.sleep(50)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_dribbled_answer_does_not_outlast_patience(dribbling: str) -> None:
    async with SunoClient(api_key="k", base_url=dribbling, pace=Pace(patience=300)) as suno:
        with anyio.fail_after(400), pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t1")


async def test_a_dribbled_submit_does_not_keep_the_client_open(dribbling: str) -> None:
    suno = SunoClient(api_key="k", base_url=dribbling)
    submit = asyncio.create_task(suno.submit(GenerateMusic(prompt="x")))
    await anyio.sleep(1)
    with anyio.fail_after(100):
        await suno.aclose()
    await asyncio.gather(submit, return_exceptions=True)


async def test_closing_while_a_name_is_looked_up_says_so() -> None:
    """aiohttp cancels the look-up, and with it a task that nobody cancelled."""
    suno = SunoClient(api_key="k", base_url="http://api.example")
    call = asyncio.create_task(suno.get_credits())
    await anyio.sleep(1)
    await suno.aclose()
    with pytest.raises(SunoError):
        await call


@pytest.mark.usefixtures("threads")
async def test_a_download_cut_by_closing_says_so(tmp_path: Path) -> None:
    suno = SunoClient(api_key="k")
    song = Music(tracks=(Track(id="a", audio_url="http://media.example/x.mp3"),))
    call = asyncio.create_task(suno.download(song, tmp_path))
    await anyio.sleep(1)
    await suno.aclose()
    with pytest.raises(DownloadFailed):
        await call
