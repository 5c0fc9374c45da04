"""The handle on an accepted job: awaited, iterated, fed. It knows no clock and no network."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Generic, Protocol, TypeVar, cast

from ..api.requests import Request
from ..api.updates import Stage, Update
from ..errors import SunoError
from .pace import Pace

__all__ = ["Task", "Watcher"]

R = TypeVar("R")


class Watcher(Protocol):
    """Whoever fetches news while somebody waits."""

    def watch(self, task: "Task[Any]") -> None:
        """The first waiter has come."""

    def unwatch(self, task: "Task[Any]") -> None:
        """The last waiter has left."""


class _Waiter:
    """Somebody waiting for a stage."""

    __slots__ = ("stage", "wake")

    def __init__(self, stage: int) -> None:
        self.stage = stage
        self.wake: asyncio.Future[SunoError | None] = asyncio.get_running_loop().create_future()

    def rouse(self, error: SunoError | None = None) -> None:
        if not self.wake.done():
            self.wake.set_result(error)  # never set_exception: an error nobody fetched would be printed


class Task(Generic[R]):
    """A job that the service accepted.

    `await task` gives the result or raises the TaskFailed that ended it, TaskTimeout when patience ended first (then
    it can be awaited again), or what made looking pointless (Unauthorized, TaskNotFound). `async for update in task`
    gives each stage as it is reached, a failure included, and then stops. Any number may wait at once.
    """

    __slots__ = (
        "__weakref__",
        "_waiters",
        "_watcher",
        "born",
        "context",
        "failure",
        "id",
        "kind",
        "listeners",
        "model",
        "pace",
        "ref",
        "updates",
        "watch",
    )

    def __init__(
        self,
        id: str,
        kind: type[Request[R]],
        watcher: Watcher,
        *,
        ref: str = "",
        born: float | None = None,
        pace: Pace | None = None,
        model: str = "",
        context: Any = None,
    ) -> None:
        self.id = id
        """The service's; empty while the answer to its submit is not known, see `SunoClient.resume`."""
        self.kind = kind
        self.ref = ref
        """Our own id of the submission; empty if the task was attached by its id."""
        self.born = born
        """When it was accepted, by the loop's clock; None if that is not known."""
        self.pace = pace
        """How to look at it, if not as usual."""
        self.model = model
        """The model that was asked for; empty if that is not known."""
        self.context = context
        """What was handed to `submit`."""
        self.failure: SunoError | None = None
        """The error that ended it."""
        self.watch: Any = None
        """The watcher's own notes."""
        self._watcher = watcher
        self.updates: tuple[Update[R], ...] = ()
        """What was news here, in the order of the stages."""
        self.listeners: tuple[Callable[[Update[R]], object], ...] = ()
        """Told of each update that is news."""
        self._waiters: list[_Waiter] = []

    @property
    def last(self) -> Update[R]:
        """The update that reached `stage`."""
        return self.updates[-1] if self.updates else Update(task_id=self.id, stage=Stage.PENDING)

    @property
    def stage(self) -> Stage:
        """The highest stage known here; asking does not look."""
        return self.updates[-1].stage if self.updates else Stage.PENDING

    @property
    def done(self) -> bool:
        """Whether it is known to have ended, in either way."""
        return self.stage >= Stage.COMPLETE

    def feed(self, update: Update[R]) -> bool:
        """Take news from anywhere; False if it is stale.

        Every source of news ends here, so their order can't matter.
        """
        if update.stage <= self.stage or self.done:
            return False
        self.updates += (update,)
        if update.stage is Stage.FAILED:
            self.failure = update.failure()
        for listener in self.listeners:
            listener(update)
        for waiter in self._waiters:
            if update.stage >= waiter.stage or self.done:
                waiter.rouse()
        return True

    def give_up(self, error: SunoError) -> None:
        """End the waiting of everybody who waits now, not the task."""
        waiters, self._waiters = self._waiters, []  # who comes now waits anew, and is watched for anew
        for waiter in waiters:
            waiter.rouse(error)

    async def wait(self, stage: Stage = Stage.COMPLETE) -> Update[R]:
        """Wait until the task is at least this far; gives the newest update, raises what awaiting the task raises."""
        await self._reach(stage)
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        return self.last

    async def _reach(self, stage: int) -> None:
        if self.stage >= stage or self.done:
            return
        waiter = _Waiter(stage)
        self._waiters.append(waiter)
        try:
            if len(self._waiters) == 1:
                self._watcher.watch(self)
            error = await waiter.wake
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                if not self._waiters:
                    self._watcher.unwatch(self)
        if error is not None:
            raise error.with_traceback(None)

    async def __aiter__(self) -> AsyncIterator[Update[R]]:
        seen = 0
        while True:
            for update in self.updates[seen:]:
                seen += 1
                yield update
            if seen == len(self.updates):
                if self.done:
                    return
                await self._reach(self.stage + 1)

    def __await__(self) -> Generator[Any, None, R]:
        yield from self._reach(Stage.COMPLETE).__await__()
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        return cast(R, self.last.result)  # COMPLETE comes with one

    def __repr__(self) -> str:
        return f"<Task {self.id or self.last.result or self.ref} {self.stage.name.lower()}>"
