"""HTTP out. Whatever aiohttp raises becomes one of ours here; nothing is repeated here."""

import asyncio
import email.utils
import io
import time
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import lru_cache
from typing import NamedTuple, Protocol

import aiohttp
from aiohttp.abc import AbstractCookieJar
from yarl import URL

from ..errors import ConnectError, ResponseLost, TransportError
from ..version import __version__
from ..wire.envelope import Reply

__all__ = ["HTTP", "Download", "Form", "Transport"]

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=15)
READ_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=15)
"""Polls and other reads are repeated, so a server that never answers must not hold them for long."""
LARGE = 1 << 20
LARGE_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=15)
STALLED = 120.0
"""Seconds in which the network must take a chunk of an upload, or answer after the last."""
UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15)
CHUNK = 1 << 16
LONGEST_ANSWER = 16 << 20
"""Bytes of an answer of the API, after decompression; the largest documented ones have some thousand."""
MEDIA_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
USER_AGENT = f"suno-async/{__version__}"  # the service's CDN blocks Python's default (NOTES §7)


class Form(NamedTuple):
    """A multipart body that streams: some fields and one file."""

    fields: Mapping[str, str]
    name: str
    """The file's field."""
    file_name: str
    content_type: str
    size: int | None
    """Bytes of the file, if they are known beforehand."""
    chunks: AsyncIterable[bytes]


class Download(NamedTuple):
    """The answer to a download, before its bytes are read."""

    status: int
    headers: Mapping[str, str]
    """By any spelling of their names."""
    chunks: AsyncIterable[bytes]
    """The body as it arrives."""


class Transport(Protocol):
    """What the client needs of the network. An own one can be given as `SunoClient(transport=…)`."""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        """Send one request to the API, with the key.

        Args:
            method: GET or POST.
            url: The whole address.
            body: JSON, or nothing.
            fresh: Use a connection that was not used before, since the request must not be sent twice and a used
                connection may have been closed by the other side.

        Raises:
            ConnectError: No connection was made, so nothing left.
            ResponseLost: The request may have arrived, and no whole answer came.
        """
        ...

    async def upload(self, url: str, form: Form) -> Reply:
        """Send one file to the upload host, with the key. Raises what `send` and `form.chunks` raise."""
        ...

    def fetch(self, url: str) -> AbstractAsyncContextManager[Download]:
        """Download from anywhere, without the key. What fails inside is raised as the same two errors."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class HTTP:
    """The transport of aiohttp, for one event loop. The session for downloads never has the key."""

    # State, all of it: the three sessions, made at their first use, _guard, and _closed.

    def __init__(self, api_key: str) -> None:
        self._key = api_key
        self._api: aiohttp.ClientSession | None = None
        self._paid: aiohttp.ClientSession | None = None
        self._media: aiohttp.ClientSession | None = None
        self._guard: AsyncGenerator[None] | None = None
        """Closes the sessions when the event loop ends; see `_close_with_loop`."""
        self._closed = False

    def __repr__(self) -> str:
        return "<HTTP>"

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        if len(body) > LARGE:  # aiohttp wants such bodies as streams
            return await self._send(method, url, io.BytesIO(body), _JSON, LARGE_TIMEOUT, fresh)
        limits = TIMEOUT if method == "POST" else READ_TIMEOUT
        return await self._send(method, url, body or None, _JSON if body else None, limits, fresh)

    async def upload(self, url: str, form: Form) -> Reply:
        raised: list[Exception] = []
        stalled = asyncio.timeout(None)
        chunks = _watched(form.chunks, stalled, raised)
        try:
            async with stalled:
                with aiohttp.MultipartWriter("form-data") as body:
                    for name, value in form.fields.items():
                        body.append(value).set_content_disposition("form-data", name=name)
                    file = _File(chunks, form.size, content_type=form.content_type)
                    file.set_content_disposition("form-data", name=form.name, filename=form.file_name)
                    body.append_payload(file)
                return await self._send("POST", url, body, None, UPLOAD_TIMEOUT, True)
        except (TransportError, TimeoutError) as exc:
            if raised:  # the network did what it should
                raise raised[0] from None
            if isinstance(exc, TransportError):
                raise
            raise ResponseLost(f"POST {url}: nothing moved for {STALLED:.0f} s") from exc
        finally:
            with suppress(RuntimeError):  # it is being read at this moment, and ends there
                await chunks.aclose()

    async def _send(
        self,
        method: str,
        url: str,
        body: bytes | io.BytesIO | aiohttp.MultipartWriter | None,
        headers: dict[str, str] | None,
        limits: aiohttp.ClientTimeout,
        fresh: bool,
    ) -> Reply:
        session = self._session_with_key(fresh)
        if self._guard is None:
            await self._watch_loop()
        try:
            answer = await session.request(
                method,
                _prepared(url),
                data=body,
                headers=headers,
                allow_redirects=False,  # the key stays with the host it was meant for
                timeout=limits,
            )
            body_read = await _read(answer, url)
            return Reply(answer.status, body_read, _retry_after(answer.headers.get("Retry-After")))
        except asyncio.CancelledError:
            self._if_closed()
            raise
        except aiohttp.ClientResponseError as exc:
            told = f"{method} {url}: {exc.status} {exc.message}"
        except NEVER_LEFT as exc:
            raise ConnectError(f"{method} {url}: {exc}") from exc
        except LOST as exc:
            raise ResponseLost(f"{method} {url}: {exc or type(exc).__name__}") from exc
        raise ResponseLost(told)  # outside and unchained: that error holds the request's headers, the key among them

    def _session_with_key(self, fresh: bool) -> aiohttp.ClientSession:
        if (session := self._paid if fresh else self._api) is not None:
            return session
        always = {"Authorization": f"Bearer {self._key}", "User-Agent": USER_AGENT}
        if fresh:  # each request on a connection of its own: of a used one we can't know whether it still lives
            connector = aiohttp.TCPConnector(force_close=True, limit=0)
            session = self._paid = self._session(TIMEOUT, always, aiohttp.DummyCookieJar(), connector)
        else:
            session = self._api = self._session(TIMEOUT, always, aiohttp.DummyCookieJar())
        return session

    @asynccontextmanager
    async def fetch(self, url: str) -> AsyncGenerator[Download]:
        if self._media is None:
            # identity: a compressed body could not be held against its Content-Length
            self._media = self._session(MEDIA_TIMEOUT, {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        if self._guard is None:
            await self._watch_loop()
        try:
            answer = await self._media.get(url)
        except asyncio.CancelledError:
            self._if_closed()
            raise
        except (*NEVER_LEFT, ValueError, AssertionError) as exc:  # the last two: what aiohttp says to odd addresses
            raise ConnectError(f"{url}: {exc or type(exc).__name__}") from exc
        except LOST as exc:
            raise ResponseLost(f"{url}: {exc or type(exc).__name__}") from exc
        try:
            async with answer:
                yield Download(answer.status, answer.headers, answer.content.iter_chunked(CHUNK))
        except LOST as exc:
            raise ResponseLost(f"{url}: {exc or type(exc).__name__}") from exc

    def _if_closed(self) -> None:
        """Closing cancels look-ups of names under way, and with them tasks that nobody cancelled."""
        task = asyncio.current_task()
        if self._closed and task is not None and not task.cancelling():
            raise ConnectError("the client was closed meanwhile")

    def _session(
        self,
        timeout: aiohttp.ClientTimeout,
        headers: dict[str, str],
        cookies: AbstractCookieJar | None = None,
        connector: aiohttp.BaseConnector | None = None,
    ) -> aiohttp.ClientSession:
        if self._closed:
            raise ConnectError("the client is closed")
        return aiohttp.ClientSession(timeout=timeout, headers=headers, cookie_jar=cookies, connector=connector)

    async def aclose(self) -> None:
        self._closed = True
        await self._close_sessions()
        if self._guard is not None:
            with suppress(RuntimeError):  # it is what closes
                await self._guard.aclose()

    async def _close_sessions(self) -> None:
        sessions = self._api, self._paid, self._media
        self._api = self._paid = self._media = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _watch_loop(self) -> None:
        self._guard = self._close_with_loop()
        await anext(self._guard)

    async def _close_with_loop(self) -> AsyncGenerator[None]:
        """Close the connections of a client that nobody closes: `asyncio.run` ends generators before the loop."""
        try:
            yield
        finally:
            await self._close_sessions()


async def _read(answer: aiohttp.ClientResponse, url: str) -> bytes:
    """The body, up to a limit. Reading to the end gives the connection back."""
    content = answer.content
    body = await content.readany()
    if content.at_eof():
        return body
    parts, size = [body], len(body)
    while part := await content.readany():
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            answer.close()
            raise ResponseLost(f"{url}: the answer has more than {LONGEST_ANSWER} bytes")
    return b"".join(parts)


class _File(aiohttp.AsyncIterablePayload):
    """The file of a form; its size, if known, saves the request from being chunked."""

    def __init__(self, chunks: AsyncIterable[bytes], size: int | None, content_type: str) -> None:
        super().__init__(chunks, content_type=content_type)
        self._size = size


async def _watched(
    chunks: AsyncIterable[bytes], stalled: asyncio.Timeout, raised: list[Exception]
) -> AsyncGenerator[bytes]:
    """The same chunks, watching how long the network takes for each, and keeping what making them raised."""
    clock = asyncio.get_running_loop().time
    source = aiter(chunks)
    try:
        while True:
            stalled.reschedule(None)  # whoever makes the bytes may take their time
            try:
                chunk = await anext(source)
            except StopAsyncIteration:
                stalled.reschedule(clock() + STALLED)
                return
            except Exception as exc:
                raised.append(exc)
                raise
            stalled.reschedule(clock() + STALLED)
            yield chunk
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()  # with the files it holds, now and not when it is collected


NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, UnicodeError)
"""UnicodeError is what a host name that is none raises."""
LOST = (aiohttp.ClientError, TimeoutError)
_JSON = {"Content-Type": "application/json"}


@lru_cache(maxsize=1024)
def _prepared(url: str) -> URL:
    """Parsed once for all polls of a task: parsing is a sixth of what a poll costs."""
    try:
        return URL(url, encoded=True)
    except ValueError as exc:
        raise aiohttp.InvalidURL(url, str(exc)) from exc


def _retry_after(said: str | None) -> float | None:
    """Seconds to wait, from either form of the header (RFC 9110 §10.2.3)."""
    if said is None:
        return None
    try:
        if said.isascii() and said.isdigit():
            return float(said)
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
