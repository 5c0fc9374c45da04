"""Other addresses of a file whose own is dead, in the order in which they are tried."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

import anyio

from ..api.providers import Provider
from ..api.requests import GetDownloadUrl, RecoverAudio, Request, maker_of
from ..api.results import File, Result
from ..api.updates import Stage
from ..errors import SunoError
from ..log import log
from ..tasks.pace import Pace
from ..tasks.registry import TaskRegistry
from .wanted import Wanted

__all__ = ["Addresses", "FreshLinks", "Gateway", "Links", "Requests"]

R = TypeVar("R")

FOR_LINKS = Pace(first=1.0, growth=2.0, cap=8.0, patience=8.0)
"""The task has ended, so the first poll tells; the others are for polls that fail."""
SHARED = 1.0
"""Seconds for which all who ask get the same links."""
UNKNOWN = 15.0
"""Seconds for which nobody asks again after a poll that told none."""

DIRECT = 15.0
"""Seconds within which a direct link must come."""


class Links(Protocol):
    """Where fresh addresses come from."""

    async def get(self) -> Sequence[File]:
        """Return the files as they are addressed now; none if that is not known."""
        ...


class Requests(Protocol):
    """Sends requests and returns their results; a client."""

    async def run(self, request: Request[R]) -> R:
        """Send a request and return its result. Raises a SunoError."""
        ...


class FreshLinks:
    """Polls the task of a result once more: an interest in it like any other, so it shares the polls of those."""

    # State, all of it: _turn, _asked (when it was polled last), _files.

    def __init__(self, result: object, registry: TaskRegistry) -> None:
        self._result = result
        self._registry = registry
        self._turn = asyncio.Lock()
        self._asked = float("-inf")
        self._files: Sequence[File] = ()

    async def get(self) -> Sequence[File]:
        """Return the files as a poll tells them now; none if it does not."""
        result = self._result
        kind = maker_of(result) if isinstance(result, Result) else None
        if kind is None or not isinstance(result, Result) or not result.task_id:
            return ()
        async with self._turn:
            if anyio.current_time() - self._asked >= (SHARED if self._files else UNKNOWN):
                task = self._registry.detached(kind, result.task_id, FOR_LINKS)
                try:
                    found: Any = (await task.wait(Stage.FIRST)).result
                except SunoError:
                    found = None
                self._asked = anyio.current_time()
                self._files = list(found.files()) if found is not None else ()
            return self._files


class Gateway:
    """What a gateway can do for a dead address beyond a poll."""

    # State, all of it: _recoveries, one for each task, which all of its files share.

    def __init__(self, provider: Provider, requests: Requests, *, recover: bool = False) -> None:
        self._requests = requests
        self.recovers = recover
        # The gateway that makes direct links is also the only one that does not forbid those of the upstream service
        # (docs/service.md#observed-differences).
        self.makes_direct_links = GetDownloadUrl.path not in provider.unsupported_endpoints
        self._recoveries: dict[str, asyncio.Task[dict[str, str]]] = {}

    async def direct(self, url: str) -> str:
        """Return a direct link to a file, valid for 20 minutes; empty if there is none."""
        with anyio.move_on_after(DIRECT):
            try:
                return await self._requests.run(GetDownloadUrl(url=url))
            except SunoError as exc:
                log.info("no direct link: %s", exc)
        return ""

    async def recovered(self, file: Wanted) -> str:
        """Pay for a recovery of the file's task, once for all of its files; return the file's new address.

        Raises:
            SunoError: It could not be recovered.
        """
        if file.task_id not in self._recoveries:
            recovery = self._recoveries[file.task_id] = asyncio.create_task(self._recover(file.task_id))
            recovery.add_done_callback(_heed)
        # What is paid for goes on, although one who waits for it is cancelled.
        urls = await asyncio.shield(self._recoveries[file.task_id])
        if file.track_id not in urls:
            raise SunoError("the service restored other tracks of the task, or none")
        return urls[file.track_id]

    async def _recover(self, task_id: str) -> dict[str, str]:
        recovery = await self._requests.run(RecoverAudio(task_id=task_id))
        return {track.id: track.audio_url for track in recovery.tracks if track.audio_url}


def _heed(recovery: asyncio.Task[dict[str, str]]) -> None:
    """Take notice of an error for which nobody waits any more."""
    if not recovery.cancelled() and (error := recovery.exception()) is not None:
        log.info("a recovery failed: %s", error)


class Addresses:
    """The addresses of one file, the likeliest first."""

    # State, all of it: _direct, the link that the gateway made, once; _useless, what is not to be tried again.

    def __init__(self, wanted: Wanted, links: Links, gateway: Gateway | None = None) -> None:
        self._wanted = wanted
        self._links = links
        self._gateway = gateway
        self._direct: str | None = None
        self._useless: set[str] = set()

    async def each(self) -> AsyncGenerator[str]:
        """Yield its own address, that of a fresh poll, the upstream one, and a direct link; each is asked for when
        its turn comes.
        """
        tried = set(self._useless)
        async with aclosing(self._in_order()) as addresses:
            async for url in addresses:
                if url and url not in tried:
                    tried.add(url)
                    yield url

    async def _in_order(self) -> AsyncGenerator[str]:
        own = self._wanted.file.url
        yield own
        yield await self._fresh()
        if self._gateway is not None and self._gateway.makes_direct_links:
            yield self._wanted.upstream
            if self._direct is None:
                made_here = self._wanted.task_id and not self._wanted.streams
                self._direct = await self._gateway.direct(own) if made_here else ""
            yield self._direct

    async def _fresh(self) -> str:
        """The same file's address by a new poll."""
        file = self._wanted.file
        same = [new for new in await self._links.get() if (new.id, new.suffix) == (file.id, file.suffix)]
        return same[self._wanted.same].url if len(same) > self._wanted.same else ""

    def drop(self, url: str) -> None:
        """Do not try an address again."""
        self._useless.add(url)

    @property
    def recoverable(self) -> bool:
        """Whether the gateway might restore the file, as far as is known."""
        return bool(self._wanted.task_id and self._wanted.track_id)

    async def recovered(self) -> str:
        """Return the address of the restored file if recovery is wanted and possible; otherwise nothing.

        Raises:
            SunoError: It could not be recovered.
        """
        if self._gateway is None or not self._gateway.recovers or not self.recoverable:
            return ""
        return await self._gateway.recovered(self._wanted)
