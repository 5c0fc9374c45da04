"""The receiver in each framework, served by a real server, over loopback. In real time, since nothing waits."""

import asyncio
import copy
import importlib
import io
import logging
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import aiohttp
import hypercorn
import hypercorn.asyncio
import msgspec
import pytest
import uvicorn
from aiohttp import web
from yarl import URL

from suno_async import KIE, ConfigurationError, Music, Pace, Source, Stage, SunoClient, Task, Update
from suno_async.webhooks.verdict import LIMIT

from ..doubles import DONE, Script, called, track
from ..servers import HANGS

EAGER = msgspec.structs.replace(KIE, polls_per_second=1000.0)  # so that nothing waits in real time
LONG = Pace(first=500, growth=1, cap=500, patience=1000)


@asynccontextmanager
async def by_uvicorn(app: Any, listening: socket.socket, root_path: str) -> AsyncGenerator[None]:
    config = uvicorn.Config(app, root_path=root_path, lifespan="on", ws="none", log_config=None, log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def by_hypercorn(app: Any, listening: socket.socket, root_path: str) -> AsyncGenerator[None]:
    config = hypercorn.Config.from_mapping(bind=f"fd://{listening.detach()}", root_path=root_path, errorlog=None)
    stop = asyncio.Event()
    serve = hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait)  # pyright: ignore[reportUnknownMemberType]
    serving = asyncio.create_task(serve)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([serving])
        if not serving.cancelled():  # so it ends itself with its dispatcher on Python 3.13
            await serving


@asynccontextmanager
async def by_aiohttp(app: Any, listening: socket.socket, root_path: str) -> AsyncGenerator[None]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def by_sanic(app: Any, listening: socket.socket, root_path: str) -> AsyncGenerator[None]:
    server = await app.create_server(sock=listening)
    await server.startup()
    await server.before_start()
    await server.after_start()
    try:
        yield
    finally:
        await server.before_stop()
        await server.close()
        await server.after_stop()


class Setup(NamedTuple):
    """An application of tests/frameworks, who serves it, and under which address."""

    program: str
    app: str
    serve: Callable[[Any, socket.socket, str], AbstractAsyncContextManager[None]]
    prefix: str = ""
    path: str = "/suno"
    stripped: bool = False
    """By a proxy in front, which leaves the rest of the path to us."""
    buffered: bool = False
    """The framework reads every body to its end before anybody sees it."""

    def __str__(self) -> str:
        proxied = "-stripped" if self.stripped else ""
        return f"{self.program}-{self.app}-{self.serve.__name__}-{self.prefix}{self.path}{proxied}"


SETUPS = [
    Setup("with_fastapi", "app", by_uvicorn),
    Setup("with_fastapi", "app", by_uvicorn, "/api", stripped=True),
    Setup("with_fastapi", "prefixed", by_uvicorn, "/api"),
    Setup("with_fastapi", "mounted", by_uvicorn, "/api"),
    Setup("with_fastapi", "token_in_path", by_uvicorn, path="/suno/{token}"),
    Setup("with_starlette", "app", by_uvicorn),
    Setup("with_starlette", "app", by_uvicorn, "/api", stripped=True),
    Setup("with_starlette", "mounted", by_uvicorn, "/api"),
    Setup("with_starlette", "token_in_path", by_uvicorn, path="/suno/{token}"),
    Setup("with_litestar", "app", by_uvicorn),
    Setup("with_litestar", "app", by_uvicorn, "/api", stripped=True),
    Setup("with_litestar", "prefixed", by_uvicorn, "/api"),
    Setup("with_litestar", "token_in_path", by_uvicorn, path="/suno/{token}"),
    Setup("with_quart", "app", by_hypercorn),
    Setup("with_quart", "prefixed", by_hypercorn, "/api"),
    Setup("with_quart", "dispatched", by_hypercorn),
    Setup("with_quart", "token_in_path", by_hypercorn, path="/suno/{token}"),
    Setup("with_django", "app", by_hypercorn),
    Setup("with_django", "app", by_hypercorn, "/api"),
    Setup("with_django", "app", by_hypercorn, "/api", stripped=True),
    Setup("with_django", "app", by_uvicorn, "/api", stripped=True),
    Setup("with_django", "app", by_hypercorn, path="/suno/{token}"),
    Setup("with_django", "viewed", by_hypercorn, buffered=True),
    Setup("with_django", "viewed", by_hypercorn, "/api", buffered=True),
    Setup("with_django", "viewed", by_hypercorn, "/api", stripped=True, buffered=True),
    Setup("with_django", "viewed", by_hypercorn, path="/suno/{token}", buffered=True),
    Setup("with_sanic", "app", by_sanic),
    Setup("with_sanic", "app", by_uvicorn, buffered=True),
    Setup("with_sanic", "prefixed", by_sanic, "/api"),
    Setup("with_sanic", "token_in_path", by_sanic, path="/suno/{token}"),
    Setup("with_aiohttp", "app", by_aiohttp),
    Setup("with_aiohttp", "mounted", by_aiohttp, "/api"),
    Setup("with_aiohttp", "token_in_path", by_aiohttp, path="/suno/{token}"),
    Setup("without_framework", "app", by_uvicorn),
    Setup("without_framework", "app", by_uvicorn, "/api", stripped=True),
    Setup("without_framework", "app", by_uvicorn, path="/suno/{token}"),
]


ASGI = SunoClient(api_key="k").receiver().asgi
if copy.deepcopy(ASGI) is ASGI:  # a router of Litestar copies what it is given
    SETUPS.append(Setup("with_litestar", "routed", by_uvicorn, "/api"))


class Job(NamedTuple):
    """A task that somebody waits for, and the address that the service was given."""

    task: Task[Music]
    waiting: asyncio.Task[Update[Music]]
    address: str

    @property
    def callback(self) -> bytes:
        return called("complete", track(1), track(2), task_id=self.task.id)


class Running(NamedTuple):
    """An application that is served."""

    url: str
    outside: str
    suno: SunoClient
    network: Script
    session: aiohttp.ClientSession

    async def submit(self) -> Job:
        task = await self.suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(0)
        given = self.network.posted[-1]["callBackUrl"]
        assert given.startswith(self.outside)
        return Job(task, waiting, given.replace(self.outside, self.url))

    async def request(self, method: str, address: str, body: Any = None) -> int:
        async with self.session.request(method, URL(address, encoded=True), data=body) as answer:
            await answer.read()
            return answer.status


def pasted(setup: Setup, network: Script, outside: str) -> Any:
    """The program, with a client that talks to nobody and callbacks to us."""

    class Client(SunoClient):
        def __init__(self, *, callback_url: str) -> None:
            address = callback_url.replace("https://bot.example/suno", outside + setup.path)
            super().__init__(api_key="k", transport=network, provider=EAGER, pace=LONG, callback_url=address)

    if setup.program == "with_django":
        importlib.import_module("django.urls").clear_url_caches()
    if setup.program == "with_sanic":
        importlib.import_module("sanic").Sanic.test_mode = True  # or it would start one app a process
    name = f"tests.frameworks.{setup.program}"
    sys.modules.pop(name, None)
    with patch("suno_async.SunoClient", Client):
        return importlib.import_module(name)


@asynccontextmanager
async def served(setup: Setup) -> AsyncGenerator[Running]:
    network = Script(DONE)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    outside = url + setup.prefix
    program = pasted(setup, network, outside)
    root_path = setup.prefix if setup.stripped else ""
    async with (
        setup.serve(getattr(program, setup.app), listening, root_path),
        aiohttp.ClientSession() as session,
    ):
        yield Running(url if setup.stripped else outside, outside, program.suno, network, session)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Litestar takes the root logger for its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="module", params=SETUPS, ids=str)
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    async with served(request.param) as opened:
        yield opened


async def test_a_callback_to_the_address_that_was_given_resolves_the_task(running: Running) -> None:
    """Its token comes along in every framework, in the query or in the path, so it is believed without a poll."""
    job = await running.submit()
    assert await running.request("POST", job.address, job.callback) == 200
    async with asyncio.timeout(HANGS):
        assert (await job.waiting).source is Source.CALLBACK
    assert [one.title for one in (await job.task).tracks] == ["Sample", "Sample"]


async def test_two_callbacks_at_once(running: Running) -> None:
    jobs = [await running.submit(), await running.submit()]
    posts = [running.request("POST", job.address, job.callback) for job in jobs]
    async with asyncio.timeout(HANGS):
        assert await asyncio.gather(*posts) == [200, 200]
        for job in jobs:
            await job.waiting


async def test_a_body_in_chunks(running: Running) -> None:
    job = await running.submit()

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(job.callback), 500):
            yield job.callback[at : at + 500]

    assert await running.request("POST", job.address, chunks()) == 200
    async with asyncio.timeout(HANGS):
        await job.waiting


async def test_what_is_no_callback_is_refused_without_effect(running: Running) -> None:
    job = await running.submit()
    another = await running.submit()
    assert await running.request("POST", another.address, job.callback) == 401
    assert await running.request("GET", job.address) == 405
    assert await running.request("POST", job.address, b"hello") == 400
    assert await running.request("POST", job.address, io.BytesIO(b"x" * (LIMIT + 1))) == 413
    assert job.task.stage is Stage.PENDING
    job.waiting.cancel()
    another.waiting.cancel()


@pytest.mark.parametrize("running", [one for one in SETUPS if not one.buffered], indirect=True, ids=str)
async def test_a_body_announced_too_large_is_not_waited_for(running: Running) -> None:
    """By us, or by the limit of the framework."""
    job = await running.submit()
    to = urlsplit(job.address)
    reader, writer = await asyncio.open_connection(to.hostname, to.port)
    head = f"POST {to.path}?{to.query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000000\r\n\r\n{{"
    writer.write(head.encode())
    try:
        async with asyncio.timeout(HANGS):
            assert b" 413 " in await reader.readline()
    finally:
        writer.close()
        job.waiting.cancel()


async def test_the_other_routes_are_as_they_were(running: Running) -> None:
    assert await running.request("GET", f"{running.url}/") == 200


@pytest.mark.parametrize("setup", [one for one in SETUPS if not one.stripped and one.path == "/suno"], ids=str)
async def test_the_client_is_closed_as_the_server_stops(setup: Setup) -> None:
    """In the framework's own way; the waiting of those who still wait is ended."""
    async with served(setup) as opened:
        job = await opened.submit()
    assert opened.network.closed
    with pytest.raises(ConfigurationError, match="closed"):
        await job.waiting
