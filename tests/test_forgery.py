"""Forged, captured and kept callbacks, and hooks that hear of them: each of these was a way in, or to be left out."""

import asyncio
import logging
import warnings
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from suno_async import ConvertToWav, GenerateMusic, Job, Pace, Stage, SunoClient, Wav

from .conftest import now
from .doubles import DONE, PENDING, Script, called, envelope, page, track
from .test_belief import EVIL, KEY, hooked, opened, query_of, signature

GOOD = "https://files.example.com/1.mp3"


EVIL_URL = "https://evil.example/x.mp3"


def cb(data: dict[str, Any], **outer: Any) -> bytes:
    return msgspec.json.encode({"code": 200, "msg": "ok", "data": data} | outer)


def snake(one: dict[str, Any]) -> Any:
    return msgspec.json.decode(called("text", one))["data"]["data"][0]


@pytest.mark.parametrize("claim", ["status", "state", "failed", "fail"])
async def test_signed_final_stage_dressed_as_text_is_not_believed(claim: str) -> None:
    data: dict[str, Any] = {"callbackType": "text", "task_id": "t1", "data": [snake(EVIL)]}
    if claim == "status":
        data["status"] = "SUCCESS"
    elif claim == "failed":
        data["status"] = "CREATE_TASK_FAILED"
    elif claim == "state":
        data |= {"state": "success", "resultJson": msgspec.json.encode({"data": [snake(EVIL)]}).decode()}
    else:
        data |= {"state": "fail", "failCode": "500", "failMsg": "no"}
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, _script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        await receiver.receive(cb(data), signature("t1"))
        assert not task.done(), task.last


async def test_old_address_after_a_restart_speaks_for_another_attached_task() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):  # the bot was restarted, ids come from its database
        receiver = suno.receiver()
        victim = suno.attach(GenerateMusic, "victim")
        await receiver.receive(called("complete", EVIL, task_id="victim"), {}, captured)
        assert (await victim).tracks[0].audio_url == GOOD


async def test_and_for_one_that_is_attached_later_and_the_real_one_is_refused() -> None:
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
        victim = await suno.generate_music(prompt="y")
        genuine = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("first", EVIL, task_id=victim.id), {}, captured)
        verdict = await receiver.receive(called("complete", track(1), task_id=victim.id), {}, genuine)
        assert verdict.status == 200


async def test_a_stolen_token_takes_the_real_tasks_callbacks_away() -> None:
    async with opened(PENDING) as (suno, script):
        task = await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("text", task_id="anything"), {}, captured)
        assert (await receiver.receive(called("complete", track(1), task_id=task.id), {}, captured)).status == 200


async def test_readme_both_without_address_is_401() -> None:
    async with opened(PENDING, webhook_key=KEY) as (suno, _script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        verdict = await receiver.receive(called("first", EVIL), signature("t1"), {})
        assert (verdict.status, task.stage) == (401, Stage.PENDING)


class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
    path = "/api/v1/flac/generate"
    details = "/api/v1/flac/record-info"
    result = Wav
    statuses = {"SUCCESS": Stage.COMPLETE}
    audio_id: str


async def test_confirm_is_forgotten_for_what_is_kept() -> None:
    async with opened(PENDING, delay=5.0) as (suno, script):
        receiver = suno.receiver(confirm=True)
        submitting = asyncio.create_task(suno.submit(ConvertToFlac(audio_id="a")))
        await asyncio.sleep(1)
        await receiver.receive(envelope({"task_id": "t1", "audioWavUrl": EVIL_URL}), {}, query_of(script))
        assert (await submitting).stage is Stage.PENDING


async def test_confirm_is_forgotten_for_signed_stages_that_are_kept() -> None:
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _script):
        receiver = suno.receiver(confirm=True)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        await receiver.receive(called("first", EVIL), signature("t1"))
        assert (await submitting).stage is Stage.PENDING


async def test_confirm_hook_loses_the_end_that_comes_while_a_stage_is_being_confirmed() -> None:
    async with opened(page("TEXT_SUCCESS"), DONE, delay=1.0) as (suno, script):
        news: list[Stage] = []
        receiver = suno.receiver(confirm=True, on_update=lambda update, record: news.append(update.stage))
        await suno.generate_music(prompt="x")
        await receiver.receive(called("text"), {}, query_of(script))
        await asyncio.sleep(0.5)  # the look for it is under way
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(2000)
        assert news[-1] is Stage.COMPLETE, news


async def test_hook_hears_of_a_signed_stage_that_overtook_its_submit() -> None:
    async with opened(DONE, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _script):
        receiver, news = hooked(suno)
        submitting = asyncio.create_task(suno.generate_music(prompt="x"))
        await asyncio.sleep(1)
        assert (await receiver.receive(called("text"), signature("t1"))).status == 200
        task = await submitting
        assert task.stage is Stage.TEXT
        await asyncio.sleep(60)
        assert [stage for _, stage, _ in news] == [Stage.TEXT]


async def test_hook_hears_of_a_failure_found_by_the_confirming_look() -> None:
    async with opened(page("GENERATE_AUDIO_FAILED")) as (suno, script):
        receiver, news = hooked(suno)
        task = await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1), track(2, audio=False)), {}, query_of(script))
        await asyncio.sleep(100)
        assert task.stage is Stage.FAILED
        assert Stage.FAILED in [stage for _, stage, _ in news], news


async def test_hook_hears_of_the_first_that_a_doubtful_end_made() -> None:
    async with opened(DONE) as (suno, script):
        receiver, news = hooked(suno)
        task = await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1), track(2, audio=False)), {}, query_of(script))
        assert task.stage is Stage.FIRST
        await asyncio.sleep(100)
        assert [stage for _, stage, _ in news] == [Stage.FIRST, Stage.COMPLETE]


async def test_hook_is_not_told_the_opposite_of_what_the_task_says() -> None:
    async with opened(DONE, pace=Pace(first=5, growth=1, cap=5, patience=100)) as (suno, script):
        receiver, news = hooked(suno)
        task = await suno.generate_music(prompt="x")
        await task
        await receiver.receive(called("error", code=501), {}, query_of(script))
        await asyncio.sleep(10)
        assert Stage.FAILED not in [stage for _, stage, _ in news]


async def test_after_the_end_nobody_can_speak_for_it() -> None:
    """README: until it ends."""
    told: list[Any] = []
    async with opened(DONE, pace=Pace(first=5, growth=1, cap=5, patience=100)) as (suno, script):
        receiver = suno.receiver(on_update=lambda update, record: told.append(update))
        task = await suno.generate_music(prompt="x")
        await task
        await receiver.receive(called("complete", EVIL), {}, query_of(script))
        await asyncio.sleep(10)
        assert EVIL_URL not in [one.audio_url for update in told for one in update.result.tracks]


async def test_closing_with_queued_calls_is_silent() -> None:
    async def hook(update: Any, record: Any) -> None:
        await asyncio.sleep(10_000)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with opened(PENDING) as (suno, script):
            receiver = suno.receiver(on_update=hook)
            await suno.generate_music(prompt="x")
            await receiver.receive(called("text"), {}, query_of(script))
            await receiver.receive(called("complete", track(1)), {}, query_of(script))
            await asyncio.sleep(1)
        import gc

        gc.collect()
    assert [str(one.message) for one in caught if "never awaited" in str(one.message)] == []


async def test_a_hook_that_is_cancelled_from_within_is_logged(caplog: Any) -> None:
    async def hook(update: Any, record: Any) -> None:
        other = asyncio.create_task(asyncio.sleep(100))
        other.cancel()
        await other

    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver(on_update=hook)
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        await asyncio.sleep(1)
    assert "hook" in caplog.text


async def test_after_closing_nothing_is_acknowledged() -> None:
    async with opened(DONE, callback_url=None, webhook_key=KEY) as (suno, _script):
        receiver, news = hooked(suno)
        await suno.generate_music(prompt="x")
        suno._tasks.get("t1")
    verdict = await receiver.receive(called("complete", track(1)), signature("t1"))
    await asyncio.sleep(100)
    assert verdict.status == 503 or news


async def test_a_busy_client_does_not_refuse_the_news_of_its_neighbours() -> None:
    """Webhook key, several workers behind one address: those of other workers fill the place for ever."""
    async with opened(PENDING, delay=5.0, callback_url=None, webhook_key=KEY) as (suno, _script):
        receiver = suno.receiver()
        statuses: list[int] = []
        submits: list[asyncio.Task[Any]] = []
        for number in range(1200):
            if number % 3 == 0:
                submits.append(asyncio.create_task(suno.submit(GenerateMusic(prompt="x"))))
            await asyncio.sleep(1)
            id = f"neighbour {number}"
            statuses.append((await receiver.receive(called("text", task_id=id), signature(id))).status)
        for one in submits:
            one.cancel()
        assert set(statuses) == {200}


class MyMusic(GenerateMusic, frozen=True, kw_only=True):
    """One of my own."""


async def test_refusals_are_told_to_the_operator(caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    async with opened(PENDING) as (suno, _script):
        receiver = suno.receiver()
        await suno.generate_music(prompt="x")
        await receiver.receive(called("complete", track(1)), {}, {})
    assert "t1" in caplog.text


async def test_a_second_hidden_submit_of_a_task_held_under_another_ref() -> None:
    """What a token of another submission said is not adopted by the submit that made the task."""
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
    async with opened(DONE) as (suno, script):
        receiver = suno.receiver()
        await receiver.receive(called("complete", EVIL, task_id="t1"), {}, captured)
        task = await suno.generate_music(prompt="y")
        assert (await task).tracks[0].audio_url == GOOD


@pytest.mark.parametrize("mode", ["signature", "confirm"])
async def test_readme_one_look_at_most_also_with_a_hook(mode: str) -> None:
    """README: a captured request causes one look; nobody waits for the task here."""
    settings = {"callback_url": None, "webhook_key": KEY} if mode == "signature" else {}
    async with opened(PENDING, **settings) as (suno, script):
        receiver = suno.receiver(on_update=lambda update, record: None, confirm=mode == "confirm")
        await suno.generate_music(prompt="x")
        headers, query = (signature("t1"), {}) if mode == "signature" else ({}, query_of(script))
        await receiver.receive(called("complete", EVIL), headers, query)
        await asyncio.sleep(4000)
        assert len(script.polled_at) <= 1, len(script.polled_at)


async def test_a_stranger_can_not_end_the_waiting_by_nudging() -> None:
    """Nothing configured: a hiccup of two seconds, read three times because strangers ask, is taken for good."""
    from suno_async.wire.envelope import Reply

    def answer() -> Reply:
        return Reply(200, b"[]") if 10 < now() < 12 else (DONE if now() > 30 else PENDING)

    async def run(attacked: bool) -> int:
        async with opened(answer, callback_url=None) as (suno, _script):
            receiver = suno.receiver()
            task = await suno.generate_music(prompt="x")
            waiting = asyncio.create_task(task.wait())
            for _ in range(40):
                await asyncio.sleep(0.5)
                if attacked and now() > 9.9:
                    await receiver.receive(called("text"))
            return (await waiting).stage

    assert await run(attacked=True) is Stage.COMPLETE


async def test_a_replay_after_a_restart_tells_the_hook_of_an_ended_task_again_with_other_files() -> None:
    """README: "until it ends": it ended, before the restart."""
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        captured = query_of(script)
        await suno.receiver().receive(called("complete", track(1)), {}, captured)
    async with opened(DONE) as (suno, script):
        told: list[Any] = []
        receiver = suno.receiver(on_update=lambda update, record: told.append(update.raw))
        await receiver.receive(called("complete", EVIL), {}, captured)
        await asyncio.sleep(100)
        assert told
        assert EVIL_URL not in repr(told)


class TestReal:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.mark.parametrize("head", ["Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "Content-Length: 100\r\n\r\nhel"])
    async def test_a_sender_that_hangs_up_is_no_500_with_a_traceback(self, head: str, caplog: Any) -> None:
        from .test_receiver import aiohttp_door

        async with SunoClient(api_key="k", transport=Script()) as suno, aiohttp_door(suno.receiver()) as url:
            _reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(f"POST /hooks/suno HTTP/1.1\r\nHost: x\r\n{head}".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.transport.abort()
            await asyncio.sleep(0.2)
        assert "Error handling request" not in caplog.text


async def test_control_without_the_stranger() -> None:
    from suno_async.wire.envelope import Reply

    def answer() -> Reply:
        return Reply(200, b"[]") if 10 < now() < 12 else (DONE if now() > 30 else PENDING)

    async with opened(answer, callback_url=None) as (suno, _script):
        suno.receiver()
        assert (await (await suno.generate_music(prompt="x"))).tracks


async def test_a_token_of_another_kind_than_the_tasks_own_is_refused() -> None:
    """The token proves kind and ref; of an attached task of another kind it can not be the token."""
    async with opened(PENDING) as (suno, script):
        await suno.generate_music(prompt="x")
        query = query_of(script)
    async with opened(PENDING) as (suno, script):
        receiver = suno.receiver()
        task = suno.attach(ConvertToWav, "w1")
        body = envelope({"task_id": "w1", "audioWavUrl": EVIL_URL})
        await receiver.receive(body, {}, query)
        assert task.stage is Stage.PENDING
