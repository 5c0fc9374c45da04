"""Callbacks that come before the answer to their submit: none is lost, and none is acknowledged from memory alone."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from suno_async import ConvertToWav, Job, ResponseLost, Stage, SubmissionUncertain, Wav
from suno_async.stores import MemoryStore, State
from suno_async.webhooks.policy import Decision
from suno_async.webhooks.verdict import LIMIT, Verdict

from ..callbacks import FORGED, FORGED_URL, GOOD_URL, KEY, observed, opened, query_of, signature
from ..conftest import now
from ..doubles import DONE, PENDING, called, envelope, track

WAITING = 100
"""Callbacks that may wait at the same time."""
ROOM = 16 << 20
"""Bytes of them."""


class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
    """A class of the user's own: its tokens have no number, so its record tells the kind."""

    path = "/api/v1/flac/generate"
    details = "/api/v1/flac/record-info"
    result = Wav
    statuses = {"SUCCESS": Stage.COMPLETE}
    audio_id: str


Receiving = Coroutine[Any, Any, Verdict]


def later(receiving: Receiving) -> asyncio.Task[Verdict]:
    return asyncio.create_task(receiving)


# ---- with a token of ours --------------------------------------------------------------------------------------------


async def test_with_a_token_it_is_applied_at_once_through_its_record() -> None:
    """The token tells the kind and the submission before anybody knows the task."""
    store = MemoryStore()
    async with opened(PENDING, delay=5.0, store=store) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x", model="V5"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", track(1)), {}, query_of(script))
        assert (verdict.status, verdict.decision) == (200, Decision.FEED)
        assert now() == pytest.approx(1, abs=0.1)
        record = await store.get(task_id="t1")
        assert record is not None
        assert (record.state, record.stage) == (State.FINISHED, Stage.COMPLETE)
        assert not submitting.done()
        task = await submitting
        assert (task.stage, task.model, task.ref) == (Stage.COMPLETE, "V5", record.ref)
        assert (await task).tracks
        assert script.polled_at == []


async def test_a_class_of_ones_own_is_known_by_its_record() -> None:
    body = envelope({"task_id": "t1", "audioWavUrl": "https://f.example/a.flac"})
    async with opened(PENDING, delay=5.0) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.submit(ConvertToFlac(audio_id="a")))
        await asyncio.sleep(1)
        assert (await receiver.receive(body, {}, query_of(script))).decision is Decision.FEED
        assert (await (await submitting)).audio_url == "https://f.example/a.flac"


async def test_a_submit_whose_answer_is_lost_is_found_by_its_callback() -> None:
    """The callback named the task before the connection broke, so nothing is uncertain."""
    async with opened(PENDING, submits=[ResponseLost("broken")], delay=5.0) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        assert (await receiver.receive(called("text", task_id="t7"), {}, query_of(script))).status == 200
        task = await submitting
        assert (task.id, task.stage) == ("t7", Stage.TEXT)


@pytest.mark.parametrize("kind", [ConvertToWav, ConvertToFlac])
async def test_confirm_holds_for_what_overtakes_too(kind: Callable[..., Job[Wav]]) -> None:
    async with opened(PENDING, delay=5.0) as (suno, script):
        receiver = suno.receiver(confirm=True)
        job = ConvertToWav(task_id="a", audio_id="b") if kind is ConvertToWav else ConvertToFlac(audio_id="a")
        submitting = asyncio.create_task(suno.submit(job))
        await asyncio.sleep(1)
        body = envelope({"task_id": "t1", "audioWavUrl": FORGED_URL})
        assert (await receiver.receive(body, {}, query_of(script))).decision is Decision.CONFIRM
        assert (await submitting).stage is Stage.PENDING


# ---- with a signature alone ------------------------------------------------------------------------------------------


async def test_with_a_signature_it_waits_for_the_answer_and_is_confirmed() -> None:
    async with opened(DONE, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        receiving = later(receiver.receive(called("complete", FORGED), signature("t1")))
        await asyncio.sleep(1)
        assert not receiving.done()
        task = await submitting
        verdict = await receiving
        assert (verdict.status, verdict.decision) == (200, Decision.CONFIRM)
        assert now() == pytest.approx(5, abs=0.1)
        assert (await task).tracks[0].audio_url == GOOD_URL
        assert now() == pytest.approx(10, abs=0.5)  # at once: the submit took five, the poll five


async def test_a_signed_stage_on_the_way_is_believed_once_its_task_is_known() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("text"), signature("t1"))
        assert (verdict.status, verdict.decision) == (200, Decision.FEED)
        assert ((await submitting).stage, script.polled_at) == (Stage.TEXT, [])


async def test_confirm_holds_for_a_signed_stage_that_waited() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver(confirm=True)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("first", FORGED), signature("t1"))
        assert verdict.decision is Decision.CONFIRM
        assert (await submitting).stage is Stage.PENDING


async def test_what_waited_ten_seconds_in_vain_is_to_be_sent_again() -> None:
    """The service allows 15 seconds; what is repeated later finds its task."""
    async with opened(PENDING, delay=30.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        assert (await receiver.receive(called("text"), signature("t1"))).status == 503
        assert now() == pytest.approx(11, abs=0.1)
        task = await submitting
        assert not task.updates  # nothing was kept
        assert (await receiver.receive(called("text"), signature("t1"))).status == 200
        assert task.stage is Stage.TEXT


async def test_a_submit_that_fails_leaves_nothing_to_wait_for() -> None:
    async with opened(PENDING, submits=[ResponseLost("broken")], delay=5.0, callback_url=None, webhook_key=KEY) as (
        suno,
        _,
    ):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("text"), signature("t1"))
        assert (verdict.status, verdict.decision) == (200, Decision.WAIT)
        with pytest.raises(SubmissionUncertain):
            await submitting
        assert now() <= 11.1


# ---- the bounds ------------------------------------------------------------------------------------------------------


async def test_a_hundred_wait_and_the_next_are_refused_at_once() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        names = [f"nobody {number}" for number in range(WAITING - 1)]
        strangers = [later(receiver.receive(called("text", task_id=id), signature(id))) for id in names]
        ours = later(receiver.receive(called("text"), signature("t1")))
        await asyncio.sleep(0.1)
        assert (await receiver.receive(called("text", task_id="late"), signature("late"))).status == 503
        assert now() == pytest.approx(1.1, abs=0.05)
        assert (await ours).status == 200
        assert (await submitting).stage is Stage.TEXT
        await asyncio.wait(strangers)


async def test_sixteen_mebibytes_wait_and_what_is_more_is_refused_at_once() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        names = [f"nobody {number}" for number in range(ROOM // LIMIT)]
        large = [called("text", task_id=id).ljust(LIMIT) for id in names]
        strangers = [later(receiver.receive(body, signature(id))) for id, body in zip(names, large, strict=True)]
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in strangers)
        assert (await receiver.receive(called("text"), signature("t1"))).status == 503
        assert now() == pytest.approx(1.1, abs=0.05)
        await submitting
        await asyncio.wait(strangers)


async def test_with_nothing_under_way_strangers_are_not_waited_for() -> None:
    """Several workers behind one address: the callbacks of others' tasks are answered at once, and kept nowhere."""
    async with opened(PENDING, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        for number in range(1200):
            id = f"neighbour {number}"
            verdict = await receiver.receive(called("text", task_id=id), signature(id))
            assert (verdict.status, verdict.decision) == (200, Decision.WAIT)
        assert now() == 0


async def test_callbacks_of_neighbours_leave_room_for_ours() -> None:
    """A busy client: those of other workers' tasks are to be sent again, and use up nothing for good."""
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        neighbours: list[asyncio.Task[Verdict]] = []
        submits: list[asyncio.Task[Any]] = []
        for number in range(1200):
            if number % 3 == 0:
                submits.append(asyncio.create_task(suno.generate_music(prompt="x")))
            id = f"neighbour {number}"
            neighbours.append(later(receiver.receive(called("text", task_id=id), signature(id))))
            await asyncio.sleep(1)
        assert {(await one).status for one in neighbours} <= {200, 503}
        await asyncio.wait(submits)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        ours = f"t{len(submits) + 1}"
        assert (await receiver.receive(called("text", task_id=ours), signature(ours))).status == 200
        assert (await submitting).stage is Stage.TEXT


async def test_closing_ends_the_waiting() -> None:
    """What waits is not acknowledged, and closing takes no longer for it."""
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        receiving = later(receiver.receive(called("text", task_id="another"), signature("another")))
        await asyncio.sleep(1)
    await submitting
    assert (await receiving).status == 503
    assert now() == pytest.approx(5, abs=0.1)


async def test_what_waits_for_a_submit_that_ends_while_closing_is_applied() -> None:
    """The observer is called for what is known by then; the task comes to its caller, who may keep its id."""
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver, calls = observed(suno)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        receiving = later(receiver.receive(called("text"), signature("t1")))
        await asyncio.sleep(1)
    assert (await submitting).id == "t1"
    assert (await receiving).status in (200, 503)
    assert now() <= 7
    assert ((await submitting).stage is Stage.TEXT) == ((await receiving).status == 200) == (len(calls) == 1)
