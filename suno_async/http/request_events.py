"""What is told of each request to the API, after it: to `on_request`, and to the log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from ..log import log
from ..notifier import Notifier
from ..wire.envelope import Reply
from .request_log import logged

__all__ = ["About", "OnRequest", "RequestEvent", "RequestEvents", "RequestTelemetry"]


class RequestEvent(Struct, frozen=True, kw_only=True):
    """One request to the API, as it ended. It holds no key, token, query or body."""

    operation: str
    """The class of the request by name, as GenerateMusic; of a poll, that of its task."""
    method: str
    """The HTTP method: a poll is a GET, and a submit a POST."""
    url: str
    """The address without its query."""
    provider: str
    """The gateway and API by name, as kie-jobs."""
    attempt: int = 1
    """1, or more if the same failed before; of polls, those in a row that failed count."""
    status: int | None = None
    """The HTTP status; None if no answer came. The API may refuse with another code inside a 200."""
    seconds: float = 0.0
    """How long it took."""
    bytes: int = 0
    """Length of the answer's body."""
    error: str = ""
    """The class of the error by name if no answer came: ConnectError, ResponseLost, CancelledError."""
    task_id: str = ""
    """The task that is polled; empty of others."""
    ref: str = ""
    """The submission; empty if there is none, or if its task was attached by its id."""


OnRequest = Callable[[RequestEvent], Any]
"""A function or coroutine function: `on_request(event)`."""


class About(NamedTuple):
    """What a request is."""

    operation: str
    method: str
    url: str
    provider: str
    attempt: int = 1
    task_id: str = ""
    ref: str = ""


class RequestTelemetry(Protocol):
    """Notes requests."""

    def requested(self, event: RequestEvent, /) -> None:
        """Note a request that has ended, in the context of who sent it."""
        ...


class RequestEvents:
    """Has `on_request` and the telemetry hear of each request, after it."""

    # State: none of its own; the calls are the Notifier's.

    def __init__(self, on_request: OnRequest | None = None, telemetry: RequestTelemetry | None = None) -> None:
        self._on_request = on_request
        self._telemetry = telemetry
        self._heard_by_nobody = on_request is None and telemetry is None
        self._notifier = Notifier("on_request")

    @property
    def wanted(self) -> bool:
        """Whether anybody hears of requests, the log included."""
        return not self._heard_by_nobody or log.isEnabledFor(logging.DEBUG)

    def heard(self, sending: Awaitable[Reply], about: About) -> Awaitable[Reply]:
        """Await the answer to a request, and tell how that went.

        Args:
            sending: Sends the request.
            about: What it is.
        """
        sending = logged(sending, about.method, about.url, about.task_id, about.ref)
        return sending if self._heard_by_nobody else self._heard(sending, about)

    async def _heard(self, sending: Awaitable[Reply], about: About) -> Reply:
        clock = asyncio.get_running_loop().time
        began = clock()
        reply: Reply | None = None
        error = ""
        try:
            reply = await sending
            return reply
        except BaseException as exc:  # noted and raised again, cancellations and those of an own transport as well
            error = type(exc).__name__
            raise
        finally:
            about = about._replace(url=about.url.partition("?")[0])
            status, size = (None, 0) if reply is None else (reply.status, len(reply.body))
            event = RequestEvent(**about._asdict(), status=status, seconds=clock() - began, bytes=size, error=error)
            if self._telemetry is not None:
                self._telemetry.requested(event)
            if self._on_request is not None:
                self._notifier.call_now(self._on_request, event)

    async def aclose(self) -> None:
        """Let the calls that are under way end, for a while."""
        await self._notifier.aclose()
