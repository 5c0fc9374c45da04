"""When to look next, how long to stay patient, and when a doubtful answer is settled."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import backoff
import msgspec

from ..api.requests import Request
from ..api.updates import Provisional, Stage, Update

__all__ = ["Pace", "failed", "pace_of", "retries", "settle"]

R = TypeVar("R")

VISIBLE_AFTER = 90.0
"""Seconds in which a task may still be unknown to its details page."""
LONGEST_GROWTH = 10_000
"""Looks after which a pace grows no more, if it has not reached its cap by then."""
FILES_AFTER = 60.0
"""Seconds in which the files of a success may still be missing."""


class Pace(NamedTuple):
    """Seconds: the first look, the growth of the pauses after it, their cap, and the patience in all."""

    first: float = 10.0
    growth: float = 1.3
    cap: float = 11.5
    patience: float = 1200.0

    def pauses(self) -> Iterator[float]:
        """The pauses before each look, without end."""
        return _primed(backoff.expo(base=self.growth, factor=max(self.first, 0.001), max_value=self.cap))

    def pause(self, number: int) -> float:
        """One of them; the first is 0. An iterator for each waiting task would be a tenth of what it weighs."""
        steps = _steps(self)
        return steps[min(number, len(steps) - 1)]


@lru_cache
def _steps(pace: Pace) -> tuple[float, ...]:
    """The pauses of a pace until they grow no more."""
    steps = list(islice(pace.pauses(), 2))
    for pause in islice(pace.pauses(), 2, LONGEST_GROWTH):
        if steps[-1] == steps[-2]:
            break
        steps.append(pause)
    return tuple(steps)


QUICK = Pace(first=2.0, growth=1.5, cap=6.0, patience=300.0)
SLOW = Pace()


CALLED = Pace(first=150.0, growth=1.0, cap=150.0, patience=1800.0)
"""Where callbacks are received: each puts off the next look, so that none is made while they come (NOTES §4)."""
CALLED_QUICK = Pace(first=30.0, growth=2.0, cap=120.0, patience=1800.0)


def pace_of(job: type[Request[Any]], *, called: bool = False) -> Pace:
    """The default pace of a kind of job; `called` if proven callbacks of it are received."""
    if called:
        return CALLED_QUICK if job.quick else CALLED
    return QUICK if job.quick else SLOW


def retries(cap: float = 30.0) -> Iterator[float]:
    """Pauses between attempts at something that fails, in seconds: up to 1, 2, 4 … `cap`, each drawn at random."""
    return (backoff.full_jitter(wait) for wait in _primed(backoff.expo(max_value=cap)))


def _primed(waits: Iterator[float]) -> Iterator[float]:
    next(waits)  # the first value of backoff's generators is None
    return waits


def settle(update: Update[R], unknown: float, mark_uncertain: float) -> Update[R] | None:
    """What time makes of a doubtful update; None when the task is not to be found.

    `unknown` is how long the service has not known the task, `doubted` how long this doubt has lasted, in seconds.
    """
    match update.provisional:
        case Provisional.MISSING if unknown >= VISIBLE_AFTER:
            return None
        case Provisional.LATE_FILES if mark_uncertain >= FILES_AFTER:
            if update.result is None:
                return failed(update, "the service says success but has no result")
            return msgspec.structs.replace(update, stage=Stage.COMPLETE, provisional=Provisional.NONE)
        case _:
            return update


def failed(update: Update[R], message: str) -> Update[R]:
    """The same update as an end without result."""
    return msgspec.structs.replace(
        update, stage=Stage.FAILED, provisional=Provisional.NONE, message=update.message or message
    )
