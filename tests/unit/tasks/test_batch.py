"""A batch of jobs: outcomes as they come, and what is left when it is left."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from suno_async import ConfigurationError, GenerateMusic, Job, Music, Stage, SunoError, Task, TaskFailed
from suno_async.tasks.batch import outcomes
from suno_async.tasks.task import TaskInfo

from ...conftest import now
from .support import DONE, Interests, update


class Submits:
    """Accepts jobs; the task of each ends when its prompt, in seconds, has passed."""

    def __init__(self) -> None:
        self.tasks: list[Task[Music]] = []

    async def __call__(self, job: Job[Music]) -> Task[Music]:
        assert isinstance(job, GenerateMusic)
        if not job.prompt:
            raise SunoError("refused")
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
    assert record.message.count("t1") <= 3
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
