"""Which runtime is current: one for each event loop and process."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from .api.updates import Source, Update
from .errors import ConfigurationError, StoreError
from .settings import Settings
from .status import Status
from .submissions.hooks import Observer
from .tasks.durations import Durations, Timing, seen_in_time
from .tasks.pace import PacePolicy
from .tasks.registry import TaskRegistry
from .tasks.task import Holder, Task
from .webhooks.delivery import CallbackDelivery
from .webhooks.policy import Decision
from .webhooks.verdict import Verdict

if TYPE_CHECKING:
    from .runtime import Carried, Runtime, Telemetry

__all__ = ["Lifecycle"]

R = TypeVar("R")


class Downloading:
    """What came of a download."""

    def __init__(self) -> None:
        self.files = 0
        self.size: int | None = None


class Lifecycle:
    """Gives the parts of the running event loop, and makes them anew when the last one is closed.

    A client, its tasks and its receivers reach the parts through `current`, so that none of them is used in a loop
    that it does not belong to.
    """

    # State, all of it: _runtime, _closed with _closing (who closes), and what outlives a loop: the registry, the
    # policy, the observers, the durations, the telemetry and _attached (tasks that were attached outside a loop and
    # that on_update shall hear of).

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.registry = TaskRegistry(self, settings.provider)
        # With a shared store another process may be the one that receives callbacks.
        self._policy = PacePolicy(settings.pace, callbacks=bool(settings.callback_url) and settings.shared)
        self._observers: list[Observer] = []
        self._durations = Durations()
        self._attached: list[Task[Any]] = []
        self._telemetry: Telemetry | None = None
        self._runtime: Runtime | None = None
        self._closing: asyncio.Task[None] | None = None
        self._closed = False

    def current(self) -> "Runtime":
        """Return the parts of the running event loop.

        Raises:
            ConfigurationError: The client is closed, no event loop is running, or the client is in use in another
                event loop, thread or process that is still there.
        """
        if self._closed:
            raise ConfigurationError("the client is closed")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError("no event loop is running: call this inside asyncio.run()") from None
        runtime = self._runtime
        if runtime is not None and runtime.loop is loop and runtime.pid == os.getpid():
            return runtime
        return self._renewed(runtime)

    def _renewed(self, old: "Runtime | None") -> "Runtime":
        if old is not None and not old.loop.is_closed():
            forked = old.pid != os.getpid()
            where = "a parent process that still runs" if forked else "another event loop that is still open"
            raise ConfigurationError(
                f"the client is in use in {where}: make one client for each loop, thread and process"
            )
        if self._settings.network.of_another_loop:
            raise ConfigurationError(
                "the session or connector that was given belongs to another event loop than the running one: give a "
                "function that makes one"
            )
        runtime = self._runtime = self._made(self._observers, None if old is None else old.abandon())
        while self._attached:
            runtime.events.follow(self._attached.pop())
        return runtime

    def _made(self, observers: Sequence[Observer], carried: "Carried | None") -> "Runtime":
        """New parts for the running event loop."""
        from . import runtime  # here, with aiohttp: defining and checking requests needs neither network nor parts

        carried = runtime.Carried() if carried is None else carried
        return runtime.Runtime(self._settings, self.registry, self._policy, observers, carried, self._telemetry)

    # ---- for tasks and receivers ---------------------------------------------------------------------------------

    def retain(self, task: Task[Any], holder: Holder) -> None:
        """Note an interest in a task."""
        self.current().poller.retain(task, holder)

    def release(self, task: Task[Any], holder: Holder) -> None:
        """Note that an interest has gone."""
        runtime = self._runtime
        if runtime is not None and not runtime.loop.is_closed():
            runtime.poller.release(task, holder)

    def note_completed(self, task: Task[Any], since: float) -> None:
        """Learn how long a task took, if its end was not noticed too late."""
        runtime = self._runtime
        if runtime is None:
            return
        elapsed = runtime.loop.time() - since
        unseen = runtime.poller.unseen(task) if task.last.source is Source.POLL else 0.0
        if seen_in_time(elapsed, unseen):
            self._durations.learn(task, elapsed)

    def timing(self, task: Task[Any], since: float) -> Timing | None:
        """Return how far the time of a task is; None if nobody knows how long it will take."""
        expected = self._durations.expected(task)
        if self._runtime is None or expected is None:
            return None
        return Timing(max(0.0, self._runtime.loop.time() - since), expected)

    def check_thread(self) -> None:
        """Refuse a synchronous call from another thread, before it has an effect."""
        runtime = self._runtime
        if runtime is not None and threading.get_ident() != runtime.thread and runtime.loop.is_running():
            raise ConfigurationError(
                "the client's event loop runs in another thread: use loop.call_soon_threadsafe(task.feed, update)"
            )

    def fed(self, task: Task[Any], update: Update[Any]) -> None:
        """Tell the application that a task has reached a stage."""
        runtime = self._runtime
        if runtime is not None and runtime.events.heard and not runtime.loop.is_closed():
            runtime.events.fed(task, self.whole(task, update) if update.is_cut else update)

    def whole(self, task: Task[R], update: Update[R]) -> Update[R]:
        """Return an update that was cut with its result and record, read from its body again."""
        from .submissions import codec  # it loads the readers of all pages

        return codec.whole(update, task, self._settings.provider)

    def follow(self, task: Task[Any]) -> None:
        """Have the client's `on_update` called for a task, from the next event loop on if none is running."""
        if self._settings.on_update is None or self._closed:
            return
        try:
            runtime = self.current()
        except ConfigurationError:
            self._attached.append(task)
        else:
            runtime.events.follow(task)

    def dispatch(self, delivery: CallbackDelivery) -> Coroutine[Any, Any, Decision]:
        """Take a callback that a receiver has verified."""
        if self._closed:
            raise StoreError("the client is closed")
        return self.current().dispatcher.dispatch(delivery)

    def receives(self, observer: Observer | None) -> None:
        """Callbacks are received from now on, and `observer` is called for each new stage."""
        if self._settings.callback_url:
            self._policy.expect_callbacks()
        if observer is not None:
            self._observers.append(observer)

    # ---- telemetry -----------------------------------------------------------------------------------------------

    @property
    def telemetry(self) -> "Telemetry | None":
        """What notes what the client does; None if nothing does."""
        return self._telemetry

    def instrument(self, telemetry: "Telemetry") -> None:
        """Have what the client does noted from its first use on. ConfigurationError if it is in use or has another."""
        if self._telemetry is not None:
            raise ConfigurationError("the client is instrumented already")
        if self._runtime is not None or self._closed:
            raise ConfigurationError("the client is in use: instrument it before its first use")
        self._telemetry = telemetry

    def received(self, verdict: Verdict, began: float) -> None:
        """Note a callback that was answered."""
        if self._telemetry is not None:
            self._telemetry.received(verdict, self._trace_of(verdict.callback), began)

    @asynccontextmanager
    async def downloading(self, result: object) -> AsyncGenerator[Downloading]:
        """Note a download, whose outcome is written to what this gives."""
        done = Downloading()
        if self._telemetry is None:
            yield done
            return
        began, trace = self._settings.clock(), self._trace_of(result) or await self._stored_trace_of(result)
        error: BaseException | None = None
        try:
            yield done
        except BaseException as exc:
            error = exc
            raise
        finally:
            self._telemetry.downloaded(trace, began, files=done.files, size=done.size, error=error)

    def _trace_of(self, thing: object) -> str:
        """Return the `traceparent` of the task that a callback or result is of; empty if that is not known here."""
        task_id = getattr(thing, "task_id", "")
        task = self.registry.find(task_id) if task_id else None
        return "" if task is None else task.trace

    async def _stored_trace_of(self, result: object) -> str:
        """The same of a task that is not held any more."""
        task_id = getattr(result, "task_id", "")
        try:
            record = await self.current().journal.find(task_id=task_id) if task_id else None
        except StoreError:
            return ""
        return "" if record is None else record.trace

    # ---- the end -------------------------------------------------------------------------------------------------

    @property
    def waited_for(self) -> int:
        """In how many tasks somebody has an interest."""
        return 0 if self._runtime is None else len(self._runtime.poller.tasks)

    def status(self) -> Status:
        """Return what the client does at present; from any thread, without an event loop, too."""
        if self._runtime is not None:
            return self._runtime.status(closed=self._closed)
        rate = self._settings.provider.submits
        state: Literal["closed", "new"] = "closed" if self._closed else "new"
        return Status(state=state, window_size=rate.calls, window_seconds=rate.seconds)

    @property
    def closed(self) -> bool:
        """Whether the client is closed."""
        return self._closed

    async def aclose(self, drain: float = 0.0) -> None:
        """Close everything, once, whoever asks and however often.

        Args:
            drain: Seconds to wait before that for what is under way and what is awaited. A caller that is cancelled
                meanwhile, and a second one that does not wait, end the waiting.

        Raises:
            ConfigurationError: The client is in use in another event loop that is still open.
        """
        runtime = self._runtime
        if runtime is not None and not self._here(runtime) and not runtime.loop.is_closed():
            raise ConfigurationError("the client is in use in another event loop that is still open: close it there")
        try:
            if drain and runtime is not None and self._here(runtime) and not self._closed:
                await runtime.drain(drain)
        finally:
            self._closed = True
            if self._closing is None:
                self._closing = asyncio.create_task(self._close(runtime))
            with anyio.CancelScope(shield=True):  # who leaves by cancellation, of either kind, closes all the same
                await asyncio.shield(self._closing)

    async def _close(self, runtime: "Runtime | None") -> None:
        if runtime is None or not self._here(runtime):
            runtime = self._made((), None if runtime is None else runtime.abandon())
        await runtime.aclose()

    def _here(self, runtime: "Runtime") -> bool:
        """Whether parts belong to the running event loop of this process."""
        return runtime.loop is asyncio.get_running_loop() and runtime.pid == os.getpid()
