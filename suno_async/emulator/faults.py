"""Failures on demand: what they are, and which of them are planned for the next requests."""

import enum
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..api.requests import Request

__all__ = ["Fault", "FaultPlan"]

Endpoint = type[Request[Any]]


class Fault(enum.Enum):
    """A failure of one request. For a call, only those apply that do not concern stages, files or callbacks.

    The value of a member describes it. All times are in seconds of the emulator's clock unless stated otherwise.
    """

    DROP = "the connection breaks and no task is created"
    LOSE_ANSWER = "the task is created, and the connection breaks before the answer"
    GARBLE = "the task is created, and the answer is cut short"
    HTML = "HTTP 502 with a gateway's error page, and no task is created"
    RATE_LIMIT = "refused because of the rate limit"
    MAINTENANCE = "refused because of maintenance"
    FAIL = "the task fails"
    REJECT = "the task fails because its text is not allowed"
    INVISIBLE = "the details page does not know the task for its first 30 seconds"
    LATE_FILES = "the details page reports success 30 seconds before the files exist"
    UNDELIVERED = "the details page says CALLBACK_EXCEPTION once the task is complete, whatever the address answered"
    SILENT = "no callback is posted"
    DELAYED = "each callback is posted 60 seconds late"
    REORDERED = "all callbacks are posted after the task has ended, the last one first"
    DUPLICATED = "each callback is posted twice at once, and both must be answered 200"
    OVERTAKING = (
        "the first callback is posted before the submit is answered; the answer waits for it, 1 real second at most"
    )
    STUCK = "the task never ends"
    DEAD_LINK = "the first URLs of the files are dead; from the second poll of the complete task on there are new ones"


class FaultPlan:
    """The faults that the next requests get."""

    # State, all of it: _planned, a queue of faults for each endpoint; the queue of None is for any job or call.

    def __init__(self) -> None:
        self._planned: dict[Endpoint | None, deque[Fault | None]] = {}

    def add(self, faults: Iterable[Fault | None], endpoint: Endpoint | None) -> None:
        """Plan one fault for each of the next requests; None stands for a request without a fault."""
        self._planned.setdefault(endpoint, deque()).extend(faults)

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
