"""Observers: whom they follow, what they are called for, and how they end. Without a client, in virtual time."""

import asyncio
from typing import Any

import pytest

from suno_async import ConfigurationError, GenerateMusic, Stage, Update
from suno_async.stores.record import Record
from suno_async.tasks.task import Task

from ...conftest import now
from .support import OTHER_REF, REF, Parts, parts

Calls = list[tuple[str, Stage]]


class Recorder:
    """An observer that notes its calls."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls: Calls = []
        self.records: list[Record] = []
        self.seconds = seconds

    async def __call__(self, update: Update[Any], record: Record) -> None:
        await asyncio.sleep(self.seconds)
        self.calls.append((update.task_id, update.stage))
        self.records.append(record)


async def followed(here: Parts, task_id: str = "t1", ref: str = REF) -> Task[Any]:
    task, record = await here.submitted(task_id, ref)
    assert task is not None
    here.observers.follow(task, record)
    return task


def said(stage: Stage, task_id: str = "t1") -> Update[Any]:
    return Update(task_id=task_id, stage=stage)


async def test_without_an_observer_nobody_is_followed() -> None:
    async with parts() as here:
        task = await followed(here)
        assert not here.observers
        assert (here.observers.wants(task), here.poller.tasks) == (False, [])


async def test_following_is_an_interest_until_the_end() -> None:
    observer = Recorder()
    async with parts(Stage.PENDING, Stage.TEXT, Stage.COMPLETE, observers=[observer]) as here:
        task = await followed(here)
        assert here.poller.tasks == [task]
        assert not here.observers.wants(task)
        await asyncio.sleep(100)
        assert observer.calls == [("t1", Stage.TEXT), ("t1", Stage.COMPLETE)]
        assert (here.poller.tasks, len(here.details.polled_at)) == ([], 3)
        assert not here.observers.wants(task)


async def test_stages_that_are_known_already_are_called_for_first() -> None:
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        task, record = await here.submitted()
        assert task is not None
        for stage in (Stage.TEXT, Stage.COMPLETE):
            task.feed(said(stage))
        here.observers.follow(task, record)
        await asyncio.sleep(1)
        assert observer.calls == [("t1", Stage.TEXT), ("t1", Stage.COMPLETE)]
        assert here.details.polled_at == []


async def test_the_record_is_as_the_update_makes_it() -> None:
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        task = await followed(here)
        task.feed(said(Stage.TEXT))
        await asyncio.sleep(1)
        (record,) = observer.records
        assert (record.task_id, record.ref, record.stage) == ("t1", task.ref, Stage.TEXT)


async def test_the_stages_of_one_task_come_one_after_another_and_tasks_do_not_wait_for_each_other() -> None:
    observer = Recorder(seconds=1)
    async with parts(observers=[observer]) as here:
        one, two = await followed(here), await followed(here, "t2", ref=OTHER_REF)
        for stage in (Stage.TEXT, Stage.FIRST):
            one.feed(said(stage))
            two.feed(said(stage, "t2"))
        await asyncio.sleep(1.5)
        assert sorted(observer.calls) == [("t1", Stage.TEXT), ("t2", Stage.TEXT)]
        await asyncio.sleep(1)
        assert observer.calls[2:] == [("t1", Stage.FIRST), ("t2", Stage.FIRST)]


async def test_what_the_record_says_was_observed_calls_nobody() -> None:
    """Another process did it, or this one before a restart."""
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        task = await followed(here)
        await here.journal.apply(task, said(Stage.PENDING))
        assert await here.journal.mark_observed(task, Stage.TEXT)
        task.feed(said(Stage.TEXT))
        task.feed(said(Stage.FIRST))
        await asyncio.sleep(1)
        assert observer.calls == [("t1", Stage.FIRST)]


async def test_a_task_without_a_record_is_observed_once_in_this_process() -> None:
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        task = here.registry.attach(GenerateMusic, "t9")
        here.observers.follow(task, Record(kind="GenerateMusic"))
        task.feed(said(Stage.COMPLETE, "t9"))
        await asyncio.sleep(1)
        again = here.registry.detached(GenerateMusic, "t9")
        again.feed(said(Stage.COMPLETE, "t9"))
        here.observers.follow(again, Record(kind="GenerateMusic"))
        await asyncio.sleep(1)
        assert observer.calls == [("t9", Stage.COMPLETE)]


async def test_when_patience_ends_a_task_may_be_followed_again(caplog: pytest.LogCaptureFixture) -> None:
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        task = await followed(here)
        await asyncio.sleep(200)
        assert "the end of task t1 was not observed" in caplog.text
        assert here.poller.tasks == []
        assert here.observers.wants(task)
        task.feed(said(Stage.TEXT))
        await asyncio.sleep(1)
        assert observer.calls == [("t1", Stage.TEXT)]  # it goes on although it is of no interest
        record = await here.store.get(task_id="t1")
        assert record is not None
        here.observers.follow(task, record)
        assert here.poller.tasks == [task]
        task.feed(said(Stage.FIRST))
        await asyncio.sleep(1)
        assert observer.calls == [("t1", Stage.TEXT), ("t1", Stage.FIRST)]


async def test_while_the_client_closes_following_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A submit that ends then must not fail for it: it is paid."""
    observer = Recorder()
    async with parts(observers=[observer]) as here:
        await here.poller.aclose()
        task = await followed(here)
        with pytest.raises(ConfigurationError):
            here.poller.retain(task, task)
        assert "the end of task t1 will not be observed" in caplog.text
        task.feed(said(Stage.TEXT))
        await here.observers.aclose()
        assert observer.calls == [("t1", Stage.TEXT)]


async def test_closing_waits_for_calls_ten_seconds_and_one_after_their_cancellation() -> None:
    ended: list[float] = []

    async def observer(update: Update[Any], record: Record) -> None:
        try:
            await asyncio.sleep(10_000)
        finally:
            ended.append(now())

    async with parts(observers=[observer]) as here:
        task = await followed(here)
        task.feed(said(Stage.TEXT))
        await asyncio.sleep(1)
        await here.observers.aclose()
        assert [*ended, now()] == [pytest.approx(11)] * 2


async def test_closing_does_not_wait_for_the_call_that_closes() -> None:
    closed: list[float] = []
    here: Parts

    async def observer(update: Update[Any], record: Record) -> None:
        await here.observers.aclose()
        closed.append(now())

    async with parts(observers=[observer]) as here:
        task = await followed(here)
        task.feed(said(Stage.TEXT))
        await asyncio.sleep(1)
        assert closed == [pytest.approx(0)]
