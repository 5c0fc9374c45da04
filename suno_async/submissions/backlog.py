"""What a store could not be told yet, kept until it can."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..errors import StoreError
from ..log import log
from ..stores.base import Damaged
from ..tasks.pace import retries

__all__ = ["Backlog"]

LAST_TRY = 5.0
"""Seconds that closing waits for the store."""


class Backlog:
    """Writes to a store, in their order, never lost while this process lives."""

    def __init__(self) -> None:
        self._owed: deque[tuple[str, Callable[[], Awaitable[object]]]] = deque()
        self._turn = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    def __bool__(self) -> bool:
        """Whether there is something."""
        return bool(self._owed)

    async def now_or_later(self, what: str, write: Callable[[], Awaitable[object]]) -> None:
        """Write at once if that can be done, else as soon as it can; `what` is said in the log."""
        if not self._owed:
            try:
                await write()
                return
            except StoreError as exc:
                log.warning("%s: to be written down later: %s", what, exc)
        self.later(what, write)

    def later(self, what: str, write: Callable[[], Awaitable[object]]) -> None:
        """Write soon."""
        if self._closed:
            log.error("the store could not be told: %s", what)
            return
        self._owed.append((what, write))
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def settle(self) -> None:
        """Write all there is now. StoreError if the store does not take it yet."""
        async with self._turn:
            while self._owed:
                what, write = self._owed[0]
                try:
                    await write()
                except Damaged as exc:  # for good
                    log.error("%s: this can't be written down: %s", what, exc)
                except StoreError:
                    raise
                except Exception:
                    log.exception("%s: this can't be written down", what)
                self._owed.popleft()

    async def _work(self) -> None:
        pauses = retries(cap=5.0)
        try:
            while self._owed:
                with suppress(StoreError):
                    await self.settle()
                    return
                await asyncio.sleep(max(0.05, next(pauses)))
        finally:
            self._working = None

    async def aclose(self) -> None:
        """Write what there is, if the store takes it soon; say what it did not take."""
        self._closed = True
        working = self._working
        if working is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_TRY):
                    while self._owed:
                        with suppress(StoreError):
                            await self.settle()
                        await asyncio.sleep(0.1 if self._owed else 0)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        for what, _ in self._owed:
            log.error("the store could not be told: %s", what)
