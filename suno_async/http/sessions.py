"""The aiohttp sessions of one event loop: for the API, for paid requests, and for media."""

import ssl as tls
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import NamedTuple

import aiohttp

from ..errors import ConnectError
from ..version import __version__

__all__ = ["Network", "Sent", "Sessions"]

USER_AGENT = f"suno-async/{__version__}"  # the service's CDN blocks Python's default (docs/service.md#rate-limits)


class Network(NamedTuple):
    """How the network is reached, as the user says."""

    session: aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None = None
    connector: aiohttp.BaseConnector | Callable[[], aiohttp.BaseConnector] | None = None
    proxy: str | None = None
    ssl: tls.SSLContext | aiohttp.Fingerprint | bool = True
    paid_through_session: bool = False

    @property
    def of_one_loop(self) -> bool:
        """Whether a session or connector was given that belongs to the event loop it is first used in."""
        return isinstance(self.session, aiohttp.ClientSession) or isinstance(self.connector, aiohttp.BaseConnector)


class Sent(SimpleNamespace):
    """Whether a request has begun to leave."""

    left: bool = False


class Sessions:
    """Makes each session at its first use. The key is never in a session: it goes with single requests to the API."""

    # State, all of it: the sessions, _guard, and _closed.

    def __init__(self, network: Network) -> None:
        self._network = network
        self._reads: aiohttp.ClientSession | None = None
        self._paid: aiohttp.ClientSession | None = None
        self._guard: AsyncGenerator[None] | None = None
        """Closes the sessions when the event loop ends; see `_close_with_loop`."""
        self._closed = False

    async def reads(self) -> aiohttp.ClientSession:
        """Return the session for polls, other reads and downloads; its connections are kept alive."""
        if self._reads is None:
            self._check_open()
            network = self._network
            if isinstance(network.session, aiohttp.ClientSession):
                self._reads = network.session
            elif network.session is not None:
                self._reads = network.session()
            else:
                connector = network.connector
                made = connector() if callable(connector) else connector
                if made is None:
                    made = aiohttp.TCPConnector(ssl=network.ssl)
                ours = not isinstance(connector, aiohttp.BaseConnector)
                self._reads = aiohttp.ClientSession(
                    connector=made, connector_owner=ours, cookie_jar=aiohttp.DummyCookieJar()
                )
            await self._watch_loop()
        return self._reads

    async def paid(self) -> aiohttp.ClientSession:
        """Return the session for what must not be sent twice: each request has a connection of its own.

        A connection that was used before may have been closed by the other side, which shows only after the request
        is written; whether it arrived cannot be known then.
        """
        if self._network.paid_through_session:
            return await self.reads()
        if self._paid is None:
            self._check_open()
            connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=self._network.ssl)
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_note_left)
            self._paid = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
            )
            await self._watch_loop()
        return self._paid

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectError("the client is closed")

    async def aclose(self) -> None:
        """Close the sessions that are ours."""
        self._closed = True
        await self._close_all()
        if self._guard is not None:
            with suppress(RuntimeError):  # it is what closes
                await self._guard.aclose()

    async def _close_all(self) -> None:
        sessions = self._reads, self._paid
        self._reads = self._paid = None
        for session in sessions:
            if session is not None and session is not self._network.session:
                await session.close()

    async def _watch_loop(self) -> None:
        if self._guard is None:
            self._guard = self._close_with_loop()
            await anext(self._guard)

    async def _close_with_loop(self) -> AsyncGenerator[None]:
        """Close the connections of a client that nobody closes: `asyncio.run` ends generators before the loop."""
        try:
            yield
        finally:
            await self._close_all()


async def _note_left(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """The connection is made, and the request is about to be written to it."""
    request: object = context.trace_request_ctx
    if isinstance(request, Sent):
        request.left = True
