"""Many jobs at once: outcomes as they come, with bounded memory and bounded cost."""

import asyncio
import contextvars
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from ..api.export import Exported, error_to_dict, plain_data
from ..api.representation import short_line
from ..api.requests import Job
from ..api.updates import Stage
from ..errors import (
    ApiError,
    BudgetExceeded,
    ConfigurationError,
    ContentRejected,
    InsufficientCredits,
    SubmissionUncertain,
    SunoError,
    TaskFailed,
    Unauthorized,
)
from .task import Task
from .task_log import log_left

__all__ = ["Failure", "Outcome", "Plan", "Submit", "Success", "outcomes"]

R = TypeVar("R")

ROUNDING = 1e-6
"""Credits by which sums of prices may be inexact."""
SUBMITS_AT_ONCE = 100
"""Submits of one batch under way, with those that wait for a place in the rate window. More would only wait, since the
service takes 20 in 10 s. It is also how many connections aiohttp opens by default."""
IN_A_ROW = 100
"""Jobs that are refused without being sent, or outcomes that are taken, before other tasks run. Thousands would block
the loop, and one in each of its turns would be slow where these are long."""


class _ExportedOutcome(Exported):
    """How outcomes go out: with the job's fields and `kind`, the task's id, and of an error its name and message."""

    __slots__ = ()

    not_exported = frozenset({"task"})

    def to_dict(self: Any) -> dict[str, Any]:
        return {
            "kind": type(self.job).__name__,
            "job": plain_data(self.job),
            "task_id": self.task.id if self.task is not None else None,
            "result": plain_data(self.result),
            "error": error_to_dict(self.error),
            "credits": self.credits,
        }

    if not TYPE_CHECKING:
        __dict__ = property(to_dict)  # for encoders that ask `vars()`


class Success(Struct, _ExportedOutcome, Generic[R], frozen=True):
    """A job of `map` that has its result.

    Attributes:
        job: The job as it was given.
        task: Its task.
        result: Its result.
        credits: What it cost, as `task.credits` says, or `prices=` where that says nothing; None if that is not known.
        error: None.
    """

    job: Job[R]
    task: Task[R]
    result: R
    credits: float | None = None
    error: None = None

    @classmethod
    def exported_types(cls, *args: Any) -> Mapping[str, Any]:
        result = args[0] if args else Any
        return {"kind": str, "job": dict[str, Any], "task_id": str, "result": result, "error": None}

    def __repr__(self) -> str:
        return short_line(f"<Success {type(self.job).__name__} {self.task.id}", self.result)


class Failure(Struct, _ExportedOutcome, Generic[R], frozen=True):
    """A job of `map` that failed.

    Attributes:
        job: The job as it was given.
        task: Its task; None if it was not accepted.
        error: Why it failed.
        credits: What it cost all the same; 0 if it was refused or not sent. Of a submission that is uncertain, what it
            may have cost. None if that is not known.
        result: None.
    """

    job: Job[R]
    task: Task[R] | None
    error: Exception
    credits: float | None = None
    result: None = None

    @classmethod
    def exported_types(cls, *args: Any) -> Mapping[str, Any]:
        return {"kind": str, "job": dict[str, Any], "task_id": str | None, "error": dict[str, str], "result": None}

    def __repr__(self) -> str:
        task = self.task.id if self.task is not None else "without a task"
        return short_line(f"<Failure {type(self.job).__name__} {task}", self.error)


Outcome = Success[R] | Failure[R]
"""What became of one job of `map`. `outcome.error is None` tells which of the two it is, to type checkers, too."""


class Submit(Protocol[R]):
    """Submits a job of a batch."""

    def __call__(self, job: Job[R], attempt: int, check: Callable[[], None], /) -> Awaitable[Task[R]]:
        """Return the task of an attempt, the first of which has number 1; `check` raises if it shall not be sent."""
        ...


class Plan(NamedTuple):
    """What a batch may spend."""

    price: Callable[[Job[Any]], float | None] = lambda _: None
    """Tells what a job will cost, in credits; None if that is not known."""
    budget: float | None = None
    """Credits that all jobs together may cost; None for no limit."""
    attempts: int = 1
    """How often a job is sent at most: again after a failure that gave its credits back."""

    def check(self) -> None:
        """Refuse what is no usable plan. ConfigurationError."""
        budget: Any = self.budget
        if budget is not None and (
            isinstance(budget, bool) or not isinstance(budget, int | float) or math.isnan(budget) or budget < 0
        ):
            raise ConfigurationError(f"budget must be a number of credits, at least 0, got {budget!r}")
        attempts: Any = self.attempts
        if not isinstance(attempts, int) or attempts < 1:
            raise ConfigurationError(f"attempts must be at least 1, got {attempts!r}")


class _Running(Generic[R]):
    """A job that has begun: it is being sent, or its task is waited for.

    It waits without a coroutine of its own, which with its asyncio task would be 1.3 KB of each.
    """

    __slots__ = ("_batch", "attempt", "ended", "job", "price", "roused", "task")

    stage = Stage.COMPLETE

    def __init__(self, job: Job[R], batch: "_Batch[R]") -> None:
        self._batch = batch
        self.job = job
        self.attempt = 1
        """Number of the attempt."""
        self.price: float | None = None
        self.task: Task[R] | None = None
        self.ended: Outcome[R] | None = None
        """How the attempt before has ended."""
        self.roused = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop in which it waits."""
        return self._batch.loop

    def rouse(self, error: SunoError | None = None) -> None:
        """The task has ended, or the waiting with an error."""
        if not self.roused and not self.loop.is_closed():
            self.roused = True
            self.loop.call_soon(self._batch.roused, self, error, context=self._batch.context)


class _Batch(Generic[R]):
    """The jobs of one batch: which are under way, what they cost together, and why no more of them are sent."""

    # State, all of it: _spent (credits, with what unfinished jobs may still cost), _refused (why nothing more is sent),
    # _unfinished (how many jobs have begun, and their outcomes are not taken), _sending (submits under way), _again
    # (jobs that are sent once more as soon as there is room for a submit), _waiting (jobs whose tasks are waited for),
    # _finished (outcomes that are not taken, or what ended a submit without one; None when all jobs have begun), _room
    # (set when there may be some), _taken (how many outcomes), _left (nothing is sent any more).

    def __init__(self, submit: Submit[R], plan: Plan, concurrency: int) -> None:
        self._submit = submit
        self._plan = plan
        self._concurrency = concurrency
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()  # one for all: with many jobs waiting, every object counts
        self._spent = 0.0
        self._refused: ApiError | None = None
        self._unfinished = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._again: deque[_Running[R]] = deque()
        self._waiting: set[_Running[R]] = set()
        self._finished: asyncio.Queue[Outcome[R] | BaseException | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._taken = 0
        self._left = False

    # ---- jobs in, outcomes out -----------------------------------------------------------------------------------

    async def begin_all(self, jobs: Iterable[Job[R]] | AsyncIterable[Job[R]]) -> None:
        """Take each job when there is room for it, and begin it."""
        source, refused = jobs if isinstance(jobs, AsyncIterable) else _later(jobs), 0
        try:
            async for job in source:
                self._unfinished += 1
                refused += not self._begin(_Running(job, self))
                if refused >= IN_A_ROW:
                    refused = 0
                    await asyncio.sleep(0)
                while self._unfinished >= self._concurrency or len(self._sending) >= SUBMITS_AT_ONCE:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._finished.put_nowait(None)

    @property
    def unfinished(self) -> bool:
        """Whether a job has begun, and its outcome is not taken."""
        return self._unfinished > 0

    async def take(self) -> Outcome[R] | None:
        """Wait for the next outcome and take it; None when all jobs have begun.

        Raises what has ended a submit without an outcome, such as its cancellation by others.
        """
        self._taken += 1
        if self._taken % IN_A_ROW == 0:
            await asyncio.sleep(0)
        outcome = await self._finished.get()
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            self._unfinished -= 1
            self._room.set()
        return outcome

    async def leave(self, starter: asyncio.Task[None]) -> list[Task[R]]:
        """Begin nothing more, and wait for nothing; return the accepted tasks whose outcomes were not taken."""
        self._left = True
        left = self._let_go()  # at once: whoever leaves may be cancelled meanwhile
        ending = [starter, *self._sending]
        for one in ending:
            one.cancel()
        try:
            await asyncio.gather(*ending, return_exceptions=True)
        finally:
            left += self._let_go()
        while not self._finished.empty():
            outcome = self._finished.get_nowait()
            if isinstance(outcome, Success | Failure) and outcome.task is not None:
                left.append(outcome.task)
        return left

    def _let_go(self) -> list[Task[R]]:
        """Wait for no task any more; return those that were waited for."""
        let_go: list[Task[R]] = []
        while self._waiting:
            running = self._waiting.pop()
            if running.task is not None:
                running.task.leave(running)
                let_go.append(running.task)
        return let_go

    # ---- one job -------------------------------------------------------------------------------------------------

    def _begin(self, running: _Running[R]) -> bool:
        """Send a job, unless it may not be paid any more. Return whether it is being sent."""
        try:
            self._check()
            running.price = self._reserved(running.job)
        except Exception as exc:
            self._finished.put_nowait(running.ended or Failure(running.job, None, exc, 0.0))
            return False
        sending = self.loop.create_task(self._send(running), name="suno_async map")
        self._sending.add(sending)
        sending.add_done_callback(self._sent, context=self.context)
        return True

    def _sent(self, sending: asyncio.Task[None]) -> None:
        """A submit has ended: there is room for another."""
        self._sending.discard(sending)
        if self._left:
            return
        if sending.cancelled():
            self._finished.put_nowait(asyncio.CancelledError())
        elif (error := sending.exception()) is not None:
            self._finished.put_nowait(error)
        self._go_on()

    def _go_on(self) -> None:
        while self._again and not self._left and len(self._sending) < SUBMITS_AT_ONCE:
            self._begin(self._again.popleft())
        self._room.set()

    async def _send(self, running: _Running[R]) -> None:
        """Submit a job, and have its task waited for."""
        error: Exception | None = None
        try:
            running.task = await self._submit(running.job, running.attempt, self._check)
            self._waiting.add(running)
            if running.task.enter(running):
                return
        except Exception as exc:  # whatever ends one job must not end the others
            error = exc
        self.roused(running, error)

    def roused(self, running: _Running[R], error: Exception | None) -> None:
        """An attempt has ended: send the job again, if its credits came back and attempts are left."""
        if self._left:
            return
        task = running.task
        self._waiting.discard(running)
        if task is not None:
            task.leave(running)
            error = task.exception() if error is None else error
        if isinstance(error, InsufficientCredits | Unauthorized):
            self._refused = self._refused or error
        price = running.price
        credits = _cost(task, error, price)
        if price is not None:
            self._spent += (price if credits is None else credits) - price
        if task is not None and error is None:
            self._finished.put_nowait(Success(running.job, task, task.result(), credits))
            return
        assert error is not None
        failure = Failure(running.job, task, error, credits)
        refunded = isinstance(error, TaskFailed) and error.refunded and not isinstance(error, ContentRejected)
        if not refunded or running.attempt == self._plan.attempts:
            self._finished.put_nowait(failure)
            return
        running.task, running.ended, running.roused = None, failure, False
        running.attempt += 1
        self._again.append(running)
        self._go_on()

    # ---- what it costs -------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise if nothing more is sent."""
        refused = self._refused
        if refused is not None:
            why = f"not sent, since the service refused an earlier job of the same map: {refused.message or refused}"
            raise type(refused)(refused.code, why, refused.path, status=refused.status) from refused

    def _reserved(self, job: Job[R]) -> float | None:
        """The price of a job, which is spent from now on. BudgetExceeded if it may not be."""
        price, budget = self._plan.price(job), self._plan.budget
        if budget is not None and (price is None or self._spent + price > budget + ROUNDING):
            raise BudgetExceeded(job, price, max(0.0, round(budget - self._spent, 6)))
        self._spent += price or 0.0
        return price


def _cost(task: Task[Any] | None, error: Exception | None, price: float | None) -> float | None:
    """What an attempt has cost, or may have."""
    if task is None:
        return price if isinstance(error, SubmissionUncertain) else 0.0
    told = task.last.credits if task.done() else None
    if told is None and isinstance(error, TaskFailed) and error.refunded:
        return 0.0
    if told is not None:
        return told
    return task.credits if price is None else price


async def outcomes(
    submit: Submit[R],
    jobs: Iterable[Job[R]] | AsyncIterable[Job[R]],
    concurrency: int,
    plan: Plan = Plan(),  # noqa: B008  a value
) -> AsyncGenerator[Outcome[R], None]:
    """Submit each job and wait for it; at most `concurrency` are unfinished or not yet taken."""
    if concurrency < 1:
        raise ConfigurationError(f"concurrency must be at least 1, got {concurrency}")
    plan.check()
    batch = _Batch(submit, plan, concurrency)
    # Plain tasks, not a task group: a generator may be closed from another task than the one that began it.
    starter = asyncio.create_task(batch.begin_all(jobs))
    try:
        while batch.unfinished or not starter.done():
            if (outcome := await batch.take()) is not None:
                yield outcome
        await starter  # raises what `jobs` raised
    finally:
        log_left(await batch.leave(starter), "map was left before it gave %d accepted tasks")


async def _later(jobs: Iterable[Job[R]]) -> AsyncIterator[Job[R]]:
    for job in jobs:
        yield job
