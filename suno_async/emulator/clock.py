"""The service's time, and the rate limits, which keep to ours."""

import asyncio
from collections import deque
from contextlib import suppress

from ..api.providers import Provider
from ..errors import RateLimited
from .requests import Refused

__all__ = ["Clock", "Gate"]


class Clock:
    """So many of the service's seconds in one of ours, and what was skipped by hand."""

    def __init__(self, speed: float) -> None:
        if speed < 0:
            raise ValueError(f"speed must not be negative, got {speed}")
        self.speed = speed
        self._skipped = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return asyncio.get_running_loop().time() * self.speed + self._skipped

    def advance(self, seconds: float) -> None:
        self._skipped += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def until(self, moment: float) -> None:
        while (left := moment - self.now()) > 0:
            # A clock that stands is only stepped; a thousandth more than needed is never short by a bit.
            wait = max(left / self.speed, 0.001) if self.speed else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), wait)


class Gate:
    """The rate limits, by real time whatever the speed, since clients keep to them in real time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._arrivals: deque[float] = deque(maxlen=provider.submits.calls)
        self._looks: dict[str, deque[float]] = {}

    def submit(self, path: str) -> None:
        """Count a new task in, or refuse it."""
        now = asyncio.get_running_loop().time()
        if len(self._arrivals) == self._arrivals.maxlen and now - self._arrivals[0] < self._provider.submits.seconds:
            self.refuse(path)
        self._arrivals.append(now)

    def look(self, task_id: str, path: str) -> None:
        """Count a look at one task in, or refuse it."""
        now = asyncio.get_running_loop().time()
        most = int(self._provider.polls_per_second)
        looks = self._looks.setdefault(task_id, deque(maxlen=most))
        if len(looks) == most and now - looks[0] < 1 - 1e-6:
            self.refuse(path)
        looks.append(now)

    def refuse(self, path: str) -> None:
        """Refuse as too fast: code 429 speaks of the rate in one table and of credits in the other (NOTES §6)."""
        if self._provider.refusal(429, "", path, 429) is RateLimited:
            raise Refused(429, "The call frequency is too high, please try again later", status=429)
        raise Refused(430, "Your call frequency is too high, please try again later")
