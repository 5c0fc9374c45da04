"""Callbacks over HTTP, token and signature checked: aiohttp.web and Starlette with our receiver, by hand, and bare.

Each task gets three callbacks, each new, and somebody waits for its end. By hand is what people write from the
service's pages: json, two HMACs, and a dict of futures. Load comes from another process, whose CPU does not count.
"""

import asyncio
import base64
import hmac
import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import anyio
import msgspec
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suno_async import GenerateMusic, Receiver, Task
from suno_async.wire.tokens import secret_of
from tests.servers import redis_server

from .receive import KEY, Addressed, client, posted, signed
from .rounds import Series, alternate
from .table import Row, row

STAGES = ("text", "first", "complete")
RATE = 1000.0
"""Callbacks a second, where latency is measured."""
TOO_OLD = 300
OK = b'{"msg": "received"}'

Application = web.Application | Starlette


class Measured(NamedTuple):
    """What some callbacks came to."""

    cpu: float
    """µs of the server a callback."""
    rate: float
    """Callbacks a second."""
    late: float
    """ms within which 99 of 100 were answered."""


class ByHand:
    """The checks and the bookkeeping that the service's pages ask for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.tasks: dict[str, asyncio.Future[list[Any]]] = {}
        self.stages: dict[str, str] = {}

    def take(self, body: bytes, headers: Mapping[str, str], token: str) -> int:
        """Return the status to answer."""
        decoded = base64.urlsafe_b64decode(token)
        content, given = decoded[:14], decoded[14:]
        if not hmac.compare_digest(hmac.new(self._secret, content, "sha256").digest()[:16], given):
            return 401
        told = json.loads(body)
        data = told["data"]
        stamp = headers["X-Webhook-Timestamp"]
        if abs(time.time() - int(stamp)) > TOO_OLD:
            return 401
        right = hmac.new(KEY.encode(), f"{data['task_id']}.{stamp}".encode(), "sha256").digest()
        if not hmac.compare_digest(base64.b64encode(right).decode(), headers["X-Webhook-Signature"]):
            return 401
        waiting = self.tasks.get(data["task_id"])
        if told["code"] == 200 and waiting is not None and not waiting.done():
            self.stages[data["task_id"]] = data["callbackType"]
            if data["callbackType"] == "complete":
                waiting.set_result(data["data"])
        return 200


# ---- in two frameworks -----------------------------------------------------------------------------------------------


def in_aiohttp(handler: Any) -> web.Application:
    application = web.Application()
    application.router.add_post("/suno", handler)
    return application


def in_starlette(endpoint: Any) -> Starlette:
    return Starlette(routes=[Route("/suno", endpoint, methods=["POST"])])


def aiohttp_by_hand(receiver: Receiver, hand: ByHand) -> Application:
    async def take(request: web.Request) -> web.Response:
        status = hand.take(await request.read(), request.headers, request.query["suno"])
        return web.Response(body=OK, status=status, content_type="application/json")

    return in_aiohttp(take)


def starlette_by_hand(receiver: Receiver, hand: ByHand) -> Application:
    async def take(request: Request) -> Response:
        status = hand.take(await request.body(), request.headers, request.query_params["suno"])
        return Response(OK, status, media_type="application/json")

    return in_starlette(take)


def aiohttp_bare(receiver: Receiver, hand: ByHand) -> Application:
    async def take(request: web.Request) -> web.Response:
        return web.Response()

    return in_aiohttp(take)


def starlette_bare(receiver: Receiver, hand: ByHand) -> Application:
    async def take(request: Request) -> Response:
        return Response()

    return in_starlette(take)


WAYS: dict[str, Callable[[Receiver, ByHand], Application]] = {
    "aiohttp": lambda receiver, hand: in_aiohttp(receiver.aiohttp),
    "aiohttp.hand": aiohttp_by_hand,
    "aiohttp.bare": aiohttp_bare,
    "asgi": lambda receiver, hand: in_starlette(receiver.asgi),
    "asgi.hand": starlette_by_hand,
    "asgi.bare": starlette_bare,
}


@asynccontextmanager
async def serving(application: Application) -> AsyncGenerator[int]:
    """Serve an application, without a log of requests, and give its port."""
    if isinstance(application, web.Application):
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
        await runner.cleanup()
        return
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="critical", access_log=False, lifespan="off"))
    running = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110  it has no event for that
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


# ---- the load --------------------------------------------------------------------------------------------------------


def request(address: str, task_id: str, stage: str) -> bytes:
    """A callback as it comes over the wire."""
    parts, body = urlsplit(address), posted(task_id, stage)
    headers = {"Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in (headers | signed(task_id)).items())
    return f"POST {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode() + body


async def loaded(application: Application, requests: list[bytes], rate: float) -> Measured:
    """Serve an application, post all callbacks, and measure."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(application))
        file = await stack.enter_async_context(anyio.TemporaryDirectory[str]())
        path = anyio.Path(file, "requests")
        await path.write_bytes(msgspec.msgpack.encode(requests))
        command = (sys.executable, "-m", "benchmarks.load", str(port), str(path), str(rate))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"connected\n"
        began = time.process_time()
        printed, _ = await process.communicate(b"\n")
        cpu = time.process_time() - began
        seconds, late = map(float, printed.split())
    return Measured(cpu / len(requests) * 1e6, len(requests) / seconds, late)


async def result(future: asyncio.Future[Any]) -> Any:
    return await future


async def measure(way: str, tasks: int, rate: float, store: str | None) -> Measured:
    """Post three callbacks for each of some tasks to one of the ways."""
    network, hand = Addressed(), ByHand(secret_of("k"))
    async with client(network, webhook_key=KEY, store=store) as suno:
        made, addresses = list[Task[Any]](), list[str]()
        for _ in range(tasks):
            made.append(await suno.submit(GenerateMusic(prompt="x")))
            addresses.append(network.callback_url)
        hand.tasks = {task.id: asyncio.get_running_loop().create_future() for task in made}
        waiting = [asyncio.ensure_future(one) for task in made for one in (task.get(), result(hand.tasks[task.id]))]
        sides = [*zip(made, addresses, strict=True)]
        requests = [request(address, task.id, stage) for stage in STAGES for task, address in sides]
        taken = await loaded(WAYS[way](suno.receiver(), hand), requests, rate)
        ended = [task.done() for task in made], [future.done() for future in hand.tasks.values()]
        assert way.endswith("bare") or any(map(all, ended))
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return taken


@contextmanager
def stores() -> Generator[dict[str, Callable[[], str]]]:
    """Addresses of new stores of each kind; Redis writes each change to disk before it answers."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        numbers = count()
        yield {
            "SQLite": lambda: f"sqlite:///{folder}/{next(numbers)}.db",
            "Redis": lambda: f"{server.url.removesuffix('0')}{next(numbers)}",  # one of its 16 databases
        }


def suite(quick: bool) -> list[Row]:
    tasks, rounds = (150, 1) if quick else (500, 4)
    with stores() as addresses:
        sides: dict[str, tuple[str, Callable[[], str] | None]] = {way: (way, None) for way in WAYS}
        sides |= {name: ("aiohttp", address) for name, address in addresses.items()}
        for way in ("aiohttp", "asgi"):
            run(way, 10, 0, None)  # what is loaded and made once
        ways = {name: partial(run, way, tasks, 0, address) for name, (way, address) in sides.items()}
        taken = alternate(ways, rounds)
        ways = {name: partial(run, way, min(tasks, 300), RATE, address) for name, (way, address) in sides.items()}
        late = alternate(ways, 1 if quick else 2)
    rows = list[Row]()
    for framework, name in (("aiohttp", "aiohttp.web"), ("asgi", "Starlette and uvicorn")):
        rows += compared(framework, name, taken, late)
    for name in addresses:
        ours, times = columns(taken[name]), columns(late[name])
        key, what = f"callbacks.{name.lower()}", f"through aiohttp.web, with {name}"
        rows += [
            row(f"{key}.rate", f"callbacks {what}", "a second", ours.rate),
            row(f"{key}.cpu", f"a callback {what}", "µs CPU", ours.cpu),
            row(f"{key}.late", f"99 of 100 through aiohttp.web, 1 000 a second, with {name}", "ms", times.late),
        ]
    return rows


def compared(key: str, name: str, taken: Mapping[str, list[Measured]], late: Mapping[str, list[Measured]]) -> list[Row]:
    """The rows of a framework."""
    ours, hand, bare = (columns(taken[f"{key}{side}"]) for side in ("", ".hand", ".bare"))
    slow, slow_hand, slow_bare = (columns(late[f"{key}{side}"]) for side in ("", ".hand", ".bare"))
    return [
        row(
            f"callbacks.{key}.rate",
            f"callbacks through {name}: ours",
            "a second",
            ours.rate,
            "≥ 1.0",
            against=("ours / by hand", hand.rate),
        ),
        row(f"callbacks.{key}.hand", f"callbacks through {name} by hand: json, HMAC", "a second", hand.rate),
        row(f"callbacks.{key}.bare", f"callbacks through {name}, bare: 200 at once", "a second", bare.rate),
        row(
            f"callbacks.{key}.floor",
            f"callbacks through {name}, beside bare ones",
            "a second",
            ours.rate,
            "≥ 0.5",
            against=("ours / bare", bare.rate),
        ),
        row(
            f"callbacks.{key}.cpu",
            f"a callback through {name}: ours",
            "µs CPU",
            ours.cpu,
            "≤ 1.0",
            against=("ours / by hand", hand.cpu),
        ),
        row(f"callbacks.{key}.cpu.hand", f"a callback through {name} by hand", "µs CPU", hand.cpu),
        row(f"callbacks.{key}.cpu.bare", f"a callback through {name}, bare", "µs CPU", bare.cpu),
        row(
            f"callbacks.{key}.late",
            f"99 of 100 through {name}, 1 000 a second: ours",
            "ms",
            slow.late,
            against=("ours / by hand", slow_hand.late),
        ),
        row(f"callbacks.{key}.late.bare", f"99 of 100 through {name}, 1 000 a second: bare", "ms", slow_bare.late),
    ]


class Columns(NamedTuple):
    """The rounds of what was measured."""

    cpu: Series
    rate: Series
    late: Series


def columns(taken: Iterable[Measured]) -> Columns:
    return Columns(*(Series(tuple(values)) for values in zip(*taken, strict=True)))


def run(way: str, tasks: int, rate: float, store: Callable[[], str] | None) -> Measured:
    return asyncio.run(measure(way, tasks, rate, store and store()))
