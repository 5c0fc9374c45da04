"""Callbacks over real servers: aiohttp.web, plain ASGI, Starlette. In real time, since nothing waits."""

import asyncio
import io
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from suno_async import KIE_LEGACY, ConfigurationError, GenerateMusic, Pace, Receiver, Source, Stage, SunoClient
from suno_async.webhooks.verdict import LIMIT

from ..doubles import PENDING, Script, called, page, track

EAGER = msgspec.structs.replace(KIE_LEGACY, polls_per_second=1000.0)  # so that nothing waits in real time
LONG = Pace(first=500, growth=1, cap=500, patience=1000)


def eager(network: Script) -> SunoClient:
    return SunoClient(api_key="k", transport=network, provider=EAGER, pace=LONG)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def by_aiohttp(receiver: Receiver) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_post("/callbacks/suno", receiver.aiohttp)
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # a sender that was stopped midway lingers
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/suno"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def by_uvicorn(app: Any) -> AsyncGenerator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/callbacks/suno"
    finally:
        server.should_exit = True
        await serving


def by_asgi(receiver: Receiver) -> Any:
    return by_uvicorn(receiver.asgi)


def by_route(receiver: Receiver) -> Any:
    return by_uvicorn(Starlette(routes=[Route("/callbacks/suno", receiver.asgi)]))


def by_mount(receiver: Receiver) -> Any:
    return by_uvicorn(Starlette(routes=[Mount("/callbacks", app=receiver.asgi)]))


Server = Callable[[Receiver], Any]
every_server = pytest.mark.parametrize("server", [by_aiohttp, by_asgi, by_route, by_mount])
Post = Callable[..., Coroutine[Any, Any, int]]


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with aiohttp.ClientSession() as session:

        async def send(url: str, body: bytes, method: str = "POST") -> int:
            async with session.request(method, url, data=io.BytesIO(body)) as answer:
                await answer.read()
                return answer.status

        yield send


@every_server
async def test_a_waiting_task_resolves_as_callbacks_come(server: Server, post: Post) -> None:
    """Text, first, complete: each makes the client poll, and what the poll says is believed."""
    network = Script(page("TEXT_SUCCESS", track(1, audio=False)))
    async with (
        eager(network) as suno,
        server(suno.receiver()) as url,
    ):
        task = await suno.generate_music(prompt="rain")
        stages: list[tuple[Stage, Source]] = []

        async def follows() -> None:
            async for update in task:
                stages.append((update.stage, update.source))

        following = asyncio.create_task(follows())
        assert await post(url, called("text")) == 200
        await task.wait(Stage.TEXT)
        network.polls = [page("FIRST_SUCCESS", track(1), track(2, audio=False))]
        assert await post(url, called("first", track(1), track(2, audio=False))) == 200
        await task.wait(Stage.FIRST)
        network.polls = [page("SUCCESS", track(1), track(2))]
        assert await post(url, called("complete", track(1), track(2))) == 200
        await following
        assert stages == [(stage, Source.CONFIRMED) for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE)]


@every_server
async def test_a_forged_callback_is_not_believed(server: Server, post: Post) -> None:
    network = Script(PENDING)
    async with (
        eager(network) as suno,
        server(suno.receiver()) as url,
    ):
        task = await suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(0)
        assert await post(url, called("complete", track(1) | {"audioUrl": "https://evil.example/x.mp3"})) == 200
        assert await post(url, called("error", code=501)) == 200
        assert (task.stage, waiting.done()) == (Stage.PENDING, False)
        assert network.polled_at
        waiting.cancel()


@every_server
async def test_repeats_and_strangers_are_harmless(server: Server, post: Post) -> None:
    network = Script(page("SUCCESS", track(1)))
    async with (
        eager(network) as suno,
        server(suno.receiver()) as url,
    ):
        task = suno.attach(GenerateMusic, "t1")
        first = await task
        for body in (called("complete", track(1)), called("first", track(1)), called("text", task_id="nobody")):
            assert await post(url, body) == 200
        assert await task == first
        assert len(network.polled_at) == 1


@every_server
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"hello", 400), (b"{}", 400), (b"\xff\xfe", 400), (b"[" * 50_000, 400), (b"x" * (LIMIT + 1), 413)],
    ids=["empty", "text", "no task", "not utf-8", "deep", "large"],
)
async def test_what_is_no_callback_is_refused_without_effect(
    server: Server, post: Post, body: bytes, status: int
) -> None:
    network = Script()
    async with SunoClient(api_key="k", transport=network) as suno, server(suno.receiver()) as url:
        assert await post(url, body) == status
    assert network.sent == []


@every_server
async def test_callbacks_are_posted(server: Server, post: Post) -> None:
    async with SunoClient(api_key="k", transport=Script()) as suno, server(suno.receiver()) as url:
        assert await post(url, b"", "GET") == 405


async def test_the_client_closes_with_its_application() -> None:
    suno = SunoClient(api_key="k", transport=Script())
    async with suno.lifespan(object()):
        await suno.generate_music(prompt="x")
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.generate_music(prompt="x")
