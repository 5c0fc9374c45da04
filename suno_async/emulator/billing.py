"""The account's credits."""

from collections.abc import Iterable, Sequence

from ..api.updates import Stage
from ..errors import InsufficientCredits
from .clock import Clock
from .counts import Counts
from .faults import Fail
from .requests import Refused
from .runs import Run

__all__ = ["Billing"]


class Billing:
    """Charges requests, and refunds those that failed where the service does so."""

    # State, all of it: _credits, the balance; _refundable, paid runs that will fail and are refunded then.

    def __init__(self, credits: float, clock: Clock, counts: Counts) -> None:
        self._credits = credits
        self._clock = clock
        self._counts = counts
        self._refundable: list[Run] = []

    @property
    def credits(self) -> float:
        """The balance now, after the refunds that are due."""
        failed = [run for run in self._refundable if run.state(self._clock.now())[0] is Stage.FAILED]
        for run in failed:
            self._refundable.remove(run)
            self._credits = round(self._credits + run.cost, 2)
            self._counts.refund(run.cost)
        return self._credits

    @credits.setter
    def credits(self, credits: float) -> None:
        self._credits = credits

    @property
    def refundable(self) -> Sequence[Run]:
        """Paid runs whose credits are given back when they fail."""
        return self._refundable

    def resume(self, credits: float, refundable: Iterable[Run]) -> None:
        """Go on with the balance and the refunds of before a restart."""
        self._credits = credits
        self._refundable = list(refundable)

    def charge(self, run: Run) -> None:
        """Take what a run costs from the balance. Refused if the balance is too small.

        The code is 429 where that does not mean the rate limit (docs/service.md#errors).
        """
        if self.credits < run.cost:
            known = run.asked.provider.refusal(429, "", run.kind.path) is InsufficientCredits
            raise Refused(429 if known else 402, "The current credits are insufficient")
        self._credits = round(self._credits - run.cost, 2)
        self._counts.charge(run.cost)
        run.charged(self._credits)
        if isinstance(run.fault, Fail):
            self.expect_failure(run)

    def expect_failure(self, run: Run) -> None:
        """Give the credits of a paid run back when it has failed, where the service does so."""
        if run.family.refunds and run not in self._refundable:
            self._refundable.append(run)
