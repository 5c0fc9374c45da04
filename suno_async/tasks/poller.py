"""One poller a client: a schedule of what is due and one timer, running only while somebody has an interest."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from ..api.updates import COMPLETE, SETTLED, Provisional, Source, Stage, Update, rises
from ..errors import ConfigurationError, RateLimited, SunoError
from ..http.deadlines import LATE
from ..log import fields, log
from .pace import UNSETTLED, Pace, default_pace
from .registry import TaskRegistry
from .schedule import Schedule
from .task import Holder, Task
from .task_log import log_left, log_stage
from .watch import NEVER, Watch

__all__ = ["Change", "Details", "Peers", "PollLimits", "PollTelemetry", "Poller", "Sink"]

MARGIN = 1.07
"""Polls exactly a third of a second apart can be four in one second by the service's count."""
REFUSALS = 3
"""Polls in a row that were refused as too fast before all polls wait; one alone concerns its own task."""
LAST_POLL = 1.0
"""Seconds that a poll made when patience ends may take."""
LAST_CLAIMS = 5.0
"""Seconds that closing takes at most to give claims back; they end by themselves."""
CLAIMS_AT_ONCE = 100
"""Claims that are given back at the same time."""
AT_ONCE = 32
"""Polls under way at the same time, as long as few tasks are waited for."""
FOR_EACH = 50
"""Tasks for each poll under way, when many are: with answers after 0.2 s and a poll of each task every 11.5 s, one poll
under way is enough for 57 tasks."""
MORE = 4
"""For each worker that waits, so many more are started when the event loop comes round again."""
MOST_AT_ONCE = 500
"""Each has a connection of its own, and processes may often have 1024 open files."""


class PollLimits(NamedTuple):
    """Bounds of one client's polls."""

    per_second: float = 3.0
    """Polls of one task in a second."""
    at_once: int | None = None
    """Polls under way at the same time; None for as many as the tasks that are waited for need."""

    def under_way(self, tasks: int) -> int:
        """Return how many polls may be under way while so many tasks are waited for."""
        return self.at_once or min(max(AT_ONCE, tasks // FOR_EACH), MOST_AT_ONCE)

    @property
    def spacing(self) -> float:
        """Seconds between two polls of one task."""
        return MARGIN / self.per_second


class Change(NamedTuple):
    """What another process wrote down of a submission."""

    task_id: str
    ref: str
    update: Update[Any] | None
    record: Any = None
    """The submission as it is in the store."""


class Details(Protocol):
    """Asks the service."""

    def details(self, task: Task[Any], attempt: int, /) -> Awaitable[Update[Any]]:
        """Return what the details page says of a task; `attempt` is 1 unless the poll before has failed."""
        ...


class Sink(Protocol):
    """Takes what polls say."""

    async def apply(self, task: Task[Any], update: Update[Any], /) -> bool:
        """Write an update down and feed the task with it."""
        ...

    async def fate(self, task: Task[Any], /) -> Update[Any]:
        """Return what is known of a submission that has no task yet; its update tells the task id once there is one."""
        ...


class Peers(Protocol):
    """Other processes with the same store."""

    @property
    def shared(self) -> bool:
        """Whether there may be any."""
        ...

    async def claim_poll(self, task: Task[Any], seconds: float, /) -> bool:
        """Return whether this process polls the task for the next seconds; 0 gives the claim back."""
        ...

    def changes(self, wanted: Callable[[str, str], bool], /) -> AsyncGenerator[Change | None]:
        """Return what others write down of submissions that are wanted, by ref and task id, without end.

        None says that something may have been missed before.
        """
        ...

    async def missed(self, task: Task[Any], /) -> Update[Any] | None:
        """Return what the store knows of a task."""
        ...


class Policy(Protocol):
    """Decides the pace of each task."""

    def of(self, task: Task[Any], /) -> Pace: ...

    def without_callbacks(self, task: Task[Any], /) -> Pace:
        """Return the pace of a task of which a callback did not come."""
        ...

    def next_poll(self, task: Task[Any], watch: Watch, /) -> float | None:
        """Return when to poll a task next by what was learned, by the loop's clock; None to follow its pace."""
        ...

    def note_rise(self, task: Task[Any], watch: Watch, stage: Stage, /) -> None:
        """Learn from a poll that a task has reached a stage, before the task is told."""
        ...

    def callback_came(self, task_id: str, /, *, here: bool) -> bool:
        """Note a verified callback, of this process or another. Return whether that changes the pace."""
        ...

    def completed_by_poll(self, task: Task[Any], /) -> None:
        """Note that a poll, and no callback, has shown the end of a task."""
        ...


class PollTelemetry(Protocol):
    """Notes for which tasks the client waits, and their polls."""

    def waiting(self, task: Task[Any], /) -> None:
        """Somebody has an interest in a task, the first."""
        ...

    def waited(self, task: Task[Any], error: SunoError | None, /) -> None:
        """Nobody has one any more: it has ended, the last has gone, or the waiting has failed."""
        ...

    def polling(self, task: Task[Any], late: float, /) -> AbstractContextManager[object]:
        """Enclose one poll, which began so many seconds after it was due."""
        ...


class _Once:
    """An interest in one poll that is answered, whoever else has one."""

    def give_up(self, task: Task[Any], error: SunoError) -> None:
        extra = fields("unconfirmed", task.id, task.ref, reason=type(error).__name__)
        log.warning("a callback of task %s could not be confirmed: %s", task.id, error, extra=extra)


ONCE = _Once()


class Poller:
    """Polls every task in which somebody has an interest, when it is due, a few at once."""

    # State, all of it: _watches (the tasks that are of interest, with their schedules), _paused (schedules of tasks
    # that nobody is interested in at present), _schedule, _ready, _under_way, _workers, _timer with _timer_due,
    # _deadline with _deadline_due (the earliest end of patience among what is ready or under way) and _stood_still
    # (whether the loop did so past the last one), _polled with _turned (the last polls by id, of this period and the
    # one before), _held_until with _refusals, _answered_at (when a poll was answered last), _listening with _ended
    # (those that are cancelled and have not ended yet), _behind with _reading (tasks whose records must be read),
    # _closed.

    def __init__(
        self,
        api: Details,
        sink: Sink,
        peers: Peers,
        registry: TaskRegistry,
        policy: Policy,
        limits: PollLimits = PollLimits(),  # noqa: B008  a value
        telemetry: PollTelemetry | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._api = api
        self._sink = sink
        self._peers = peers
        self._registry = registry
        self._policy = policy
        self._telemetry = telemetry
        self._limits = limits
        self._spacing = limits.spacing
        self._watches: dict[Task[Any], Watch] = {}
        self._paused: WeakKeyDictionary[Task[Any], Watch] = WeakKeyDictionary()
        self._schedule = Schedule()
        self._ready: deque[Task[Any]] = deque()
        self._under_way: dict[Watch, Task[Any]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf  # noted here, since uvloop's handle of a timer that is due now can't tell
        self._deadline: asyncio.TimerHandle | None = None
        self._deadline_due = math.inf
        self._stood_still = False
        self._polled: tuple[dict[str, float], dict[str, float]] = ({}, {})
        self._turned = -math.inf
        self._held_until = -math.inf
        self._refusals = 0
        self._answered_at: float | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ended: set[asyncio.Task[None]] = set()
        self._behind: dict[Task[Any], None] = {}
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def tasks(self) -> list[Task[Any]]:
        """The tasks in which somebody has an interest."""
        return list(self._watches)

    @property
    def pending(self) -> int:
        """In how many tasks somebody has an interest."""
        return len(self._watches)

    @property
    def oldest(self) -> float | None:
        """When the first of these interests began, by the loop's clock."""
        first = next(iter(self._watches.values()), None)
        return None if first is None else first.since

    @property
    def answered_at(self) -> float | None:
        """When a poll was answered last."""
        return self._answered_at

    def unseen(self, task: Task[Any]) -> float:
        """Return for how many seconds a task had not been polled before the poll under way; infinite if none is."""
        watch = self._watches.get(task)
        return watch.polled - watch.before if watch is not None and watch.busy else math.inf

    # ---- interests -----------------------------------------------------------------------------------------------

    def retain(self, task: Task[Any], holder: Holder) -> None:
        """Note an interest in a task: it is polled from now on."""
        if self._closed:
            raise ConfigurationError("the client is closed")
        now = self._loop.time()
        watch = self._watches.get(task)
        if watch is None:
            watch = self._watches[task] = self._resumed(task, now)
            watch.begin(now, self._spacing)
            if self._peers.shared:
                self._listen(task)
            self._enqueue(task, watch)
            if self._telemetry is not None:
                self._telemetry.waiting(task)
        watch.holders += (holder,)

    def release(self, task: Task[Any], holder: Holder) -> None:
        """Note that an interest has gone; the last one's going ends the polls."""
        watch = self._watches.get(task)
        if watch is None:
            return
        if watch.holders == (holder,):
            watch.holders = ()
        elif holder in watch.holders:  # once: it may be there twice
            place = watch.holders.index(holder)
            watch.holders = watch.holders[:place] + watch.holders[place + 1 :]
        if not watch.holders:
            if not task.done():  # its schedule is kept: short waits in a loop must get their polls, too
                self._paused[task] = watch
            self._leave(task, watch)

    def resumed(self, task: Task[Any]) -> None:
        """Callbacks may have come while nobody was there: poll soon after the first interest, unless one comes then."""
        if not task.id or task.done() or task in self._watches:
            return
        now = self._loop.time()
        watch = self._paused[task] = self._resumed(task, now)
        watch.due = min(watch.due, now + default_pace(task.kind).first)

    def nudge(self, task: Task[Any]) -> None:
        """Something new is said to be there: poll soon, at once if somebody has an interest."""
        if task.done():
            return
        now = self._loop.time()
        watch = self._watches.get(task)
        if watch is None:
            watch = self._paused[task] = self._resumed(task, now)
            watch.nudge(now, self._spacing)
            return
        watch.nudge(now, self._spacing)
        self._enqueue(task, watch)

    def confirm(self, task: Task[Any]) -> None:
        """Poll soon, although nobody else may have an interest, until an answer is not provisional."""
        if task.done() or self._closed:
            return
        watch = self._watches.get(task)
        if watch is None or ONCE not in watch.holders:
            self.nudge(task)
            self.retain(task, ONCE)
        else:
            self.nudge(task)

    def put_off(self, task: Task[Any]) -> None:
        """An update that is believed came by another way: the next poll can wait."""
        watch = self._watches.get(task)
        if watch is not None:
            watch.put_off(self._loop.time())
            self._enqueue(task, watch)

    def callback_came(self, task_id: str, *, here: bool = True) -> None:
        """A verified callback of a task came, here or in another process: from the first one on polls are rarer."""
        if not self._policy.callback_came(task_id, here=here):
            return
        for task, watch in self._watches.items():
            pace = self._policy.of(task)
            if watch.pace is not UNSETTLED and pace != watch.pace:
                watch.slow_down(pace)
                self._enqueue(task, watch)

    def speed_up(self) -> None:
        """Callbacks are not counted on any more: poll by the pace that the policy gives now."""
        now = self._loop.time()
        for task, watch in self._watches.items():
            pace = self._policy.of(task)
            if watch.pace is not UNSETTLED and pace != watch.pace:
                watch.speed_up(pace, now, self._spacing)
                self._enqueue(task, watch)

    def _resumed(self, task: Task[Any], now: float) -> Watch:
        """The schedule of a task that was paused, or a new one."""
        watch = self._paused.pop(task, None)
        if watch is not None and now < watch.until:
            return watch
        if task.heard_of:
            self.callback_came(task.id, here=False)
        recent, older = self._polled
        name = task.id or task.ref
        polled = recent.get(name, older.get(name, NEVER))
        watch = Watch(self._policy.of(task), now, accepted_at=task.accepted_at, polled=polled)
        if task.stage:
            watch.unknown_since = now
        return watch

    def _end(self, task: Task[Any], watch: Watch, error: SunoError) -> None:
        """Stop polling a task that has not ended, and tell those with an interest."""
        if self._watches.get(task) is not watch:
            return
        holders, watch.holders = watch.holders, ()
        self._leave(task, watch, error)
        for holder in dict.fromkeys(holders):
            holder.give_up(task, error)

    def _leave(self, task: Task[Any], watch: Watch, error: SunoError | None = None) -> None:
        if self._watches.get(task) is watch:
            del self._watches[task]
            if self._telemetry is not None:
                self._telemetry.waited(task, error)
        self._behind.pop(task, None)
        if not self._watches:
            self._rest()

    # ---- the schedule --------------------------------------------------------------------------------------------

    def _enqueue(self, task: Task[Any], watch: Watch) -> None:
        if watch.busy or watch.queued == watch.due:
            return
        watch.queued = watch.due
        self._schedule.add(watch.due, task)
        if watch.due < self._timer_due:
            self._arm(watch.due)

    def _arm(self, due: float) -> None:
        """One timer, for whatever is due first."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._fire)

    def _rest(self) -> None:
        """Nobody has an interest: no timer, nothing in the background."""
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        self._timer = self._deadline = None
        self._timer_due = self._deadline_due = math.inf
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        for task in self._schedule.clear():
            if (paused := self._paused.get(task)) is not None:
                paused.queued = -1.0
        self._ready.clear()

    def _fire(self) -> None:
        """Let workers poll what is due."""
        self._timer, self._timer_due = None, math.inf
        now, schedule = self._loop.time(), self._schedule
        while schedule.first <= now:
            due, tasks = schedule.pop()
            for task in tasks:
                watch = self._watches.get(task)
                if watch is None:
                    if (paused := self._paused.get(task)) is not None and paused.queued == due:
                        paused.queued = -1.0
                    continue
                if watch.queued != due:
                    continue
                watch.queued = -1.0
                likely = self._policy.next_poll(task, watch)
                if likely is not None and watch.skip(likely, now):
                    watch.queued = watch.due
                    schedule.add(watch.due, task)
                    continue
                self._ready.append(task)
                if watch.until < self._deadline_due or watch.until <= now:
                    self._watch_patience(watch, now)
        self._employ(1)
        if schedule.first < self._timer_due:
            self._arm(schedule.first)

    def _employ(self, count: int) -> None:
        """Start workers for what is ready: one, and more as soon as those wait for answers, since one that does not
        wait polls all. A worker costs as much as half a poll.
        """
        count = min(count, len(self._ready), self._limits.under_way(len(self._watches)) - len(self._workers))
        for _ in range(count):
            worker = asyncio.create_task(self._work())
            if not worker.done():  # where tasks are eager it may have ended here
                self._workers.add(worker)
        if 0 < count < len(self._ready):
            self._loop.call_soon(self._employ, count * MORE)

    def _watch_patience(self, watch: Watch, now: float) -> None:
        """Be there when the patience ends of somebody whose poll has no answer yet, or no turn."""
        end = watch.until if watch.until > now else now + LAST_POLL
        if end < self._deadline_due:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline_due = end
            self._deadline = self._loop.call_at(end, self._end_patience)

    def _end_patience(self) -> None:
        now = self._loop.time()
        # Nobody could poll or read an answer while the loop stood still. Not twice in a row: it may always be late.
        self._stood_still = now > self._deadline_due + LATE and not self._stood_still
        self._deadline, self._deadline_due = None, math.inf
        waiting = [(task, watch) for watch, task in self._under_way.items()]
        waiting += [(task, self._watches[task]) for task in self._ready if task in self._watches]
        for task, watch in waiting:
            if self._watches.get(task) is not watch:
                continue
            over = watch.until + (LAST_POLL if watch.polled >= watch.until else 0.0) <= now
            end = watch.timeout(task.id, now) if over and not self._stood_still else None
            if isinstance(end, SunoError):
                self._end(task, watch, end)
            elif watch.until < math.inf:  # not yet, or its worker must write the end down
                self._watch_patience(watch, now)

    async def _work(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None
        try:
            await self._poll_all(worker)
        finally:
            self._workers.discard(worker)  # here and not in a callback: who fires next must count right

    async def _poll_all(self, worker: asyncio.Task[None]) -> None:
        clock = self._loop.time
        while self._ready:
            task = self._ready.popleft()
            watch, now = self._watches.get(task), clock()
            if watch is None or watch.busy or watch.due > now:
                continue
            if task.stage >= COMPLETE:
                self._leave(task, watch)
                continue
            if (self._held_until > now or now >= watch.until) and await self._may_not(task, watch, now):
                continue
            watch.busy = True
            self._under_way[watch] = task
            try:
                await self._visit(task, watch, now)
            except (Exception, asyncio.CancelledError) as exc:  # outermost: nobody may be left waiting for ever
                if isinstance(exc, asyncio.CancelledError) and worker.cancelling():
                    raise  # else what a transport waited for was cancelled, and not this
                if not isinstance(exc, SunoError):
                    bug, exc = exc, SunoError(f"polling failed: {exc!r}")
                    exc.__cause__ = bug
                self._end(task, watch, exc)
            finally:
                watch.busy = False
                del self._under_way[watch]
            if self._watches.get(task) is watch:
                self._enqueue(task, watch)

    async def _may_not(self, task: Task[Any], watch: Watch, now: float) -> bool:
        """Whether a task is not polled, as all polls are held, or it is too soon for a last one."""
        held = self._held_until > now
        if now >= watch.until and (held or now < watch.polled + self._spacing):
            await self._time_out(task, watch, now)
            return True
        if held:
            watch.due = min(self._held_until, watch.until)
            self._enqueue(task, watch)
        return held

    async def _visit(self, task: Task[Any], watch: Watch, now: float) -> None:
        """Poll once, apply what was said, and set when to poll next."""
        if watch.pace is UNSETTLED and task.id:  # its submission had no task when the waiting began
            watch.repace(self._policy.of(task), now)
        nudged = watch.nudged
        if (
            self._peers.shared
            and not nudged
            and task.id
            and not await self._peers.claim_poll(task, watch.claim_seconds)
        ):
            if (update := await self._peers.missed(task)) is not None and task.feed(update):
                log_stage(task, update)
            pause, answered = watch.pause(), False  # who has the claim lets us know
        else:
            watch.nudged = False
            pause, answered = await self._poll(task, watch, nudged)
        now = self._loop.time()
        if task.stage >= COMPLETE:
            self._leave(task, watch)
        elif answered and ONCE in watch.holders:
            watch.wait(pause, now, self._spacing)
            self.release(task, ONCE)
        elif now >= watch.until:
            await self._time_out(task, watch, now)
        else:
            watch.wait(pause, now, self._spacing)
            if answered and (likely := self._policy.next_poll(task, watch)) is not None:
                watch.hasten(likely, self._spacing)

    async def _poll(self, task: Task[Any], watch: Watch, nudged: bool) -> tuple[float, bool]:
        """Poll and apply the answer; the pause until the next poll, and whether the answer is not provisional."""
        now, name = self._loop.time(), task.id
        if not watch.failures:
            watch.before = watch.polled
        watch.polled = now
        self._note_poll(name or task.ref, now)
        try:
            if self._telemetry is None:
                update = await self._ask(task, watch)
            else:
                with self._telemetry.polling(task, now - watch.due):
                    update = await self._ask(task, watch)
        except SunoError as exc:
            return await self._failed(task, watch, exc, nudged), False
        self._refusals = 0
        if not name:
            return self._found(task, watch, update), False
        now = self._answered_at = self._loop.time()
        if update.provisional is not SETTLED and update.provisional is Provisional.MISSING is not watch.provisional:
            level = logging.WARNING if task.accepted_at is None else logging.INFO  # usual just after a submit
            extra = fields("unknown", task.id, task.ref)
            log.log(level, "task %s is not known to the service, or not yet: it is asked again", task.id, extra=extra)
        update = watch.after_update(update, now)
        if nudged:
            update = update.replaced(source=Source.CONFIRMED)
        if rises(task.stage, update.stage):
            self._policy.note_rise(task, watch, update.stage)
            watch.rise()
            await self._sink.apply(task, update)
            if not nudged:
                self._without_callbacks(task, watch)
                if update.stage is COMPLETE:
                    self._policy.completed_by_poll(task)
        return watch.pause(), update.provisional is SETTLED

    def _without_callbacks(self, task: Task[Any], watch: Watch) -> None:
        """A poll has shown what no callback told: the service gives them up, so polls of this task are rare no more."""
        pace = self._policy.without_callbacks(task)
        if pace != watch.pace:
            watch.pace, watch.step = pace, 0

    def _ask(self, task: Task[Any], watch: Watch) -> Awaitable[Update[Any]]:
        return self._api.details(task, watch.failures + 1) if task.id else self._sink.fate(task)

    async def _failed(self, task: Task[Any], watch: Watch, error: SunoError, nudged: bool) -> float:
        """Return the pause after a poll that failed; raise the error if repeating is of no use."""
        pause = watch.after_error(error, self._loop.time(), self._spacing, nudged=nudged)
        extra = fields("retry", task.id, task.ref, reason=type(error).__name__, wait=pause)
        log.warning("task %s: %s: polling again in %.1f s", task.id or task.ref, error, pause, extra=extra)
        if isinstance(error, RateLimited):
            self._refused(self._loop.time(), pause)
        if self._peers.shared and task.id:
            await self._peers.claim_poll(task, 0)  # another may have more luck
        return pause

    def _found(self, task: Task[Any], watch: Watch, update: Update[Any]) -> float:
        """What the store knows of a submission without a task; the pause until it is read again."""
        if update.task_id:
            self._registry.settle(task, update.task_id)
            task.feed(update)
            watch.repace(self._policy.of(task), self._loop.time())
            return 0.0
        return watch.pause()

    def _refused(self, now: float, pause: float) -> None:
        """Refused as too fast: one task waits for itself; when it goes on, everybody waits."""
        self._refusals += 1
        if self._refusals >= REFUSALS:
            self._held_until = max(self._held_until, now + pause)

    async def _time_out(self, task: Task[Any], watch: Watch, now: float) -> None:
        """Patience has ended."""
        end = watch.timeout(task.id, now)
        if isinstance(end, Update):
            await self._sink.apply(task, end)
            self._leave(task, watch)
        else:
            self._end(task, watch, end)

    def _note_poll(self, name: str, now: float) -> None:
        if now - self._turned >= self._spacing:
            self._polled, self._turned = ({}, self._polled[0]), now
        self._polled[0][name] = now

    # ---- other processes -----------------------------------------------------------------------------------------

    def _listen(self, task: Task[Any]) -> None:
        """Hear what other processes write down, as long as somebody has an interest in anything."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._hear())
            self._ended.add(self._listening)
            self._listening.add_done_callback(self._ended.discard)
        else:
            self._catch_up(task)  # what was written before was missed

    async def _hear(self) -> None:
        async with aclosing(self._peers.changes(self._known)) as changes:
            async for change in changes:
                if change is None:
                    for task in self._watches:
                        self._catch_up(task)
                elif (found := self._registry.find(change.task_id, change.ref)) is not None:
                    self._take(found, change.task_id, change.update)
                    if change.update is None:  # its handle may know better than its record of what kind it is
                        self._catch_up(found)

    def _known(self, ref: str, task_id: str) -> bool:
        """Return whether somebody holds the task; one that is held later is read when it is waited for."""
        return self._registry.find(task_id, ref) is not None

    def _take(self, task: Task[Any], task_id: str, update: Update[Any] | None) -> None:
        if task_id and not task.id:
            self._registry.settle(task, task_id)
            if (watch := self._watches.get(task)) is not None:
                watch.repace(self._policy.of(task), self._loop.time())
                self._enqueue(task, watch)
        if update is None:
            return
        if update.source is Source.CALLBACK:
            self.callback_came(task.id, here=False)
        if task.feed(update):
            log_stage(task, update)
            self.put_off(task)

    def _catch_up(self, task: Task[Any]) -> None:
        self._behind[task] = None
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while self._behind:
            task, _ = self._behind.popitem()
            update = await self._peers.missed(task)
            if update is not None and not task.done():
                self._take(task, update.task_id, update)

    # ---- the end -------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Stop polling; whoever still has an interest is given up."""
        self._closed = True
        claimed = self._claimed() if self._peers.shared else []
        ending = [*self._workers, *self._ended]
        if self._reading is not None:
            ending.append(self._reading)
        why = "the client was closed before tasks ended, %d in all"
        log_left(
            self._left(), f"{why}; they are in the store, and resume() goes on with them" if self._peers.shared else why
        )
        for task, watch in list(self._watches.items()):
            self._end(task, watch, ConfigurationError("the client was closed while this task was waited for"))
        self._rest()
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._give_back(claimed)

    def _claimed(self) -> list[Task[Any]]:
        """The tasks that go on and whose polls this process may have claimed."""
        now = self._loop.time()
        return [
            task
            for task, watch in (*self._watches.items(), *self._paused.items())
            if task.id and not task.done() and (watch.busy or now < watch.polled + watch.claim_seconds)
        ]

    async def _give_back(self, claimed: list[Task[Any]]) -> None:
        """Give claims back, so that other processes go on polling without waiting for their end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_CLAIMS):
                while claimed:
                    some, claimed = claimed[:CLAIMS_AT_ONCE], claimed[CLAIMS_AT_ONCE:]
                    await asyncio.gather(*(self._peers.claim_poll(task, 0) for task in some))

    def _left(self) -> list[Task[Any]]:
        """The tasks that go on at the service: those that are waited for, and others that only this process knows."""
        waited = [task for task in self._watches if not task.done()]
        known = () if self._peers.shared else self._registry.submitted()
        return [*waited, *(task for task in known if task not in self._watches)]

    def abandon(self) -> None:
        """Let go of everything; its event loop is closed, so there is nobody to tell."""
        self._closed = True
        log_left(list(self._watches), "the event loop was closed before tasks ended that were waited for, %d in all")
        watches, self._watches = self._watches, {}
        for task, watch in watches.items():
            if self._telemetry is not None:
                self._telemetry.waited(task, None)
            for holder in dict.fromkeys(watch.holders):
                holder.give_up(task, ConfigurationError("the event loop that waited for this task is closed"))
