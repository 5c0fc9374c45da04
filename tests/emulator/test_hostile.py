"""Requests that no client means: each gets a refusal, and nothing is raised or logged as an error."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from suno_async.emulator import Emulator

pytestmark = pytest.mark.anyio
SONG = json.dumps({"prompt": "rain", "model": "V5", "customMode": False, "instrumental": False, "callBackUrl": "x"})
KEY = "Authorization: Bearer emulator-key"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(rate_limits=False) as emulator:
        yield emulator


async def answer_to(emulator: Emulator, first: str, *headers: str, body: str = "") -> str:
    """What comes back for bytes that no HTTP library would send."""
    reader, writer = await asyncio.open_connection(*emulator.url.removeprefix("http://").split(":"))
    head = [f"{first} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    writer.write("\r\n".join(head).encode())
    answered = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answered.decode()


@pytest.mark.parametrize(
    ("path", "headers", "body", "said"),
    [
        ("generate", ["Host:", KEY], SONG, '"code":400,"msg":"the Host header is not valid'),
        ("generate", ["Host: a:99999999", KEY], SONG, '"code":400,"msg":"the Host header is not valid'),
        ("generate", ["Host: a", KEY], "[" * 100_000, '"code":400,"msg":"not valid JSON'),
        ("generate", ["Host: a", "Authorization: Bearer \u00ff"], SONG, '"code":401'),
        (
            "common/download-url",
            ["Host:", KEY],
            '{"url": "http://a/b"}',
            '"code":400,"msg":"the Host header is not valid',
        ),
    ],
)
async def test_odd_requests_are_refused(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, path: str, headers: list[str], body: str, said: str
) -> None:
    assert said in await answer_to(emulator, f"POST /api/v1/{path}", *headers, body=body)
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert not emulator.runs


async def test_a_body_that_is_not_compressed_as_it_says_is_refused(emulator: Emulator) -> None:
    answered = await answer_to(
        emulator, "POST /api/v1/generate", "Host: a", KEY, "Content-Encoding: gzip", body=SONG
    )  # aiohttp logs it besides
    assert '"code":400,"msg":"the body cannot be read' in answered
    assert emulator.stats.refusals == {400: 1}


@pytest.mark.parametrize(
    ("path", "kind", "body", "said"),
    [
        ("file-stream-upload", "multipart/form-data; boundary=x", "--x\r\nfoo\r\n--x-", "not a form: "),
        ("file-stream-upload", "multipart/form-data", "{}", "not a form: "),
        (
            "file-url-upload",
            "application/json",
            '{"fileUrl": "http://[::1", "uploadPath": "x"}',
            "fileUrl is not valid",
        ),
    ],
)
async def test_odd_uploads_are_refused_in_the_upload_hosts_envelope(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, path: str, kind: str, body: str, said: str
) -> None:
    answered = await answer_to(emulator, f"POST /api/{path}", "Host: a", KEY, f"Content-Type: {kind}", body=body)
    assert f'{{"success":false,"code":400,"msg":"{said}' in answered
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
