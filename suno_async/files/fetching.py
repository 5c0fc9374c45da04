"""One file from its addresses: late ones waited for, broken transfers resumed, what is no media refused."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from itertools import chain, repeat
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio

from ..errors import ConnectError, SunoError, TransportError
from ..http.base import Download, Transport
from ..http.retry import MAX_RETRIES, pauses
from ..http.retry_after import retry_after
from ..log import fields, log
from .links import Addresses
from .media import HEAD, why_no_media
from .wanted import Wanted

__all__ = ["LATE", "MAX_BYTES", "Begin", "Fetching", "Known"]

LATE = 60.0
"""Seconds for which an address is waited for that serves nothing yet: hosts were seen to be minutes behind
(docs/service.md#observed-differences)."""
PAUSES = (1.0, 2.0, 4.0, 8.0)
LAST_PAUSE = 15.0
MAX_BYTES = 2 << 30
LATE_STATUSES = {403, 404}
"""What hosts were seen to answer for files that are not there yet."""
BUSY_STATUSES = {408, 425, 429}


class Known(NamedTuple):
    """What an answer said of the file, by which a later one is known to continue it."""

    total: int | None = None
    """Bytes of the whole file."""
    validator: str = ""
    """Its ETag, or else Last-Modified."""
    ranges: bool = False
    """Whether its host serves ranges."""

    @property
    def resumable(self) -> bool:
        """Whether the rest can be fetched later and known to be of the same file."""
        return bool(self.validator) or (self.ranges and self.total is not None)


class Begin(NamedTuple):
    """The chunks that follow begin at this byte of the file; what is on hand from there on is void."""

    at: int
    known: Known


class _Dead(SunoError):
    """An address serves no file. Maybe it does later, after the seconds that its host asks for."""

    def __init__(self, reason: str, *, late: bool = False, after: float = 0.0) -> None:
        super().__init__(reason)
        self.late = late
        self.after = after


class _Changed(SunoError):
    """The rest that was sent is not of the file whose beginning is on hand."""


class TooLarge(SunoError):
    """The file has more bytes than the caller allows."""


class Fetching:
    """Fetches one file."""

    # State, all of it: _have, the bytes that are on hand, and _known, what is known of their file.

    def __init__(
        self,
        wanted: Wanted,
        addresses: Addresses,
        transport: Transport,
        max_bytes: int = MAX_BYTES,
        *,
        max_retries: int = MAX_RETRIES,
        new: bool = True,
    ) -> None:
        """Make what fetches one file.

        Args:
            wanted: The file.
            addresses: Where it may be.
            transport: The network.
            max_bytes: Its largest size.
            max_retries: How often in a row a connection to one address may break and be made again, before another
                address is tried.
            new: Whether its task has just ended, so that its host may be late.
        """
        self._wanted = wanted
        self._new = new
        self._addresses = addresses
        self._transport = transport
        self._max_bytes = max_bytes
        self._max_retries = max_retries
        self._have = 0
        self._known = Known()

    async def pieces(self, have: int = 0, known: Known = Known()) -> AsyncGenerator[Begin | bytes]:  # noqa: B008
        """Yield where the bytes begin, and the bytes; again after each interruption.

        Args:
            have: Bytes that are on hand from an earlier call.
            known: What is known of their file.

        Raises:
            SunoError: No address serves the file. Transport errors and refusals are among them.
        """
        self._have, self._known = have, known
        ends = anyio.current_time() + LATE
        first: SunoError | None = None
        for pause in chain(PAUSES, repeat(LAST_PAUSE)):
            first, late, asked = None, False, 0.0
            async with aclosing(self._addresses.each()) as addresses:
                async for url in addresses:
                    try:
                        async with aclosing(self._from(url)) as pieces:
                            async for piece in pieces:
                                yield piece
                        return
                    except _Dead as exc:
                        error: SunoError = exc
                        if exc.late and exc.after <= ends - anyio.current_time():
                            late, asked = True, max(asked, exc.after)
                        else:
                            self._addresses.drop(url)
                    except TransportError as exc:
                        error = exc
                        if isinstance(exc, ConnectError) and exc.permanent:
                            self._addresses.drop(url)
                    log.info("%s is not served: %s", self._wanted.file.title, error)
                    first = first or error
            left = ends - anyio.current_time()
            if first is None or not late or left <= 0:
                break
            wait = min(max(pause, asked), left)
            self._log_retry(first, wait)
            await anyio.sleep(wait)
        last = first or _Dead("no address")
        try:
            url = await self._addresses.recovered()
        except SunoError as exc:
            raise _Dead(f"{last}; recovery failed, too: {exc}") from exc
        if not url:
            raise last
        async with aclosing(self._from(url)) as pieces:
            async for piece in pieces:
                yield piece

    async def _from(self, url: str) -> AsyncGenerator[Begin | bytes]:
        """The file from one address, resumed where the connection broke."""
        waits = pauses(cap=10)
        failures, best = 0, self._have
        while True:
            try:
                async with aclosing(self._once(url)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except _Changed as exc:
                log.info("%s: %s", self._wanted.file.title, exc)
                self._known = Known()  # so that the whole is asked for
            except TransportError as exc:
                failures = 1 if self._have > best else failures + 1
                best = max(best, self._have)
                if failures > self._max_retries or (isinstance(exc, ConnectError) and exc.permanent):
                    raise
                wait = next(waits)
                self._log_retry(exc, wait)
                await anyio.sleep(wait)

    def _log_retry(self, error: SunoError, wait: float) -> None:
        extra = fields("retry", self._wanted.task_id, reason=type(error).__name__, wait=wait)
        log.warning("%s: %s: trying again in %.1f s", self._wanted.file.title, error, wait, extra=extra)

    def _log_request(self, url: str, status: int, seconds: float) -> None:
        if log.isEnabledFor(logging.DEBUG):
            parts, task_id = urlsplit(url), self._wanted.task_id
            path, ms = parts.path, round(seconds * 1000, 1)  # the query may hold a signature
            extra = fields("request", task_id, method="GET", path=path, status=status, ms=ms)
            log.debug(
                "GET %s%s of task %s: HTTP %d after %.0f ms", parts.hostname, path, task_id, status, ms, extra=extra
            )

    async def _once(self, url: str) -> AsyncGenerator[Begin | bytes]:
        start = self._have if self._known.resumable else 0
        if self._known.total is not None and start > self._known.total:
            start = 0
        if start:
            opened = self._transport.fetch(url, start=start, validator=self._known.validator)
        else:
            opened = self._transport.fetch(url)
        began = anyio.current_time()
        async with opened as answer:
            self._log_request(url, answer.status, anyio.current_time() - began)
            known = self._checked(answer, start)
            at = start if answer.status == 206 else 0
            self._check_size(known.total or 0)
            head = b""
            begun = at > 0
            if begun:
                self._known = known
                yield Begin(at, known)
            received = at
            async for chunk in answer.chunks:
                received += len(chunk)
                self._check_size(received)
                if not begun:
                    head += chunk
                    if len(head) < HEAD:
                        continue
                    self._check_media(answer, head)
                    begun, chunk, self._known = True, head, known
                    yield Begin(0, known)
                self._have = received
                yield bytes(chunk)
            if not begun:
                if not head:
                    total = 0 if known.total is None else known.total
                    raise _Dead(f"0 of {total} bytes", late=self._new, after=_after(answer))
                self._check_media(answer, head)
                self._known, self._have = known, received
                yield Begin(0, known)
                yield head
        if known.total is not None and received != known.total:
            raise TransportError(f"{received} of {known.total} bytes")

    def _checked(self, answer: Download, start: int) -> Known:
        """What the answer says of the file. Raises if it serves none, or another one."""
        if start and answer.status == 416:
            raise _Changed("it has no bytes beyond those that are on hand")
        if answer.status == 206 and start:
            known = _known(answer.headers, _total_of_range(answer.headers, start))
            before = self._known
            if (before.total is not None and known.total != before.total) or (
                known.validator and before.validator and known.validator != before.validator
            ):
                raise _Changed("it has changed since its beginning was fetched")
            return known
        if answer.status != 200:
            late = self._new and answer.status in LATE_STATUSES
            busy = answer.status in BUSY_STATUSES or answer.status >= 500
            raise _Dead(f"HTTP {answer.status}", late=late or busy, after=_after(answer))
        return _known(answer.headers, _expected_size(answer.headers))

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise TooLarge(f"{size} bytes or more, but max_bytes is {self._max_bytes}")

    def _check_media(self, answer: Download, head: bytes) -> None:
        if why := why_no_media(answer.headers.get("Content-Type", ""), head, self._wanted.file.suffix):
            raise _Dead(f"HTTP 200 with {why}", late=self._new, after=_after(answer))


def _after(answer: Download) -> float:
    return retry_after(answer.headers.get("Retry-After")) or 0.0


def _known(headers: Mapping[str, str], total: int | None) -> Known:
    if "Content-Encoding" in headers:  # its bytes are counted before they are unpacked
        return Known(total)
    etag = headers.get("ETag", "")
    weak = not etag or etag.startswith("W/")
    return Known(
        total, headers.get("Last-Modified", "") if weak else etag, headers.get("Accept-Ranges", "").lower() == "bytes"
    )


def _total_of_range(headers: Mapping[str, str], start: int) -> int | None:
    """The size of the whole file, as the answer with a part of it says."""
    unit, _, said = headers.get("Content-Range", "").partition(" ")
    part, _, total = said.partition("/")
    if unit.lower() != "bytes" or part.partition("-")[0].strip() != str(start):
        raise _Changed(f"asked for the bytes from {start} on, its host answered with others")
    return int(total) if total.isdecimal() else None


def _expected_size(headers: Mapping[str, str]) -> int | None:
    """The bytes that were announced. What was compressed all the same has another size once it is read."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in headers else None
