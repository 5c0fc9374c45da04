"""The credits."""

from ..api.updates import Stage
from ..errors import InsufficientCredits
from .clock import Clock
from .families import Run
from .faults import Fault
from .requests import Refused

__all__ = ["Till"]


class Till:
    """What is left, what was paid, and what is given back for failures."""

    def __init__(self, credits: float, clock: Clock) -> None:
        self._credits = credits
        self._clock = clock
        self._owed: list[Run] = []

    @property
    def credits(self) -> float:
        """What is left by now."""
        failed = [run for run in self._owed if run.state(self._clock.now())[0] is Stage.FAILED]
        for run in failed:
            self._owed.remove(run)
            self._credits = round(self._credits + run.cost, 2)
        return self._credits

    @credits.setter
    def credits(self, credits: float) -> None:
        self._credits = credits

    def pay(self, run: Run) -> None:
        """Take what a request costs, or refuse it: 429 means the credits where it does not mean the rate (NOTES §6)."""
        if self.credits < run.cost:
            known = run.asked.provider.refusal(429, "", run.kind.path) is InsufficientCredits
            raise Refused(429 if known else 402, "The current credits are insufficient")
        run.left = self._credits = round(self._credits - run.cost, 2)
        if run.fault in (Fault.FAIL, Fault.REJECT) and run.family.refunds:
            self._owed.append(run)
