"""Callbacks in, for any framework: verify, hand on, and say what to answer."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import CallbackError, ConfigurationError, StoreError
from ..log import fields, log
from ..wire import callbacks, tokens
from .asgi import CallbackApplication
from .delivery import CallbackDelivery
from .policy import REFUSE, Decision
from .verdict import LIMIT, RECEIVED, TOO_LARGE, Verdict
from .verification import FRESHNESS, WRONG, Proofs, prove

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["CallbackSink", "Receiver", "check_receiver"]

COMPLAINTS = 60.0
"""Seconds between two log lines about callbacks that are refused for the same reason."""


def check_receiver(on_update: object, limit: object, freshness: object) -> None:
    """Refuse what a receiver cannot work with. ConfigurationError."""
    if on_update is not None and not callable(on_update):
        raise ConfigurationError(f"on_update must be a function, got {on_update!r}")
    if not isinstance(limit, int) or limit < 1:
        raise ConfigurationError(f"limit must be a number of bytes, at least 1, got {limit!r}")
    if not isinstance(freshness, int | float) or not 0 < freshness < math.inf:  # NaN would let every signature pass
        raise ConfigurationError(f"freshness must be a number of seconds greater than 0, got {freshness!r}")


class CallbackSink(Protocol):
    """Who takes verified callbacks; the client."""

    def dispatch(self, delivery: CallbackDelivery) -> Awaitable[Decision]:
        """Decide about a callback and do it. StoreError if it must be written down and cannot be."""
        ...

    def received(self, verdict: Verdict, began: float) -> None:
        """Note what is answered to a callback that came at this time, in Unix seconds."""
        ...


class Receiver:
    """Takes callbacks for a client. One object serves every framework, and what a stranger sends raises nothing.

    A callback is believed as far as it is verified. By our own token in its address it is; by KIE's signature it is,
    but an end is confirmed by a poll. With neither configured it only causes a poll, and with a wrong one it has no
    effect.
    """

    # State, all of it: _complained (when a refusal was logged last, by its status).

    def __init__(
        self,
        sink: CallbackSink,
        proofs: Proofs,
        *,
        confirm: bool = False,
        limit: int = LIMIT,
        freshness: float = FRESHNESS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sink = sink
        self._proofs = proofs
        self._confirm = confirm
        self.limit = limit
        """Bytes that a body may have."""
        self._freshness = freshness
        self._clock = clock
        self._complained: dict[int, float] = {}
        self.asgi: Callable[..., Any] = CallbackApplication(self)  # frameworks disagree on the type of an application
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
        """Take one posted body and return what to answer. Never raises for what a stranger sent.

        Args:
            body: The body as it was posted.
            headers: The headers; needed for KIE's signature.
            query: The parameters of the address; needed for our token.
            path: The path of the address; needed only if the token stands there (`{token}` in the callback address).
        """
        now = self._clock()
        if len(body) > self.limit:
            return self._refuse(TOO_LARGE, now)
        try:
            callback = callbacks.parse(body)
        except CallbackError as exc:
            return self._refuse(Verdict(400, str(exc)), now)
        given: Any = query.get(tokens.NAME) if query else None
        offered = [given] if isinstance(given, str) else [] if given is None else [str(one) for one in given]
        if len(path) >= tokens.LENGTH:
            offered += tokens.found_in(path)
        proof, token = prove(callback.task_id, offered, headers or {}, self._proofs, now, self._freshness)
        decision = REFUSE
        if proof is not WRONG:
            try:
                decision = await self._sink.dispatch(CallbackDelivery(callback, proof, token, self._confirm))
            except StoreError as exc:
                return self._refuse(Verdict(503, str(exc), callback), now)
        if decision is REFUSE:
            return self._refuse(Verdict(401, WRONG.value, callback, decision), now)
        verdict = Verdict(200, RECEIVED, callback, decision)
        self._sink.received(verdict, now)
        return verdict

    def _refuse(self, verdict: Verdict, now: float) -> Verdict:
        """Log now and then that callbacks are refused: an address that loses its query on the way looks like this."""
        self._sink.received(verdict, now)
        if now - self._complained.get(verdict.status, -math.inf) >= COMPLAINTS:
            self._complained[verdict.status] = now
            task_id = verdict.callback.task_id if verdict.callback is not None else ""
            extra = fields("refused", task_id, status=verdict.status, reason=verdict.reason)
            log.warning(
                "callbacks are refused, the last of task %s: %s", task_id or "unknown", verdict.reason, extra=extra
            )
        return verdict

    async def aiohttp(self, request: "web.Request") -> "web.Response":
        """Handle a request of aiohttp.web: `app.router.add_post("/suno", receiver.aiohttp)`."""
        return await _responder()(self, request)


@cache
def _responder() -> "Callable[[Receiver, web.Request], Awaitable[web.Response]]":
    from .aiohttp import respond  # the server half, loaded only where it is used; once, since that takes 1 µs each time

    return respond
