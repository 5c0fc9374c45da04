"""Recovery: what a restart left is given back, and a person decides about what is uncertain."""

import asyncio
from functools import partial
from typing import Any

import pytest

from suno_async import KIE, ConfigurationError, GenerateMusic, Record, Stage, Task, Update
from suno_async.stores import transitions
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.submissions.recovery import Recovery

from ...conftest import now
from ...doubles import page, track
from ...promises.world import all_of, sending
from .parts import journal, registry

DONE = Update[Any](task_id="t2", stage=Stage.COMPLETE).came_from(page("SUCCESS", track(1)).body)


@pytest.fixture
async def store() -> MemoryStore:
    """One that is running, one that has ended, one that is uncertain, and two that are not ours."""
    store = MemoryStore(clock=now)
    await store.intend(sending("running", task_id="t1", state=State.RUNNING, context=1))
    await store.intend(sending("ended", task_id="t2", state=State.RUNNING, context=2))
    await store.change(partial(transitions.updated, update=DONE, now=5.0), ref="ended")
    await store.intend(sending("uncertain", state=State.UNCERTAIN, context=3))
    await store.intend(sending("elsewhere", provider="sunoapi"))
    await store.intend(sending("strange", kind="shop.jobs:SingMore"))
    return store


class Followers:
    """Notes whom observers shall hear of."""

    def __init__(self) -> None:
        self.followed: list[tuple[str, str]] = []

    def follow(self, task: Task[Any], record: Record) -> None:
        self.followed.append((task.id, record.ref))


class Polls:
    """Notes what is polled soon."""

    def __init__(self) -> None:
        self.soon: list[str] = []

    def resumed(self, task: Task[Any]) -> None:
        self.soon.append(task.id)


def build(store: MemoryStore) -> Recovery:
    return Recovery(journal(store), registry(), KIE, Polls(), Followers())


async def test_what_is_unfinished_is_given_back_with_its_context(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = await all_of(build(store).resume())
    assert [(task.id, task.ref, task.kind, task.context) for task in tasks] == [
        ("t1", "running", GenerateMusic, 1),
        ("", "uncertain", GenerateMusic, 3),
    ]
    assert "shop.jobs:SingMore" in caplog.text


async def test_the_handle_that_somebody_holds_is_given_again(store: MemoryStore) -> None:
    recovery = build(store)
    first = await all_of(recovery.resume())
    assert await all_of(recovery.resume()) == first


async def test_results_are_given_until_they_are_delivered(store: MemoryStore) -> None:
    recovery = build(store)
    [task] = await all_of(recovery.results(0))
    assert (task.id, task.context, task.done(), len(task.result().tracks)) == ("t2", 2, True, 1)
    assert await all_of(recovery.results(6)) == []
    await store.change(transitions.mark_delivered, ref="ended")
    assert await all_of(recovery.results(0)) == []


async def test_what_is_uncertain_is_listed_for_a_person(store: MemoryStore) -> None:
    recovery = build(store)
    await store.intend(sending("dying"), "dead", 10)
    assert [record.ref for record in await all_of(recovery.uncertain())] == ["uncertain"]
    await asyncio.sleep(11)
    assert [record.ref for record in await all_of(recovery.uncertain())] == ["uncertain", "dying"]


async def test_an_uncertain_submission_is_adopted_or_dismissed(store: MemoryStore) -> None:
    recovery = build(store)
    [record] = await all_of(recovery.uncertain())
    with pytest.raises(ConfigurationError, match="must be of an uncertain submission, got 't1'"):
        await recovery.adopt(record, "t1")  # another's
    assert not await recovery.dismiss("uncertain", State.SENDING)
    task = await recovery.adopt(record, "t9")
    assert (task.id, task.ref, task.context) == ("t9", "uncertain", 3)
    assert not await recovery.dismiss("uncertain", State.UNCERTAIN)
    assert await recovery.dismiss("uncertain", None)
    assert "t9" not in [task.id for task in await all_of(recovery.resume())]


async def test_observers_hear_of_what_is_resumed_and_has_a_task(store: MemoryStore) -> None:
    polls, followers = Polls(), Followers()
    recovery = Recovery(journal(store), registry(), KIE, polls, followers)
    assert len([task async for task in recovery.resume()]) == 2
    assert "t1" in polls.soon
    assert followers.followed == [("t1", "running")]
