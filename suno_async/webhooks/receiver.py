"""Callbacks in: what to answer, and who is told. What to believe of them is `trust`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec

from ..api.updates import Stage
from ..errors import CallbackError, StoreError
from ..log import log
from ..wire import callbacks, tokens
from ..wire.callbacks import Callback
from ..wire.tokens import Token
from .hooks import Hook, Hooks
from .inbox import Letter
from .policy import Decision
from .verification import FRESHNESS, Proof, Proofs, prove

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["LIMIT", "Receiver", "Verdict"]

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
    decision: Decision | None = None
    """What was done with it."""


class Listener(Protocol):
    """Who wants the news; the client."""

    @property
    def proofs(self) -> Proofs:
        """What callbacks are held against."""
        ...

    async def bind(self, task_id: str, token: Token) -> Proof:
        """How far a genuine token proves a callback of this task. StoreError if that can't be found out."""
        ...

    async def first_to_tell(self, task_id: str, stage: Stage) -> bool:
        """Whether no other process has told its hook of this stage."""
        ...

    async def take(self, letter: Letter) -> Decision:
        """Decide about a callback and do it. StoreError if it must be kept and cannot be."""
        ...


class Receiver:
    """Takes callbacks for a client. One object serves every framework, and what a stranger sends raises nothing.

    A callback is believed as far as it is proven: by our own token in its address it is; by KIE's signature it is, but
    an end is confirmed by a look; with neither configured it only wakes a look, and with a wrong one it has no effect.
    """

    def __init__(
        self,
        listener: Listener,
        *,
        on_update: Hook | None = None,
        confirm: bool = False,
        limit: int = LIMIT,
        freshness: float = FRESHNESS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._listener = listener
        self._hooks = Hooks(on_update, listener.first_to_tell) if on_update is not None else None
        self._confirm = confirm
        self._limit = limit
        self._freshness = freshness
        self._clock = clock
        self._complained = float("-inf")
        self.asgi: Callable[..., Any] = _Application(self, limit)  # frameworks disagree on the type of an application
        """For ASGI: `app.add_route("/suno", receiver.asgi)` in Starlette and FastAPI, or an application by itself.

        `app.mount("/suno", …)` serves "/suno/" and below, so the callback address must end in a slash then.
        """

    async def receive(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        path: str = "",
    ) -> Verdict:
        """Take one posted body; answer with the verdict's status. Never raises for what a stranger sent.

        `path` is wanted only if the token stands there: with `{token}` in the callback address.
        """
        if len(body) > self._limit:
            return TOO_LARGE
        try:
            callback = callbacks.parse(body)
        except CallbackError as exc:
            return Verdict(400, str(exc))
        given: Any = (query or {}).get(tokens.NAME)
        offered = [given] if isinstance(given, str) else [] if given is None else [str(one) for one in given]
        proofs, now = self._listener.proofs, self._clock()
        proof, token = prove(
            callback.task_id, offered + tokens.found_in(path), headers or {}, proofs, now, self._freshness
        )
        try:
            if token is not None:  # strangers do not come as far as the store
                proof = await self._listener.bind(callback.task_id, token)
            if proof is Proof.WRONG:
                self._complain(callback, now)
                return Verdict(401, proof.value, callback, Decision.REFUSE)
            decision = await self._listener.take(Letter(callback, proof, token, self._confirm, self._hooks))
        except StoreError as exc:
            return Verdict(503, str(exc), callback)
        return Verdict(200, "received", callback, decision)

    def _complain(self, callback: Callback, now: float) -> None:
        """Say now and then that callbacks are refused: an address that loses its query on the way looks like this."""
        if now - self._complained >= 60:
            self._complained = now
            log.warning("callbacks are refused, the last of task %s: %s", callback.task_id, Proof.WRONG.value)

    async def aclose(self, closer: "asyncio.Task[Any] | None" = None) -> None:
        """Let the hook's calls that are under way end, but for one that closes; the client does it when it closes."""
        if self._hooks is not None:
            await self._hooks.aclose(closer)

    async def aiohttp(self, request: "web.Request") -> "web.Response":
        """Handler for aiohttp.web: `app.router.add_post("/suno", receiver.aiohttp)`."""
        from aiohttp import web  # the server half, loaded only where it is used

        verdict = await self._of_aiohttp(request)
        return web.json_response({"msg": verdict.reason}, status=verdict.status, headers=_allow(verdict))

    async def _of_aiohttp(self, request: "web.Request") -> Verdict:
        from aiohttp import ClientPayloadError, web
        from aiohttp.http_exceptions import HttpProcessingError

        if request.method != "POST":
            return NOT_POSTED
        if (request.content_length or 0) > self._limit:
            return TOO_LARGE
        body = bytearray()
        try:
            while len(body) <= self._limit and (chunk := await request.content.readany()):
                body += chunk
        except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
            # not what its headers promise, or the sender has hung up
            return Verdict(400, "unreadable")
        return await self.receive(bytes(body), request.headers, request.query, request.path)


TOO_LARGE = Verdict(413, "too large")
NOT_POSTED = Verdict(405, "callbacks are posted")


def _allow(verdict: Verdict) -> dict[str, str]:
    return {"Allow": "POST"} if verdict.status == 405 else {}


class _Application:
    """The receiver as an ASGI application: an object, since frameworks take functions for something else."""

    def __init__(self, receiver: Receiver, limit: int) -> None:
        self._receiver = receiver
        self._limit = limit

    def __deepcopy__(self, memo: object) -> "_Application":
        """Itself: Litestar copies its handlers, and callbacks must come to the client that waits for them."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        verdict = await self._verdict(scope, receive)
        if verdict is not None:
            answer = msgspec.json.encode({"msg": verdict.reason})
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
            head += [(name.lower().encode(), value.encode()) for name, value in _allow(verdict).items()]
            await send({"type": "http.response.start", "status": verdict.status, "headers": head})
            await send({"type": "http.response.body", "body": answer})

    async def _verdict(self, scope: Scope, receive: Receive) -> Verdict | None:
        """What to answer an ASGI request; None if the sender hung up."""
        if scope["method"] != "POST":
            return NOT_POSTED
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._limit:
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
        while len(body) <= self._limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(body)


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """What is no HTTP request: a server's start and end are nodded at, a websocket is closed."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    elif scope["type"] == "lifespan":
        for event in ("lifespan.startup", "lifespan.shutdown"):
            await receive()
            await send({"type": f"{event}.complete"})
