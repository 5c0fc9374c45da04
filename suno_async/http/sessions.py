"""The aiohttp sessions of one event loop: for the API, for paid requests, and for media."""

import inspect
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import TypeVar

import aiohttp

from ..errors import ConnectError
from .network import Network, why_unusable

__all__ = ["Sent", "Sessions"]

T = TypeVar("T")

CONNECTIONS = 500
"""Those for polls, other reads and downloads: as many as there may be polls under way. aiohttp's own limit is 100."""


class Sent(SimpleNamespace):
    """Whether a request has begun to leave."""

    traced: bool = True
    """Whether that is known: sessions of a class of their own may hide it."""
    left: bool = False

    @property
    def never_left(self) -> bool:
        """Whether it surely has not."""
        return self.traced and not self.left


class Sessions:
    """Makes each session at its first use. The key is never in a session: it goes with single requests to the API."""

    # State, all of it: the sessions, _guard, and closed.

    def __init__(self, network: Network) -> None:
        self._network = network
        self._given = network.given
        self._reads: aiohttp.ClientSession | None = None
        self._paid: aiohttp.ClientSession | None = None
        self._guard: AsyncGenerator[None] | None = None
        """Closes the sessions when the event loop ends; see `_close_with_loop`."""
        self.closed = False

    async def reads(self) -> aiohttp.ClientSession:
        """Return the session for polls, other reads and downloads; its connections are kept alive."""
        self._check_given()
        if self._reads is None:
            self._check_open()
            self._reads = await self._session()
            await self._watch_loop()
        return self._reads

    async def paid(self) -> tuple[aiohttp.ClientSession, Sent | None]:
        """Return the session for what must not be sent twice, and what will know whether the request has left.

        Each request has a connection of its own. One that was used before may have been closed by the other side,
        which shows only after the request is written; whether it arrived cannot be known then. So a function that
        makes a session or connector is called once more for these. Of a session or connector that was given, only an
        unusual kind is used for them, as of SOCKS or a Unix socket: there may be no other way.
        """
        if self._network.paid_through_session:
            return await self.reads(), None
        self._check_given()
        if self._paid is None:
            self._check_open()
            self._paid = await self._paid_session()
            await self._watch_loop()
        return self._paid, Sent(traced=type(self._paid) is aiohttp.ClientSession)

    async def _paid_session(self) -> aiohttp.ClientSession:
        network, trace = self._network, aiohttp.TraceConfig()
        trace.on_request_start.append(_note_begun)
        trace.on_request_headers_sent.append(_note_left)
        if callable(network.session) or callable(network.connector):
            return await self._session(trace)
        given = self._given_connector
        if given is None or type(given) is aiohttp.TCPConnector:
            return self._made(aiohttp.TCPConnector(force_close=True, limit=0, ssl=network.ssl), trace)
        return self._made(given, trace)

    @property
    def _given_connector(self) -> aiohttp.BaseConnector | None:
        session, connector = self._network.session, self._network.connector
        if isinstance(session, aiohttp.ClientSession):
            return session.connector
        return connector if isinstance(connector, aiohttp.BaseConnector) else None

    async def _session(self, *traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
        """The session that was given, or a new one by what was given."""
        network, connector = self._network, self._network.connector
        if network.session is None:
            if not callable(connector):
                return self._made(connector or aiohttp.TCPConnector(limit=CONNECTIONS, ssl=network.ssl), *traces)
            made = _called("connector", connector, aiohttp.BaseConnector)
            self._check_new("connector", made)
            return self._made(made, *traces)
        if not callable(network.session):
            return network.session
        session = _called("session", network.session, aiohttp.ClientSession)
        self._check_new("session", session.connector)
        if why := why_unusable(session):
            await session.close()
            raise ConnectError(why, permanent=True)
        for trace in traces:
            trace.freeze()
            session.trace_configs.append(trace)
        return session

    def _check_new(self, name: str, connector: aiohttp.BaseConnector | None) -> None:
        """Raise if a function has made the same connections for paid requests and for others."""
        for session in (self._reads, self._paid):
            if session is not None and session.connector is connector:
                why = f"the function given as {name}= must make a new one at each call, as paid requests need their own"
                raise ConnectError(why, permanent=True)

    def _made(self, connector: aiohttp.BaseConnector, *traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
        """A session of ours; a connector that was given stays open when it is closed."""
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=connector is not self._given_connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[*self._network.trace_configs, *traces],
        )

    def _check_open(self) -> None:
        if self.closed:
            raise ConnectError("the client is closed", permanent=True)

    def _check_given(self) -> None:
        """Raise if what was given is closed: a task could be paid for and not be polled."""
        if self._given is not None and self._given.closed:
            raise ConnectError("the session or connector that was given is closed", permanent=True)

    async def aclose(self) -> None:
        """Close the sessions that are ours."""
        self.closed = True
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


def _called(name: str, make: Callable[[], T], kind: type[T]) -> T:
    """What a function of the user's makes. Whatever goes wrong in it, nothing has left."""
    try:
        made = make()
    except Exception as exc:  # of a function of the application
        raise ConnectError(f"the function given as {name}= failed: {type(exc).__name__}", permanent=True) from exc
    if isinstance(made, kind):
        return made
    if inspect.iscoroutine(made):
        made.close()
    what = f"an aiohttp.{kind.__name__}"
    raise ConnectError(f"the function given as {name}= must return {what}, got a {type(made).__name__}", permanent=True)


async def _note_begun(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
) -> None:
    """It will be told when the request leaves."""
    request: object = context.trace_request_ctx
    if isinstance(request, Sent):
        request.traced = True


async def _note_left(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """The connection is made, and the request is about to be written to it."""
    request: object = context.trace_request_ctx
    if isinstance(request, Sent):
        request.left = True
