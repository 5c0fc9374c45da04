"""`suno-async listen`: what arrives is shown, and forwarded byte for byte."""

import asyncio
import io
import json
import re
import signal
import socket
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from suno_async import KIE
from suno_async.api.requests import GenerateMusic
from suno_async.cli.listener import Listener, described
from suno_async.emulator import Emulator
from suno_async.emulator.callback_sender import signature_headers
from suno_async.webhooks.verification import Proofs
from suno_async.wire import tokens

from .support import ran, serving

SECRET = b"s"
REF = "AAAABBBBCCCCDDDD"
TOKEN = tokens.issue(SECRET, GenerateMusic.token_id, REF)
BODY = json.dumps({"code": 200, "msg": "ok", "data": {"task_id": "t1", "callbackType": "first", "data": []}}).encode()
BOTH = Proofs((SECRET,), ("k",))


def now() -> int:
    """The time of signatures, which `described` compares with the clock of the machine."""
    return int(time.time())


@pytest.mark.parametrize(
    ("key", "offered", "said"),
    [
        ("k", [TOKEN], "first of task t1, verified by token and signature"),
        ("k", [], "first of task t1, verified by signature"),
        ("another", [TOKEN], "first of task t1, verified by token"),
        ("another", [TOKEN[:-1] + "_"], "first of task t1, unverified"),
    ],
)
def test_a_line_says_what_verified_it(key: str, offered: list[str], said: str) -> None:
    assert described(BODY, signature_headers(key, "t1", now()), offered, BOTH) == said
    assert described(BODY, signature_headers(key, "t1", now()), offered, Proofs()) == "first of task t1, unverified"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"code": 501, "msg": "no", "data": {"task_id": "t1", "callbackType": "error"}}, "error 501 of task t1"),
        ({"code": 500, "msg": "no", "data": {"task_id": "t1"}}, "error 500 of task t1"),
        ({"code": 200, "data": {"taskId": "t1", "status": "wait_validating"}}, "wait_validating of task t1"),
        ({"code": 200, "data": {"taskId": "t\n1"}}, "complete of task t\\n1"),
        ({"code": 200, "data": {}}, "not a callback: it names no task"),
    ],
)
def test_a_line_says_the_stage_of_every_kind(body: Any, said: str) -> None:
    assert described(json.dumps(body).encode(), {}, [], Proofs()).removesuffix(", unverified") == said


async def test_what_arrives_is_forwarded_as_it_came_with_its_tokens() -> None:
    """The application gets the bytes, the headers and the token; the sender gets the application's answer."""
    got: list[tuple[str, Any, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.path_qs, request.headers.get("X-Webhook-Signature"), await request.read()))
        return web.Response(status=503, text="later")

    app, lines = web.Application(), list[str]()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    application = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for forward_to, came, arrived in (
        (f"{application}/suno?a=1", f"/x?suno={TOKEN}", f"/suno?a=1&suno={TOKEN}"),
        (f"{application}/in/{{token}}", f"/any/{TOKEN}", f"/in/{TOKEN}"),
    ):
        async with Listener(forward_to, BOTH, lines.append).serving(0) as url, aiohttp.ClientSession() as session:
            headers = signature_headers("k", "t1", now())
            async with session.post(url + came, data=BODY, headers=headers) as answer:
                assert (answer.status, await answer.text()) == (503, "later")
        assert got.pop() == (arrived, headers["X-Webhook-Signature"], BODY)
    await runner.cleanup()
    async with Listener(application, BOTH, lines.append).serving(0) as url, aiohttp.ClientSession() as session:
        for method, status in (("post", 502), ("get", 405)):
            async with session.request(method, url, data=BODY if method == "post" else None) as answer:
                assert answer.status == status
        async with session.post(url, data=io.BytesIO(b" " * ((1 << 20) + 1))) as answer:
            assert answer.status == 413
    assert [line.partition(" ")[2] for line in lines] == [
        "503 first of task t1, verified by token and signature",
        "503 first of task t1, verified by token and signature",
        "502 first of task t1, unverified",
        "405 GET, not posted",
        "413 more than 1048576 bytes",
    ]
    assert TOKEN not in "".join(lines)


def test_callbacks_of_the_emulator_come_through_the_command_to_a_client() -> None:
    """The whole way: the emulator posts to `listen`, and that to the receiver of a client, which believes it."""

    async def song(listener: str, server: socket.socket) -> int:
        async with Emulator(provider=KIE, speed=1000, webhook_key="k", api_key="key") as emulator:
            client = emulator.client(callback_url=f"{listener}/suno", webhook_key="k", callback_secret="s", model="V5")
            async with client as suno:
                app = web.Application()
                app.router.add_post("/suno", suno.receiver().aiohttp)
                runner = web.AppRunner(app)
                await runner.setup()
                await web.SockSite(runner, server).start()
                task = await suno.generate_music(prompt="rain")
                await task
                while len(emulator.posted) < 3 or not all(posted.statuses for posted in emulator.posted):
                    await asyncio.sleep(0.01)
                await runner.cleanup()
                return sum(posted.statuses == [200] for posted in emulator.posted)

    with socket.create_server(("127.0.0.1", 0)) as server:
        forward_to = f"http://127.0.0.1:{server.getsockname()[1]}/suno"
        environment = {"SUNO_CALLBACK_SECRET": "old,s", "SUNO_WEBHOOK_KEY": "k"}
        with serving("listen", "--port", "0", "--forward-to", forward_to, env=environment) as command:
            assert command.line == f"listening at {command.url}, forwarding to {forward_to}\n"
            assert asyncio.run(song(command.url, server)) == 3
            code, printed, complaints = command.stopped(signal.SIGINT)
    assert (code, complaints) == (130, "")
    lines = [re.sub(r"^\d\d:\d\d:\d\d |[0-9a-f]{32}", "", line) for line in printed.splitlines()]
    assert lines == [
        f"200 {stage} of task , verified by token and signature" for stage in ("text", "first", "complete")
    ]


def test_a_key_alone_verifies_the_tokens_that_clients_make_from_it() -> None:
    async def posted(url: str) -> None:
        token = tokens.issue(tokens.secret_of("key"), GenerateMusic.token_id, REF)
        async with aiohttp.ClientSession() as session, session.post(f"{url}?suno={token}", data=BODY) as answer:
            assert answer.status == 200

    with serving("listen", "--port", "0", env={"SUNO_API_KEY": "key"}) as command:
        asyncio.run(posted(command.url))
        code, printed, complaints = command.stopped(signal.SIGTERM)
    assert (code, complaints) == (0, "")
    assert printed.partition(" ")[2] == "200 first of task t1, verified by token\n"


def test_a_port_that_is_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = ran("listen", "--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Error: port {port} is in use: ")
