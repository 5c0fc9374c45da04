"""WriteBehind: every write is done once the store takes it, in its order."""

import asyncio
from functools import partial
from typing import Any

import pytest

from suno_async import Stage, StoreError, Update
from suno_async.stores import transitions
from suno_async.stores.base import Damaged, Transition
from suno_async.stores.record import Record, State
from suno_async.submissions.write_behind import Write, WriteBehind

from ...conftest import now
from ...promises.world import Shaky, sending


class Picky(Shaky):
    """Does not take changes of some records."""

    def __init__(self) -> None:
        super().__init__()
        self.error: StoreError = StoreError("not this one")
        self.refused: set[str] = set()

    async def change(self, transition: Transition, **named: Any) -> Record | None:
        if named["ref"] in self.refused:
            raise self.error
        return await super().change(transition, **named)


@pytest.fixture
async def store() -> Picky:
    store = Picky()
    for ref in ("a", "b"):
        await store.intend(sending(ref, key=f"key-{ref}"))
    return store


def accepted(ref: str, task_id: str, key: str = "") -> Write:
    return Write(f"{ref} is {task_id}", partial(transitions.accepted, task_id=task_id, now=1.0), ref, task_id, key)


def reached(stage: Stage, task_id: str, ref: str = "") -> Write:
    update = Update[object](task_id=task_id, stage=stage)
    return Write(f"{task_id} is {stage.name}", partial(transitions.updated, update=update, now=2.0), ref, task_id)


def removal(ref: str, key: str = "") -> Write:
    return Write(f"nothing was created of {ref}", None, ref, "", key)


async def stored(store: Picky, ref: str) -> Record:
    found = await store.get(ref=ref)
    assert found is not None
    return found


async def test_a_write_is_done_at_once_if_it_can_be(store: Picky) -> None:
    behind = WriteBehind(store)
    record = await behind.now_or_later(accepted("a", "t1"))
    assert record is not None
    assert record == await stored(store, "a")
    assert behind.owed == []
    await behind.aclose()


async def test_what_the_store_does_not_take_is_written_when_it_is_back(
    store: Picky, caplog: pytest.LogCaptureFixture
) -> None:
    behind = WriteBehind(store)
    store.away = True
    write = accepted("a", "t1")
    assert await behind.now_or_later(write) is None
    assert behind.owed == [write]
    assert "a is t1: to be written later: away" in caplog.text
    await asyncio.sleep(60)
    assert behind.owed == [write]
    store.away = False
    await asyncio.sleep(6)
    assert behind.owed == []
    assert (await stored(store, "a")).task_id == "t1"
    await behind.aclose()


async def test_the_writes_of_one_submission_keep_their_order(store: Picky) -> None:
    """Even if the later ones name it by its task id alone."""
    behind = WriteBehind(store)
    store.away = True
    behind.later(accepted("a", "t1"))
    behind.later(reached(Stage.TEXT, "t1"))
    store.away = False
    assert await behind.now_or_later(reached(Stage.COMPLETE, "t1")) is None  # after what is owed
    assert [write.what for write in behind.owed] == ["a is t1", "t1 is TEXT", "t1 is COMPLETE"]
    await asyncio.sleep(6)
    assert (await stored(store, "a")).stage is Stage.COMPLETE
    await behind.aclose()


async def test_a_write_that_fails_keeps_no_other_submission_waiting(store: Picky) -> None:
    behind = WriteBehind(store)
    store.refused = {"a"}
    await behind.now_or_later(accepted("a", "t1"))
    assert await behind.now_or_later(accepted("b", "t2")) is not None
    store.refused = set()
    await asyncio.sleep(6)
    assert (await stored(store, "a")).task_id == "t1"
    await behind.aclose()


async def test_a_write_that_fails_while_others_succeed_is_given_up(
    store: Picky, caplog: pytest.LogCaptureFixture
) -> None:
    """So that the writes behind it are done."""
    behind = WriteBehind(store)
    store.refused = {"a"}
    await behind.now_or_later(accepted("a", "t1"))
    for number in range(30):
        await asyncio.sleep(5)
        behind.later(accepted("b", f"t{number}"))
    await asyncio.sleep(10)
    assert behind.owed == []
    assert "a is t1: given up, since the store takes other writes and not this one" in caplog.text
    await behind.aclose()


async def test_an_outage_gives_nothing_up(store: Picky) -> None:
    behind = WriteBehind(store)
    store.away = True
    for number in range(20):
        behind.later(accepted(f"r{number}", f"t{number}"))
    behind.later(accepted("a", "t1"))
    await asyncio.sleep(3600)
    assert len(behind.owed) == 21
    store.away = False
    await asyncio.sleep(6)
    assert (await stored(store, "a")).task_id == "t1"
    await behind.aclose()


async def test_what_can_never_be_written_is_left_with_a_log_line(
    store: Picky, caplog: pytest.LogCaptureFixture
) -> None:
    behind = WriteBehind(store)
    store.refused, store.error = {"a"}, Damaged("unreadable")
    await behind.now_or_later(accepted("a", "t1"))
    await asyncio.sleep(1)
    assert behind.owed == []
    assert "a is t1: this cannot be written: unreadable" in caplog.text
    await behind.aclose()


@pytest.mark.parametrize("name", [{"key": "key-a"}, {"ref": "a"}])
async def test_what_is_owed_of_one_submission_can_be_written_now(store: Picky, name: dict[str, str]) -> None:
    behind = WriteBehind(store)
    store.away = True
    behind.later(removal("a", "key-a"))
    with pytest.raises(StoreError, match="away"):
        await behind.flush(**name)
    await behind.flush(key="another", ref="b", task_id="t9")  # nothing is owed of these
    store.away = False
    await behind.flush(**name)
    assert (behind.owed, await store.get(ref="a")) == ([], None)
    await behind.aclose()


async def test_a_record_is_shown_as_it_will_be(store: Picky) -> None:
    behind = WriteBehind(store)
    store.away = True
    behind.later(accepted("a", "t1"))
    behind.later(removal("b"))
    store.away = False
    assert behind.applied(await stored(store, "a")).task_id == "t1"
    assert (behind.removes("a"), behind.removes("b")) == (False, True)
    await behind.aclose()


@pytest.mark.parametrize("taken", [False, True])
async def test_a_record_that_the_store_has_lost_is_written_anew(store: Picky, taken: bool) -> None:
    """Without its key, if that is another's by now."""
    record = sending("lost", key="key-a" if taken else "key-lost", task_id="t7", state=State.RUNNING)
    write = accepted("lost", "t7")._replace(record=record)
    behind = WriteBehind(store)
    await behind.now_or_later(write)
    found = await stored(store, "lost")
    assert (found.task_id, found.state, found.key) == ("t7", State.RUNNING, "" if taken else "key-lost")
    await behind.aclose()


async def test_closing_writes_what_it_can_and_logs_the_rest(store: Picky, caplog: pytest.LogCaptureFixture) -> None:
    behind = WriteBehind(store)
    store.away = True
    behind.later(accepted("a", "t1"))
    await asyncio.sleep(100)
    store.away = False
    store.refused = {"b"}
    behind.later(accepted("b", "t2"))
    began = now()
    await behind.aclose()
    assert now() - began == pytest.approx(5, abs=0.2)
    assert (await stored(store, "a")).task_id == "t1"
    assert "not written to the store: b is t2" in caplog.text
    behind.later(accepted("a", "t3"))
    assert "not written to the store: a is t3" in caplog.text


async def test_what_an_event_loop_has_left_is_written_in_the_next(store: Picky) -> None:
    behind = WriteBehind(store, [accepted("a", "t1"), reached(Stage.TEXT, "t1")])
    assert len(behind.owed) == 2
    behind.start()
    await asyncio.sleep(1)
    assert (await stored(store, "a")).stage is Stage.TEXT
    await behind.aclose()
