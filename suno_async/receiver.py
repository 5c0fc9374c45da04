"""Callbacks in: what to believe of them, and what to answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec

from . import callbacks
from .callbacks import Callback
from .errors import CallbackError

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Receiver", "Verdict"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LIMIT = 1 << 20
"""Bytes a callback may have; the largest documented ones are a few thousand."""


class Verdict(NamedTuple):
    """What to answer: an HTTP status, a word for people, and the callback if it was one."""

    status: int
    reason: str
    callback: Callback | None = None


class Listener(Protocol):
    """Who wants the news; the client."""

    def nudge(self, task_id: str) -> None:
        """Something is said to have happened to this task."""
        ...


class Receiver:
    """Takes callbacks for a client. One object serves every framework.

    A callback is not proof of anything yet: whoever knows the address can post one. So it is never taken at its word,
    it only makes the client look at the task at once, if somebody waits for it.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.asgi = _Application(self)
        """For ASGI: `app.add_route("/suno", receiver.asgi)` in Starlette and FastAPI, or an application by itself.

        `app.mount("/suno", …)` serves "/suno/" and below, so the callback address must end in a slash then.
        """

    async def receive(
        self, body: bytes, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> Verdict:
        """Take one posted body; answer with the verdict's status. Never raises for what a stranger sent."""
        if len(body) > LIMIT:
            return Verdict(413, "too large")
        try:
            callback = callbacks.parse(body)
        except CallbackError as exc:
            return Verdict(400, str(exc))
        # Here a proof (token, signature: headers, query) will decide whether the callback is fed or only heard.
        self._listener.nudge(callback.task_id)
        return Verdict(200, "received", callback)

    async def aiohttp(self, request: "web.Request") -> "web.Response":
        """Handler for aiohttp.web: `app.router.add_post("/suno", receiver.aiohttp)`."""
        from aiohttp import ClientPayloadError, web  # the server half, loaded only where it is used
        from aiohttp.http_exceptions import HttpProcessingError

        body = bytearray()
        try:
            while len(body) <= LIMIT and (chunk := await request.content.readany()):
                body += chunk
        except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError):  # not what its headers promise
            return web.json_response({"msg": "unreadable"}, status=400)
        verdict = await self.receive(bytes(body), request.headers, request.query)
        return web.json_response({"msg": verdict.reason}, status=verdict.status)


class _Application:
    """The receiver as an ASGI application: an object, since frameworks take functions for something else."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"a callback is an HTTP request, not {scope['type']}")
        verdict = await self._verdict(scope, receive)
        if verdict is not None:
            answer = msgspec.json.encode({"msg": verdict.reason})
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
            await send({"type": "http.response.start", "status": verdict.status, "headers": head})
            await send({"type": "http.response.body", "body": answer})

    async def _verdict(self, scope: Scope, receive: Receive) -> Verdict | None:
        """What to answer an ASGI request; None if the sender hung up."""
        if scope["method"] != "POST":
            return Verdict(405, "callbacks are posted")
        body = await _body(receive)
        if body is None:
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        return await self._receiver.receive(body, headers, query)


async def _body(receive: Receive) -> bytes | None:
    """The posted body, a little over LIMIT at most; None if the sender hung up."""
    body = bytearray()
    while len(body) <= LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)
