"""HTTP out. Whatever aiohttp raises becomes one of ours here; nothing is repeated here."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from copy import copy
from functools import lru_cache
from typing import Self

import aiohttp
from yarl import URL

from ..errors import ConnectError, ResponseLost, TransportError
from ..log import shown
from ..secret import Secret
from ..wire.envelope import Reply
from .addresses import UnusableAddress, check_address, check_redirect, exact, named, redirected
from .answers import read
from .base import Download, Form
from .deadlines import Deadlines
from .failures import LOST, NEVER_LEFT, cause_of, is_permanent
from .network import Network
from .prepared import PreparedGets
from .proxies import EnvironmentProxies
from .retry_after import retry_after
from .sessions import Sessions
from .timeouts import Limit, Timeouts, timeouts

__all__ = ["HTTP"]

LARGE = 1 << 20
"""Bytes of a body; aiohttp wants larger ones as streams."""
CHUNK = 1 << 16
JSON = {"Content-Type": "application/json"}
REDIRECTS = 10
CLOSED = "the session was closed meanwhile"
REDIRECTING = (301, 302, 303, 307, 308)


class HTTP:
    """The transport of aiohttp, for one event loop. Downloads never have the key."""

    # State: none of its own; the sessions are those of `Sessions`.

    def __init__(
        self,
        api_key: str,
        network: Network = Network(),  # noqa: B008  a value
        trusted: Iterable[str] = (),
    ) -> None:
        """Make the transport of one event loop.

        Args:
            api_key: Key of the gateway.
            network: How the network is reached.
            trusted: Base addresses of the gateway: where they are private, files and redirects may be, too.
        """
        agent = {"User-Agent": network.user_agent}
        key = Secret(f"Bearer {api_key}")  # so that no traceback shows it
        headers = {**network.headers, **agent, "Authorization": key}
        paid = headers if network.paid_through_session else {**headers, "Connection": "close"}
        # Made once: by connection and by whether there is a body.
        self._headers = {False: {False: headers, True: headers | JSON}, True: {False: paid, True: paid | JSON}}
        # identity: a compressed body could not be held against its Content-Length
        self._media_headers = {**agent, "Accept-Encoding": "identity"}
        self._set_limits(timeouts(network.timeout))
        self._proxy = network.proxy
        self._environment = EnvironmentProxies() if network.trusts_env else None
        self._trusted = frozenset(URL(url).host or "" for url in trusted if url)
        self._sessions = Sessions(network)
        self._deadlines = Deadlines()
        # A session that was given may have cookies, middlewares and methods of its own.
        self._prepared = PreparedGets(headers, self._proxy_of) if network.session is None else None

    def __repr__(self) -> str:
        return "<HTTP>"

    def within(self, timeout: float | aiohttp.ClientTimeout) -> Self:
        """Return the same transport for requests with other limits of time; see `timeouts`."""
        limited = copy(self)
        limited._set_limits(timeouts(timeout))
        return limited

    def _set_limits(self, limits: Timeouts) -> None:
        self._limits = limits
        kinds = (limits.read, limits.write, limits.large, limits.upload)
        self._read, self._write, self._large, self._upload = map(Limit.of, kinds)

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        headers = self._headers[fresh][bool(body)]
        if len(body) > LARGE:
            return await self._send(method, url, io.BytesIO(body), headers, self._large, fresh)
        limit = self._write if method == "POST" else self._read
        return await self._send(method, url, body or None, headers, limit, fresh)

    async def upload(self, url: str, form: Form) -> Reply:
        raised: list[Exception] = []
        stalled = asyncio.timeout(None)
        limits = self._limits
        chunks = _watched(form.chunks, stalled, raised, limits.stalled)
        try:
            async with stalled:
                with aiohttp.MultipartWriter("form-data") as body:
                    for name, value in form.fields.items():
                        body.append(value).set_content_disposition("form-data", name=name)
                    file = _File(chunks, form.size, content_type=form.content_type)
                    file.set_content_disposition("form-data", name=form.name, filename=form.file_name)
                    body.append_payload(file)
                return await self._send("POST", url, body, self._headers[True][False], self._upload, True)
        except (TransportError, TimeoutError) as exc:
            if raised:  # the network did what it should
                raise raised[0] from None
            if isinstance(exc, TransportError):
                raise
            raise ResponseLost(f"POST {url}: no byte was sent or received for {limits.stalled:g} s") from exc
        finally:
            with suppress(RuntimeError):  # it is being read at this moment, and ends there
                await chunks.aclose()

    async def _send(
        self,
        method: str,
        url: str,
        body: bytes | io.BytesIO | aiohttp.MultipartWriter | None,
        headers: dict[str, str],
        limit: Limit,
        fresh: bool,
    ) -> Reply:
        session, sent = await self._sessions.paid() if fresh else (await self._sessions.reads(), None)
        permanent = never_left = False
        cause: BaseException | None = None
        try:
            with self._deadlines.within(limit.total):
                if method == "GET" and not fresh and self._prepared is not None:
                    reply = await self._prepared.get(session, url, limit.others)
                    if reply is not None:
                        return reply
                target = _parsed(url)
                answer = await session.request(
                    method,
                    target,
                    data=body,
                    headers=headers,
                    allow_redirects=False,  # the key stays with the host it was meant for
                    raise_for_status=False,  # a session that was given may have it, and a refusal has a body to read
                    timeout=limit.others,
                    proxy=self._proxy_of(target),
                    trace_request_ctx=sent,
                )
                return await _reply(answer, url)
        except asyncio.CancelledError:
            if self._is_cancelled():
                raise
            why = f"{method} {url}: {CLOSED}"
        except NEVER_LEFT as exc:
            never_left, permanent, cause = sent is None or not sent.left, is_permanent(exc), cause_of(exc)
            why = f"{method} {url}: {_why(exc)}"
        except aiohttp.ClientResponseError as exc:
            never_left, permanent = isinstance(exc, aiohttp.ClientHttpProxyError), is_permanent(exc)
            why = f"{method} {url}: {_said(exc)}"
        except TransportError:
            raise
        except Exception as exc:  # a connector or trace that was given raises what it likes, as those of SOCKS do
            why = f"{method} {url}: {_why(exc)}"
            if sent is not None and sent.never_left:
                raise ConnectError(why) from exc
            raise ResponseLost(why) from exc
        # Outside, so that these errors of aiohttp are not chained: one holds the request's headers with the key, the
        # other the password of the proxy.
        if never_left or (sent is not None and sent.never_left):
            raise ConnectError(why, permanent=permanent) from cause
        raise ResponseLost(why)

    @asynccontextmanager
    async def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AsyncGenerator[Download]:
        headers = self._media_headers.copy()
        if start:
            headers["Range"] = f"bytes={start}-"
            if validator:
                headers["If-Range"] = validator
        answer = await self._opened(exact(url), headers)
        try:
            async with answer:
                yield Download(answer.status, answer.headers, answer.content.iter_chunked(CHUNK))
        except LOST as exc:
            raise ResponseLost(f"{named(url)}: {_why(exc)}") from exc

    async def _opened(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        session = await self._sessions.reads()
        cause: BaseException | None = None
        try:
            return await self._follow(session, url, headers)
        except asyncio.CancelledError:
            if self._is_cancelled():
                raise
            refused = ConnectError(f"{named(url)}: {CLOSED}")
        except (*NEVER_LEFT, ValueError, AssertionError) as exc:  # the last two: what aiohttp says to odd addresses
            cause = cause_of(exc)
            refused = ConnectError(f"{named(url)}: {_why(exc)}", permanent=is_permanent(exc))
        except aiohttp.ClientHttpProxyError as exc:
            refused = ConnectError(f"{named(url)}: {_said(exc)}", permanent=is_permanent(exc))
        except TransportError:
            raise
        except Exception as exc:  # as in `_send`
            raise ResponseLost(f"{named(url)}: {_why(exc)}") from exc
        raise refused from cause  # outside, as in `_send`

    async def _follow(
        self, session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """The answer at the end of redirects; aiohttp would spell their addresses anew, and follow them anywhere."""
        limit = self._limits.media
        await check_address(url, self._trusted, look_up=self._proxy_of(url) is None)
        for _ in range(REDIRECTS + 1):
            proxy = self._proxy_of(url)
            answer = await session.get(
                url,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,  # a session that was given may have it
                timeout=limit,
                proxy=proxy,
            )
            to = answer.headers.get("Location") if answer.status in REDIRECTING else None
            if to is None:
                return answer
            answer.release()
            target = redirected(url, to)
            await check_redirect(url, target, self._trusted, look_up=self._proxy_of(target) is None)
            url = target
        raise UnusableAddress(f"{named(url)}: more than {REDIRECTS} redirects")

    def _proxy_of(self, url: URL) -> str | None:
        return self._proxy if self._environment is None else self._environment.of(url)

    def _is_cancelled(self) -> bool:
        """Whether somebody has cancelled this task: closing a session cancels look-ups, and those who wait for them.

        Raises a ConnectError if the client was closed meanwhile.
        """
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return True
        if self._sessions.closed:
            raise ConnectError("the client was closed meanwhile")
        return False

    async def aclose(self) -> None:
        await self._sessions.aclose()
        self._deadlines.aclose()


def _why(error: BaseException) -> str:
    """What an error says, on one line and cut: aiohttp quotes what it cannot read, all of it."""
    return shown(error) or type(error).__name__


def _said(error: aiohttp.ClientResponseError) -> str:
    by = "the proxy answered " if isinstance(error, aiohttp.ClientHttpProxyError) else ""
    return f"{by}{error.status} {shown(error.message)}"


async def _reply(answer: aiohttp.ClientResponse, url: str) -> Reply:
    """The answer with its body. Reading to the end gives the connection back; what fails closes it."""
    try:
        return Reply(answer.status, await read(answer.content, url), retry_after(answer.headers.get("Retry-After")))
    except BaseException:
        answer.close()
        raise


class _File(aiohttp.AsyncIterablePayload):
    """The file of a form; its size, if known, saves the request from being chunked."""

    def __init__(self, chunks: AsyncIterable[bytes], size: int | None, content_type: str) -> None:
        super().__init__(chunks, content_type=content_type)
        self._size = size


async def _watched(
    chunks: AsyncIterable[bytes], stalled: asyncio.Timeout, raised: list[Exception], seconds: float
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
                stalled.reschedule(clock() + seconds)
                return
            except Exception as exc:
                raised.append(exc)
                raise
            stalled.reschedule(clock() + seconds)
            yield chunk
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()  # with the files it holds, now and not when it is collected


def _parsed(url: str) -> URL:
    """The address, parsed but for its query, which is all that differs between polls.

    That takes 0.8 µs whatever the number of tasks; to parse each takes 2.2 µs, and so would a cache that is too small.
    """
    page, _, query = url.partition("?")
    at = _page(page)
    if not query:
        return at
    return URL.build(scheme=at.scheme, authority=at.raw_authority, path=at.raw_path, query_string=query, encoded=True)


@lru_cache(maxsize=256)
def _page(url: str) -> URL:
    try:
        return URL(url, encoded=True)
    except ValueError as exc:
        raise aiohttp.InvalidURL(url, str(exc)) from exc
