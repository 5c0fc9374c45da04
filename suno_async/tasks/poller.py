"""One poller a client: a heap of what is due and one timer, running only while somebody waits."""

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from itertools import count
from typing import Any

import msgspec

from ..api.updates import Provisional, Source, Update
from ..errors import (
    ApiError,
    ConfigurationError,
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
from .pace import Pace, failed, retries, settle
from .task import Task

__all__ = ["Poller"]

PASSING = (TransportError, ServerError, RateLimited, Maintenance, InsufficientCredits, StoreError)
"""A look that failed like this is repeated until patience ends. Looks are free, so they say nothing about credits."""
LONGEST = 60.0
"""Seconds that the service can make us pause, so that patience still ends about when it should."""
SLACK = 1.0
"""Seconds by which a claim outlasts the pause to the next look."""
PUZZLES = 3
"""Answers in a row that we can't read before we say so."""


class _Watch:
    """One task's place in the schedule, from its first waiter until it ends or patience does."""

    __slots__ = (
        "active",
        "busy",
        "provisional",
        "provisional_since",
        "due",
        "looked",
        "nudged",
        "pace",
        "puzzles",
        "queued",
        "retries",
        "since",
        "step",
        "task",
        "trouble",
        "undelivered",
        "unknown_since",
        "until",
    )

    def __init__(self, task: Task[Any], pace: Pace, now: float, looked: float) -> None:
        self.task = task
        self.pace = pace
        self.step = 0
        self.since = now
        self.until = math.inf
        """When patience ends; it begins with the first waiter."""
        self.unknown_since = now if task.born is None or task.updates else task.born
        """Since when the service has not known the task."""
        self.due = now if task.born is None else max(now, _slot(task.born + self.pause()))
        self.queued = -1.0
        """When its entry in the heap is due; older entries are dead."""
        self.active = False
        """Somebody waits."""
        self.busy = False
        """A look is under way."""
        self.nudged = False
        """A callback asked for the next look."""
        self.looked = looked
        self.retries: Iterator[float] | None = None
        self.trouble: SunoError | None = None
        self.puzzles = 0
        self.provisional = Provisional.NONE
        self.provisional_since = now
        self.undelivered: Update[Any] | None = None

    def pause(self) -> float:
        """The next pause."""
        self.step += 1
        return self.pace.pause(self.step - 1)


def _slot(due: float) -> float:
    """The next sixteenth of a second: looks due about the same time share one timer and its wake-up."""
    return math.ceil(due * 16) / 16


async def _feed(task: Task[Any], update: Update[Any]) -> None:
    task.feed(update)


class Poller:
    """Looks at every task that somebody waits for, when it is due, at most `looks` at once.

    `tell` takes news to their task. `claim` says whether a look is ours to make, or another process's; `listen` takes
    news from such, and runs while somebody waits; `begin` is told of a task that is waited for while it runs already.
    """

    def __init__(
        self,
        look: Callable[[Task[Any]], Awaitable[Update[Any]]],
        pace: Callable[[Task[Any]], Pace],
        *,
        tell: Callable[[Task[Any], Update[Any]], Awaitable[object]] = _feed,
        claim: Callable[[Task[Any], float], Awaitable[bool]] | None = None,
        listen: Callable[[], Coroutine[Any, Any, None]] | None = None,
        begin: Callable[[Task[Any]], None] | None = None,
        looks: int = 32,
        per_second: float = 3.0,
    ) -> None:
        self._look = look
        self._pace = pace
        self._tell = tell
        self._claim = claim
        self._listen = listen
        self._begin = begin
        self._listening: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.Task[None]] = set()
        """With those that are cancelled and have not ended yet."""
        self._looks = looks
        self._spacing = 1 / per_second
        self._heap: list[tuple[float, int, _Watch]] = []
        self._order = count()
        self._ready: deque[_Watch] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf  # noted here, since uvloop's handle of a timer that is due now can't tell
        self._waiting: set[_Watch] = set()
        self._held_until = float("-inf")
        self._looked: tuple[dict[str, float], dict[str, float]] = ({}, {})
        """The last looks by task id, of this period and the one before: a new handle must not look sooner."""
        self._turned = float("-inf")
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many tasks are waited for."""
        return len(self._waiting)

    @property
    def waited_for(self) -> list[Task[Any]]:
        """The tasks that somebody waits for."""
        return [watch.task for watch in self._waiting]

    # ---- for tasks -----------------------------------------------------------------------------------------------

    def watch(self, task: Task[Any]) -> None:
        if self._closed:
            raise ConfigurationError("the client is closed")
        now = asyncio.get_running_loop().time()
        watch: _Watch | None = task.watch
        if watch is None or now >= watch.until:
            task.watch = watch = self._new(task, now)
        if watch.until == math.inf:
            watch.since, watch.until = now, now + watch.pace.patience
        if self._begin is not None and not watch.active and self._listening is not None:
            self._begin(task)
        watch.active = True
        self._waiting.add(watch)
        if self._listen is not None and self._listening is None:
            self._listening = asyncio.create_task(self._listen())
            self._listeners.add(self._listening)
            self._listening.add_done_callback(self._listeners.discard)
        if not watch.busy:
            self._schedule(watch, max(watch.due, now, watch.looked + self._spacing))

    def unwatch(self, task: Task[Any]) -> None:
        watch: _Watch | None = task.watch
        if watch is None:
            return
        if task.done:
            self._leave(watch)
            return
        watch.active = False  # its place in the schedule is kept: short waits in a loop must get their looks, too
        self._waiting.discard(watch)
        if not self._waiting:
            self._rest()

    def nudge(self, task: Task[Any]) -> None:
        """Something new is said to be there: look soon, now if somebody waits."""
        now = asyncio.get_running_loop().time()
        watch: _Watch | None = task.watch
        if watch is None:
            if task.done:
                return
            task.watch = watch = self._new(task, now)
        watch.nudged = True
        watch.due = max(now, watch.looked + self._spacing)
        if watch.active and not watch.busy:
            self._schedule(watch, watch.due)

    def restart(self, task: Task[Any]) -> None:
        """Its looks are of another kind from now on."""
        watch: _Watch | None = task.watch
        if watch is not None:
            active, watch.active, task.watch = watch.active, False, None
            self._waiting.discard(watch)
            if active:
                self.watch(task)

    def waits_for(self, task: Task[Any]) -> bool:
        """Whether somebody waits for this task."""
        return task.watch is not None and task.watch.active

    def put_off(self, task: Task[Any]) -> None:
        """Believed news came by another way: the next look is due as long from now as the first was."""
        watch: _Watch | None = task.watch
        if watch is not None and not watch.nudged:
            later = _slot(asyncio.get_running_loop().time() + watch.pace.first)
            watch.due = min(max(watch.due, later), watch.until)
            if watch.active and not watch.busy:
                self._schedule(watch, watch.due)

    async def aclose(self) -> None:
        """Stop looking; whoever still waits is told."""
        self._closed = True
        for watch in list(self._waiting):
            self._end(watch, ConfigurationError("the client was closed while this task was waited for"))
        ending = [*self._workers, *self._listeners]
        self._rest()
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    # ---- the schedule --------------------------------------------------------------------------------------------

    def _schedule(self, watch: _Watch, due: float) -> None:
        watch.due = due
        if watch.queued != due:
            watch.queued = due
            heapq.heappush(self._heap, (due, next(self._order), watch))
        self._arm()

    def _arm(self) -> None:
        """One timer, for whatever is due first."""
        if not self._heap:
            return
        first = self._heap[0][0]
        if self._timer is not None:
            if self._timer_due <= first:
                return
            self._timer.cancel()
        self._timer_due = first
        self._timer = asyncio.get_running_loop().call_at(first, self._fire)

    def _rest(self) -> None:
        """Nobody waits: no timer, nothing in the background."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        for _, _, watch in self._heap:
            watch.queued = -1.0
        self._heap.clear()
        self._ready.clear()

    def _fire(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now:
            due, _, watch = heapq.heappop(self._heap)
            if watch.queued == due:
                watch.queued = -1.0
                if watch.active:
                    self._ready.append(watch)
        for _ in range(min(len(self._ready), self._looks - len(self._workers))):
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
        self._arm()

    async def _work(self) -> None:
        worker = asyncio.current_task()
        try:
            await self._look_at_all()
        finally:
            self._workers.discard(worker)  # here and not in a callback: who fires next must count right

    async def _look_at_all(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._ready:
            watch = self._ready.popleft()
            now = clock()
            if not watch.active or watch.busy or watch.due > now:
                continue
            held = self._held_until > now
            if now >= watch.until and (held or now > watch.until + 1 or now < watch.looked + self._spacing):
                await self._time_out(watch, now)  # too late, or too soon, for a last look
                continue
            if held:
                self._schedule(watch, min(self._held_until, watch.until))
                continue
            watch.busy = True
            try:
                await self._visit(watch, clock)
            except Exception as exc:  # the outermost loop: whatever it is, nobody may be left waiting for ever
                if not isinstance(exc, SunoError):
                    bug, exc = exc, SunoError(f"looking failed: {exc!r}")
                    exc.__cause__ = bug
                self._end(watch, exc)
            finally:
                watch.busy = False
            if watch.active:
                self._schedule(watch, watch.due)

    async def _visit(self, watch: _Watch, clock: Callable[[], float]) -> None:
        """Look once, tell the task, and set when to look next."""
        task = watch.task
        nudged, watch.nudged = watch.nudged, False
        if self._claim is None or nudged or await self._claim(task, max(watch.pace.first, watch.pace.cap) + SLACK):
            pause = await self._look_once(watch, nudged, clock)
        else:
            pause = watch.pause()  # whoever has it lets us know
        now = clock()
        if task.done:
            self._leave(watch)
        elif now >= watch.until:
            await self._time_out(watch, now)
        elif watch.nudged:
            watch.due = max(now, watch.looked + self._spacing)
        else:
            watch.due = min(max(_slot(now + pause), watch.looked + self._spacing), watch.until)

    async def _look_once(self, watch: _Watch, nudged: bool, clock: Callable[[], float]) -> float:
        """Look and tell the task; the pause until the next look."""
        task = watch.task
        watch.looked = now = clock()
        self._note_look(task.id or task.ref, now)
        try:
            update = await self._look(task)
        except PASSING as exc:
            watch.trouble = exc
            pause = self._after_trouble(watch, exc, clock())
            if self._claim is not None:
                await self._claim(task, 0)  # another may have more luck
        except DecodeError:
            watch.puzzles += not nudged  # how often that is, strangers can decide
            if watch.puzzles >= PUZZLES:
                raise
            pause = watch.pause()
        else:
            now = clock()
            watch.trouble = watch.retries = None
            watch.puzzles = 0
            if update.provisional is not Provisional.MISSING:
                watch.unknown_since = now
            if update.provisional is not watch.provisional or update.provisional is not Provisional.NONE:
                update = self._settled(watch, update, now)
            if nudged:
                update = msgspec.structs.replace(update, source=Source.CONFIRMED)
            if update.stage > task.stage:
                await self._tell(task, update)
            pause = watch.pause()
        return pause

    async def _time_out(self, watch: _Watch, now: float) -> None:
        """Patience has ended."""
        if watch.undelivered:
            await self._tell(watch.task, failed(watch.undelivered, "our callback address failed, and no result came"))
            self._leave(watch)
            return
        error = TaskTimeout(watch.task.id, now - watch.since)
        error.__cause__ = watch.trouble
        self._end(watch, error)

    def _new(self, task: Task[Any], now: float) -> _Watch:
        recent, older = self._looked
        name = task.id or task.ref
        looked = recent.get(name, older.get(name, float("-inf")))
        return _Watch(task, self._pace(task), now, looked)

    def _note_look(self, task_id: str, now: float) -> None:
        if now - self._turned >= self._spacing:
            self._looked, self._turned = ({}, self._looked[0]), now
        self._looked[0][task_id] = now

    def _after_trouble(self, watch: _Watch, exc: SunoError, now: float) -> float:
        watch.retries = watch.retries or retries()
        wait = exc.retry_after if isinstance(exc, ApiError) else None
        pause = max(self._spacing, min(wait or 0, LONGEST), next(watch.retries))
        if isinstance(exc, RateLimited):
            self._held_until = max(self._held_until, now + pause)  # everybody waits, or nobody gets through
        return pause

    def _settled(self, watch: _Watch, update: Update[Any], now: float) -> Update[Any]:
        """What time makes of a doubt; TaskNotFound when it has made up its mind."""
        if update.provisional is not watch.provisional:
            watch.provisional, watch.provisional_since = update.provisional, now
        watch.undelivered = update if update.provisional is Provisional.UNDELIVERED else None
        settled = settle(update, now - watch.unknown_since, now - watch.provisional_since)
        if settled is None:
            raise TaskNotFound(watch.task.id)
        return settled

    def _end(self, watch: _Watch, error: SunoError) -> None:
        """Stop looking at a task that has not ended; its next waiter starts anew."""
        current = watch.task.watch is watch  # else its waiters are a later watch's
        self._leave(watch)
        if current:
            watch.task.give_up(error)

    def _leave(self, watch: _Watch) -> None:
        watch.active = False
        if watch.task.watch is watch:
            watch.task.watch = None
        self._waiting.discard(watch)
        if not self._waiting:
            self._rest()
