"""When to poll next, and how long to stay patient."""

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, Protocol

import backoff

from ..api.requests import Request
from ..api.updates import COMPLETE, STAGES, Stage
from ..errors import ConfigurationError
from .adaptive import AdaptivePace, Staged

__all__ = ["UNSETTLED", "Pace", "PacePolicy", "check_pace", "default_pace"]

LONGEST_GROWTH = 10_000
"""Polls after which a pace grows no more, if it has not reached its cap by then."""


class Pace(NamedTuple):
    """How often a task is polled, and for how long somebody waits for it.

    Attributes:
        first: Seconds from the submit to the first poll (default: 10).
        growth: Factor by which each pause is longer than the one before (default: 1.3).
        cap: Longest pause in seconds (default: 11.5).
        patience: Seconds from the beginning of the waiting to the TaskTimeout (default: 1200 = 20 minutes).
    """

    first: float = 10.0
    growth: float = 1.3
    cap: float = 11.5
    patience: float = 1200.0

    def pauses(self) -> Iterator[float]:
        """Return the pauses before each poll in seconds, without end."""
        pauses = backoff.expo(base=self.growth, factor=max(self.first, 0.001), max_value=self.cap)
        next(pauses)  # the first value of backoff's generators is None
        return pauses

    def pause(self, number: int) -> float:
        """Return one of the pauses in seconds; the first has number 0."""
        steps = _steps(self)  # shared: an iterator for each waiting task would be a tenth of its memory
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
WITH_CALLBACKS = Pace(first=150.0, growth=1.0, cap=150.0, patience=1800.0)
"""Each callback puts off the next poll, so that none is made while they come (docs/service.md#task-life-cycle)."""
QUICK_WITH_CALLBACKS = Pace(first=30.0, growth=2.0, cap=120.0, patience=1800.0)
UNSETTLED = Pace(first=0.25, growth=1.5, cap=2.0, patience=3600.0)
"""For a submission whose task is not known: the store is read, and the service is not asked. The patience is by our own
clock, so that a wall clock that was set back makes nobody wait for hours."""


def default_pace(kind: type[Request[Any]], *, callbacks: bool = False) -> Pace:
    """Return the default pace of a kind of request; `callbacks` if verified callbacks have come."""
    if callbacks:
        return QUICK_WITH_CALLBACKS if kind.quick else WITH_CALLBACKS
    return QUICK if kind.quick else SLOW


def check_pace(pace: object) -> None:
    """Refuse what is no usable Pace, before anything is paid. ConfigurationError names the number."""
    if not isinstance(pace, Pace):
        raise ConfigurationError(f"pace must be a Pace, got {pace!r}")
    for name, value in pace._asdict().items():
        least = 1.0 if name == "growth" else 0.0
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or math.isnan(value) or value < least or (math.isinf(value) and name != "patience"):
            raise ConfigurationError(f"pace.{name} must be a number of at least {least:g}, got {value!r}")


class Paced(Protocol):
    """What decides the pace of a task."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> type[Request[Any]]: ...
    @property
    def pace(self) -> Pace | None: ...


class Learned(Paced, Staged, Protocol):
    """What decides when a task is polled by what was learned."""

    @property
    def awaited(self) -> Stage: ...
    @property
    def accepted_here(self) -> float | None: ...


class Polled(Protocol):
    """What is known of the polls of a task."""

    @property
    def polled(self) -> float: ...
    @property
    def before(self) -> float: ...
    @property
    def risen(self) -> float: ...
    @property
    def holders(self) -> tuple[Any, ...]: ...


class PacePolicy:
    """The pace of each task of one client."""

    # State, all of it: _expected (callbacks are received, here or in another process), _seen (one has come),
    # _ended (they are not counted on any more), _learned (how long tasks took).

    def __init__(self, pace: Pace | None = None, *, callbacks: bool = False) -> None:
        """Set the client's own pace, if it has one; `callbacks` if another process may receive them."""
        self._pace = pace
        self._expected = callbacks
        self._seen = False
        self._ended = False
        self._learned = AdaptivePace()

    @property
    def learned(self) -> AdaptivePace | None:
        """How long tasks took; None if polls follow a pace that was given, whatever is learned."""
        return self._learned if self._pace is None else None

    def expect_callbacks(self) -> None:
        """Callbacks are received from now on, if the service can reach their address."""
        self._expected = True

    @property
    def expects_callbacks(self) -> bool:
        """Whether callbacks are received, here or in another process, if the service can reach their address."""
        return self._expected

    def callback_seen(self) -> bool:
        """A verified callback has come, so that polls can be rare from now on. Return whether it is the first."""
        first, self._seen = not self._seen, True
        return first

    def callbacks_end(self) -> None:
        """Callbacks may come no more: polls are as frequent as without them."""
        self._ended = True

    def of(self, task: Paced) -> Pace:
        """Return the pace of a task."""
        if not task.id:
            return UNSETTLED
        return task.pace or self._pace or default_pace(task.kind, callbacks=self._seen and not self._ended)

    def without_callbacks(self, task: Paced) -> Pace:
        """Return the pace of a task of which a callback did not come."""
        return task.pace or self._pace or default_pace(task.kind)

    def next_poll(self, task: Learned, polls: Polled) -> float | None:
        """Return when to poll a task next by what was learned, by the loop's clock; None to follow its pace."""
        if self._pace is not None or (since := task.accepted_here) is None or not self._adapts(task):
            return None
        polled, risen = polls.polled - since, polls.risen - since
        if polled < 0.0:
            polled = 0.0
        if risen < 0.0:
            risen = 0.0
        due = self._learned.next_poll(task, _wanted(task, polls), polled, risen, default_pace(task.kind))
        return None if due is None else since + due

    def note_rise(self, task: Learned, polls: Polled, stage: Stage) -> None:
        """Learn from a poll that the task has reached a stage, before the task is told."""
        since, wanted = task.accepted_here, _wanted(task, polls)
        if since is None or stage < wanted or not self._adapts(task):
            return
        before, polled, risen = (max(time - since, 0.0) for time in (polls.before, polls.polled, polls.risen))
        self._learned.learn(task, wanted, before, polled, risen)

    def _adapts(self, task: Paced) -> bool:
        """Whether the default pace of a task without callbacks counts, and not one that was given."""
        return task.pace is None and self._pace is None and not (self._seen and not self._ended) and task.id != ""


def _wanted(task: Learned, polls: Polled) -> Stage:
    """The next stage that somebody waits for: observers want each, waiters say which."""
    if polls.holders != (task,) and any(holder is not task for holder in polls.holders):
        return STAGES[min(task.stage + 1, COMPLETE)]
    return task.awaited
