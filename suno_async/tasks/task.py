"""The handle on an accepted job: awaited, iterated, fed. It knows no clock and no network."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, Protocol, TypeVar, cast

from ..api.pricing import refunded
from ..api.requests import TABLE, Job, Request
from ..api.updates import COMPLETE, FAILED, PENDING, STAGES, Source, Stage, Update, rises
from ..errors import ConfigurationError, SunoError, TaskFailed, TaskNotDone
from ..log import log
from .durations import Timing
from .pace import Pace

__all__ = ["Holder", "Interests", "Task", "TaskInfo", "Waiter"]

R = TypeVar("R")
T = TypeVar("T")

ALMOST = 0.95
"""The progress of a task that has taken as long as expected, and is not complete."""


class Holder(Protocol):
    """Somebody with an interest in a task."""

    def give_up(self, task: "Task[Any]", error: SunoError) -> None:
        """The task is not polled any more and has not ended; `error` says why."""
        ...


class Interests(Protocol):
    """Where interests in tasks are registered: while a task has one, it is polled."""

    def retain(self, task: "Task[Any]", holder: Holder) -> None:
        """`holder` has an interest in `task` from now on."""
        ...

    def release(self, task: "Task[Any]", holder: Holder) -> None:
        """`holder` has no interest in `task` any more."""
        ...

    def note_completed(self, task: "Task[Any]", since: float) -> None:
        """A task that was accepted here has its result; `since` is when it was accepted, by the loop's clock."""
        ...

    def timing(self, task: "Task[Any]", since: float) -> Timing | None:
        """Return how far the time of a task is; None if nobody knows how long it will take."""
        ...

    def check_thread(self) -> None:
        """Raise a ConfigurationError where another thread runs the event loop that tasks are used in."""
        ...

    def fed(self, task: "Task[Any]", update: Update[Any]) -> None:
        """`task` has reached a stage that was not known here."""
        ...

    def whole(self, task: "Task[R]", update: Update[R]) -> Update[R]:
        """Return an update that was cut with its result and record, read from its body again."""
        ...


class _Nobody:
    """Interests in tasks that have ended, which nothing comes of."""

    def retain(self, task: "Task[Any]", holder: Holder) -> None: ...

    def release(self, task: "Task[Any]", holder: Holder) -> None: ...

    def note_completed(self, task: "Task[Any]", since: float) -> None: ...

    def timing(self, task: "Task[Any]", since: float) -> Timing | None:
        return None

    def check_thread(self) -> None: ...

    def fed(self, task: "Task[Any]", update: Update[Any]) -> None: ...

    def whole(self, task: "Task[R]", update: Update[R]) -> Update[R]:
        return update


_NOBODY = _Nobody()


class MethodNotProperty:
    """A method that refuses to be taken for a property: `if task.done:` is a TypeError."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, task: object, owner: type) -> Any:
        return self.function if task is None else _Bound(self.function, task)


class _Bound:
    __slots__ = ("__self__", "__wrapped__")

    def __init__(self, function: Callable[..., Any], task: object) -> None:
        self.__wrapped__, self.__self__ = function, task

    def __call__(self) -> Any:
        return self.__wrapped__(self.__self__)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self.__wrapped__.__name__} is a method: write task.{self.__wrapped__.__name__}()")


class TaskInfo(NamedTuple):
    """What is known of a task when its handle is made."""

    id: str
    kind: type[Request[Any]]
    ref: str = ""
    model: str = ""
    context: Any = None
    pace: Pace | None = None
    accepted_at: float | None = None
    api: str = ""
    """The gateway and API that the task was made by, as a record names them; empty if that is not known."""
    price: float | None = None
    """Credits that it costs by the price list; None if that is not known."""
    begun: float | None = None
    """About when it was accepted, as its record tells, for tasks of other processes and times."""
    trace: str = ""
    """The `traceparent` of the span that submitted it; empty if there is none."""


class Waiter(Protocol):
    """Somebody waiting for a stage."""

    @property
    def stage(self) -> int:
        """The least stage that is waited for."""
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop in which that is."""
        ...

    def rouse(self, error: SunoError | None = None) -> None:
        """The stage is reached, the task has ended, or the waiting has with an error. Called twice, it does nothing."""
        ...


class _Waiter:
    """A coroutine that waits."""

    __slots__ = ("stage", "wake")

    def __init__(self, stage: int) -> None:
        self.stage = stage
        self.wake: asyncio.Future[SunoError | None] = asyncio.get_running_loop().create_future()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self.wake.get_loop()

    def rouse(self, error: SunoError | None = None) -> None:
        # Never set_exception: an error that nobody fetched would be printed. A loop that is closed wakes nobody.
        if not self.wake.done() and not self.wake.get_loop().is_closed():
            self.wake.set_result(error)


class _DoneCallback(NamedTuple):
    """A function to call when the task has ended."""

    call: Callable[["Task[Any]"], object]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop


class Task(Generic[R]):
    """A job that the service accepted.

    `await task` returns the result. It raises the TaskFailed that ended the task, a TaskTimeout when patience ended
    first (the task can be awaited again), or what made polling pointless (Unauthorized, TaskNotFound). `async for
    update in task` gives each stage when it is reached, a failure included, and then stops. Any number of waiters may
    wait at once; they share the polls.

    Besides, a task has the methods of an `asyncio.Future` that are of use for one: `done`, `result`, `exception`,
    `cancelled`, `add_done_callback` and `remove_done_callback`. `get` is a coroutine, for `create_task` and task
    groups. A task cannot be cancelled: the service has no call for that.
    """

    # State, all of it: who it is (filled once), _updates, _failure, _progress (the most that was told), and who is
    # interested: _listeners, _waiters and _done_callbacks. While there is a waiter or a done callback, the task is
    # polled.

    __slots__ = (
        "__weakref__",
        "_accepted_at",
        "_api",
        "_begun",
        "_context",
        "_done_callbacks",
        "_failure",
        "_id",
        "_interests",
        "_kind",
        "_listeners",
        "_model",
        "_pace",
        "_price",
        "_progress",
        "_ref",
        "_trace",
        "_updates",
        "_waiters",
    )

    def __init__(self, info: TaskInfo, interests: Interests) -> None:
        self._id = info.id
        self._kind = info.kind
        self._ref = info.ref
        self._model = info.model
        self._context = info.context
        self._pace = info.pace
        self._accepted_at = info.accepted_at
        self._begun = info.begun
        self._progress: float | None = None
        self._api = info.api
        self._price = info.price
        self._trace = info.trace
        self._interests = interests
        self._failure: SunoError | None = None
        self._updates: tuple[Update[R], ...] = ()
        self._listeners: tuple[Callable[[Update[R]], object], ...] = ()
        self._waiters: tuple[Waiter, ...] = ()
        self._done_callbacks: tuple[_DoneCallback, ...] = ()

    @staticmethod
    def resolved(
        result: T, *, kind: type[Request[T]] | None = None, task_id: str = "", context: Any = None
    ) -> "Task[T]":
        """Return a task that has ended with a result, for unit tests of code that is handed a task.

        It needs no client and no event loop. `suno_async.testing` makes results for it.

        Args:
            result: What awaiting it gives.
            kind: The class of its request (default: the first built-in job with such a result, as GenerateMusic for
                Music).
            task_id: Its id (default: the `task_id` of the result, or else "resolved").
            context: Its `context` (default: None).

        Raises:
            ConfigurationError: No built-in job has such a result, and no `kind` is given.
        """
        kind = kind or next((one for one in TABLE if issubclass(one, Job) and one.result is type(result)), None)
        if kind is None:
            raise ConfigurationError(f"no built-in job has a {type(result).__name__} as its result: give kind=")
        task_id = task_id or getattr(result, "task_id", "") or "resolved"
        task = Task[T](TaskInfo(task_id, kind, context=context), _NOBODY)
        task.feed(Update(task_id=task_id, stage=Stage.COMPLETE, result=result))
        return task

    # ---- who it is -----------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The service's id of the task; empty while the answer to its submit is not known (`SunoClient.resume`)."""
        return self._id

    @property
    def kind(self) -> type[Request[R]]:
        """The class of the request, for example GenerateMusic."""
        return self._kind

    @property
    def ref(self) -> str:
        """Our own id of the submission; empty if the task was attached by its id."""
        return self._ref

    @property
    def model(self) -> str:
        """The model that was asked for, for example V5; empty if that is not known."""
        return self._model

    @property
    def context(self) -> Any:
        """What was given to `submit` as `context=`."""
        return self._context

    @property
    def pace(self) -> Pace | None:
        """The pace that was given for this task; None for the usual one."""
        return self._pace

    @property
    def accepted_at(self) -> float | None:
        """When the service accepted it, by the event loop's clock; None if that is not known."""
        return self._accepted_at

    @property
    def accepted_here(self) -> float | None:
        """The same, but None also if that is known by the times of a record alone."""
        return self._accepted_at if self._begun is None else None

    @property
    def awaited(self) -> Stage:
        """The next stage that somebody here waits for; COMPLETE if nobody does."""
        if self._listeners:
            return STAGES[min(self.stage + 1, COMPLETE)]
        waiters = self._waiters
        if len(waiters) == 1:  # the usual case, which each poll asks for
            return STAGES[waiters[0].stage]
        return STAGES[min((waiter.stage for waiter in waiters), default=COMPLETE)]

    @property
    def api(self) -> str:
        """The gateway and API that it was made by: the name of a provider, such as kie (by the legacy API) or kie-jobs.

        Empty while that is not known, of a task that was attached by its bare id and never found by a poll.
        """
        return self._api

    @property
    def trace(self) -> str:
        """The W3C `traceparent` of the span that submitted it, as its record has it; empty if there is none."""
        return self._trace

    def found_at(self, api: str) -> None:
        """Note which API knows the task, if that was not known."""
        self._api = self._api or api

    def learn(self, info: TaskInfo) -> None:
        """Fill in what was not known of the task. A pace that is given replaces another."""
        self._id = self._id or info.id
        self._ref = self._ref or info.ref
        self._model = self._model or info.model
        self._api = self._api or info.api
        self._context = info.context if self._context is None else self._context
        self._pace = info.pace or self._pace
        if self._accepted_at is None:
            self._accepted_at, self._begun = info.accepted_at, info.begun if self._begun is None else self._begun
        self._price = info.price if self._price is None else self._price
        self._trace = self._trace or info.trace

    # ---- how far it is -------------------------------------------------------------------------------------------

    @property
    def updates(self) -> tuple[Update[R], ...]:
        """The updates that raised the stage, in their order."""
        return tuple(map(self._whole, self._updates))

    @property
    def heard_of(self) -> bool:
        """Whether a callback told one of its stages."""
        return any(update.source is Source.CALLBACK for update in self._updates)

    @property
    def last(self) -> Update[R]:
        """The update that reached the present stage."""
        return self._whole(self._updates[-1]) if self._updates else Update(task_id=self._id, stage=Stage.PENDING)

    def _whole(self, update: Update[R]) -> Update[R]:
        return self._interests.whole(self, update) if update.is_cut else update

    @property
    def stage(self) -> Stage:
        """The highest stage that is known here. Asking for it does not poll."""
        return self._updates[-1].stage if self._updates else PENDING

    @property
    def credits(self) -> float | None:
        """Credits that it costs: what the service tells, or else the price list; None if neither is known.

        0 if it failed and its credits were given back. Only KIE has a price list, and only its jobs API tells, at the
        end.
        """
        if isinstance(self._failure, TaskFailed) and self._failure.refunded:
            return 0.0
        told = self.last.credits if self.done() else None
        return self._price if told is None else told

    @property
    def eta(self) -> float | None:
        """In how many seconds it will probably have ended; 0 if it has.

        It is told from how long the last tasks of the same kind, model and API took in this process: four of five took
        no longer. Until there are three, what the service's page says counts, which is 180 s for music and nothing for
        all others. None while nobody knows: there is neither, it is not known when the task was accepted, or it takes
        longer than expected. Asking for it does not poll.

        Source: docs/service.md#task-life-cycle
        """
        if self.done():
            return 0.0
        timing = self._timing()
        return timing.expected - timing.elapsed if timing is not None and timing.elapsed < timing.expected else None

    @property
    def progress(self) -> float | None:
        """How far it is by time, from 0 to 1; None while nobody knows, as for `eta`.

        It never falls. It stands still at 0.95 if the task takes longer than expected, and is 1 only when the task is
        complete; of a failed task it is what it was.
        """
        if self.stage is Stage.COMPLETE:
            return 1.0
        if not self.done() and (timing := self._timing()) is not None:
            over = timing.elapsed >= timing.expected  # which may be 0
            part = ALMOST if over else min(timing.elapsed / timing.expected, ALMOST)
            self._progress = max(self._progress or 0.0, part)
        return self._progress

    def _timing(self) -> Timing | None:
        since = self._accepted_at if self._begun is None else self._begun
        return None if since is None else self._interests.timing(self, since)

    def done(self) -> bool:
        """Return whether the task is known to have ended, with a result or without."""
        return bool(self._updates) and self._updates[-1].stage >= COMPLETE

    if not TYPE_CHECKING:  # `if task.done:` would always be true
        done = MethodNotProperty(done)

    def cancelled(self) -> bool:
        """Return False: a task cannot be cancelled. `asyncio.wait(…, return_when=FIRST_EXCEPTION)` asks."""
        return False

    def result(self) -> R:
        """Return the result of a task that has ended.

        Raises:
            TaskFailed: It ended without a result.
            TaskNotDone: It has not ended; also an `asyncio.InvalidStateError`.
        """
        if (failure := self.exception()) is not None:
            raise failure.with_traceback(None)
        return cast(R, self.last.result)

    def exception(self) -> SunoError | None:
        """Return the TaskFailed that ended the task, None if it ended with a result.

        Raises:
            TaskNotDone: It has not ended; also an `asyncio.InvalidStateError`.
        """
        if self.stage < Stage.COMPLETE:
            raise TaskNotDone(self._id, self.stage.name)
        return self._failure

    # ---- updates in ----------------------------------------------------------------------------------------------

    def feed(self, update: Update[R]) -> bool:
        """Take an update from any source. Return False if it says nothing new.

        Every source of updates ends here, so their order cannot matter. An update also tells the id of a task that
        has none yet.

        Raises:
            ConfigurationError: It is called in another thread than the one that runs the client's event loop.
        """
        self._interests.check_thread()
        if not self.restore(update):
            return False
        self._interests.fed(self, update)
        return True

    def restore(self, update: Update[R]) -> bool:
        """Take an update that is no news, as a store has it: the client tells nobody of it. Otherwise as `feed`."""
        if not self._id and update.task_id:
            self._id = update.task_id
        if not rises(self.stage, update.stage):
            return False
        # Until the end most tasks have nobody who looks at their results: of those the body is kept alone.
        self._updates += (update if update.stage >= COMPLETE else update.cut(),)
        if update.stage is FAILED:
            self._failure = update.failure(refunded(self._kind, update))
        if update.stage is COMPLETE and self._accepted_at is not None and self._begun is None:
            self._interests.note_completed(self, self._accepted_at)
        done = self.done()
        for waiter in self._waiters:
            if done or update.stage >= waiter.stage:
                waiter.rouse()
        for listener in self._listeners:
            try:
                listener(self._whole(update))
            except Exception:  # it must keep the result from nobody
                log.exception("a listener failed at %s", update)
        if done and self._done_callbacks:
            self._call_done_callbacks()
        return True

    def give_up(self, task: "Task[Any]", error: SunoError) -> None:
        """End the waiting of everybody who waits now, not the task; whoever waits later waits anew.

        Done callbacks are called, too, so that nobody hopes for ever; `result()` raises TaskNotDone then.
        """
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            waiter.rouse(error)
        self._call_done_callbacks()

    def subscribe(self, listener: Callable[[Update[R]], object]) -> None:
        """Call a function with each update that raises the stage from now on. That alone does not cause polls."""
        self._listeners += (listener,)

    def unsubscribe(self, listener: Callable[[Update[R]], object]) -> None:
        """Call it no more."""
        self._listeners = tuple(one for one in self._listeners if one is not listener and one != listener)

    # ---- waiting -------------------------------------------------------------------------------------------------

    def add_done_callback(
        self, fn: Callable[["Task[R]"], object], *, context: contextvars.Context | None = None
    ) -> None:
        """Call a function with this task soon after it has ended; at once if it has.

        While there is a done callback the task is polled. When patience ends before the task does, the function is
        called as well, and `result()` raises TaskNotDone.

        Args:
            fn: A function with one argument.
            context: The context in which it is called (default: the present one).
        """
        loop, context = asyncio.get_running_loop(), context or contextvars.copy_context()
        if self.done():
            loop.call_soon(fn, self, context=context)
            return
        self._retain(loop)
        self._done_callbacks += (_DoneCallback(fn, context, loop),)

    def remove_done_callback(self, fn: Callable[["Task[R]"], object]) -> int:
        """Remove a function from those to be called when the task has ended. Return how often it was there."""
        kept = tuple(one for one in self._done_callbacks if one.call != fn)
        removed = len(self._done_callbacks) - len(kept)
        self._done_callbacks = kept
        if removed and not kept and not self._waiters:
            self._interests.release(self, self)
        return removed

    def _call_done_callbacks(self) -> None:
        callbacks, self._done_callbacks = self._done_callbacks, ()
        for one in callbacks:
            if not one.loop.is_closed():
                one.loop.call_soon(one.call, self, context=one.context)
        if callbacks and not self._waiters:
            self._interests.release(self, self)

    async def wait(self, stage: Stage = Stage.COMPLETE) -> Update[R]:
        """Wait until the task has reached a stage, and return its newest update.

        Args:
            stage: The least stage to wait for (default: COMPLETE).

        Raises:
            TaskFailed: The task ended without a result.
            TaskTimeout: Patience ended first; the task can be awaited again.
        """
        await self._reach(stage)
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        return self.last

    async def get(self) -> R:
        """Wait for the result, as `await task` does, but as a coroutine: for `create_task` and task groups."""
        if (waiter := self._enter(Stage.COMPLETE)) is not None:
            try:  # as `_reach` has it: a frame more for everybody who waits is 200 bytes
                error = await waiter.wake
            finally:
                self.leave(waiter)
            if error is not None:
                raise error.with_traceback(None)
        return self._given()

    async def _reach(self, stage: int) -> None:
        if (waiter := self._enter(stage)) is not None:
            try:
                error = await waiter.wake
            finally:
                self.leave(waiter)
            if error is not None:
                raise error.with_traceback(None)

    def _enter(self, stage: int) -> _Waiter | None:
        """Note somebody who waits for a stage; None if it is reached, or never will be."""
        if self.stage >= stage or self.done():  # first: only a task that goes on needs an event loop
            return None
        waiter = _Waiter(stage)
        self.enter(waiter)
        return waiter

    def enter(self, waiter: Waiter) -> bool:
        """Note somebody who waits without a coroutine; return False if there is nothing to wait for."""
        if self.stage >= waiter.stage or self.done():
            return False
        self._retain(waiter.loop)
        self._waiters += (waiter,)
        return True

    def leave(self, waiter: Waiter) -> None:
        """Somebody waits no more."""
        if waiter in self._waiters:
            self._waiters = tuple(one for one in self._waiters if one is not waiter)
            if not self._waiters and not self._done_callbacks:
                self._interests.release(self, self)

    def _retain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Register the interest of somebody in this loop, unless it is; those in other loops do not count for it.

        Before they are noted, since it lets go of those who waited in a loop that is closed.
        """
        if not any(one.loop is loop for one in self._waiters) and not any(
            one.loop is loop for one in self._done_callbacks
        ):
            self._interests.retain(self, self)

    async def __aiter__(self) -> AsyncIterator[Update[R]]:
        seen = 0
        while True:
            for update in self._updates[seen:]:
                seen += 1
                yield self._whole(update)
            if seen == len(self._updates):
                if self.done():
                    return
                await self._reach(self.stage + 1)

    def __await__(self) -> Generator[Any, None, R]:
        if (waiter := self._enter(Stage.COMPLETE)) is not None:
            try:  # as `get` has it
                error = yield from waiter.wake
            finally:
                self.leave(waiter)
            if error is not None:
                raise error.with_traceback(None)
        return self._given()

    def _given(self) -> R:
        """The result of a task that has ended."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        return cast(R, self.last.result)  # COMPLETE comes with one

    # ---- what it is not ------------------------------------------------------------------------------------------

    if not TYPE_CHECKING:  # else every misspelt name would pass the type checkers

        def __getattr__(self, name: str) -> NoReturn:
            if not name.startswith("_") and hasattr(self._kind.result, name):
                raise AttributeError(f"{name} is of the result, not of the task: await it first, (await task).{name}")
            raise AttributeError(f"'Task' object has no attribute {name!r}")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Task belongs to its client: keep its kind and id, and use client.attach(kind, id)")

    def __repr__(self) -> str:
        return f"<Task {self._id or self._ref or 'without an id'} {self.stage.name.lower()}>"
