"""Journal: what is written of a submission, and what is known of it."""

import asyncio
from typing import Any

import pytest

from suno_async import KIE, GenerateMusic, ResponseLost, Stage, StoreError, SubmissionUncertain, TaskFailed
from suno_async.api.updates import Update
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.submissions.coordination import Alone, Coordination
from suno_async.tasks.task import Task, TaskInfo

from ...conftest import now
from ...doubles import page, track
from ...promises.world import Shaky, sending
from .parts import NoInterests, journal


def task(task_id: str = "t1", ref: str = "r") -> Task[Any]:
    return Task(TaskInfo(task_id, GenerateMusic, ref), NoInterests())


def update(stage: Stage, task_id: str = "t1") -> Update[Any]:
    made: Update[Any] = Update(task_id=task_id, stage=stage)
    return made.came_from(page("SUCCESS", track(1)).body)


async def test_an_intention_comes_with_a_lease() -> None:
    store = MemoryStore(clock=now)
    book = journal(store, Alone(store, "me"))
    record = sending("r", key="k")
    assert await book.intend(record) is None
    assert not await store.claim("send r", "another", 1)
    held = await book.intend(sending("other", key="k"))
    assert held is not None
    assert (held.ref, await book.by_key("k")) == ("r", record)


async def test_an_intention_that_may_have_been_written_is_taken_back() -> None:
    """It raised, so nothing is sent; and others must not take it for uncertain."""

    class Unsure(Shaky):
        async def intend(self, *given: Any, **named: Any) -> Any:
            await super().intend(*given, **named)
            raise StoreError("no answer in time")

    store = Unsure()
    book = journal(store, Coordination(store, "me", provider=KIE))
    with pytest.raises(StoreError):
        await book.intend(sending("r"))
    await asyncio.sleep(1)
    assert await store.get(ref="r") is None


async def test_a_callback_that_came_before_the_answer_is_known_with_it() -> None:
    book = journal(store := MemoryStore(clock=now))
    record = sending("r")
    await book.intend(record)
    await book.apply(task(), update(Stage.TEXT))
    known = await book.accepted(record, "t1")
    assert known is not None
    assert known == await store.get(ref="r")
    assert (known.task_id, known.stage) == ("t1", Stage.TEXT)


async def test_a_lost_answer_is_uncertain_unless_a_callback_told_its_task() -> None:
    book = journal(MemoryStore(clock=now))
    for ref, called, state in (("a", False, State.UNCERTAIN), ("b", True, State.RUNNING)):
        record = sending(ref)
        await book.intend(record)
        if called:
            await book.note_task_id(record, "t2")
        await book.lost(record, ResponseLost("gone \udcff"))
        found = await book.find(ref=ref)
        assert found is not None
        assert found.state is state


async def test_a_refused_submission_is_forgotten_although_the_store_is_away() -> None:
    book = journal(store := Shaky())
    record = sending("r", key="k")
    await book.intend(record)
    store.away = True
    await book.refused(record)
    store.away = False
    assert await book.find(ref="r") is None  # as it will be
    assert await book.by_key("k") is None


async def test_an_update_is_written_before_the_task_is_fed() -> None:
    class Watching(MemoryStore):
        fed: list[bool] = []

        async def change(self, *given: Any, **named: Any) -> Any:
            self.fed.append(handle.done())
            return await super().change(*given, **named)

    handle = task()
    book = journal(store := Watching(clock=now))
    await store.intend(sending("r", task_id="t1", state=State.RUNNING))
    assert await book.apply(handle, update(Stage.COMPLETE))
    assert (store.fed, handle.done()) == ([False], True)
    assert not await book.apply(handle, update(Stage.COMPLETE))


async def test_a_durable_update_is_an_error_if_it_cannot_be_written_and_is_owed_all_the_same() -> None:
    book, handle = journal(store := Shaky()), task()
    await store.intend(sending("r", task_id="t1", state=State.RUNNING))
    store.away = True
    with pytest.raises(StoreError):
        await book.apply_durably(handle, update(Stage.COMPLETE))
    assert handle.done()
    assert book.owed
    store.away = False
    await asyncio.sleep(6)
    found = await store.get(ref="r")
    assert found is not None
    assert found.state is State.FINISHED


async def test_an_update_can_be_written_without_waiting() -> None:
    book, handle = journal(store := MemoryStore(clock=now)), task()
    await store.intend(sending("r", task_id="t1", state=State.RUNNING))
    assert book.apply_soon(handle, update(Stage.TEXT))
    await asyncio.sleep(0.1)
    found = await store.get(task_id="t1")
    assert found is not None
    assert found.stage is Stage.TEXT


async def test_observers_and_delivery_are_noted_once() -> None:
    book, handle = journal(store := Shaky()), task()
    assert await book.mark_observed(handle, Stage.TEXT)  # there is no record, so nobody can know
    assert await book.mark_observed(handle, Stage.TEXT)
    await store.intend(sending("r", task_id="t1", state=State.RUNNING))
    assert [await book.mark_observed(handle, stage) for stage in (Stage.TEXT, Stage.TEXT, Stage.COMPLETE)] == [
        *(True, False, True)
    ]
    assert not await book.mark_delivered("r", "t1")  # it has not ended
    await book.apply(handle, update(Stage.COMPLETE))
    assert [await book.mark_delivered("r", "t1") for _ in range(2)] == [True, False]
    store.away = True
    assert await book.mark_observed(handle, Stage.COMPLETE)  # better twice than never
    with pytest.raises(StoreError):
        await book.mark_delivered("r", "t1")


async def test_a_submission_is_uncertain_once_its_sender_is_dead() -> None:
    store = MemoryStore(clock=now)
    book = journal(store, Coordination(store, "me", provider=KIE))
    await book.intend(sending("r"))
    for at, state in ((9, State.SENDING), (11, State.UNCERTAIN)):
        await asyncio.sleep(at - now())
        found = await book.current("r")
        assert found is not None
        assert found.state is state


@pytest.mark.parametrize(("callbacks", "age"), [(False, 0), (True, 1801)])
async def test_the_fate_of_a_submission(callbacks: bool, age: float) -> None:
    book = journal(store := MemoryStore(clock=now), callbacks=callbacks)
    with pytest.raises(TaskFailed, match="nothing was created"):
        await book.fate(task(""))
    record = sending("r")
    await book.intend(record)
    assert (await book.fate(task(""))).task_id == ""
    await book.lost(record, ResponseLost("gone"))
    if callbacks:
        assert (await book.fate(task(""))).stage is Stage.PENDING  # a callback may tell
    await asyncio.sleep(age)
    with pytest.raises(SubmissionUncertain) as told:
        await book.fate(task(""))
    assert told.value.ref == "r"
    await book.note_task_id(record, "t1")
    assert (await book.fate(task(""))).task_id == "t1"
    await store.aclose()


async def test_a_restored_task_tells_when_it_was_accepted_if_that_is_not_long_ago() -> None:
    book = journal(MemoryStore(clock=now))
    record = sending("r", task_id="t1", state=State.RUNNING)
    began = now()
    for age, known in ((0.0, began), (30.0, began), (90.0, None)):
        await asyncio.sleep(began + age - now())
        info, last = book.restore(record)
        assert (info.id, info.ref, info.accepted_at, last) == ("t1", "r", known, None)


async def test_a_person_may_name_the_task_and_may_not_name_anothers() -> None:
    book = journal(MemoryStore(clock=now))
    for ref in ("a", "b"):
        record = sending(ref)
        await book.intend(record)
        await book.lost(record, ResponseLost("gone"))
    first = await book.adopt("a", "t1")
    assert first is not None
    assert (first.task_id, first.state) == ("t1", State.RUNNING)
    assert await book.adopt("a", "t2") == first
    assert await book.adopt("b", "t1") == first
    assert not await book.dismiss("b", State.SENDING)
    assert await book.dismiss("b", State.UNCERTAIN)
