"""Time limits of requests, with one timer for all that have the same."""

import asyncio
import math
from types import TracebackType

__all__ = ["LATE", "Deadlines"]

LATE = 0.02
"""Seconds by which a timer is late if the loop stood still: blocked by a function, or the process was stopped."""
GRACE = 1.0
"""Seconds to read what came meanwhile. Else a paid request would be uncertain although its answer is on hand."""


class Deadlines:
    """Ends requests that take too long: `with deadlines.within(20):` raises TimeoutError as `asyncio.timeout` does.

    A timer for each request, as aiohttp sets it, is a twentieth of the CPU of a poll. Those with the same limit end in
    the order in which they began, so one timer for the first of them is enough.
    """

    # State, all of it: _begun (what is under way, in its order, by seconds) with _timers (by seconds).

    def __init__(self) -> None:
        self._begun: dict[float, dict[_Deadline, None]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def within(self, seconds: float | None) -> "_Deadline":
        """Return a context in which a task may be so long; None is without end."""
        return _Deadline(self, seconds)

    def begin(self, one: "_Deadline", seconds: float) -> float:
        """Note who begins; return when that must have ended, by the loop's clock."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        begun = self._begun.get(seconds)
        if begun is None:
            begun = self._begun[seconds] = {}
        begun[one] = None
        if seconds not in self._timers:
            self._timers[seconds] = loop.call_at(end, self._end, seconds, end)
        return end

    def ended(self, one: "_Deadline", seconds: float) -> None:
        """Note who has ended."""
        self._begun[seconds].pop(one, None)

    def _end(self, seconds: float, due: float) -> None:
        """End what is too late, and set the timer for the next, if there is one. This was due at a time."""
        del self._timers[seconds]
        loop = asyncio.get_running_loop()
        if loop.time() > due + LATE:
            # Once: the loop may always be late.
            self._timers[seconds] = loop.call_later(GRACE, self._end, seconds, math.inf)
            return
        for one in list(self._begun[seconds]):
            if one.end > loop.time():
                self._timers[seconds] = loop.call_at(one.end, self._end, seconds, one.end)
                break
            del self._begun[seconds][one]
            one.expire()

    def aclose(self) -> None:
        """End what is under way: aiohttp wakes nobody who reads a body when it closes the connection."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for begun in self._begun.values():
            while begun:
                begun.popitem()[0].expire()


class _Deadline:
    """One task that must be done in time."""

    __slots__ = ("_all", "_cancelling", "_expired", "_seconds", "_task", "end")

    def __init__(self, all_: Deadlines, seconds: float | None) -> None:
        self._all = all_
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        if self._seconds is not None:
            task = asyncio.current_task()
            assert task is not None
            self._task, self._cancelling = task, task.cancelling()
            self.end = self._all.begin(self, self._seconds)

    def expire(self) -> None:
        """It is too late."""
        self._expired = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        if self._seconds is None:
            return
        if not self._expired:
            self._all.ended(self, self._seconds)
        elif self._task.uncancel() <= self._cancelling and isinstance(exc, asyncio.CancelledError):
            raise TimeoutError from exc
