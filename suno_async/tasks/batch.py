"""Many jobs at once: outcomes as they come, with bounded memory and bounded cost."""

import asyncio
import contextvars
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, cast

from msgspec import Struct

from ..api.export import Exported, error_to_dict, plain_data
from ..api.representation import short_line
from ..api.requests import Job
from ..errors import (
    ApiError,
    BudgetExceeded,
    ConfigurationError,
    ContentRejected,
    InsufficientCredits,
    SubmissionUncertain,
    TaskFailed,
    Unauthorized,
)
from .task import Task
from .task_log import log_left

__all__ = ["Failure", "Outcome", "Plan", "Submit", "Success", "outcomes"]

R = TypeVar("R")

ROUNDING = 1e-6
"""Credits by which sums of prices may be inexact."""


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


class _Batch(Generic[R]):
    """The jobs of one batch: what they cost together, and why no more of them are sent."""

    # State, all of it: _spent (credits, with what unfinished jobs may still cost), _refused (why nothing more is sent),
    # dropped (tasks that nobody waits for any more).

    def __init__(self, submit: Submit[R], plan: Plan) -> None:
        self._submit = submit
        self._plan = plan
        self._spent = 0.0
        self._refused: ApiError | None = None
        self.dropped: list[Task[R]] = []

    async def outcome(self, job: Job[R]) -> Outcome[R]:
        """Submit a job and wait for it; again, if it failed, its credits came back and attempts are left."""
        ended: Outcome[R] | None = None
        for attempt in range(1, self._plan.attempts + 1):
            try:
                self._check()
                price = self._reserved(job)
            except Exception as exc:
                return ended or Failure(job, None, exc, 0.0)
            ended = await self._attempt(job, attempt, price)
            error = ended.error
            if not isinstance(error, TaskFailed) or not error.refunded or isinstance(error, ContentRejected):
                break
        assert ended is not None
        return ended

    async def _attempt(self, job: Job[R], attempt: int, price: float | None) -> Outcome[R]:
        task: Task[R] | None = None
        result: R | None = None
        error: Exception | None = None
        try:
            task = await self._submit(job, attempt, self._check)
            result = await task
        except asyncio.CancelledError:
            if task is not None:
                self.dropped.append(task)
            raise
        except Exception as exc:  # whatever ends one job must not end the others
            error = exc
        if isinstance(error, InsufficientCredits | Unauthorized):
            self._refused = self._refused or error
        credits = _cost(task, error, price)
        if price is not None:
            self._spent += (price if credits is None else credits) - price
        if error is not None:
            return Failure(job, task, error, credits)
        return Success(job, cast("Task[R]", task), cast(R, result), credits)

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
    batch = _Batch(submit, plan)
    room = asyncio.Semaphore(concurrency)
    finished: asyncio.Queue[asyncio.Task[Outcome[R]] | None] = asyncio.Queue()
    running: set[asyncio.Task[Outcome[R]]] = set()
    # One for all, as is the name: with many jobs waiting, every object counts.
    done, context = finished.put_nowait, contextvars.copy_context()

    async def start_all() -> None:
        source = jobs if isinstance(jobs, AsyncIterable) else _later(jobs)
        try:
            await room.acquire()
            async for job in source:
                one = asyncio.create_task(batch.outcome(job), name="suno_async map")
                running.add(one)
                one.add_done_callback(done, context=context)
                await room.acquire()
        finally:
            finished.put_nowait(None)

    # Plain tasks, not a task group: a generator may be closed from another task than the one that began it.
    starter = asyncio.create_task(start_all())
    try:
        while running or not starter.done() or not finished.empty():
            one = await finished.get()
            if one is not None:
                running.discard(one)
                room.release()
                yield one.result()
        await starter  # raises what `jobs` raised
    finally:
        for task in (starter, *running):
            task.cancel()
        await asyncio.gather(starter, *running, return_exceptions=True)
        ended = [one.result().task for one in running if not one.cancelled() and not one.exception()]
        left = [*batch.dropped, *(task for task in ended if task is not None)]
        log_left(left, "map was left before it gave %d accepted tasks")


async def _later(jobs: Iterable[Job[R]]) -> AsyncIterator[Job[R]]:
    for job in jobs:
        yield job
