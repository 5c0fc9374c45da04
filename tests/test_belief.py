"""What a callback does to a client, by how far it is proven: over `receive`, in virtual time."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from suno_async import (
    ConfigurationError,
    ConvertToWav,
    GenerateLyrics,
    GenerateMusic,
    Job,
    Pace,
    Receiver,
    Source,
    Stage,
    SunoClient,
    Update,
    Wav,
)
from suno_async.stores.record import Record
from suno_async.webhooks.inbox import EARLY
from suno_async.webhooks.policy import Decision
from suno_async.wire import tokens

from .conftest import now
from .doubles import DONE, PENDING, Script, called, envelope, track

URL = "https://bot.example/suno"
KEY = "whk_test"
EVIL = track(1) | {"audioUrl": "https://evil.example/x.mp3"}


@asynccontextmanager
async def opened(*looks: Any, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
    script = Script(*looks, delay=settings.pop("delay", 0.0))
    settings.setdefault("callback_url", URL)
    async with SunoClient(api_key="k", transport=script, **settings) as suno:
        yield suno, script


def query_of(script: Script) -> dict[str, str]:
    """The query of the address that the last submit was given."""
    address = str(script.posted[-1]["callBackUrl"])
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def signature(task_id: str, *, age: float = 0) -> dict[str, str]:
    stamp = str(int(time.time() - age))
    mac = hmac.digest(KEY.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256)
    return {"x-webhook-timestamp": stamp, "x-webhook-signature": base64.b64encode(mac).decode()}


async def test_a_callback_with_our_token_is_believed_and_costs_no_look() -> None:
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
            await asyncio.sleep(20)
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
        for body in (called("complete", EVIL), called("error", code=501)):
            verdict = await receiver.receive(body, headers, query)
            assert (verdict.status, verdict.decision) == (401, Decision.REFUSE)
        await asyncio.sleep(60)
        assert (task.stage, script.polled_at) == (Stage.PENDING, [])
        waiting.cancel()


async def test_the_token_of_one_task_says_nothing_of_another() -> None:
    """Neither of one that was submitted here, nor of one that nobody here knows."""
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        first = await suno.generate_music(prompt="x")
        captured = query_of(script)
        second = await suno.generate_music(prompt="y")
        for id in (second.id, "unknown"):
            assert (await receiver.receive(called("complete", EVIL, task_id=id), {}, captured)).status == 401
        assert suno.attach(GenerateMusic, "unknown").stage is Stage.PENDING
        assert (first.stage, second.stage) == (Stage.PENDING, Stage.PENDING)


async def test_a_token_of_another_process_is_confirmed_by_a_look() -> None:
    """After a restart, or in another worker: it is ours, but nothing here tells whose task it belongs to."""
    async with opened(PENDING) as (before, script):
        await before.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(PENDING, DONE) as (suno, script):
        receiver = suno.receiver()
        task = suno.attach(GenerateMusic, "t7")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", EVIL, task_id="t7"), {}, captured)
        assert verdict.decision is Decision.CONFIRM
        await asyncio.sleep(1)
        await waiting
        assert (await task).tracks[0].audio_url == "https://files.example.com/1.mp3"
        wav = suno.attach(ConvertToWav, "w1")
        assert (await receiver.receive(called("complete", EVIL, task_id="w1"), {}, captured)).status == 200
        assert wav.stage is Stage.PENDING


async def test_a_repeat_and_a_late_one_change_nothing() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        for body in (
            called("complete", track(1)),
            called("complete", EVIL),
            called("first", EVIL),
            called("error", code=501),
        ):
            assert (await receiver.receive(body, {}, query_of(script))).status == 200
        assert [one.audio_url for one in (await task).tracks] == ["https://files.example.com/1.mp3"]


async def test_the_token_may_stand_in_the_path() -> None:
    async with opened(PENDING, callback_url="https://bot.example/hooks/{token}/suno") as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        path = urlsplit(str(script.posted[-1]["callBackUrl"])).path
        assert (await receiver.receive(called("complete", track(1)), {}, {}, path)).status == 200
        assert (await task).tracks
        assert (await receiver.receive(called("complete", track(1)), {}, {}, "/hooks/x/suno")).status == 401


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
    async with opened(PENDING) as (suno, _):
        assert suno.proofs.secrets == (b"new", b"old")
        assert suno.proofs.keys == (KEY,)
        assert KEY not in repr(suno)
        assert KEY not in repr(suno.receiver())


# ---- KIE's signature -------------------------------------------------------------------------------------------------


async def test_a_signed_end_is_confirmed_by_a_look() -> None:
    """The signature covers the task id and not the body: what is looked up is what counts."""
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", EVIL), signature("t1"))
        assert (verdict.status, verdict.decision) == (200, Decision.CONFIRM)
        update = await waiting
        assert update.source is Source.CONFIRMED
        assert (await task).tracks[0].audio_url == "https://files.example.com/1.mp3"
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


async def test_with_nothing_configured_a_callback_only_wakes_a_look() -> None:
    async with opened(PENDING, callback_url=None) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        for _ in range(5):
            assert (await receiver.receive(called("complete", EVIL))).decision is Decision.WAKE
        await asyncio.sleep(0.5)
        assert task.stage is Stage.PENDING
        assert len(script.polled_at) <= 2
        assert (await receiver.receive(called("text", task_id="nobody's"))).decision is Decision.IGNORE
        waiting.cancel()


# ---- before the answer, and after the handle ------------------------------------------------------------------------


async def test_a_callback_that_overtakes_the_answer_to_its_submit_is_not_lost() -> None:
    """The token tells the kind and the submission before anybody knows the task."""
    async with opened(PENDING, delay=5.0) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x", model="V5"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", track(1)), {}, query_of(script))
        assert verdict.decision is Decision.FEED
        task = await submitting
        assert (task.stage, task.model) == (Stage.COMPLETE, "V5")
        assert (await task).tracks
        assert script.polled_at == []


async def test_a_signed_callback_that_overtakes_is_kept_and_looked_up() -> None:
    async with opened(DONE, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        verdict = await receiver.receive(called("complete", EVIL), signature("t1"))
        assert verdict.decision is Decision.KEEP
        task = await submitting
        assert (await task).tracks[0].audio_url == "https://files.example.com/1.mp3"
        assert now() == pytest.approx(10, abs=0.5)  # at once: the submit took five, the look five


async def test_what_cannot_be_kept_is_to_be_sent_again() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        for number in range(EARLY):
            id = f"nobody {number}"
            assert (await receiver.receive(called("text", task_id=id), signature(id))).status == 200
        assert (await receiver.receive(called("text"), signature("t1"))).status == 503
        await submitting


async def test_a_task_that_nobody_holds_is_known_by_its_token() -> None:
    """A backend that only wrote the id down attaches to what came meanwhile, without a look."""
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        id = (await suno.generate_music(prompt="x")).id
        assert (await receiver.receive(called("complete", track(1)), {}, query_of(script))).status == 200
        assert (await suno.attach(GenerateMusic, id)).tracks
        assert script.polled_at == []


async def test_a_class_of_ones_own_is_known_by_its_record() -> None:
    """Its tokens have no number."""

    class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
        path = "/api/v1/flac/generate"
        details = "/api/v1/flac/record-info"
        result = Wav
        statuses = {"SUCCESS": Stage.COMPLETE}
        audio_id: str

    body = envelope({"task_id": "t1", "audioWavUrl": "https://f.example/a.flac"})
    async with opened(PENDING, delay=5.0) as (suno, script):
        receiver = suno.receiver()
        submitting = asyncio.create_task(suno.submit(ConvertToFlac(audio_id="a")))
        await asyncio.sleep(1)
        assert (await receiver.receive(body, {}, query_of(script))).decision is Decision.FEED
        assert (await (await submitting)).audio_url == "https://f.example/a.flac"


# ---- the pace --------------------------------------------------------------------------------------------------------


async def test_looks_wait_longer_where_callbacks_are_received_and_are_put_off_by_each() -> None:
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(35)
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(140)
        assert script.polled_at == []
        await asyncio.sleep(20)
        assert script.polled_at == [pytest.approx(185, abs=0.1)]
        waiting.cancel()


async def test_who_has_an_address_but_no_receiver_looks_as_usual() -> None:
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


# ---- the hook --------------------------------------------------------------------------------------------------------

News = list[tuple[str, Stage, tuple[str, str]]]


def hooked(suno: SunoClient) -> tuple[Receiver, News]:
    news: News = []

    async def hook(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(1)
        assert (record.task_id, record.stage) == (update.task_id, update.stage)
        news.append((update.task_id, update.stage, (record.kind, record.ref)))

    return suno.receiver(on_update=hook), news


async def test_the_hook_is_told_once_of_each_new_stage_in_order() -> None:
    """Whether or not somebody waits, and however often a callback is repeated."""
    async with opened(PENDING) as (suno, script):
        receiver, news = hooked(suno)
        task = await suno.generate_music(prompt="x")
        query = query_of(script)
        bodies = [called("text"), called("first", track(1)), called("text"), called("complete", track(1))]
        for body in bodies * 3:
            assert (await receiver.receive(body, {}, query)).status == 200
        assert news == []  # the answers came first
        await asyncio.sleep(10)
        record = ("GenerateMusic", task.ref)
        assert news == [(task.id, stage, record) for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE)]


async def test_the_hook_hears_of_tasks_that_nobody_holds() -> None:
    async with opened(PENDING) as (suno, script):
        receiver, news = hooked(suno)
        ref = (await suno.generate_lyrics(prompt="x")).ref
        lyrics = {"callbackType": "complete", "task_id": "t1", "data": [{"text": "la"}]}
        await receiver.receive(envelope(lyrics), {}, query_of(script))
        await asyncio.sleep(2)
        assert news == [("t1", Stage.COMPLETE, (GenerateLyrics.__name__, ref))]


async def test_the_hook_hears_of_a_signed_end_when_it_is_confirmed() -> None:
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, script):
        receiver, news = hooked(suno)
        task = await suno.generate_music(prompt="x")
        for _ in range(5):
            await receiver.receive(called("error", code=501), signature("t1"))
        await asyncio.sleep(60)
        assert [(id, stage) for id, stage, _ in news] == [(task.id, Stage.COMPLETE)]
        assert len(script.polled_at) <= 2  # those that came meanwhile share the next


async def test_the_hook_hears_nothing_that_is_not_proven() -> None:
    async with opened(DONE, callback_url=None) as (suno, _):
        receiver, news = hooked(suno)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", EVIL))
        await asyncio.sleep(60)
        assert news == []


async def test_a_hook_that_fails_or_hangs_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Stage] = []

    async def hook(update: Update[Any], record: Record) -> None:
        calls.append(update.stage)
        if update.stage is Stage.TEXT:
            raise LookupError("mine")
        await asyncio.sleep(10_000)

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=hook)
        task = await suno.generate_music(prompt="x")
        for body in (called("text"), called("complete", track(1))):
            assert (await receiver.receive(body, {}, query_of(script))).status == 200
        assert (await task).tracks
        await asyncio.sleep(1)
    assert calls == [Stage.TEXT, Stage.COMPLETE]
    assert "the hook for updates failed" in caplog.text
    assert now() < 20  # closing does not wait for ever


async def test_a_hook_may_be_a_plain_function() -> None:
    news: list[Stage] = []
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=lambda update, record: news.append(update.stage))
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(0.1)
        assert news == [Stage.COMPLETE]


async def test_who_wants_confirmation_gets_a_look_for_each_stage() -> None:
    """A whole captured request, address included, then causes a look and nothing else."""
    async with opened(PENDING, PENDING, DONE) as (suno, script):
        news: list[Stage] = []
        receiver = suno.receiver(confirm=True, on_update=lambda update, record: news.append(update.stage))
        task = await suno.generate_music(prompt="x")
        assert (await receiver.receive(called("complete", EVIL), {}, query_of(script))).decision is Decision.CONFIRM
        await asyncio.sleep(1)
        assert (task.stage, len(script.polled_at)) == (Stage.PENDING, 1)
        assert (await task).tracks[0].audio_url == "https://files.example.com/1.mp3"
        await asyncio.sleep(1)
        assert news == [Stage.COMPLETE]


async def test_the_client_closes_with_its_application() -> None:
    suno = SunoClient(api_key="k", transport=Script())
    async with suno.lifespan(object()):
        await suno.generate_music(prompt="x")
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.generate_music(prompt="x")


async def test_a_hook_may_close_the_client() -> None:
    ended: list[float] = []
    suno = SunoClient(api_key="k", transport=(script := Script(PENDING)), callback_url=URL)

    async def hook(update: Update[Any], record: Record) -> None:
        await suno.aclose()
        ended.append(now())

    receiver = suno.receiver(on_update=hook)
    await suno.generate_music(prompt="x")
    await receiver.receive(called("complete", track(1)), {}, query_of(script))
    await asyncio.sleep(60)
    assert ended == [pytest.approx(0, abs=1)]
