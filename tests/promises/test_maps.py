"""Many jobs at once through a client."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from suno_async import KIE_LEGACY, ConfigurationError, GenerateMusic, Music, Outcome, Pace, TaskFailed
from suno_async.wire.envelope import Reply

from ..clients import by_task, client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, Script, page, track


async def test_map_gives_outcomes_as_they_finish_and_one_failure_ends_nothing() -> None:
    def answer(task_id: str) -> Reply:
        number = int(task_id[1:])
        if number == 2:
            return page("SENSITIVE_WORD_ERROR", task_id=task_id)
        return page("SUCCESS", track(), task_id=task_id) if now() > 50 - 10 * number else PENDING

    async with client(by_task(answer)) as suno:
        outcomes = [outcome async for outcome in suno.map([*jobs(3), GenerateMusic(prompt="")])]
    assert [outcome.job.prompt for outcome in outcomes if isinstance(outcome.job, GenerateMusic)] == [
        *("", "song 1", "song 2", "song 0")
    ]
    refused, failed, third, first = outcomes
    assert (refused.task, refused.result, "prompt" in str(refused.error)) == (None, None, True)
    assert isinstance(failed.error, TaskFailed)
    assert failed.task is not None
    assert (third.error, first.error) == (None, None)
    assert first.result is not None
    assert first.result.task_id == "t1"


async def test_map_takes_jobs_only_when_there_is_room() -> None:
    taken: list[int] = []

    def source() -> Iterator[GenerateMusic]:
        for number, job in enumerate(jobs(10)):
            taken.append(number)
            yield job

    network = Script(DONE)
    async with client(network) as suno:
        seen = 0
        async for _ in suno.map(source(), concurrency=3):
            seen += 1
            await anyio.sleep(60)
            assert len(taken) <= seen + 3
    assert seen == 10


async def test_map_takes_jobs_from_an_async_source_without_holding_outcomes_back() -> None:
    async def source() -> AsyncIterator[GenerateMusic]:
        for job in jobs(2):
            yield job
            await anyio.sleep(1000)

    times: list[float] = []
    async with client(Script(DONE)) as suno:
        async for _ in suno.map(source()):
            times.append(now())
    assert times == [2, 1002]


async def test_leaving_map_stops_it_and_closing_is_clean(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for the others any more, nothing more is submitted, whoever closes the generator."""
    network = by_task(lambda task_id: page("SUCCESS", track(), task_id=task_id) if task_id == "t1" else PENDING)
    async with client(network) as suno:
        outcomes = suno.map(jobs(1000), concurrency=5)
        assert (await anext(outcomes)).error is None
        assert "5 waited for" in repr(suno) or "4 waited for" in repr(suno)
        await asyncio.create_task(outcomes.aclose())
        assert "0 waited for" in repr(suno)
        await anyio.sleep(100)
    assert len(network.posted) <= 6
    [record] = caplog.records
    assert record.message.startswith("map was left before it gave 4 accepted tasks: ")
    assert all(f"t{n}" in record.message for n in (2, 3, 4, 5))


async def test_what_the_source_raises_comes_after_what_was_paid_for() -> None:
    def source() -> Iterator[GenerateMusic]:
        yield from jobs(2)
        raise KeyError("no more")

    outcomes: list[Outcome[Music]] = []
    async with client(Script(DONE)) as suno:
        with pytest.raises(KeyError, match="no more"):
            async for outcome in suno.map(source()):
                outcomes.append(outcome)
    assert len(outcomes) == 2


async def test_map_of_nothing_and_with_no_room() -> None:
    async with client(Script()) as suno:
        assert [outcome async for outcome in suno.map(jobs(0))] == []
        with pytest.raises(ConfigurationError, match="concurrency must be at least 1, got 0"):
            await anext(suno.map(jobs(1), concurrency=0))


async def test_leaving_map_says_which_paid_tasks_it_drops(caplog: pytest.LogCaptureFixture) -> None:
    network = Script(PENDING)
    async with client(network) as suno:

        async def runs() -> None:
            async for _ in suno.map(jobs(3)):
                pass

        running = asyncio.create_task(runs())
        await anyio.sleep(10)
        assert len(network.posted) == 3
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert all(f"t{n}" in caplog.text for n in (1, 2, 3))


async def test_of_a_large_map_a_hundred_submits_wait_for_the_rate_limit_and_the_window_is_used_in_full() -> None:
    """All thousand may be unfinished; that many submits would be coroutines that wait, with their requests."""
    network = Script(PENDING)
    async with client(network, provider=KIE_LEGACY, pace=Pace(first=1e6, growth=1, cap=1e6, patience=1e6)) as suno:
        before, taken, most = len(asyncio.all_tasks()), 0, 0

        def source() -> Iterator[GenerateMusic]:
            nonlocal taken
            for job in jobs(1000):
                taken += 1
                yield job

        outcomes = suno.map(source(), concurrency=1000)
        first = asyncio.create_task(anext(outcomes))
        while len(network.posted) < 1000:
            await anyio.sleep(1)
            most = max(most, suno.status().submits)
            assert taken <= len(network.posted) + 100
        assert most == 100
        assert [one["prompt"] for one in network.posted] == [f"song {n}" for n in range(1000)]
        assert now() < 1000 / 20 * 10.2 + 2
        await anyio.sleep(1)
        assert suno.status().waiting == 1000
        assert len(asyncio.all_tasks()) - before < 10  # nor is a task of asyncio kept for each that is waited for
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
