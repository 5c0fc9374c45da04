"""Time in steps: what waits for the clock is waited for, and polls can move it."""

import asyncio
import math
from itertools import islice

from ..api.updates import Stage
from .callback_sender import CallbackSender
from .clock import Clock
from .faults import Invisible, LateFiles
from .registry import RunRegistry
from .runs import Run

__all__ = ["Steps"]

ROUND = 0.001
"""Seconds between two looks at who has polled."""
ROUNDS = 30
"""Looks until somebody who does not poll is not waited for any more. They are counted and not timed, since a busy event
loop holds back both sides."""
REACTION = 20
"""Rounds of the event loop in which a client in it takes what it was answered."""
AFTERWARDS = 120
"""Seconds after its last mark in which something new can be said of a run, such as late files."""


class Steps:
    """Goes from stage to stage with a clock that does not run by itself, at speed 0 or without limit.

    A client that polls a run sees each of its stages, as long as it goes on polling.

    Args:
        clock: The emulator's clock.
        registry: The accepted runs.
        callbacks: What posts callbacks.
    """

    # State, all of it: _due, the unfinished runs that are waited for, with the time when there is something new to say
    # of each; _polled, those of them that were polled; _known, how many runs were taken note of.

    def __init__(self, clock: Clock, registry: RunRegistry, callbacks: CallbackSender) -> None:
        self._clock = clock
        self._registry = registry
        self._callbacks = callbacks
        self._due: dict[Run, float] = {}
        self._polled: set[Run] = set()
        self._known = 0

    async def poll(self, run: Run) -> None:
        """Take note of a poll that is answered now. Without a limit of speed, return when there is something to say."""
        if self._clock.rate:
            return
        self._take_note()
        self._polled.add(run)
        if self._clock.speed:
            while self._clock.now() < self._due.get(run, 0.0) < math.inf:
                await self._step()
        self._note(run)

    async def settle(self) -> None:
        """Return when the callbacks that are due are answered, and who polls has seen the present time."""
        await self._callbacks.settled()
        self._take_note()
        await self._caught_up()
        for _ in range(REACTION):
            await asyncio.sleep(0)

    async def _step(self) -> None:
        """Let others catch up, or else move the clock to the next time at which there is something to say."""
        if self._behind():
            await self._caught_up()
        else:
            self._clock.advance(max(min(self._due.values()) - self._clock.now(), 0.0))
            await self._callbacks.settled()

    async def _caught_up(self) -> None:
        """Return when everybody who polls has seen the present time; who does not poll is forgotten."""
        before = set(self._due)
        for _ in range(ROUNDS):
            if not self._behind():
                return
            await asyncio.sleep(ROUND)
        for run in {*self._behind(), *(before - self._polled)}:
            self._forget(run)

    def _behind(self) -> list[Run]:
        now = self._clock.now()
        return [run for run, due in self._due.items() if due <= now]

    def _take_note(self) -> None:
        """Somebody may wait for the runs that are new."""
        runs = self._registry.runs
        for run in islice(reversed(runs.values()), max(len(runs) - self._known, 0)):
            self._due[run] = _next_news(run, run.born)
        self._known = len(runs)

    def _note(self, run: Run) -> None:
        """The present state of a run is told."""
        now = self._clock.now()
        if run.state(now) == (Stage.COMPLETE, True) or run.state(now)[0] is Stage.FAILED:
            self._forget(run)
        elif self._due.get(run, 0.0) <= now:
            self._due[run] = _next_news(run, now)

    def _forget(self, run: Run) -> None:
        self._due.pop(run, None)
        self._polled.discard(run)


def _next_news(run: Run, now: float) -> float:
    """The next full second from now at which a poll says something else, whatever the reason is; infinite for never."""
    said = run.visible(now), run.state(now)
    later = run.fault.seconds if isinstance(run.fault, Invisible | LateFiles) else 0.0
    last = run.born + max(run.marks.values()) + AFTERWARDS + later
    moments = (now + second for second in range(1, math.ceil(max(last - now, 0.0)) + 1))
    return next((moment for moment in moments if (run.visible(moment), run.state(moment)) != said), math.inf)
