"""When to poll next, learned from the tasks before: often where the next stage is likely, seldom where it is not."""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from ..api.requests import Request
from ..api.updates import PENDING, Stage
from .durations import Timed

if TYPE_CHECKING:
    from .pace import Pace  # whose policy asks here

__all__ = ["AdaptivePace", "Sort", "Staged"]

Sort: TypeAlias = tuple[str, type[Request[Any]], str, Stage, Stage]
"""Tasks whose times are alike: the API, the kind, the model, the stage that was reached, and the stage to come."""

KEPT = 50
"""Times of each sort that are remembered."""
LEAST = 5
"""Times before they count."""
STEPS = 10
"""Pieces of a curve: fewer follow a distribution less closely, more follow its accidents."""
SHARE = 0.95
"""Polls of a task, as a part of those that the default pace makes of the same tasks."""
SHORTEST = 1.0
"""Seconds between two polls at least."""
IN_A_ROW = 3
"""Tasks in a row that were all among the fastest or slowest tenth before what was known before them is forgotten."""
WORTH = 0.9
"""Mean delay that is expected, as a part of that of the default pace, from which on that is followed."""
EDGE = 0.04
"""How far beyond what is known a time is still likely, as a part of the width of what is."""
GAP = 0.2
"""Part of that width from which on a gap between two times is none by accident."""
ENOUGH = 1.0
"""Seconds of mean delay for less of which no polls are spent."""
GOLDEN = (math.sqrt(5) - 1) / 2


class Staged(Timed, Protocol):
    """The same with the stage that was reached, which says how long the rest takes."""

    @property
    def stage(self) -> Stage: ...


class _Curve(NamedTuple):
    """How the polls of one sort of task are spread.

    With the rate h(t) at which tasks reach the stage among those that have not, the fewest polls for the least mean
    delay are made at a density proportional to the square root of h(t). `reach` is the integral of that root.
    """

    at: list[float]
    """Seconds after the submit."""
    reach: list[float]
    """The integral at these times, linear between them."""
    mean: float
    """Its mean at the times when the stage was reached."""
    polls: float
    """Polls that the default pace makes until then, in the mean."""
    step: float | None
    """How much of the integral is between two polls of a task of which nothing but its age is known."""


class _Times:
    """When the newest tasks of one sort reached a stage."""

    # State, all of it: _newest, _count (of all that were learned), _run (how many in a row were fast, negative, or
    # slow), _curve (made when it is asked for).

    __slots__ = ("_count", "_curve", "_newest", "_run")

    def __init__(self, newest: Iterable[float] = ()) -> None:
        self._newest = deque(newest, KEPT)
        self._count = len(self._newest)
        self._run = 0
        self._curve: _Curve | None = None

    @property
    def newest(self) -> list[float]:
        """The times, oldest first."""
        return list(self._newest)

    def learn(self, after: float, until: float) -> None:
        """Note that the stage was reached between two polls."""
        side = self._side(after, until)
        self._run = self._run + side if side * self._run > 0 else side
        self._count += 1
        # Somewhere between them, evenly over many tasks: the middle would draw all polls to itself.
        self._newest.append(after + (until - after) * (self._count * GOLDEN % 1))
        if abs(self._run) >= IN_A_ROW:  # the service is faster or slower than it was
            self._newest = deque(list(self._newest)[-IN_A_ROW:], KEPT)
            self._run = 0
        self._curve = None

    def _side(self, after: float, until: float) -> int:
        if len(self._newest) < LEAST:
            return 0
        known = sorted(self._newest)
        tenth = len(known) // 10
        return -1 if until < known[tenth] else 1 if after > known[-1 - tenth] else 0

    def curve(self, pace: "Pace") -> _Curve | None:
        """Return how to spread polls, against the default pace; None while too little is known."""
        if self._curve is None and len(self._newest) >= LEAST:
            self._curve = _curve(sorted(self._newest), pace)
        return self._curve


def _curve(times: list[float], pace: "Pace") -> _Curve:
    count, width = len(times), times[-1] - times[0]
    size = max(1, count // STEPS)
    at, reach, below, mean = [0.0], [0.0], 0.0, 0.0
    for time, until in _quantiles(times, size, width):
        part, left = until - below, 1 - (below + until) / 2
        step = math.sqrt(part * max(time - at[-1], 0.0) / left)
        mean += part * (reach[-1] + step / 2)
        at.append(max(time, at[-1]))
        reach.append(reach[-1] + step)
        below = until
    mean += (1 - below) * reach[-1]
    polls = sum(_polls(pace, time) for time in times) / count
    return _Curve(at, reach, mean, polls, _step(mean, polls, pace))


def _step(mean: float, polls: float, pace: "Pace") -> float | None:
    """Return how much of the integral is between two polls; None if the default pace is as good."""
    step = mean / max(SHARE * polls - 0.5, 0.5)
    late = step * mean / 2  # in the mean
    if late > WORTH * pace.cap / 2:
        return None
    return step if late >= ENOUGH else step * ENOUGH / max(late, 1e-9)


def _quantiles(times: list[float], size: int, width: float) -> Iterator[tuple[float, float]]:
    """Return some times, with the part of the tasks that took no longer.

    One of count + 1 tasks is faster than all that are known, one slower, and one is between each two; half of those
    outside are close to the others.
    """
    one, edge, last = 1 / (len(times) + 1), width * EDGE, len(times) - 1
    yield max(times[0] - edge, 0.0), one / 2
    for number, time in enumerate(times):
        gaps = (time - times[max(number - 1, 0)], times[min(number + 1, last)] - time)
        if number % size == 0 or number == last or max(gaps) > width * GAP:
            yield time, (number + 1) * one
    yield times[-1] + edge, 1 - one / 2


@lru_cache
def _due(pace: "Pace") -> list[float]:
    """When the polls of a pace are due within its patience."""
    due = accumulate(pace.pause(number) for number in range(1000))
    return [time for time in due if time <= pace.patience]


def _polls(pace: "Pace", until: float) -> int:
    """How many polls a pace makes until it sees what happens at a time."""
    return bisect_right(_due(pace), until) + 1


class AdaptivePace:
    """How long tasks took to reach their stages, by API, kind, model and stage, and when to poll the next."""

    # State, all of it: _times by sort.

    def __init__(self) -> None:
        self._times: dict[Sort, _Times] = {}

    @property
    def learned(self) -> dict[Sort, list[float]]:
        """The newest times of each sort, in seconds, oldest first."""
        return {sort: times.newest for sort, times in self._times.items()}

    def recall(self, sort: Sort, newest: Iterable[float]) -> None:
        """Begin a sort with the times that an earlier run has learned, unless this one knows some already."""
        self._times.setdefault(sort, _Times(newest))

    def learn(self, task: Staged, wanted: Stage, after: float, until: float, risen: float) -> None:
        """Note that a task reached a stage that is waited for, or ended, between two polls.

        Args:
            task: The task.
            wanted: The stage.
            after: Seconds from the submit to the poll before; 0 if there was none.
            until: Seconds from the submit to the poll that saw it.
            risen: Seconds from the submit to the poll that saw its present stage; 0 if it is PENDING.
        """
        self._of(task, PENDING, wanted).learn(after, until)
        if risen:
            self._of(task, task.stage, wanted).learn(after - risen, until - risen)

    def _of(self, task: Staged, reached: Stage, wanted: Stage) -> _Times:
        sort = task.api, task.kind, task.model, reached, wanted
        times = self._times.get(sort)
        if times is None:
            times = self._times[sort] = _Times()
        return times

    def next_poll(self, task: Staged, wanted: Stage, polled: float, risen: float, pace: "Pace") -> float | None:
        """Return when to poll a task next, in seconds from its submit; None while nobody knows.

        Args:
            task: The task.
            wanted: The next stage that somebody waits for.
            polled: Seconds from the submit to the last poll; 0 if there was none.
            risen: Seconds from the submit to the poll that saw its present stage; 0 if it is PENDING.
            pace: The default pace, which is followed where nothing has been learned.
        """
        curve, since = self._curve(task, PENDING, wanted, pace), 0.0
        if curve is None:
            return None
        step = curve.step
        if risen:
            after = self._curve(task, task.stage, wanted, pace)
            if after is not None and after.mean < curve.mean:  # its stage says more than its age
                curve, since, step = after, risen, after.step
            else:
                step = _step(curve.mean, max(curve.polls - _polls(pace, risen), 1.0), pace)
        if step is None:
            return None
        polled -= since
        if polled >= curve.at[-1]:  # which says nothing of when it will end
            due = polled + pace.cap
        else:
            due = _at(curve.reach, curve.at, _at(curve.at, curve.reach, polled) + step)
        return since + max(due, polled + SHORTEST)

    def _curve(self, task: Staged, reached: Stage, wanted: Stage, pace: "Pace") -> _Curve | None:
        times = self._times.get((task.api, task.kind, task.model, reached, wanted))
        return None if times is None else times.curve(pace)


def _at(xs: list[float], ys: list[float], x: float) -> float:
    """Return y at x, on the lines between points whose x never falls."""
    right = bisect_right(xs, x)
    if right == len(xs):
        return ys[-1]
    left = right - 1
    return ys[left] + (x - xs[left]) / (xs[right] - xs[left]) * (ys[right] - ys[left])
