"""The receiver as an ASGI application."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .verdict import NOT_POSTED, TOO_LARGE, Verdict, answer_to

if TYPE_CHECKING:
    from .receiver import Receiver

__all__ = ["CallbackApplication"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


_USED = frozenset({b"content-length", b"x-webhook-timestamp", b"x-webhook-signature"})
"""Headers that a callback is read and verified by; proxies add a dozen others."""


class CallbackApplication:
    """An object and no function, since frameworks take functions for something else."""

    # State: none.

    def __init__(self, receiver: "Receiver") -> None:
        self._receiver = receiver

    def __deepcopy__(self, memo: object) -> "CallbackApplication":
        """Return itself: Litestar copies its handlers, and callbacks must come to the client that waits for them."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        verdict = await self._verdict(scope, receive)
        if verdict is not None:
            answer = answer_to(verdict)
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
            head += [(name.lower().encode(), value.encode()) for name, value in verdict.headers.items()]
            await send({"type": "http.response.start", "status": verdict.status, "headers": head})
            await send({"type": "http.response.body", "body": answer})

    async def _verdict(self, scope: Scope, receive: Receive) -> Verdict | None:
        """What to answer; None if the sender hung up."""
        if scope["method"] != "POST":
            return NOT_POSTED
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name.lower() in _USED
        }
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._receiver.limit:
            return TOO_LARGE
        body = await self._body(receive)
        if body is None:
            return None
        query: dict[str, str] = {}
        for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1")):
            query.setdefault(name, value)
        return await self._receiver.receive(body, headers, query, scope["path"])

    async def _body(self, receive: Receive) -> bytes | None:
        """The posted body, a little over the limit at most; None if the sender hung up."""
        body = bytearray()
        while len(body) <= self._receiver.limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(body)


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """What is no HTTP request: a server's start and end are acknowledged, a websocket is closed."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    elif scope["type"] == "lifespan":
        for event in ("lifespan.startup", "lifespan.shutdown"):
            await receive()
            await send({"type": f"{event}.complete"})
