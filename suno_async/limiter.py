"""At most so many sends in any window of time: arithmetic on `now`, and one wait."""

from collections import deque

import anyio

from .providers import Rate

__all__ = ["Limiter"]

MARGIN = 1.02
"""The service counts arrivals, we count departures: two per cent more window covers the difference on the way."""


class Limiter:
    """A sliding window. Slots are handed out in order; a waiter that gives up leaves its slot unused."""

    def __init__(self, rate: Rate) -> None:
        self.period = rate.seconds * MARGIN
        self._slots = deque([float("-inf")] * rate.calls, maxlen=rate.calls)
        self._open_from = float("-inf")

    def reserve(self, now: float) -> float:
        """Take the next free slot and tell how long it is until then, in seconds."""
        slot = max(now, self._slots[0] + self.period, self._open_from)
        self._slots.append(slot)
        return slot - now

    def close(self, until: float) -> None:
        """The service refused: nobody sends before that moment."""
        self._open_from = max(self._open_from, until)

    async def wait(self) -> None:
        """Wait for a free slot; if the service refused somebody meanwhile, for another one after that."""
        while True:
            now = anyio.current_time()
            slot = now + self.reserve(now)
            await anyio.sleep(slot - now)
            if slot >= self._open_from:
                return
