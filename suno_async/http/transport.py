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

__all__ = ["HTTP", "Form", "Transport"]

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=15)
LARGE = 1 << 20
LARGE_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=15)
STALLED = 120.0
"""Seconds in which the network must take a chunk of an upload, or answer after the last."""
UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15)
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


class Transport(Protocol):
    """What the client needs of the network."""

    async def send(self, method: str, url: str, body: bytes = b"") -> Reply:
        """One request to the API, with the key. ConnectError or ResponseLost when there is no answer."""
        ...

    async def upload(self, url: str, form: Form) -> Reply:
        """One file to the upload host, with the key. Raises what `send` raises, and what `form.chunks` raises."""
        ...

    def fetch(self, url: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One download from anywhere, without the key; what fails inside it is raised as the same two errors."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections."""
        ...


class HTTP:
    """The transport of aiohttp: two sessions, so that the key cannot leave with a download."""

    def __init__(self, api_key: str) -> None:
        self._key = api_key
        self._api: aiohttp.ClientSession | None = None
        self._media: aiohttp.ClientSession | None = None
        self._closed = False

    def __repr__(self) -> str:
        return "<HTTP>"

    async def send(self, method: str, url: str, body: bytes = b"") -> Reply:
        if len(body) > LARGE:  # aiohttp wants such bodies as streams
            return await self._send(method, url, io.BytesIO(body), _JSON, LARGE_TIMEOUT)
        return await self._send(method, url, body or None, _JSON if body else None, TIMEOUT)

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
                return await self._send("POST", url, body, None, UPLOAD_TIMEOUT)
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
    ) -> Reply:
        if self._api is None:
            always = {"Authorization": f"Bearer {self._key}", "User-Agent": USER_AGENT}
            self._api = self._session(TIMEOUT, always, aiohttp.DummyCookieJar())
        try:
            answer = await self._api.request(
                method,
                _prepared(url),
                data=body,
                headers=headers,
                allow_redirects=False,  # the key stays with the host it was meant for
                timeout=limits,
            )
            # Reading to the end gives the connection back, and closes it when that fails.
            return Reply(answer.status, await answer.read(), _retry_after(answer.headers.get("Retry-After")))
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

    @asynccontextmanager
    async def fetch(self, url: str) -> AsyncGenerator[aiohttp.ClientResponse]:
        if self._media is None:
            # identity: a compressed body could not be held against its Content-Length
            self._media = self._session(MEDIA_TIMEOUT, {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
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
                yield answer
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
    ) -> aiohttp.ClientSession:
        if self._closed:
            raise ConnectError("the client is closed")
        return aiohttp.ClientSession(timeout=timeout, headers=headers, cookie_jar=cookies)

    async def aclose(self) -> None:
        self._closed = True
        sessions = self._api, self._media
        self._api = self._media = None
        for session in sessions:
            if session is not None:
                await session.close()


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
    """Parsed once for all looks at a task: parsing is a sixth of what a look costs."""
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
