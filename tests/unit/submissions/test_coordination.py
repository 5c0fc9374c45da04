"""Coordination with other processes on one store, and Alone without any."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from suno_async import KIE, KIE_LEGACY, SUNOAPI, GenerateMusic, Rate, Stage, StoreError, Update
from suno_async.stores import Wanted, transitions
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.submissions.coordination import LEASE, Alone, Coordination
from suno_async.tasks.poller import Change
from suno_async.tasks.task import Task, TaskInfo

from ...conftest import now
from ...doubles import page, track
from ...promises.world import Shaky, sending
from .parts import NoInterests

TASK: Task[Any] = Task(TaskInfo("t1", GenerateMusic, "r"), NoInterests())


def two(store: MemoryStore) -> list[Coordination]:
    return [Coordination(store, name, provider=KIE) for name in ("one", "two")]


async def test_one_process_polls_a_task_until_it_gives_the_claim_back_or_is_gone() -> None:
    one, two_ = two(MemoryStore(clock=now))
    assert await one.claim_poll(TASK, 10)
    assert await one.claim_poll(TASK, 10)
    assert not await two_.claim_poll(TASK, 10)
    await one.claim_poll(TASK, 0)
    assert await two_.claim_poll(TASK, 10)
    await asyncio.sleep(11)
    assert await one.claim_poll(TASK, 10)


async def test_polls_go_on_without_the_store() -> None:
    store = Shaky()
    store.away = True
    one, _ = two(store)
    assert await one.claim_poll(TASK, 10)
    assert await one.missed(TASK) is None


async def test_a_lease_says_that_its_process_is_alive_to_that_process_too() -> None:
    store = MemoryStore(clock=now)
    one, two_ = two(store)
    await store.intend(sending("r"), one.owner, LEASE)
    await asyncio.sleep(LEASE - 1)
    await one.extend("r")
    await asyncio.sleep(LEASE - 1)
    assert await one.alive("r")
    assert await two_.alive("r")
    await asyncio.sleep(2)
    assert not await one.alive("r")
    assert not await two_.alive("r")


async def test_a_lease_that_cannot_be_renewed_is_no_error() -> None:
    store = Shaky()
    store.away = True
    await two(store)[0].extend("r")


async def test_each_process_has_a_name_of_its_own_unless_it_is_given() -> None:
    store = MemoryStore()
    assert len({Alone(store).owner for _ in range(10)}) == 10
    assert Alone(store, "me").owner == "me"


async def test_what_others_write_down_is_heard_with_its_update() -> None:
    store = MemoryStore(clock=now)
    one, _ = two(store)
    update = Update[Any](task_id="t1", stage=Stage.COMPLETE).came_from(page("SUCCESS", track(1)).body)
    async with aclosing(one.changes()) as changes:
        assert await anext(changes) is None  # from now on nothing is missed
        for ref, more in (
            ("elsewhere", {"provider": "sunoapi"}),
            ("strange", {"kind": "shop.jobs:SingMore", "task_id": "t8"}),
            ("r", {"task_id": "t1"}),
        ):
            await store.intend(sending(ref, state=State.RUNNING, **more))
            change = partial(transitions.mark_observed, stage=Stage.TEXT)
            await store.change(change, ref=ref)
        strange, known = await anext(changes), await anext(changes)
        assert strange is not None
        assert known is not None
        assert strange[:3] == Change("t8", "strange", None)[:3]  # not imported here; its handle may know it
        assert known[:3] == Change("t1", "r", None)[:3]
        assert (known.record.ref, known.record.observed) == ("r", Stage.TEXT)
        await store.change(partial(transitions.updated, update=update, now=1.0), ref="r")
        heard = await anext(changes)
        assert heard is not None
        assert heard.update is not None
        assert heard.update.stage is Stage.COMPLETE


async def test_listening_begins_again_after_a_failure() -> None:
    class Breaking(MemoryStore):
        breaks = 2

        async def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
            if self.breaks:
                self.breaks -= 1
                raise StoreError("gone") if self.breaks else ValueError("a defect")
            yield None

    one = Coordination(Breaking(), "one", provider=KIE)
    async with aclosing(one.changes()) as changes:
        assert await anext(changes) is None
        assert now() == pytest.approx(1, abs=0.2)


async def test_what_was_missed_is_read_from_the_record() -> None:
    store = MemoryStore(clock=now)
    one, _ = two(store)
    assert await one.missed(TASK) is None
    await store.intend(sending("r", task_id="t1", state=State.RUNNING))
    assert await one.missed(TASK) == Update(task_id="t1", stage=Stage.PENDING)
    update = Update[Any](task_id="t1", stage=Stage.FIRST).came_from(page("FIRST_SUCCESS", track(1)).body)
    await store.change(partial(transitions.updated, update=update, now=1.0), ref="r")
    missed = await one.missed(TASK)
    assert missed is not None
    assert missed.stage is Stage.FIRST


async def test_the_window_is_one_for_a_gateway_by_all_its_apis_and_for_an_account() -> None:
    store, rate = MemoryStore(clock=now), Rate(1, 10.0)
    one, two_ = two(store)
    legacy, sunoapi = (Coordination(store, "three", provider=provider) for provider in (KIE_LEGACY, SUNOAPI))
    other = Coordination(store.account("team-b"), "four", provider=KIE)
    assert await one.reserve(["p"], rate) == [0.0]
    assert await two_.reserve(["q"], rate) != [0.0]
    assert await legacy.reserve(["q"], rate) != [0.0]
    assert await sunoapi.reserve(["q"], rate) == [0.0]
    assert await other.reserve(["q"], rate) == [0.0]
    await one.give_back("p")
    assert await two_.reserve(["q"], rate) == [0.0]


async def test_alone_everything_is_granted_and_nothing_is_heard() -> None:
    alone, other = Alone(store := MemoryStore(clock=now), "me"), Alone(store, "other")
    assert await alone.claim_poll(TASK, 10)
    assert await other.claim_poll(TASK, 10)
    assert [change async for change in alone.changes()] == []
    assert await alone.missed(TASK) is None
    assert await alone.reserve(["p"], Rate(0, 10.0)) == [0.0]
    await alone.give_back("p")
