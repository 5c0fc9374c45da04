"""While the store is away nothing is paid unrecorded, waiting goes on, and what is owed is written later."""

import asyncio
import logging
from typing import Any

import pytest

from suno_async import (
    InvalidRequest,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
)
from suno_async.stores.base import Transition
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.wire.envelope import Reply

from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, envelope, page, reply, track
from .world import (
    LOST,
    SONG,
    URL,
    WEBHOOK_KEY,
    Shaky,
    all_of,
    away_from,
    client,
    posts,
    signature,
    token_of,
)
from .world import world as world


async def test_nothing_is_sent_that_cannot_be_written_down() -> None:
    store = Shaky()
    store.away = True
    async with client(store, (script := Script())) as suno:
        for key in ("", "k"):
            with pytest.raises(StoreError, match="away"):
                await suno.submit(SONG, key=key)
        assert script.sent == []
        store.away = False
        await suno.submit(SONG, key="k")
        assert posts(script) == 1


async def test_an_accepted_task_is_returned_and_written_down_later(caplog: pytest.LogCaptureFixture) -> None:
    store = Shaky()
    script = Script(PENDING, DONE, submits=[away_from(store, reply({"taskId": "t1"}))])
    async with client(store, script) as suno:
        task = await suno.submit(SONG, key="k")
        assert task.id == "t1"
        assert (await task).tracks  # looked at all the same
        assert "GenerateMusic" in caplog.text
        assert "t1" in caplog.text
        store.away = False
        await asyncio.sleep(10)
        found = await store.get(key="k")
        assert found is not None
        assert (found.task_id, found.state, found.stage) == ("t1", State.FINISHED, Stage.COMPLETE)
        assert await suno.mark_delivered(task)


@pytest.mark.parametrize(
    ("answer", "error", "state"),
    [(reply(code=422), InvalidRequest, None), (LOST, SubmissionUncertain, State.UNCERTAIN)],
)
async def test_what_became_of_a_submit_is_written_down_later(answer: Any, error: type[Exception], state: Any) -> None:
    store = Shaky()
    async with client(store, Script(submits=[away_from(store, answer)])) as suno:
        with pytest.raises(error):
            await suno.submit(SONG, key="k")
        store.away = False
        await asyncio.sleep(10)
        found = await store.get(key="k")
        assert (found and found.state) == state


async def test_what_the_store_is_owed_cannot_undo_what_came_later() -> None:
    """A refusal that could not be written down, and the same job accepted at its next attempt."""
    again = Reply(200, envelope(code=430), retry_after=1)
    store = Shaky()
    script = Script(DONE, submits=[away_from(store, again), reply({"taskId": "t1"})])
    async with client(store, script) as suno:
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(0.01)
        store.away = False
        task = await submitting
        await asyncio.sleep(60)
        found = await store.get(key="k")
        assert found is not None
        assert (found.task_id, found.state) == (task.id, State.RUNNING)


async def test_nothing_is_sent_before_the_store_knows_who_holds_the_key() -> None:
    """Others are sent as soon as the store takes their own record."""
    store = Shaky()
    script = Script(DONE, submits=[away_from(store, reply({"taskId": "t1"}))])
    async with client(store, script) as suno:
        task = await suno.submit(SONG, key="k")
        for key in ("k", "other", ""):
            with pytest.raises(StoreError, match="away"):
                await suno.submit(SONG, key=key)
        assert posts(script) == 1
        store.away = False
        assert (await suno.submit(SONG, key="k")) is task
        assert (await suno.submit(SONG)).id == "t2"
        assert [task.id for task in await all_of(suno.resume())] == ["t1", "t2"]


async def test_a_write_that_is_owed_keeps_no_other_submission_waiting() -> None:
    """The one record that the store does not take is written when it can be; the others at once."""

    class Picky(Shaky):
        def __init__(self) -> None:
            super().__init__()
            self.refused = ""

        async def change(self, transition: Transition, **named: Any) -> Record | None:
            if named["ref"] == self.refused:
                raise StoreError("not this one")
            return await super().change(transition, **named)

    store = Picky()
    async with client(store, Script(PENDING, DONE)) as suno:
        task = await suno.submit(SONG)
        store.refused = task.ref
        assert (await task).tracks
        other = await suno.submit(SONG, key="k")
        assert other.id == "t2"
        found = await store.get(key="k")
        assert found is not None
        assert found.state is State.RUNNING
        store.refused = ""
        await asyncio.sleep(10)
        assert [one.id for one in await all_of(suno.results())] == ["t1"]


async def test_a_callback_is_answered_200_only_when_it_is_written_down() -> None:
    store = Shaky()
    async with client(store, (script := Script()), callback_url=URL) as suno:
        task = await suno.submit(SONG)
        receiver, body = suno.receiver(), called("complete", track(1))
        store.away = True
        assert (await receiver.receive(body, {}, token_of(script))).status == 503
        assert (await task).tracks  # who waits here need not wait for that
        store.away = False
        assert (await receiver.receive(body, {}, token_of(script))).status == 200
        found = await store.get(ref=task.ref)
        assert found is not None
        assert found.state is State.FINISHED


async def test_a_callback_that_overtook_its_answer_costs_no_task_when_the_store_goes() -> None:
    """By signature alone, so that nobody knows whose it is: it waits for the answer, and is answered 503 at last."""
    store = Shaky()
    script = Script(submits=[reply({"taskId": "t1"})], delay=5)
    async with client(store, script, webhook_key=WEBHOOK_KEY) as suno:
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(1)
        text = called("text", track(1, audio=False))
        receiving = asyncio.create_task(suno.receiver().receive(text, signature("t1")))
        await asyncio.sleep(1)
        store.away = True
        task = await submitting
        assert (await receiving).status == 503
        assert (task.id, task.stage) == ("t1", Stage.TEXT)
        store.away = False
        await asyncio.sleep(10)
        found = await store.get(ref=task.ref)
        assert found is not None
        assert (found.task_id, found.stage) == ("t1", Stage.TEXT)


async def test_an_accepted_submit_gives_its_task_though_an_early_callback_cannot_be_kept() -> None:
    store = Shaky()
    script = Script(DONE, submits=[away_from(store, reply({"taskId": "t1"}))], delay=2)
    async with client(store, script, webhook_key=WEBHOOK_KEY) as suno:
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(1)
        receiving = asyncio.create_task(suno.receiver().receive(called("text"), signature("t1")))
        assert (await submitting).id == "t1"  # it is paid for
        assert (await receiving).status == 503
        store.away = False


async def test_what_a_callback_said_while_the_store_was_away_is_written_down_when_it_is_back() -> None:
    store = Shaky()
    async with client(store, (script := Script()), callback_url=URL) as suno:
        task = await suno.submit(SONG)
        store.away = True
        assert (await suno.receiver().receive(called("complete", track(1)), {}, token_of(script))).status == 503
        assert (await task).tracks
        store.away = False  # and the service has tried often enough
        await asyncio.sleep(60)
        assert [found.id for found in await all_of(suno.results())] == [task.id]


async def test_waiting_goes_on_without_the_store() -> None:
    store = Shaky()
    script = Script(PENDING, page("TEXT_SUCCESS", track(1, audio=False)), PENDING, DONE)
    async with client(store, script) as suno:
        task = await suno.submit(SONG)
        store.away = True
        assert (await task).tracks
        store.away = False
        await asyncio.sleep(10)
        assert [found.id for found in await all_of(suno.results())] == [task.id]


async def test_closing_says_what_could_not_be_written_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    store = Shaky()
    async with client(store, Script(DONE)) as suno:
        task = await suno.submit(SONG)
        store.away = True
        await task
        began = now()
    assert now() - began < 6
    assert f"not written to the store: task {task.id} is COMPLETE" in caplog.text


async def test_closing_writes_at_once_what_the_store_is_owed() -> None:
    store = Shaky()
    suno = SunoClient(api_key="k", transport=Script(DONE), store=store)
    task = await suno.submit(SONG)
    store.away = True
    await task
    await asyncio.sleep(100)
    store.away = False
    began = now()
    await suno.aclose()
    assert now() - began < 0.1
    assert (await store.get(ref=task.ref)).state is State.FINISHED  # type: ignore[union-attr]


class Forgetful(MemoryStore):
    """A store that loses the record which is to be changed next, as by a failover."""

    forgets = False

    async def change(self, transition: Transition, **named: Any) -> Record | None:
        if self.forgets:
            self.forgets = False
            await self.remove(named["ref"])
        return await super().change(transition, **named)


async def test_a_record_that_the_store_lost_is_written_anew() -> None:
    store = Forgetful(clock=now)
    store.forgets = True
    async with client(store, Script()) as suno:
        await suno.submit(SONG, context="mine")
        assert not store.forgets
        assert [(task.id, task.context) for task in await all_of(suno.resume())] == [("t1", "mine")]
