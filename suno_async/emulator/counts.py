"""What an emulator has done so far."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

__all__ = ["Counts", "Stats"]


class Stats(Struct, frozen=True, kw_only=True):
    """What an emulator has done since it was made.

    Attributes:
        requests: How many requests came, by method and route, as "POST /api/v1/generate".
        statuses: How many were answered with each HTTP status; 0 stands for a broken connection.
        refusals: How many were refused, by the code in the answer.
        tasks: How many tasks there are, by the stage that they have reached.
        polls: How often each task was polled, by its id.
        credits: The balance.
        spent: How many credits were charged, refunds included.
        refunded: How many were given back.
        callbacks: The attempts to post callbacks, by the HTTP status of the answer; 0 stands for none.
    """

    requests: Mapping[str, int]
    statuses: Mapping[int, int]
    refusals: Mapping[int, int]
    tasks: Mapping[str, int]
    polls: Mapping[str, int]
    credits: float
    spent: float
    refunded: float
    callbacks: Mapping[int, int]


class Counts:
    """Counts what happens; the parts tell it."""

    # State, all of it: the attributes.

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.refusals: Counter[int] = Counter()
        self.polls: Counter[str] = Counter()
        self.callbacks: Counter[int] = Counter()
        self.spent = 0.0
        self.refunded = 0.0

    def request(self, route: str, status: int, refusal: int | None) -> None:
        """A request was answered, or refused with a code."""
        self.requests[route] += 1
        self.statuses[status] += 1
        if refusal is not None:
            self.refusals[refusal] += 1

    def poll(self, task_id: str) -> None:
        """A task was polled."""
        self.polls[task_id] += 1

    def callback(self, status: int) -> None:
        """It was attempted to post a callback."""
        self.callbacks[status] += 1

    def charge(self, credits: float) -> None:
        """Credits were taken."""
        self.spent = round(self.spent + credits, 2)

    def refund(self, credits: float) -> None:
        """Credits were given back."""
        self.refunded = round(self.refunded + credits, 2)

    def stats(self, tasks: Mapping[str, int], credits: float) -> Stats:
        """What was counted until now, beside the tasks and the balance."""
        return Stats(
            requests=dict(self.requests),
            statuses=dict(self.statuses),
            refusals=dict(self.refusals),
            tasks=tasks,
            polls=dict(self.polls),
            credits=credits,
            spent=self.spent,
            refunded=self.refunded,
            callbacks=dict(self.callbacks),
        )
