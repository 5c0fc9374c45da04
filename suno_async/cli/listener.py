"""The server of `suno-async listen`."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web

from ..errors import CallbackError
from ..log import shown
from ..webhooks.verdict import LIMIT
from ..webhooks.verification import FRESHNESS, Proofs, signed
from ..wire import callbacks, tokens
from ..wire.callbacks import Callback

__all__ = ["Listener", "described"]

TIMEOUT = 15
"""How long an answer may take, in seconds (docs/service.md#callbacks)."""
OF_THE_CONNECTION = {
    *("host", "connection", "keep-alive", "upgrade", "te", "trailer", "transfer-encoding"),
    *("content-length", "content-encoding", "expect"),
}
"""Headers that are not forwarded: they belong to the connection, or to the encoding, which is undone here."""


class Listener:
    """Shows what is posted to it, and forwards it.

    Args:
        forward_to: Where to; empty for nowhere.
        proofs: What callbacks are verified against.
        show: Takes each line.
    """

    # State, all of it: _session, for what is forwarded, while it serves.

    def __init__(self, forward_to: str, proofs: Proofs, show: Callable[[str], object]) -> None:
        self._forward_to = forward_to
        self._proofs = proofs
        self._show = show
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncGenerator[str]:
        """Serve on loopback, and return the address. OSError if the port cannot be used."""
        app = web.Application(client_max_size=LIMIT)
        app.router.add_route("*", "/{path:.*}", self._receive)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as self._session:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return self._answered(web.Response(status=405, headers={"Allow": "POST"}), f"{request.method}, not posted")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._answered(web.Response(status=413), f"more than {LIMIT} bytes")
        except (aiohttp.ClientPayloadError, web.RequestPayloadError, ConnectionError):
            return self._answered(web.Response(status=400), "unreadable")
        answer = await self._forwarded(request, body) if self._forward_to else web.json_response({"msg": "received"})
        offered = [*request.query.getall(tokens.NAME, []), *tokens.found_in(request.path)]
        return self._answered(answer, described(body, request.headers, offered, self._proofs))

    def _answered(self, answer: web.Response, told: str) -> web.Response:
        self._show(f"{time.strftime('%H:%M:%S')} {answer.status} {told}")
        return answer

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response:
        """The application's answer; 502 if there is none, so that the service posts the callback again."""
        assert self._session is not None
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in OF_THE_CONNECTION]
        url = _target(self._forward_to, request)
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                content_type = answer.headers.get("Content-Type", "application/octet-stream")
                return web.Response(
                    body=await answer.read(), status=answer.status, headers={"Content-Type": content_type}
                )
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502, text="no answer from the application")


def _target(forward_to: str, request: web.Request) -> str:
    """Where a callback is forwarded to: with the query, and the token of the path, that it came with."""
    for token in tokens.found_in(request.path):
        forward_to = forward_to.replace(tokens.PLACE, token)
    parts = urlsplit(forward_to)
    query = "&".join(one for one in (parts.query, request.rel_url.raw_query_string) if one)
    return urlunsplit(parts._replace(query=query))


def described(body: bytes, headers: Mapping[str, str], offered: list[str], proofs: Proofs) -> str:
    """A callback in one line: stage, task, and what verified it.

    Args:
        body: The body as it was posted.
        headers: The headers.
        offered: What may be a token in the address.
        proofs: What it is verified against.
    """
    try:
        callback = callbacks.parse(body)
    except CallbackError as exc:
        return shown(exc)
    return (
        f"{shown(_stage(callback))} of task {shown(callback.task_id)}, {_verified(callback, headers, offered, proofs)}"
    )


def _stage(callback: Callback) -> str:
    stage = callback.stage or callback.status or callback.state
    return f"{stage or 'error'} {callback.code}" if callback.code != 200 else stage or "complete"


def _verified(callback: Callback, headers: Mapping[str, str], offered: list[str], proofs: Proofs) -> str:
    by = ["token"] if any(tokens.read(one, proofs.secrets) for one in offered) else []
    by += ["signature"] if signed(callback.task_id, headers, proofs.keys, FRESHNESS, time.time()) else []
    return f"verified by {' and '.join(by)}" if by else "unverified"
