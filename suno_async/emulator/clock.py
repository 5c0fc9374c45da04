"""The emulator's clock, which may run faster than real time, or stand still and be moved."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Clock"]


class Clock:
    """A clock that runs `speed` times as fast as the event loop's, and can be moved forward.

    With an infinite speed it stands still as at speed 0, and polls move it (`Steps`).
    """

    # State, all of it: _skipped, the seconds it was moved forward; _moved, an event set and replaced at each move.

    def __init__(self, speed: float) -> None:
        if not speed >= 0:
            raise ValueError(f"speed must not be negative, got {speed}")
        self.speed = speed
        self.rate = speed if speed < math.inf else 0.0
        """Seconds by which it runs in one real second."""
        self._skipped = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """The time in seconds."""
        return asyncio.get_running_loop().time() * self.rate + self._skipped

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._skipped += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def resume(self, moment: float) -> None:
        """Go on from a time that was read before a restart."""
        self._skipped = 0.0
        self.advance(moment - self.now())

    async def wait_until(self, moment: Callable[[], float]) -> None:
        """Return when the clock has reached a time, which is asked for again whenever the clock is moved."""
        while (left := moment() - self.now()) > 0:
            # At rate 0 only `advance` moves the clock. A wait of at least 1 ms prevents a busy loop.
            wait = max(left / self.rate, 0.001) if self.rate and left < math.inf else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), wait)
