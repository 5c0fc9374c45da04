"""What `on_update` is called for: every stage, once, whether or not somebody awaits the task. In virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from suno_async import GenerateLyrics, Pace, ResponseLost, Stage, SunoClient, Update
from suno_async.stores import MemoryStore
from suno_async.stores.record import Record
from suno_async.webhooks.policy import Decision

from ..callbacks import (
    FORGED,
    GOOD_URL,
    KEY,
    URL,
    Observed,
    observed,
    opened,
    query_of,
    signature,
    stages_in,
)
from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Answer, Script, called, envelope, page, reply, track

SPACING = 1.07 / 3
"""Seconds between two polls of one task."""
EVERY_FIVE = Pace(first=5, growth=1, cap=5, patience=100)
HALF = called("complete", track(1), track(2, audio=False))
"""An end without all of its files: only a poll can settle it."""


# ---- once, in order --------------------------------------------------------------------------------------------------


async def test_each_new_stage_once_in_order() -> None:
    """Whether or not somebody waits, and however often a callback is repeated."""
    async with opened(PENDING) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        query = query_of(script)
        bodies = [called("text"), called("first", track(1)), called("text"), called("complete", track(1))]
        for body in bodies * 3:
            assert (await receiver.receive(body, {}, query)).status == 200
        assert calls == []  # the answers came first
        await asyncio.sleep(10)
        assert calls == [
            Observed(task.id, stage, "GenerateMusic", task.ref) for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE)
        ]


async def test_the_text_with_its_tracks_by_whatever_way() -> None:
    """A callback of the text is read when somebody looks."""
    heard: list[Any] = []
    network = Script(PENDING)

    def hear(update: Update[Any], record: Record) -> None:
        heard.append(update)

    async with client(network, on_update=hear, callback_url=URL) as suno:
        receiver = suno.receiver(on_update=hear)
        task = await suno.generate_music(prompt="x")
        task.subscribe(heard.append)
        reading = asyncio.ensure_future(anext(aiter(task)))
        streaming = asyncio.ensure_future(anext(aiter(suno.updates())))
        await asyncio.sleep(0)
        await receiver.receive(called("text", track(1, audio=False), track(2, audio=False)), {}, query_of(network))
        await asyncio.sleep(1)
        heard += [*task.updates, task.last, await reading, await streaming]
    assert len(heard) == 7
    for update in heard:
        assert (update.stage, len(update.result.tracks), update.result.task_id) == (Stage.TEXT, 2, "t1")


async def test_tasks_that_nobody_holds() -> None:
    async with opened(PENDING) as (suno, script):
        receiver, calls = observed(suno)
        ref = (await suno.generate_lyrics(prompt="x")).ref
        lyrics = {"callbackType": "complete", "task_id": "t1", "data": [{"text": "la"}]}
        await receiver.receive(envelope(lyrics), {}, query_of(script))
        await asyncio.sleep(2)
        assert calls == [Observed("t1", Stage.COMPLETE, GenerateLyrics.__name__, ref)]


async def test_two_observers_hear_the_same() -> None:
    """Each receiver may have one; whichever receiver took the callback, both are called."""
    stages: list[tuple[int, Stage]] = []
    async with opened(PENDING) as (suno, script):
        first = suno.receiver(on_update=lambda update, record: stages.append((1, update.stage)))
        suno.receiver(on_update=lambda update, record: stages.append((2, update.stage)))
        await suno.generate_music(prompt="x")
        await first.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(1)
        assert stages == [(1, Stage.COMPLETE), (2, Stage.COMPLETE)]


async def test_a_repeat_after_a_restart_calls_nobody_again() -> None:
    """The record remembers what observers were called for."""
    store = MemoryStore()
    async with opened(PENDING, store=store) as (suno, script):
        receiver, calls = observed(suno)
        await suno.generate_music(prompt="x")
        query = query_of(script)
        await receiver.receive(called("text"), {}, query)
        await asyncio.sleep(5)
        assert stages_in(calls) == [Stage.TEXT]
    async with opened(PENDING, store=store) as (suno, _):
        receiver, calls = observed(suno)
        for body in (called("text"), called("first", track(1)), called("complete", track(1))):
            assert (await receiver.receive(body, {}, query)).status == 200
        await asyncio.sleep(10)
        assert stages_in(calls) == [Stage.FIRST, Stage.COMPLETE]
    async with opened(PENDING, store=store) as (suno, script):
        receiver, calls = observed(suno)
        for body in (called("text"), called("complete", track(1)), called("complete", FORGED)):
            assert (await receiver.receive(body, {}, query)).status == 200
        await asyncio.sleep(100)
        assert (calls, script.polled_at) == ([], [])


# ---- although nobody awaits the task ---------------------------------------------------------------------------------


def refused() -> Answer:
    return reply(code=429, status=429)


TROUBLES: dict[str, list[Answer]] = {
    "the answer is lost": [ResponseLost("broken")],
    "refused as too fast": [refused()],
    "refused again and again": [refused()] * 5,
    "too early": [PENDING],
    "still too early": [PENDING] * 4,
    "files are late": [page("SUCCESS")],
}
troubles = pytest.mark.parametrize("trouble", TROUBLES)


@troubles
@pytest.mark.parametrize("way", ["signature", "confirm", "without all files"])
async def test_the_end_although_its_confirmation_fails_at_first(way: str, trouble: str) -> None:
    settings: dict[str, Any] = {"callback_url": None, "webhook_key": KEY} if way == "signature" else {}
    async with opened(*TROUBLES[trouble], DONE, **settings) as (suno, script):
        stages: list[Stage] = []
        receiver = suno.receiver(confirm=way == "confirm", on_update=lambda update, record: stages.append(update.stage))
        await suno.generate_music(prompt="x")
        body = HALF if way == "without all files" else called("complete", track(1), track(2))
        headers, query = (signature("t1"), {}) if way == "signature" else ({}, query_of(script))
        assert (await receiver.receive(body, headers, query)).status == 200
        await asyncio.sleep(2000)
        assert stages[-1] is Stage.COMPLETE
        assert stages == sorted(set(stages))
        assert len(script.polled_at) == len(TROUBLES[trouble]) + 1  # none after the end


@troubles
async def test_the_end_of_a_task_that_another_process_submitted(trouble: str) -> None:
    """The interest begins with the first verified callback here."""
    store = MemoryStore()
    async with opened(PENDING, store=store) as (suno, script):
        await suno.generate_music(prompt="x")
        query = query_of(script)
    async with opened(*TROUBLES[trouble], DONE, store=store) as (suno, script):
        receiver, calls = observed(suno)
        await asyncio.sleep(100)
        assert script.polled_at == []
        assert (await receiver.receive(HALF, {}, query)).status == 200
        await asyncio.sleep(2000)
        assert stages_in(calls) == [Stage.FIRST, Stage.COMPLETE]


async def test_the_end_although_no_callback_ever_comes() -> None:
    async with opened(PENDING, PENDING, page("TEXT_SUCCESS"), PENDING, DONE) as (suno, script):
        _, calls = observed(suno)
        await suno.generate_music(prompt="x")
        await asyncio.sleep(1700)
        assert stages_in(calls) == [Stage.TEXT, Stage.COMPLETE]
        assert len(script.polled_at) == 5


async def test_the_end_although_callbacks_stop_on_the_way() -> None:
    async with opened(DONE) as (suno, script):
        receiver, calls = observed(suno)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(300)
        assert stages_in(calls) == [Stage.TEXT, Stage.COMPLETE]
        assert len(script.polled_at) == 1


async def test_a_success_that_stays_without_files_is_logged_and_heard_when_they_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(page("SUCCESS")) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        await receiver.receive(called("complete"), {}, query_of(script))
        await asyncio.sleep(300)
        assert (task.stage, stages_in(calls)) == (Stage.PENDING, [])
        assert "success without files" in caplog.text
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(2)
        assert stages_in(calls) == [Stage.COMPLETE]


async def test_a_failure_that_the_confirming_poll_finds() -> None:
    async with opened(page("GENERATE_AUDIO_FAILED")) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        await receiver.receive(HALF, {}, query_of(script))
        await asyncio.sleep(100)
        assert task.stage is Stage.FAILED
        assert Stage.FAILED in stages_in(calls)


async def test_the_stage_that_an_unclear_end_makes_and_its_confirmed_end() -> None:
    async with opened(DONE) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        await receiver.receive(HALF, {}, query_of(script))
        assert task.stage is Stage.FIRST
        await asyncio.sleep(100)
        assert stages_in(calls) == [Stage.FIRST, Stage.COMPLETE]


async def test_a_signed_end_when_it_is_confirmed() -> None:
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        for _ in range(5):
            await receiver.receive(called("error", code=501), signature("t1"))
        await asyncio.sleep(60)
        assert [(call.task_id, call.stage) for call in calls] == [(task.id, Stage.COMPLETE)]
        assert len(script.polled_at) == 1  # those that came meanwhile share the next


async def test_who_wants_confirmation_gets_a_poll_for_each_stage() -> None:
    """A whole captured request, address included, then causes a poll and nothing else."""
    async with opened(PENDING, PENDING, DONE) as (suno, script):
        stages: list[Stage] = []
        receiver = suno.receiver(confirm=True, on_update=lambda update, record: stages.append(update.stage))
        task = await suno.generate_music(prompt="x")
        verdict = await receiver.receive(called("complete", FORGED), {}, query_of(script))
        assert verdict.decision is Decision.CONFIRM
        await asyncio.sleep(1)
        assert (task.stage, len(script.polled_at)) == (Stage.PENDING, 1)
        assert (await task).tracks[0].audio_url == GOOD_URL
        await asyncio.sleep(1)
        assert stages == [Stage.COMPLETE]


async def test_an_end_that_comes_while_a_stage_is_being_confirmed() -> None:
    async with opened(page("TEXT_SUCCESS"), DONE, delay=1.0) as (suno, script):
        stages: list[Stage] = []
        receiver = suno.receiver(confirm=True, on_update=lambda update, record: stages.append(update.stage))
        await suno.generate_music(prompt="x")
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(0.5)  # the poll for it is under way
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(10)
        assert stages == [Stage.TEXT, Stage.COMPLETE]


@pytest.mark.parametrize("way", ["token", "signature"])
async def test_a_stage_that_overtook_its_submit(way: str) -> None:
    settings: dict[str, Any] = {"callback_url": None, "webhook_key": KEY} if way == "signature" else {}
    async with opened(DONE, delay=5.0, **settings) as (suno, script):
        receiver, calls = observed(suno)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        headers, query = (signature("t1"), {}) if way == "signature" else ({}, query_of(script))
        assert (await receiver.receive(called("text"), headers, query)).status == 200
        task = await submitting
        assert task.stage is Stage.TEXT
        await asyncio.sleep(300)
        assert stages_in(calls) == [Stage.TEXT, Stage.COMPLETE]
        assert {call.ref for call in calls} == {task.ref}


async def test_nothing_that_is_not_verified() -> None:
    """With neither token nor key configured a callback is a hint, and polls alone are believed."""
    audio: list[str] = []

    def observer(update: Update[Any], record: Record) -> None:
        assert update.result is not None
        audio.append(update.result.tracks[0].audio_url)

    async with opened(PENDING, callback_url=None) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        for body in (called("complete", FORGED), called("error", code=501)):
            assert (await receiver.receive(body)).decision is Decision.WAKE
        await asyncio.sleep(60)
        assert audio == []
        script.polls = [DONE]
        await asyncio.sleep(60)
        assert audio == [GOOD_URL]


# ---- one set of polls ------------------------------------------------------------------------------------------------


async def test_an_observer_and_waiters_share_the_polls() -> None:
    async def polled_at(*, observer: bool, waiters: int) -> list[float]:
        started = now()
        async with opened(*[PENDING] * 8, DONE, callback_url=None, pace=EVERY_FIVE) as (suno, script):
            if observer:
                observed(suno)
            task = await suno.generate_music(prompt="x")
            waiting = [asyncio.create_task(task.get()) for _ in range(waiters)]
            await asyncio.sleep(200)
            assert all(one.done() for one in waiting)
            return [at - started for at in script.polled_at]

    alone = await polled_at(observer=False, waiters=1)
    assert len(alone) == 9
    for both in (await polled_at(observer=True, waiters=0), await polled_at(observer=True, waiters=3)):
        assert both == [pytest.approx(at, abs=0.07) for at in alone]


async def test_an_observer_keeps_to_the_rate_however_many_callbacks_come() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(confirm=True, on_update=lambda update, record: None)
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        for _ in range(100):
            await receiver.receive(called("text"), {}, query_of(script))
            await asyncio.sleep(0.05)
        gaps = [later - at for at, later in zip(script.polled_at, script.polled_at[1:], strict=False)]
        assert len(gaps) >= 10
        assert min(gaps) >= SPACING - 1e-6
        waiting.cancel()


async def test_observers_in_two_processes_share_claims_and_each_stage_is_heard_by_one() -> None:
    store = MemoryStore()
    one_script, two_script = Script(PENDING), Script(PENDING)
    async with (
        SunoClient(api_key="k", transport=one_script, store=store, callback_url=URL, pace=EVERY_FIVE) as one,
        SunoClient(api_key="k", transport=two_script, store=store, callback_url=URL, pace=EVERY_FIVE) as two,
    ):
        (_, first), (receiver, second) = observed(one), observed(two)
        await one.generate_music(prompt="x")
        await receiver.receive(called("text"), {}, query_of(one_script))  # so the other process follows it, too
        await asyncio.sleep(60)
        polled = sorted(one_script.polled_at + two_script.polled_at)
        assert 8 <= len(polled) <= 13  # one every five seconds, between the two
        one_script.polls, two_script.polls = [DONE], [DONE]
        await asyncio.sleep(30)
        assert sorted(stages_in(first + second)) == [Stage.TEXT, Stage.COMPLETE]
        seen = len(one_script.polled_at + two_script.polled_at)
        await asyncio.sleep(300)
        assert len(one_script.polled_at + two_script.polled_at) == seen


async def test_the_polls_stop_when_the_task_has_ended() -> None:
    async with opened(PENDING, PENDING, DONE, pace=EVERY_FIVE) as (suno, script):
        _, calls = observed(suno)
        await suno.generate_music(prompt="x")
        await asyncio.sleep(1000)
        assert stages_in(calls) == [Stage.COMPLETE]
        assert script.polled_at == [pytest.approx(at, abs=0.1) for at in (5, 10, 15)]


async def test_the_polls_stop_when_patience_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; a later callback that is verified is heard all the same."""
    async with opened(PENDING, pace=Pace(first=5, growth=1, cap=5, patience=20)) as (suno, script):
        receiver, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        await asyncio.sleep(1000)
        assert script.polled_at[-1] == pytest.approx(20, abs=0.2)
        assert len(script.polled_at) == 4
        assert f"the end of task {task.id} was not observed" in caplog.text
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(1000)
        assert stages_in(calls) == [Stage.COMPLETE]
        assert len(script.polled_at) == 4


async def test_a_waiter_that_leaves_does_not_end_the_polls_of_an_observer() -> None:
    async with opened(PENDING, PENDING, PENDING, DONE, pace=EVERY_FIVE) as (suno, _):
        _, calls = observed(suno)
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(7)
        waiting.cancel()
        del task, waiting
        await asyncio.sleep(100)
        assert stages_in(calls) == [Stage.COMPLETE]


async def test_without_an_observer_nothing_is_polled_for_nobody() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        await suno.generate_music(prompt="x")
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(4000)
        assert script.polled_at == []


# ---- observers that are slow, fail or hang ---------------------------------------------------------------------------


async def test_one_that_fails_or_hangs_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Stage] = []

    async def observer(update: Update[Any], record: Record) -> None:
        calls.append(update.stage)
        if update.stage is Stage.TEXT:
            raise LookupError("mine")
        await asyncio.sleep(10_000)

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        task = await suno.generate_music(prompt="x")
        for body in (called("text"), called("complete", track(1))):
            assert (await receiver.receive(body, {}, query_of(script))).status == 200
        assert (await task).tracks
        await asyncio.sleep(1)
    assert calls == [Stage.TEXT, Stage.COMPLETE]
    assert "an observer failed" in caplog.text
    assert now() < 20  # closing does not wait for ever


async def test_one_that_swallows_its_cancellation_does_not_hold_up_closing(caplog: pytest.LogCaptureFixture) -> None:
    over = asyncio.Event()

    async def observer(update: Update[Any], record: Record) -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(1)
    assert now() == pytest.approx(12, abs=0.5)  # ten seconds to end, one after it was cancelled
    assert "goes on although it was cancelled" in caplog.text
    over.set()
    await asyncio.sleep(1)


async def test_one_that_is_cancelled_from_within_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def observer(update: Update[Any], record: Record) -> None:
        other = asyncio.create_task(asyncio.sleep(100))
        other.cancel()
        await other

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(1)
    assert "an observer was cancelled" in caplog.text


async def test_closing_with_calls_in_the_queue_leaves_no_coroutine_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Warnings are errors here; what nobody was called for is logged."""

    async def observer(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(10_000)

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        for body in (called("text"), called("complete", track(1))):
            await receiver.receive(body, {}, query_of(script))
        await asyncio.sleep(1)
    assert "an observer was not called for COMPLETE of task t1" in caplog.text


@pytest.mark.parametrize("answer", [lambda: None, lambda: asyncio.sleep(0)], ids=["None", "an awaitable"])
async def test_one_may_be_a_plain_function(answer: Callable[[], Any]) -> None:
    stages: list[Stage] = []

    def observer(update: Update[Any], record: Record) -> Any:
        stages.append(update.stage)
        return answer()

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=observer)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(0.1)
        assert stages == [Stage.COMPLETE]


async def test_one_may_close_the_client() -> None:
    ended: list[float] = []
    suno = SunoClient(api_key="k", transport=(script := Script(PENDING)), callback_url=URL)

    async def observer(update: Update[Any], record: Record) -> None:
        await suno.aclose()
        ended.append(now())

    receiver = suno.receiver(on_update=observer)
    await suno.generate_music(prompt="x")
    await receiver.receive(called("complete", track(1)), {}, query_of(script))
    await asyncio.sleep(60)
    assert ended == [pytest.approx(0, abs=1)]


async def test_what_is_resumed_after_a_restart() -> None:
    """Without callbacks and without somebody who awaits it; what the last process observed is not observed again."""
    store = MemoryStore()
    first = SunoClient(api_key=KEY, transport=Script(page("FIRST_SUCCESS", track(1))), pace=EVERY_FIVE, store=store)
    _, before = observed(first)
    await first.generate_music(prompt="x")
    await asyncio.sleep(7)
    await first.aclose()
    script = Script(page("FIRST_SUCCESS", track(1)), DONE)
    async with SunoClient(api_key=KEY, transport=script, pace=EVERY_FIVE, store=store) as second:
        _, after = observed(second)
        assert len([task async for task in second.resume()]) == 1
        await asyncio.sleep(30)
    assert [[call.stage for call in calls] for calls in (before, after)] == [[Stage.FIRST], [Stage.COMPLETE]]
