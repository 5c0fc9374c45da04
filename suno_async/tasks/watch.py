"""When to poll one task next, and when to stop: decisions only."""

import math
from collections.abc import Iterator
from typing import Any, TypeVar

from ..api.results import Result
from ..api.updates import SETTLED, Provisional, Stage, Update
from ..errors import (
    ApiError,
    ConnectError,
    DecodeError,
    InsufficientCredits,
    Maintenance,
    RateLimited,
    ServerError,
    StoreError,
    SunoError,
    TaskNotFound,
    TaskTimeout,
    TransportError,
)
from ..http.retry import pauses
from .pace import Pace

__all__ = ["NEVER", "PASSING", "Watch", "judged"]

R = TypeVar("R")

PASSING = (TransportError, ServerError, RateLimited, Maintenance, InsufficientCredits, StoreError)
"""A poll that failed like this is repeated until patience ends. Polls are free, so they say nothing about credits."""
LONGEST = 60.0
"""Seconds that the service can make us wait, so that patience still ends about when it should."""
NEVER = -math.inf
"""A time of what has not been; one object for all watches."""
CLOSE = 20.0
"""Seconds between two polls that tell well enough when a stage was reached."""
SLACK = 1.0
"""Seconds by which a claim outlasts the pause to the next poll."""
UNREADABLE_POLLS = 3
"""Answers in a row that cannot be read before that is raised."""
VISIBLE_AFTER = 90.0
"""Seconds for which a task may still be unknown to its details page."""
FILES_AFTER = 60.0
"""Seconds for which the files of a success may still be missing."""
UNDELIVERED = "our callback address failed, and no result came"
NO_FILES = "the service reports success without files"
FILES_PAUSE = 10.0
"""Seconds between two polls meanwhile at most, also where callbacks make polls rare."""


def slot(due: float, pause: float = math.inf) -> float:
    """Return the next sixteenth of a second, so that polls due about the same time share one timer.

    After a shorter pause than that they are due as they are.
    """
    return math.ceil(due * 16) / 16 if pause >= 1 / 16 else due


class Watch:
    """The schedule of one task's polls, from the first interest until it ends or patience does."""

    # State, all of it. For the decisions: pace, step, due, since, until, polled, before, risen, unknown_since, retries,
    # trouble, unreadable, provisional, provisional_since, undelivered, nudged. Notes of the poller: holders, busy,
    # queued.

    __slots__ = (
        "before",
        "busy",
        "due",
        "failures",
        "holders",
        "nudged",
        "pace",
        "polled",
        "provisional",
        "provisional_since",
        "queued",
        "retries",
        "risen",
        "since",
        "step",
        "trouble",
        "undelivered",
        "unknown_since",
        "unreadable",
        "until",
    )

    def __init__(self, pace: Pace, now: float, *, accepted_at: float | None = None, polled: float = NEVER) -> None:
        self.pace = pace
        self.step = 0
        self.provisional = SETTLED
        self.provisional_since = now
        self.since = now
        """When patience began."""
        self.until = math.inf
        """When patience ends; it begins with the first interest."""
        self.unknown_since = now if accepted_at is None else accepted_at
        """Since when the service has not known the task."""
        first = self.pause() if accepted_at is not None else 0.0
        self.due = now if accepted_at is None else max(now, slot(accepted_at + first, first))
        self.polled = polled
        """When it was polled last."""
        self.before = NEVER
        """When a poll before that was answered last."""
        self.risen = NEVER
        """When a poll saw it reach its present stage."""
        self.retries: Iterator[float] | None = None
        self.trouble: SunoError | None = None
        """Why the last poll failed, if it did."""
        self.failures = 0
        """How many polls in a row have failed."""
        self.unreadable = 0
        self.undelivered: Update[Any] | None = None
        self.nudged = False
        """A callback asked for the next poll."""
        self.holders: tuple[Any, ...] = ()
        self.busy = False
        """A poll is under way."""
        self.queued = -1.0
        """When its entry in the heap is due; older entries are dead."""

    def pause(self) -> float:
        """Return the next pause in seconds; a short one while files are late that the service says are there."""
        self.step += 1
        pause = self.pace.pause(self.step - 1)
        if self.provisional is not SETTLED and self.provisional is Provisional.LATE_FILES:
            return min(pause, FILES_PAUSE)
        return pause

    @property
    def claim_seconds(self) -> float:
        """For how long a claim on the polls of this task holds."""
        return max(self.pace.first, self.pace.cap) + SLACK

    def begin(self, now: float, spacing: float) -> None:
        """Somebody has an interest: patience begins, unless it has begun."""
        if self.until == math.inf:
            self.since, self.until = now, now + self.pace.patience
        self.due = min(max(self.due, now, self.polled + spacing), max(self.until, now))

    def repace(self, pace: Pace, now: float) -> None:
        """The polls are of another kind from now on: the submission has its task."""
        self.pace, self.step, self.retries = pace, 0, None
        self.since, self.until = now, now + pace.patience
        self.due = self.unknown_since = now

    def slow_down(self, pace: Pace) -> None:
        """Callbacks come, so polls can be rarer: the next one is due no earlier than the first of the new pace."""
        self.pace, self.step = pace, 0
        if self.until < math.inf:
            self.until = max(self.until, self.since + pace.patience)
        if not self.nudged and self.provisional is SETTLED:
            self.due = min(max(self.due, slot(self.since + pace.first)), self.until)

    def speed_up(self, pace: Pace, now: float, spacing: float) -> None:
        """Callbacks come no more: the next poll is due no later than the first of the new pace would be."""
        self.pace, self.step = pace, 0
        self.due = min(self.due, max(slot(now + pace.first), self.polled + spacing))

    def nudge(self, now: float, spacing: float) -> None:
        """Something new is said to be there: poll soon."""
        self.nudged = True
        self.due = max(now, self.polled + spacing)

    def put_off(self, now: float) -> None:
        """An update came by another way: the next poll is due as long from now as the first was."""
        if not self.nudged:
            self.due = min(max(self.due, slot(now + self.pace.first)), self.until)

    def after_update(self, update: Update[R], now: float) -> Update[R]:
        """Return what time makes of an update.

        Raises:
            TaskNotFound: The task has been unknown for too long.
            TaskFailed: The service has reported success without files for too long. The task may still get them.
        """
        self.trouble = self.retries = None
        self.failures = self.unreadable = 0
        if update.provisional is not self.provisional:
            self.provisional, self.provisional_since = update.provisional, now
        if update.provisional is SETTLED:
            self.unknown_since, self.undelivered = now, None
            return update
        if update.provisional is not Provisional.MISSING:
            self.unknown_since = now
        self.undelivered = update if update.provisional is Provisional.UNDELIVERED else None
        known = judged(update, now - self.unknown_since, now - self.provisional_since)
        if known is None:
            raise TaskNotFound(update.task_id)
        return known

    def after_error(self, error: SunoError, now: float, spacing: float, *, nudged: bool = False) -> float:
        """Return the pause after a poll that failed; raise the error if repeating is of no use.

        Args:
            error: Why it failed.
            now: The time of the event loop.
            spacing: Seconds between two polls of one task.
            nudged: Whether a callback asked for the poll.
        """
        self.failures += 1
        if isinstance(error, DecodeError):
            self.unreadable += not (nudged or self.nudged)  # how often that is, strangers can decide
            if self.unreadable >= UNREADABLE_POLLS:
                raise error
            return self.pause()
        if not isinstance(error, PASSING) or (isinstance(error, ConnectError) and error.permanent):
            raise error
        self.trouble = error.with_traceback(None)  # its frames would keep the task alive
        self.retries = self.retries or pauses()
        wait = error.retry_after if isinstance(error, ApiError) else None
        return max(spacing, min(wait or 0.0, LONGEST), next(self.retries))

    def wait(self, pause: float, now: float, spacing: float) -> None:
        """Set when the next poll is due: after the pause, unless a callback asked for one meanwhile."""
        if self.nudged:
            self.due = max(now, self.polled + spacing)
        else:
            # Comparisons, here and where else each poll comes by: `min(max(…))` takes 0.2 µs.
            due, soonest = slot(now + pause, pause), self.polled + spacing
            if due < soonest:
                due = soonest
            self.due = due if due < self.until else self.until  # noqa: FURB136

    def rise(self) -> None:
        """A poll has seen a new stage: remember when, unless nobody had looked for long."""
        self.risen = self.polled if self.polled - self.before <= CLOSE else NEVER

    def skip(self, likely: float, now: float) -> bool:
        """Whether a poll that is due can wait, as nothing is likely to be new; then it is due when that is likely.

        The schedule is looked at again after a pause of the usual pace at the latest: by then somebody may wait for
        an earlier stage, or other tasks may have taught something else.
        """
        if self.nudged or self.failures or self.provisional is not SETTLED or now >= self.until:
            return False
        likely = slot(min(likely, now + self.pace.cap, self.until))
        if likely <= now:
            return False
        self.due = likely
        return True

    def hasten(self, likely: float, spacing: float) -> None:
        """Something new is likely to be there at a time: poll then, if that is sooner."""
        if self.provisional is SETTLED:
            self.due = min(self.due, max(slot(likely), self.polled + spacing))

    def timeout(self, task_id: str, now: float) -> "SunoError | Update[Any]":
        """Return how the waiting ends when patience has.

        If the last poll said that our callback address failed, a part of the result is taken as it is, and without one
        the waiting fails. That is our verdict: the page does not say what became of the song.
        """
        if self.undelivered is not None:
            if _partial(self.undelivered):
                return _as_it_is(self.undelivered)
            return self.undelivered.replaced(message=self.undelivered.message or UNDELIVERED).failure()
        error = TaskTimeout(task_id, now - self.since)
        error.__cause__ = self.trouble
        return error


def judged(update: Update[R], unknown: float, provisional: float) -> Update[R] | None:
    """Return what time makes of a provisional update; None when the task is not to be found.

    A success with a part of its files, such as one of two tracks, is taken as it is.

    Args:
        update: What a poll said.
        unknown: Seconds for which the service has not known the task.
        provisional: Seconds for which updates have been provisional for the same reason.

    Raises:
        TaskFailed: The service reports success without files. That is no final stage of the task, but our verdict
            (docs/architecture.md#law-12), so nothing is fed to it.
    """
    match update.provisional:
        case Provisional.MISSING if unknown >= VISIBLE_AFTER:
            return None
        case Provisional.LATE_FILES if provisional >= FILES_AFTER:
            if not _partial(update):
                raise update.replaced(message=NO_FILES).failure()
            return _as_it_is(update)
        case _:
            return update


def _partial(update: Update[Any]) -> bool:
    """Whether a part of what was bought is there."""
    return isinstance(update.result, Result) and update.result.partial


def _as_it_is(update: Update[R]) -> Update[R]:
    """The same update as the end: nothing more will come."""
    return update.replaced(stage=Stage.COMPLETE, provisional=SETTLED)
