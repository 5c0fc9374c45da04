"""Forged, captured and repeated callbacks: none is believed further than it is verified."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from suno_async import ConvertToWav, GenerateMusic, Pace, Stage, Update
from suno_async.stores import MemoryStore
from suno_async.stores.record import Record
from suno_async.wire.envelope import Reply

from ..callbacks import FORGED, FORGED_URL, GOOD_URL, KEY, as_posted, observed, opened, query_of, signature, stages_in
from ..conftest import now
from ..doubles import DONE, PENDING, called, envelope, track

EVERY_FIVE = Pace(first=5, growth=1, cap=5, patience=100)
TRACKS = [as_posted(FORGED)]


def ignore(update: Update[Any], record: Record) -> None:
    """Observe without effect."""


# ---- ends in disguise ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim",
    [
        {"status": "SUCCESS"},
        {"status": "CREATE_TASK_FAILED"},
        {"state": "success", "resultJson": msgspec.json.encode({"data": TRACKS}).decode()},
        {"state": "fail", "failCode": "500", "failMsg": "no"},
    ],
    ids=["status", "failed status", "state", "failed state"],
)
async def test_a_signed_end_that_claims_to_be_the_text_stage_is_not_believed(claim: dict[str, Any]) -> None:
    """The signature does not cover the body, so every word for an end needs a poll."""
    data: dict[str, Any] = {"callbackType": "text", "task_id": "t1", "data": TRACKS} | claim
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        assert (await receiver.receive(envelope(data), signature("t1"))).status == 200
        assert not task.done(), task.last


async def test_where_both_are_configured_the_signature_alone_is_refused() -> None:
    async with opened(PENDING, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        verdict = await receiver.receive(called("first", FORGED), signature("t1"), {})
        assert (verdict.status, task.stage) == (401, Stage.PENDING)


# ---- captured addresses ----------------------------------------------------------------------------------------------


async def test_after_a_restart_an_old_address_does_not_speak_for_another_task() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):  # the bot was restarted, ids come from its database
        receiver = suno.receiver()
        victim = suno.attach(GenerateMusic, "victim")
        await receiver.receive(called("complete", FORGED, task_id="victim"), {}, captured)
        assert (await victim).tracks[0].audio_url == GOOD_URL


async def test_nor_does_it_keep_out_the_callbacks_of_a_task_that_is_attached_later() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
        victim = await suno.generate_music(prompt="y")
        genuine = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("first", FORGED, task_id=victim.id), {}, captured)
        verdict = await receiver.receive(called("complete", track(1), task_id=victim.id), {}, genuine)
        assert verdict.status == 200


async def test_nor_the_callbacks_of_its_own_task() -> None:
    async with opened(PENDING) as (suno, script):
        task = await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("text", task_id="anything"), {}, captured)
        assert (await receiver.receive(called("complete", track(1), task_id=task.id), {}, captured)).status == 200


async def test_a_submit_takes_nothing_over_from_the_token_of_another_submission() -> None:
    """Although the forger guessed the id of the task."""
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("complete", FORGED, task_id="t1"), {}, captured)
        task = await suno.generate_music(prompt="y")
        assert (await task).tracks[0].audio_url == GOOD_URL


async def test_a_token_of_another_kind_than_the_tasks_own_is_not_believed() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = suno.attach(ConvertToWav, "w1")
        await receiver.receive(envelope({"task_id": "w1", "audioWavUrl": FORGED_URL}), {}, captured)
        assert task.stage is Stage.PENDING


@pytest.mark.parametrize("way", ["signature", "confirm"])
@pytest.mark.parametrize("observing", [False, True])
async def test_a_captured_request_causes_at_most_one_poll(way: str, observing: bool) -> None:
    """Beside those that an observer causes without it; nobody waits for the task."""

    async def polls(*, captured: bool) -> int:
        settings: dict[str, Any] = {"callback_url": None, "webhook_key": KEY} if way == "signature" else {}
        async with opened(PENDING, **settings) as (suno, script):
            receiver = suno.receiver(on_update=ignore if observing else None, confirm=way == "confirm")
            await suno.generate_music(prompt="x")
            headers, query = (signature("t1"), {}) if way == "signature" else ({}, query_of(script))
            if captured:
                assert (await receiver.receive(called("complete", FORGED), headers, query)).status == 200
            await asyncio.sleep(4000)
            return len(script.polled_at)

    usual = await polls(captured=False)
    assert (usual > 0) is observing
    assert await polls(captured=True) <= usual + 1


# ---- after the end ---------------------------------------------------------------------------------------------------


async def test_an_observer_never_hears_the_opposite_of_what_the_task_says() -> None:
    async with opened(DONE, pace=EVERY_FIVE) as (suno, script):
        receiver, calls = observed(suno)
        await (await suno.generate_music(prompt="x"))
        await receiver.receive(called("error", code=501), {}, query_of(script))
        await asyncio.sleep(10)
        assert stages_in(calls) == [Stage.COMPLETE]


async def test_after_the_end_nobody_can_speak_for_a_task() -> None:
    updates: list[Update[Any]] = []
    async with opened(DONE, pace=EVERY_FIVE) as (suno, script):
        receiver = suno.receiver(on_update=lambda update, record: updates.append(update))
        await (await suno.generate_music(prompt="x"))
        await receiver.receive(called("complete", FORGED), {}, query_of(script))
        await asyncio.sleep(10)
        assert GOOD_URL in repr([update.raw for update in updates])
        assert FORGED_URL not in repr([update.raw for update in updates])


@pytest.mark.parametrize("stored", [False, True])
async def test_nor_after_a_restart(stored: bool) -> None:
    """Without its record the task is polled and that is believed; with it nobody is called again."""
    settings: dict[str, Any] = {"store": MemoryStore()} if stored else {}
    updates: list[Update[Any]] = []

    def observer(update: Update[Any], record: Record) -> None:
        updates.append(update)

    async with opened(PENDING, **settings) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        captured = query_of(script)
        await receiver.receive(called("complete", track(1)), {}, captured)
        await asyncio.sleep(1)
    assert [update.stage for update in updates] == [Stage.COMPLETE]
    async with opened(DONE, **settings) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await receiver.receive(called("complete", FORGED), {}, captured)
        await asyncio.sleep(100)
    assert [update.stage for update in updates] == [Stage.COMPLETE] * (1 if stored else 2)
    assert FORGED_URL not in repr([update.raw for update in updates])


async def test_after_closing_nothing_is_acknowledged() -> None:
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver, calls = observed(suno)
        await suno.generate_music(prompt="x")
    verdict = await receiver.receive(called("complete", track(1)), signature("t1"))
    await asyncio.sleep(100)
    assert (verdict.status, calls) == (503, [])


# ---- strangers -------------------------------------------------------------------------------------------------------


async def test_refusals_are_logged_for_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    """An address that loses its query on the way looks like a forgery."""
    caplog.set_level(logging.INFO)
    async with opened(PENDING) as (suno, _):
        receiver = suno.receiver()
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, {})
    assert "t1" in caplog.text


@pytest.mark.parametrize("attacked", [False, True])
async def test_a_stranger_cannot_end_the_waiting_by_callbacks(attacked: bool) -> None:
    """Nothing is configured: two seconds of unreadable answers are no more, however often that makes us poll."""

    def answer() -> Reply:
        return Reply(200, b"[]") if 10 < now() < 12 else (DONE if now() > 30 else PENDING)

    async with opened(answer, callback_url=None) as (suno, _):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        for _ in range(40):
            await asyncio.sleep(0.5)
            if attacked and now() > 9.9:
                await receiver.receive(called("text"))
        assert (await waiting).stage is Stage.COMPLETE
