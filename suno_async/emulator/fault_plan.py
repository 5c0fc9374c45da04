"""Which faults are planned for the next requests."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from ..api.requests import Request
from .faults import Fault

__all__ = ["FaultPlan"]

Endpoint = type[Request[Any]]


class FaultPlan:
    """The faults that the next requests get."""

    # State, all of it: _planned, a queue of faults for each endpoint; the queue of None is for any job or call.

    def __init__(self) -> None:
        self._planned: dict[Endpoint | None, deque[Fault | None]] = {}

    def add(self, target: Endpoint | None, faults: Iterable[Fault | None]) -> None:
        """Plan one fault for each of the next requests; None stands for a request without a fault."""
        self._planned.setdefault(target, deque()).extend(faults)

    def peek(self, *endpoints: Endpoint | None) -> Fault | None:
        """The next fault in the first queue of these that has one."""
        queue = self._queue(endpoints)
        return queue[0] if queue else None

    def take(self, *endpoints: Endpoint | None) -> Fault | None:
        """The same, and remove it."""
        queue = self._queue(endpoints)
        return queue.popleft() if queue else None

    def _queue(self, endpoints: Iterable[Endpoint | None]) -> deque[Fault | None] | None:
        return next((queue for endpoint in endpoints if (queue := self._planned.get(endpoint))), None)
