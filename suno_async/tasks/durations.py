"""How long tasks take: as this process has seen it, or as a page of the service says."""

import math
from collections import deque
from typing import Any, NamedTuple, Protocol

from ..api.requests import Request

__all__ = ["Durations", "Timed", "Timing", "seen_in_time"]

KEPT = 50
"""Durations of each sort that are remembered."""
LEAST = 3
"""Durations before they count more than what a page says."""
BY_THEN = 0.8
"""Part of the tasks that had ended by the time that is expected of the next: rather too late than too early."""
LATE = 20.0
"""Seconds by which an end may be noticed too late to learn from it; or a quarter of the whole, if that is more."""


class Timing(NamedTuple):
    """How far the time of a task is."""

    elapsed: float
    """Seconds since it was accepted."""
    expected: float
    """Seconds that it will probably take in all."""


class Timed(Protocol):
    """What decides how long a task takes."""

    @property
    def kind(self) -> type[Request[Any]]: ...
    @property
    def model(self) -> str: ...
    @property
    def api(self) -> str: ...


class Durations:
    """How long the tasks of a client took, by API, kind and model."""

    # State, all of it: _seen, the newest KEPT durations of each sort.

    def __init__(self) -> None:
        self._seen: dict[tuple[str, type[Request[Any]], str], deque[float]] = {}

    def learn(self, task: Timed, seconds: float) -> None:
        """Note how long a task took."""
        sort = task.api, task.kind, task.model
        seen = self._seen.get(sort)
        if seen is None:
            seen = self._seen[sort] = deque(maxlen=KEPT)
        seen.append(seconds)

    def expected(self, task: Timed) -> float | None:
        """Return how long such a task will probably take, in seconds; None if nobody knows."""
        seen = self._seen.get((task.api, task.kind, task.model), ())
        if len(seen) < LEAST:
            return task.kind.usual_seconds
        return sorted(seen)[math.ceil(BY_THEN * len(seen)) - 1]


def seen_in_time(elapsed: float, unseen: float) -> bool:
    """Return whether the end of a task was noticed soon enough to tell how long it took.

    Args:
        elapsed: Seconds since it was accepted.
        unseen: Seconds for which nobody had looked when its end was seen.
    """
    return min(unseen, elapsed) <= max(LATE, elapsed / 4)
