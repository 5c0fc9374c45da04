"""The upload host."""

import base64
import io
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import av
import pytest

from suno_async import (
    KIE,
    Provider,
    UploadBase64,
    UploadFromUrl,
    UploadStream,
)
from suno_async.emulator import Emulator

from .support import EVERYWHERE, SECONDS, URL, answered, service

pytestmark = pytest.mark.usefixtures("threads")


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for place in range(count):
        yield bytes([place % 251]) * size


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_an_upload_is_read_back_byte_for_byte(provider: Provider, tmp_path: Path) -> None:
    song = bytes(range(256)) * 2500
    path = tmp_path / "my song?.mp3"
    path.write_bytes(song)
    async with service(provider) as (emulator, suno), aiohttp.ClientSession() as session:
        as_text = await suno.upload_base64(
            base64_data="data:audio/mpeg;base64," + base64.b64encode(song).decode(), upload_path="a/b"
        )
        streamed = await suno.upload_stream(file=path, file_name="my song?.mp3")
        flowing = await suno.upload_stream(file=pieces(5, 256_000), file_name="x.wav")
        for file in (as_text, streamed, flowing):
            assert (file.download_url or "").startswith(emulator.url)
            async with session.get(file.download_url or "") as answer:
                body = await answer.read()
                assert (answer.status, answer.content_type, len(body)) == (200, file.mime_type, file.file_size)
                assert body == (song if file is not flowing else b"".join([bytes([n]) * 256_000 for n in range(5)]))
        assert (as_text.file_path or "").startswith("a/b/")
        assert (as_text.file_name or "").endswith(".mp3")
        again = await suno.upload_stream(file=b"new", file_name="x.wav")
        async with session.get(flowing.download_url or "") as answer:
            assert (again.download_url, await answer.read()) == (flowing.download_url, b"new")
        fetched = await suno.upload_from_url(file_url="https://nowhere.invalid/song.mp3", file_name="song.mp3")
        async with session.get(fetched.download_url or "") as answer:
            body = await answer.read()
        with av.open(io.BytesIO(body), "r") as opened:
            assert (opened.duration or 0) / 1e6 == pytest.approx(SECONDS, abs=0.1)
        emulator.advance(3 * 24 * 3600 + 1)
        async with session.get(fetched.download_url or "") as answer:
            assert answer.status == 404
        async with session.get(f"{emulator.url}/uploads/unknown.mp3") as answer:
            assert answer.status == 404


async def test_a_big_upload_does_not_fill_the_memory() -> None:
    async with service(KIE) as (_, suno):
        await suno.upload(pieces(1, 1000), name="warm.mp3")
        tracemalloc.start()
        try:
            file = await suno.upload_stream(file=pieces(400, 100_000), file_name="big.wav")
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
        assert file.file_size == 40_000_000


async def test_uploads_are_refused_in_the_upload_hosts_own_envelope() -> None:
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        for path, body, code in (
            (UploadBase64.path, {"base64Data": "SUQz"}, 400),
            (UploadBase64.path, {"base64Data": "§", "uploadPath": "a"}, 400),
            (UploadFromUrl.path, {"fileUrl": "ftp://x", "uploadPath": "a"}, 400),
            (UploadFromUrl.path, {"fileUrl": URL, "uploadPath": "/a"}, 400),
            (UploadStream.path, {}, 400),
        ):
            status, answer = await answered(emulator, path, body)
            assert (status, answer["success"], answer["code"]) == (200, False, code)
        async with session.post(UploadStream.path, data={"file": io.BytesIO(b"x")}, headers=key) as refused:
            assert await refused.json() == {"success": False, "code": 400, "msg": "uploadPath is missing"}
        async with session.post(UploadStream.path) as refused:
            assert (refused.status, (await refused.json())["code"]) == (401, 401)
        async with session.get(UploadStream.path, headers=key) as refused:
            assert (refused.status, (await refused.json())["success"]) == (405, False)
