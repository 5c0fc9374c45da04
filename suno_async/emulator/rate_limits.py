"""The service's rate limits."""

import asyncio
from collections import deque

from ..api.providers import Provider
from ..errors import RateLimited
from .requests import Refused

__all__ = ["RateLimits", "rate_refusal"]


class RateLimits:
    """Counts submits and polls, and refuses what exceeds the provider's limits.

    It counts in real time at any speed of the emulator, because clients keep to the limits in real time.
    """

    # State, all of it: _submits, the times of the last submits; _polls, those of the last polls of each task.

    def __init__(self, provider: Provider, *, enforced: bool = True) -> None:
        self._provider = provider
        self._enforced = enforced
        self._submits: deque[float] = deque(maxlen=provider.submits.calls)
        self._polls: dict[str, deque[float]] = {}

    def submit(self, path: str) -> None:
        """Count a submit. Refused if there were too many."""
        if not self._enforced:
            return
        now = asyncio.get_running_loop().time()
        if len(self._submits) == self._submits.maxlen and now - self._submits[0] < self._provider.submits.seconds:
            raise rate_refusal(self._provider, path)
        self._submits.append(now)

    def poll(self, task_id: str, path: str) -> None:
        """Count a poll of a task. Refused if there were too many in the last second."""
        if not self._enforced:
            return
        now = asyncio.get_running_loop().time()
        limit = int(self._provider.polls_per_second)
        polls = self._polls.setdefault(task_id, deque(maxlen=limit))
        if len(polls) == limit and now - polls[0] < 1 - 1e-6:
            raise rate_refusal(self._provider, path)
        polls.append(now)


def rate_refusal(provider: Provider, path: str) -> Refused:
    """The refusal. Code 429 means the rate limit in one table of codes and the credits in another
    (docs/service.md#errors).
    """
    if provider.refusal(429, "", path, 429) is RateLimited:
        return Refused(429, "The call frequency is too high, please try again later", status=429)
    return Refused(430, "Your call frequency is too high, please try again later")
