"""A batch of jobs: outcomes as they come, and what is left when it is left."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from suno_async import (
    BudgetExceeded,
    ConfigurationError,
    ContentRejected,
    GenerateMusic,
    InsufficientCredits,
    Job,
    Music,
    Stage,
    SubmissionUncertain,
    SunoError,
    Task,
    TaskFailed,
    TaskTimeout,
    Unauthorized,
)
from suno_async.tasks.batch import Plan, outcomes
from suno_async.tasks.task import TaskInfo

from ...conftest import now
from .support import DONE, Interests, update


class Submits:
    """Accepts jobs; the task of each ends when its prompt, in seconds, has passed; errors come first."""

    def __init__(self, *errors: SunoError, waits: float = 0) -> None:
        self.errors = list(errors)
        self.waits = waits
        self.tasks: list[Task[Music]] = []
        self.attempts: list[int] = []

    async def __call__(self, job: Job[Music], attempt: int, check: Callable[[], None]) -> Task[Music]:
        assert isinstance(job, GenerateMusic)
        if not job.prompt:
            raise SunoError("refused")
        if self.waits and self.attempts:
            await anyio.sleep(self.waits)
        check()
        self.attempts.append(attempt)
        if self.errors:
            raise self.errors.pop(0)
        task = Task[Music](TaskInfo(f"t{len(self.tasks)}", GenerateMusic), Interests())
        self.tasks.append(task)
        seconds = float(job.prompt)
        asyncio.get_running_loop().call_later(abs(seconds), task.feed, DONE if seconds > 0 else update(Stage.FAILED))
        return task


def jobs(*seconds: float) -> list[GenerateMusic]:
    return [GenerateMusic(prompt=f"{one}") for one in seconds]


async def test_outcomes_come_as_tasks_end_and_failures_are_outcomes() -> None:
    some = [*jobs(30, -20, 10), GenerateMusic(prompt="")]
    seen = [(now(), outcome) async for outcome in outcomes(Submits(), some, 40)]
    assert [(at, outcome.job) for at, outcome in seen] == [
        (0, some[3]),
        (10, some[2]),
        (20, some[1]),
        (30, some[0]),
    ]
    refused, third, failed, first = (outcome for _, outcome in seen)
    assert (refused.task, refused.result, str(refused.error)) == (None, None, "refused")
    assert failed.task is not None
    assert isinstance(failed.error, TaskFailed)
    assert (third.error, first.error) == (None, None)
    assert third.result == first.result == DONE.result


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_jobs_are_taken_only_when_there_is_room(concurrency: int) -> None:
    taken = seen = 0

    def source() -> Iterator[GenerateMusic]:
        nonlocal taken
        for job in jobs(*range(1, 11)):
            taken += 1
            yield job

    async for _ in outcomes(Submits(), source(), concurrency):
        seen += 1
        await anyio.sleep(60)
        assert taken <= seen + concurrency
    assert seen == 10


async def test_jobs_that_are_refused_at_once_keep_the_loop_from_nothing_else() -> None:
    """Of a hundred thousand rows whose budget is used up, callbacks are taken between any hundred.

    Not between any two: a turn of a busy loop can take long, and each outcome must not wait for one.
    """
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def source() -> Iterator[GenerateMusic]:
        for job in jobs(*[1] * 1000):
            taken_at.append(turns)
            yield job

    taken_at, seen_at = list[int](), list[int]()
    running = asyncio.create_task(others())
    batch = outcomes(Submits(), source(), 2000, priced(budget=0))
    assert isinstance((await anext(batch)).error, BudgetExceeded)
    while len(taken_at) < 1000:  # whoever takes them is slow, so that all the others are there
        await asyncio.sleep(0)
    async for _ in batch:
        seen_at.append(turns)
    running.cancel()
    for at in (taken_at, seen_at):
        assert 10 <= len(set(at)) < 20
        assert max(Counter(at).values()) <= 100


async def test_an_async_source_holds_no_outcome_back() -> None:
    async def source() -> AsyncIterator[GenerateMusic]:
        for job in jobs(2, 2):
            yield job
            await anyio.sleep(1000)

    assert [now() async for _ in outcomes(Submits(), source(), 40)] == [2, 1002]


async def test_no_jobs_no_outcomes_and_no_room_is_refused() -> None:
    assert [one async for one in outcomes(Submits(), jobs(), 40)] == []
    with pytest.raises(ConfigurationError, match="concurrency must be at least 1, got 0"):
        await anext(outcomes(Submits(), jobs(1), 0))


async def test_leaving_early_logs_one_line_with_a_count_and_a_few_ids(caplog: pytest.LogCaptureFixture) -> None:
    """Not a line for each of a thousand."""
    submits = Submits()
    batch = outcomes(submits, jobs(1, *[100] * 20), 12)
    assert (await anext(batch)).error is None
    await anyio.sleep(1)
    await asyncio.create_task(batch.aclose())  # whoever closes it
    [record] = caplog.records
    left = len(submits.tasks) - 1
    assert left == 12
    assert f"map was left before it gave {left} accepted tasks: t" in record.message
    assert record.message.endswith("…")
    shown = record.message.partition("tasks: ")[2].split(", ")
    assert (len(shown), {*shown[:-1]} <= {task.id for task in submits.tasks}) == (6, True)
    await anyio.sleep(100)
    assert len(submits.tasks) == left + 1


async def test_a_task_that_ended_and_was_not_taken_is_among_what_was_left(caplog: pytest.LogCaptureFixture) -> None:
    batch = outcomes(Submits(), jobs(1, 1), 40)
    await anext(batch)
    await batch.aclose()
    assert "1 accepted tasks" in caplog.text


async def test_what_the_source_raises_comes_after_what_was_accepted() -> None:
    def source() -> Iterator[GenerateMusic]:
        yield from jobs(1, 2)
        raise KeyError("no more")

    seen = 0
    with pytest.raises(KeyError, match="no more"):
        async for _ in outcomes(Submits(), source(), 40):
            seen += 1
    assert seen == 2


async def test_a_hundred_submits_are_under_way_at_once_those_of_later_attempts_included() -> None:
    class Counting(Submits):
        under_way = most = 0

        async def __call__(self, job: Job[Music], attempt: int, check: Callable[[], None]) -> Task[Music]:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await anyio.sleep(3)
            self.under_way -= 1
            return await super().__call__(job, attempt, check)

    submits = Counting()
    seen = [one async for one in outcomes(submits, jobs(*[-500] * 250), 250, Plan(attempts=2))]
    assert [type(one.error) for one in seen] == [TaskFailed] * 250
    assert (submits.most, sorted(submits.attempts)) == (100, [1] * 250 + [2] * 250)


async def test_a_client_that_gives_up_a_task_ends_its_job_alone_and_once() -> None:
    submits = Submits()
    batch = outcomes(submits, jobs(50, 50), 2)
    first = asyncio.ensure_future(anext(batch))
    await anyio.sleep(1)
    for _ in range(2):
        submits.tasks[0].give_up(submits.tasks[0], TaskTimeout("t0", 1.0))
    given_up, other = await first, await anext(batch)
    assert (type(given_up.error), given_up.task, other.error) == (TaskTimeout, submits.tasks[0], None)
    assert [one async for one in batch] == []


# ---- what it costs ---------------------------------------------------------------------------------------------------


def priced(budget: float | None = None, attempts: int = 1) -> Plan:
    def price(job: Job[Any]) -> float:
        return 12.0

    return Plan(price, budget, attempts)


async def test_a_job_that_could_exceed_the_budget_is_not_sent() -> None:
    submits = Submits()
    seen = [one async for one in outcomes(submits, jobs(1, 2, 3), 40, priced(30))]
    assert [one.credits for one in seen] == [0, 12, 12]
    refused = seen[0].error
    assert isinstance(refused, BudgetExceeded)
    assert (refused.job, refused.price, refused.left) == (jobs(3)[0], 12, 6)
    assert str(refused) == "GenerateMusic was not sent: it costs 12 credits, and 6 of the budget are left"
    assert len(submits.tasks) == 2


async def test_a_job_without_a_known_price_is_not_sent_when_there_is_a_budget() -> None:
    [one] = [one async for one in outcomes(Submits(), jobs(1), 40, Plan(budget=100))]
    assert isinstance(one.error, BudgetExceeded)
    assert "its price is not known" in str(one.error)
    assert (await anext(outcomes(Submits(), jobs(1), 40))).error is None


async def test_credits_that_came_back_can_be_spent_again() -> None:
    seen = [one async for one in outcomes(Submits(), jobs(-1, 1), 1, priced(12))]
    assert [(type(one.error), one.credits) for one in seen] == [(TaskFailed, 0), (type(None), 12)]


async def test_what_is_uncertain_may_have_been_charged() -> None:
    lost = SubmissionUncertain("r1", jobs(1)[0])
    seen = [one async for one in outcomes(Submits(lost), jobs(1, 1), 1, priced(12))]
    assert [(type(one.error), one.credits) for one in seen] == [(SubmissionUncertain, 12), (BudgetExceeded, 0)]


async def test_a_tenth_of_a_credit_is_counted_exactly_enough() -> None:
    def price(job: Job[Any]) -> float:
        return 0.1

    plan = Plan(price, 0.3)
    assert [one.error async for one in outcomes(Submits(), jobs(1, 1, 1), 40, plan)] == [None] * 3


@pytest.mark.parametrize("refusal", [InsufficientCredits(402, "no credits", "/x"), Unauthorized(401, "no", "/x")])
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_after_a_refusal_for_credits_or_key_nothing_more_is_sent(
    refusal: InsufficientCredits | Unauthorized, concurrency: int
) -> None:
    """Neither those that come after it nor those that wait for a place already."""
    submits = Submits(refusal, waits=5)
    seen = [one async for one in outcomes(submits, jobs(*[1] * 6), concurrency)]
    assert len(submits.attempts) == 1
    assert seen[0].error is refusal
    for one in seen[1:]:
        assert (type(one.error), one.task, one.credits) == (type(refusal), None, 0)
        assert f"not sent, since the service refused an earlier job of the same map: {refusal.message}" in str(
            one.error
        )


async def test_what_failed_and_was_refunded_is_tried_again() -> None:
    submits = Submits()
    [one] = [one async for one in outcomes(submits, jobs(-10), 40, priced(attempts=3))]
    assert submits.attempts == [1, 2, 3]
    assert (type(one.error), one.task, one.credits, now()) == (TaskFailed, submits.tasks[-1], 0, 30)


async def test_refused_words_and_other_errors_are_not_tried_again() -> None:
    class Rejecting(Submits):
        async def __call__(self, job: Job[Music], attempt: int, check: Callable[[], None]) -> Task[Music]:
            task = await super().__call__(job, attempt, check)
            asyncio.get_running_loop().call_soon(task.feed, update(Stage.FAILED, code=400))
            return task

    for submits, error in (
        (Rejecting(), ContentRejected),
        (Submits(SubmissionUncertain("r1", None)), SubmissionUncertain),
    ):
        [one] = [one async for one in outcomes(submits, jobs(1), 40, priced(attempts=3))]
        assert (type(one.error), submits.attempts) == (error, [1])


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        (Plan(budget=-1), "budget must be a number of credits, at least 0, got -1"),
        (Plan(budget=float("nan")), "budget must be a number"),
        (Plan(attempts=0), "attempts must be at least 1, got 0"),
    ],
)
async def test_an_unusable_plan_is_refused(plan: Plan, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        await anext(outcomes(Submits(), jobs(1), 40, plan))


async def test_nothing_is_sent_again_after_a_batch_was_left() -> None:
    """A task that fails in the same turn, or while submits are being cancelled, would have been paid anew."""
    submits = Submits()
    batch = outcomes(submits, jobs(1, -30), 40, Plan(attempts=2))
    await anext(batch)
    submits.tasks[1].feed(update(Stage.FAILED))
    await batch.aclose()
    await anyio.sleep(100)
    assert submits.attempts == [1, 1]


async def test_a_batch_whose_leaving_is_cancelled_waits_for_no_task_any_more() -> None:
    """Else its tasks would be polled until patience ends."""
    interests = Interests()
    accepted = Task[Music](TaskInfo("t1", GenerateMusic), interests)
    release = asyncio.Event()

    async def submit(job: Job[Music], attempt: int, check: Callable[[], None]) -> Task[Music]:
        if job == some[0]:
            return accepted
        if job == some[1]:
            raise SunoError("refused")
        try:
            await asyncio.sleep(1000)
        finally:
            await release.wait()  # it is being written down
        raise AssertionError

    some = jobs(1, 2, 3)
    batch = outcomes(submit, some, 40)
    assert (await anext(batch)).error is not None
    leaving = asyncio.create_task(batch.aclose())
    await anyio.sleep(1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert interests.calls == ["retain", "release"]
    release.set()
    await anyio.sleep(1)


async def test_a_submit_that_is_cancelled_by_others_ends_the_batch() -> None:
    """It must not wait for an outcome that never comes."""

    async def submit(job: Job[Music], attempt: int, check: Callable[[], None]) -> Task[Music]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await anext(outcomes(submit, jobs(1), 40))
