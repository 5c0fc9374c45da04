"""The receiver as a handler of aiohttp.web, on loopback. In real time, since nothing waits."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from suno_async import Receiver, StoreError
from suno_async.webhooks.verdict import LIMIT
from suno_async.webhooks.verification import Proofs
from suno_async.wire import tokens

from ...callbacks import KEY, signature
from ...doubles import called
from .support import REF, Sink

SECRET = b"secret"
TOKEN = tokens.issue(SECRET, 1, REF)
BODY = called("text")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def served(receiver: Receiver) -> AsyncGenerator[URL]:
    app = web.Application()
    for path in ("/suno", "/suno/{token}"):
        app.router.add_route("*", path, receiver.aiohttp)
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # a sender that was stopped midway lingers
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}/suno")
    finally:
        await runner.cleanup()


async def send(url: URL, body: Any = BODY, method: str = "POST", **more: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, **more) as answer:
        assert answer.content_type == "application/json"
        return answer.status, (await answer.json())["msg"]


async def test_a_body_is_handed_on_as_it_was_posted() -> None:
    sink = Sink()

    async def chunks() -> AsyncIterator[bytes]:
        for place in range(0, len(BODY), 20):
            yield BODY[place : place + 20]

    async with served(Receiver(sink, Proofs())) as url:
        assert await send(url) == (200, "received")
        assert await send(url, chunks()) == (200, "received")
    assert [delivery.callback.body for delivery in sink.deliveries] == [BODY, BODY]


async def test_the_query_the_path_and_the_headers_go_along() -> None:
    async with served(Receiver(Sink(), Proofs((SECRET,), (KEY,)))) as url:
        for address in (url.with_query(suno=TOKEN), url / TOKEN):
            assert (await send(address, headers=signature("t1")))[0] == 200
            assert (await send(address))[0] == 401
        assert (await send(url, headers=signature("t1")))[0] == 401


async def test_other_methods_than_post_are_refused() -> None:
    async with (
        served(Receiver(Sink(), Proofs())) as url,
        aiohttp.ClientSession() as session,
        session.put(url, data=BODY) as answer,
    ):
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_what_cannot_be_taken_is_to_be_sent_again() -> None:
    async with served(Receiver(Sink(StoreError("no room")), Proofs())) as url:
        assert await send(url) == (503, "no room")


@pytest.mark.parametrize("over", [0, 1])
async def test_a_body_may_have_so_many_bytes(over: int) -> None:
    """Whether or not its length is announced."""

    async def chunks() -> AsyncIterator[bytes]:
        yield BODY.ljust(LIMIT)
        yield b" " * over

    async with served(Receiver(Sink(), Proofs())) as url:
        for body in (io.BytesIO(BODY.ljust(LIMIT + over)), chunks()):
            assert (await send(url, body))[0] == (413 if over else 200)


@pytest.mark.parametrize(
    "head",
    [
        "Content-Encoding: gzip\r\nContent-Length: 9",
        "Content-Encoding: deflate\r\nContent-Length: 9",
        "Transfer-Encoding: chunked",
    ],
)
async def test_a_body_that_is_not_what_its_headers_promise_is_refused(head: str) -> None:
    async with served(Receiver(Sink(), Proofs())) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", url.port)
        writer.write(f"POST /suno HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nnot gzip!\r\n\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("head", ["Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "Content-Length: 100\r\n\r\nhel"])
async def test_a_sender_that_hangs_up_is_no_error_of_the_server(head: str, caplog: pytest.LogCaptureFixture) -> None:
    sink = Sink()
    async with served(Receiver(sink, Proofs())) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", url.port)
        writer.write(f"POST /suno HTTP/1.1\r\nHost: x\r\n{head}".encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.2)
    assert "Error handling request" not in caplog.text
    assert sink.deliveries == []
