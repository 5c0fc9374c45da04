"""Calls functions of the application: never in the way, in order where that matters, and to their end."""

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Iterable
from contextvars import ContextVar
from typing import Any

from .api.updates import Update
from .log import fields, log

__all__ = ["Notifier"]

LAST_CALLS = 10.0
"""Seconds that closing waits for calls under way."""
CANCELLED = 1.0
"""Seconds that closing waits for calls that were cancelled."""
AT_ONCE = 1000
"""Calls without an order that may be under way; more are left out and counted."""

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments."""

_calling: ContextVar["asyncio.Task[Any] | None"] = ContextVar("suno_async notifier", default=None)
"""The call that the present code was reached from, if such a function is what closes the client."""


class Notifier:
    """Calls sync and async functions of the application. What they raise is logged."""

    # State, all of it: _queues (by order: the calls that are still to be made), _calls (what is under way),
    # _left_out (calls that were not made since the last log line).

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._queues: dict[Hashable, deque[Call]] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._left_out = 0

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done that closing shall wait for."""
        started = self._loop.create_task(work)
        self._calls.add(started)
        started.add_done_callback(self._calls.discard)
        return started

    def call_in_order(self, function: Callable[..., Any], order: Hashable, *event: Any) -> None:
        """Call a function soon; calls of one order come one after another.

        Args:
            function: A function or coroutine function.
            order: Which calls wait for each other.
            event: The arguments, the first of which is what happened.
        """
        if (queue := self._queues.get(order)) is not None:
            queue.append((function, event))
            return
        self._queues[order] = queue = deque([(function, event)])
        self.start(self._work_off(order, queue))

    async def _work_off(self, order: Hashable, queue: deque[Call]) -> None:
        _calling.set(asyncio.current_task())
        try:
            while queue:
                function, event = queue.popleft()
                try:
                    answer = function(*event)
                    if inspect.isawaitable(answer):
                        await answer
                except asyncio.CancelledError:
                    log.warning("%s was cancelled at %s", self._name, event[0])
                    current = asyncio.current_task()
                    if current is None or current.cancelling():
                        raise
                except Exception:  # of a function of the application, here and below: it must not stop the others
                    log.exception("%s failed at %s", self._name, event[0])
        finally:
            self._queues.pop(order, None)
            self.log_missed(event[0] for _, event in queue)

    def call_now(self, function: Callable[..., Any], event: Any) -> None:
        """Call a function at once; what it returns, if it can be awaited, is awaited in a task of its own."""
        if len(self._calls) >= AT_ONCE:
            if not self._left_out:
                log.warning("%s is not called for a while: %d calls of it are under way", self._name, AT_ONCE)
            self._left_out += 1
            return
        if self._left_out:
            log.warning("%s was not called %d times: too many calls were under way", self._name, self._left_out)
            self._left_out = 0
        try:
            answer = function(event)
        except (Exception, asyncio.CancelledError):  # as of a cancelled future; it is not that of the request
            log.exception("%s failed at %s", self._name, event)
            return
        if inspect.isawaitable(answer):
            self.start(self._finish(answer, event))

    async def call(self, function: Callable[..., Any], event: Any) -> None:
        """Call a function and wait for its end. Who is cancelled meanwhile leaves it to end by itself."""

        async def made() -> None:
            if inspect.isawaitable(answer := function(event)):
                await answer

        called = self.start(self._finish(made(), event))
        await asyncio.wait([called])
        if called.cancelled():
            log.warning("%s was cancelled at %s", self._name, event)

    async def _finish(self, answer: Any, event: Any) -> None:
        _calling.set(asyncio.current_task())
        try:
            await answer
        except Exception:
            log.exception("%s failed at %s", self._name, event)

    def log_missed(self, updates: Iterable[Update[Any]]) -> None:
        """Say for which updates nobody was called."""
        for update in updates:
            extra = fields("left", update.task_id, stage=update.stage.name.lower())
            what = "%s was not called for %s of task %s"
            log.warning(what, self._name, update.stage.name, update.task_id, extra=extra)

    @property
    def pending(self) -> int:
        """How many calls are under way or still to make, without the one that this is asked from."""
        return len(self._calls - {_calling.get()})

    async def aclose(self) -> None:
        """Let the calls that are under way end, for a while; one of them may be what closes the client."""
        until = asyncio.get_running_loop().time() + LAST_CALLS
        while calls := self._calls - {_calling.get()}:  # one call may start others
            _, late = await asyncio.wait(calls, timeout=max(0.0, until - asyncio.get_running_loop().time()))
            if late:
                await self._cancel(late)
                break

    async def _cancel(self, late: set[asyncio.Task[None]]) -> None:
        for call in late:
            call.cancel()
        _, stuck = await asyncio.wait(late, timeout=CANCELLED)
        for _ in stuck:
            log.error("%s goes on although it was cancelled; the client closes without it", self._name)
