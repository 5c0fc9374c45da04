"""GETs whose bytes are prepared: polls, which differ in their query alone."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any

import aiohttp
from yarl import URL

from ..log import log
from ..wire.envelope import Reply
from .answers import read
from .retry_after import retry_after

__all__ = ["PreparedGets"]

_PLAIN = re.compile(r'[!"$-~]*').fullmatch
"""What is sent as it is written: no spaces, control characters and fragments."""
_PLAIN_CONNECTORS = (aiohttp.TCPConnector, aiohttp.UnixConnector)


class _Page:
    """A page of the API, and the bytes of a GET but for its query. No traceback shows those: the key is in them."""

    __slots__ = ("after", "before", "connector", "request")

    def __init__(self, connector: aiohttp.BaseConnector, request: aiohttp.ClientRequest) -> None:
        self.connector = connector
        self.request = request
        self.before = f"GET {request.url.raw_path}".encode()
        headers = "".join([part for header in request.headers.items() for part in (header[0], ": ", header[1], "\r\n")])
        self.after = f" HTTP/1.1\r\n{headers}\r\n".encode()


class PreparedGets:
    """Sends GETs over the connections of a session, past its `request`.

    `request` makes an address, headers, timers, a request and an answer of its own for each GET: two fifths of the CPU
    of a poll, measured as 98 µs instead of 170. Connections with their limits and TLS, and the reading of answers, stay
    those of aiohttp, and so do the bytes that are sent. A request with anything unusual is left to the session.
    """

    # State: _usable, and the pages that were prepared.

    def __init__(self, headers: Mapping[str, str], proxy_of: Callable[[URL], str | None]) -> None:
        """Prepare nothing yet.

        Args:
            headers: Those of all requests.
            proxy_of: Returns the proxy of an address, if it has one.
        """
        self._headers = headers
        self._proxy_of = proxy_of
        self._page = lru_cache(maxsize=64)(self._prepared)
        self._usable = True

    async def get(self, session: aiohttp.ClientSession, url: str, limits: aiohttp.ClientTimeout) -> Reply | None:
        """Return the answer, or None if the session must be asked. Raises what the session raises.

        Args:
            session: One that was made here: a user's may have cookies, middlewares and methods of its own.
            url: The whole address.
            limits: Time limits to connect and to read; the one for the whole request is kept by the caller.
        """
        if not (self._usable and _PLAIN(url) and _is_as_known()):
            return None
        address = url.partition("?")[0]
        page = self._page(session, address)
        if page is None:
            return None
        query = url[len(address) :]
        try:
            return await _ask(page, query, url, limits)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if page.connector.closed:
                raise
            return await _ask(page, query, url, limits)  # the other side had closed it; aiohttp asks once more, too
        except (AttributeError, TypeError) as exc:  # a later aiohttp may name things in another way
            log.info(
                "polls go through sessions: aiohttp %s has other names than expected: %r", aiohttp.__version__, exc
            )
            self._usable = False
            return None

    def _prepared(self, session: aiohttp.ClientSession, address: str) -> _Page | None:
        connector = session.connector
        if type(connector) not in _PLAIN_CONNECTORS or connector is None or connector.force_close:
            return None
        try:
            url = URL(address, encoded=True)
            if url.scheme not in ("http", "https") or self._proxy_of(url) is not None or session.trace_configs:
                return None
            return _Page(connector, aiohttp.ClientRequest("GET", url, headers=self._headers))
        except ValueError:  # an address that is none; the session says that
            return None


async def _ask(page: _Page, query: str, url: str, limits: aiohttp.ClientTimeout) -> Reply:
    try:
        connection = await page.connector.connect(page.request, [], limits)
    except TimeoutError as exc:
        raise aiohttp.ConnectionTimeoutError(f"no connection to {page.request.url.host} in time") from exc
    try:
        protocol: Any = connection.protocol
        protocol.set_response_params(read_until_eof=True, read_timeout=limits.sock_read)
        if connection.closed:
            raise aiohttp.ServerDisconnectedError
        protocol.transport.write(page.before + query.encode() + page.after)
        if limits.sock_read:
            protocol.start_timeout()
        message, content = await protocol.read()
        while message.code < 200 and message.code != 101:  # it says that the answer will follow
            message, content = await protocol.read()
        reply = Reply(message.code, await read(content, url), retry_after(message.headers.get("Retry-After")))
    except BaseException:
        connection.close()
        raise
    connection.release()
    return reply


def _is_as_known() -> bool:
    """Whether the requests of sessions are those of aiohttp.

    Tests with aioresponses or vcrpy replace the method behind all of them, and tracers wrap it. Both must see polls,
    too. A wrapper of wrapt has the code of what it wraps, and its `__class__`.
    """
    method = getattr(aiohttp.ClientSession, "_request", None)
    return type(method) is FunctionType and method.__code__.co_filename == _FILE


_FILE = aiohttp.ClientSession.request.__code__.co_filename
