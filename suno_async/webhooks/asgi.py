"""The receiver as an ASGI application."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..wire.tokens import NAME
from .verdict import NOT_POSTED, TOO_LARGE, Verdict, answer_to

if TYPE_CHECKING:
    from .receiver import Receiver

__all__ = ["CallbackApplication"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


_USED = frozenset({b"content-length", b"x-webhook-timestamp", b"x-webhook-signature"})
"""Headers that a callback is read and verified by; proxies add a dozen others."""
_SPECIAL = frozenset("&%+=")
"""What makes more of a query than one plain value."""


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
            head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
            if verdict.status == 405:
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
        return await self._receiver.receive(body, headers, _query(scope), scope["path"])

    async def _body(self, receive: Receive) -> bytes | None:
        """The posted body, a little over the limit at most; None if the sender hung up."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):  # nearly all
            whole: bytes = message.get("body", b"")
            return whole
        body = bytearray()
        while message["type"] != "http.disconnect":
            body += message.get("body", b"")
            if len(body) > self._receiver.limit or not message.get("more_body", False):
                return bytes(body)
            message = await receive()
        return None


def _query(scope: Scope) -> dict[str, str]:
    """The parameters of the address; of several with one name the first."""
    text: str = scope.get("query_string", b"").decode("latin-1")
    name, _, value = text.partition("=")
    if name == NAME and not _SPECIAL.intersection(value):  # our own address, as it nearly always is: 5 µs less
        return {name: value}
    return dict(reversed(parse_qsl(text)))


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """What is no HTTP request: a server's start and end are acknowledged, a websocket is closed."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    elif scope["type"] == "lifespan":
        for event in ("lifespan.startup", "lifespan.shutdown"):
            await receive()
            await send({"type": f"{event}.complete"})
