"""At most so many sends in any window of time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from ..api.limits import Rate

__all__ = ["MARGIN", "Limiter"]

MARGIN = 1.02
"""The service counts arrivals, we count departures: two per cent more window covers the difference on the way."""


class Limiter:
    """A sliding window over what really left, whoever waited and gave up meanwhile.

    First come, first served: one waits for the window, the others for their turn. `sleep` is how it waits; what that
    raises ends the waiting. `reserve` takes a place in a window that other processes use, too, or tells how long none
    is free.
    """

    def __init__(
        self,
        rate: Rate,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        reserve: Callable[[Rate], Awaitable[float]] | None = None,
    ) -> None:
        self.period = rate.seconds * MARGIN
        self._rate = rate
        self._sleep = sleep
        self._reserve = reserve
        self._left_at = deque([float("-inf")] * rate.calls, maxlen=rate.calls)
        self._open_from = float("-inf")
        self._turn = asyncio.Lock()
        self._line = asyncio.Lock()
        self._queued = 0
        """Those who found the shared window full: one of them asks, the others wait behind."""

    def free_at(self) -> float:
        """When the next one may leave."""
        return max(self._left_at[0] + self.period, self._open_from)

    def close(self, until: float) -> None:
        """The service refused: nobody leaves before that moment."""
        self._open_from = max(self._open_from, until)

    async def wait(self) -> None:
        """Wait until one more may leave, and count it."""
        async with self._turn:
            while (left := self.free_at() - anyio.current_time()) > 0:
                await self._sleep(left)
            self._left_at.append(anyio.current_time())
        if self._reserve is not None and (self._queued or await self._reserve(self._rate) > 0):
            self._queued += 1
            try:
                async with self._line:
                    while (left := await self._reserve(self._rate)) > 0:
                        await self._sleep(left)
            finally:
                self._queued -= 1
