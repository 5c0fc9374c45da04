"""What a callback does to a client, by how far it is verified: over `receive`, in virtual time."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from suno_async import ConfigurationError, ConvertToWav, GenerateMusic, Pace, Source, Stage, SunoClient
from suno_async.webhooks.policy import Decision
from suno_async.wire import tokens

from ..callbacks import FORGED, GOOD_URL, KEY, opened, query_of, signature
from ..conftest import now
from ..doubles import DONE, PENDING, called, track


async def test_a_callback_with_our_token_is_believed_and_needs_no_poll() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        query = query_of(script)
        following = asyncio.create_task(stages_of(task))
        for stage, *tracks in (
            ("text",),
            ("first", track(1), track(2, audio=False)),
            ("complete", track(1), track(2)),
        ):
            await asyncio.sleep(8)
            assert (await receiver.receive(called(str(stage), *tracks), {}, query)).status == 200
        assert await following == [
            (Stage.TEXT, Source.CALLBACK),
            (Stage.FIRST, Source.CALLBACK),
            (Stage.COMPLETE, Source.CALLBACK),
        ]
        assert len((await task).tracks) == 2
        assert script.polled_at == []


async def stages_of(task: Any) -> list[tuple[Stage, Source]]:
    return [(update.stage, update.source) async for update in task]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {}),
        ({}, {"suno": "A" * 40}),
        ({}, {"suno": ""}),
        ({"x-webhook-signature": "x"}, {"other": "x"}),
    ],
)
async def test_without_the_token_it_has_no_effect(headers: dict[str, str], query: dict[str, str]) -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        for body in (called("complete", FORGED), called("error", code=501)):
            verdict = await receiver.receive(body, headers, query)
            assert (verdict.status, verdict.decision) == (401, Decision.REFUSE)
        await asyncio.sleep(60)
        as_usual = [10, 21.5, 33, 44.5, 56]
        assert (task.stage, script.polled_at) == (Stage.PENDING, as_usual)
        waiting.cancel()


async def test_the_token_of_one_task_says_nothing_of_another() -> None:
    """Neither of one that was submitted here, nor of one that nobody here knows."""
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        first = await suno.generate_music(prompt="x")
        captured = query_of(script)
        second = await suno.generate_music(prompt="y")
        for id in (second.id, "unknown"):
            assert (await receiver.receive(called("complete", FORGED, task_id=id), {}, captured)).status == 401
        assert suno.attach(GenerateMusic, "unknown").stage is Stage.PENDING
        assert (first.stage, second.stage) == (Stage.PENDING, Stage.PENDING)


async def test_a_token_of_another_process_is_confirmed_by_a_poll() -> None:
    """After a restart, or in another worker: it is ours, but nothing here tells whose task it belongs to."""
    async with opened(PENDING) as (before, script):
        await before.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(PENDING, DONE) as (suno, script):
        receiver = suno.receiver()
        task = suno.attach(GenerateMusic, "t7")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", FORGED, task_id="t7"), {}, captured)
        assert verdict.decision is Decision.CONFIRM
        await asyncio.sleep(1)
        await waiting
        assert (await task).tracks[0].audio_url == GOOD_URL
        wav = suno.attach(ConvertToWav, "w1")
        assert (await receiver.receive(called("complete", FORGED, task_id="w1"), {}, captured)).status == 200
        assert wav.stage is Stage.PENDING


async def test_a_repeat_and_a_late_one_change_nothing() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        for body in (
            called("complete", track(1)),
            called("complete", FORGED),
            called("first", FORGED),
            called("error", code=501),
        ):
            assert (await receiver.receive(body, {}, query_of(script))).status == 200
        assert [one.audio_url for one in (await task).tracks] == [GOOD_URL]


async def test_the_token_may_stand_in_the_path() -> None:
    async with opened(PENDING, callback_url="https://bot.example/callbacks/{token}/suno") as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        path = urlsplit(str(script.posted[-1]["callBackUrl"])).path
        assert (await receiver.receive(called("complete", track(1)), {}, {}, path)).status == 200
        assert (await task).tracks
        assert (await receiver.receive(called("complete", track(1)), {}, {}, "/callbacks/x/suno")).status == 401


async def test_every_process_with_the_key_can_check_tokens_and_secrets_can_be_replaced() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        query = query_of(script)
        async with opened(PENDING) as (elsewhere, _):
            assert (await elsewhere.receiver().receive(called("complete", track(1)), {}, query)).status == 200
        async with opened(PENDING, callback_secret="own") as (other, _):
            assert (await other.receiver().receive(called("complete", track(1)), {}, query)).status == 401
    async with opened(PENDING, callback_secret="old") as (suno, script):
        await suno.generate_music(prompt="x")
        query = query_of(script)
        async with opened(PENDING, callback_secret=["new", "old"]) as (elsewhere, _):
            assert (await elsewhere.receiver().receive(called("complete", track(1)), {}, query)).status == 200


async def test_of_several_secrets_the_first_makes_the_tokens() -> None:
    async with opened(PENDING, callback_secret=["new", "old"]) as (suno, script):
        await suno.generate_music(prompt="x")
        token = query_of(script)["suno"]
        assert tokens.read(token, [b"new"]) is not None
        assert tokens.read(token, [b"old"]) is None


@pytest.mark.parametrize("odd", ["", [], [""], ["a", " "], "\ud800"])
async def test_an_empty_secret_or_key_is_no_way_to_switch_checks_off(odd: Any) -> None:
    for name in ("callback_secret", "webhook_key"):
        with pytest.raises(ConfigurationError, match=name):
            SunoClient(api_key="k", **{name: odd})


async def test_secrets_come_from_the_environment_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_CALLBACK_SECRET", "new,old")
    monkeypatch.setenv("SUNO_WEBHOOK_KEY", KEY)
    async with opened(PENDING) as (suno, script):
        task = await suno.generate_music(prompt="x")
        receiver, query = suno.receiver(), query_of(script)
        assert tokens.read(query["suno"], [b"new"]) is not None
        old = {"suno": tokens.issue(b"old", GenerateMusic.token_id, task.ref)}
        assert (await receiver.receive(called("text"), signature("t1"), old)).status == 200
        assert (await receiver.receive(called("text"), {}, query)).status == 401  # the signature is wanted, too
        for shown in (repr(suno), repr(receiver)):
            assert not any(secret in shown for secret in (KEY, "new", "old"))


# ---- KIE's signature -------------------------------------------------------------------------------------------------


async def test_a_signed_end_is_confirmed_by_a_poll() -> None:
    """The signature covers the task id and not the body, so what a poll says counts."""
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", FORGED), signature("t1"))
        assert (verdict.status, verdict.decision) == (200, Decision.CONFIRM)
        update = await waiting
        assert update.source is Source.CONFIRMED
        assert (await task).tracks[0].audio_url == GOOD_URL
        assert now() == pytest.approx(1, abs=0.1)
        assert len(script.polled_at) == 1


async def test_a_signed_stage_on_the_way_is_believed() -> None:
    async with opened(PENDING, callback_url=None, webhook_key=[KEY, "another"]) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        assert (await receiver.receive(called("text"), signature("t1"))).decision is Decision.FEED
        assert (task.stage, script.polled_at) == (Stage.TEXT, [])


@pytest.mark.parametrize("age", [301, -302, 3600])
async def test_a_stale_signature_is_refused(age: float) -> None:
    async with opened(PENDING, callback_url=None, webhook_key=KEY) as (suno, _):
        await suno.generate_music(prompt="x")
        assert (await suno.receiver().receive(called("text"), signature("t1", age=age))).status == 401
        assert (await suno.receiver(freshness=7200).receive(called("text"), signature("t1", age=age))).status == 200


async def test_both_proofs_must_hold_where_both_are_configured() -> None:
    async with opened(PENDING, webhook_key=KEY) as (suno, script):
        receiver = suno.receiver()
        await suno.generate_music(prompt="x")
        query = query_of(script)
        assert (await receiver.receive(called("complete", track(1)), {}, query)).status == 401
        assert (await receiver.receive(called("complete", track(1)), signature("t1", age=999), query)).status == 401
        assert (await receiver.receive(called("complete", track(1)), signature("t2"), query)).status == 401
        assert (await receiver.receive(called("complete", track(1)), signature("t1"), query)).decision is Decision.FEED


async def test_with_nothing_configured_a_callback_only_causes_a_poll() -> None:
    async with opened(PENDING, callback_url=None) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        for _ in range(5):
            assert (await receiver.receive(called("complete", FORGED))).decision is Decision.WAKE
        await asyncio.sleep(0.5)
        assert task.stage is Stage.PENDING
        assert len(script.polled_at) <= 2
        assert (await receiver.receive(called("text", task_id="nobody's"))).decision is Decision.IGNORE
        waiting.cancel()


# ---- whose it is -----------------------------------------------------------------------------------------------------


async def test_a_task_that_nobody_holds_is_known_by_its_token() -> None:
    """A backend that only wrote the id down attaches to what came meanwhile, without a poll."""
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        id = (await suno.generate_music(prompt="x")).id
        assert (await receiver.receive(called("complete", track(1)), {}, query_of(script))).status == 200
        assert (await suno.attach(GenerateMusic, id)).tracks
        assert script.polled_at == []


# ---- the pace --------------------------------------------------------------------------------------------------------


async def test_polls_wait_longer_once_a_callback_has_come_and_are_put_off_by_each() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(9)
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(26)
        await receiver.receive(called("first", track(1)), {}, query_of(script))
        await asyncio.sleep(140)
        assert script.polled_at == []
        await asyncio.sleep(20)
        assert script.polled_at == [pytest.approx(185, abs=0.1)]
        waiting.cancel()


async def test_who_has_an_address_but_no_receiver_polls_as_usual() -> None:
    """Another process may take the callbacks; here nothing comes."""
    async with opened(PENDING) as (suno, script):
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(30)
        assert script.polled_at
        waiting.cancel()


async def test_a_pace_of_ones_own_is_kept() -> None:
    async with opened(PENDING, pace=Pace(first=5, growth=1, cap=5, patience=100)) as (suno, script):
        suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(12)
        assert len(script.polled_at) == 2
        waiting.cancel()
