"""Success has its files: one that stays without ends the waiting and not the task, by poll and by callback."""

import asyncio
from typing import Any

import msgspec
import pytest

from suno_async import (
    ConvertToWav,
    CreateMusicVideo,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    SeparateStems,
    Stage,
    TaskFailed,
    TaskTimeout,
)
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.webhooks.policy import Decision
from suno_async.wire.callbacks import parse

from ..callbacks import opened, query_of
from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, envelope, page, reply, track

EMPTY: list[Any] = [page("SUCCESS"), page("SUCCESS", track(1, audio=False)), page("SUCCESS", response={"sunoData": []})]
OTHERS: list[tuple[Any, str, dict[str, Any]]] = [
    (ConvertToWav(task_id="t", audio_id="a"), "successFlag", {"audioWavUrl": None}),
    (CreateMusicVideo(task_id="t", audio_id="a"), "successFlag", {"videoUrl": ""}),
    (SeparateStems(task_id="t", audio_id="a"), "successFlag", {"vocalUrl": None, "originData": []}),
    (GenerateLyrics(prompt="x"), "status", {"data": [{"text": ""}]}),
    (GenerateCover(task_id="t"), "successFlag", {"images": []}),
]


@pytest.mark.parametrize("nothing", EMPTY, ids=["null", "no audio", "empty"])
async def test_by_poll(nothing: Any) -> None:
    script = Script(nothing)
    store = MemoryStore(clock=now)
    async with client(script, store=store, clock=now) as suno:
        task = await suno.submit(GenerateMusic(prompt="x"))
        with pytest.raises(TaskFailed, match="success without files") as caught:
            await task
        assert caught.value.raw == msgspec.json.decode(nothing.body)
        assert 60 <= now() <= 90
        assert (task.done(), task.stage) == (False, Stage.PENDING)
        record = await store.get(task_id="t1")
        assert record is not None
        assert record.state is State.RUNNING
        script.polls = [DONE]
        assert (await task).complete
        record = await store.get(task_id="t1")
        assert record is not None
        assert record.state is State.FINISHED


@pytest.mark.parametrize(("job", "name", "held"), OTHERS, ids=[type(one[0]).__name__ for one in OTHERS])
async def test_for_every_kind(job: Any, name: str, held: Any) -> None:
    word: Any = next(word for word, stage in job.statuses.items() if stage is Stage.COMPLETE)
    async with client(Script(reply({"taskId": "t1", name: word, "response": held}))) as suno:
        with pytest.raises(TaskFailed, match="success without files"):
            await suno.run(job)
        outcomes = [one async for one in suno.map([job])]
        assert [type(one.error) for one in outcomes] == [TaskFailed]


async def test_by_callback() -> None:
    async with opened(page("SUCCESS", track(1, audio=False))) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.get())
        await asyncio.sleep(1)
        await receiver.receive(called("complete", track(1, audio=False)), {}, query_of(script))
        with pytest.raises(TaskFailed, match="success without files"):
            await waiting
        assert 61 <= now() <= 75
        await receiver.receive(called("complete", track(1)), {}, query_of(script))
        assert (await task).complete


async def test_one_of_two_takes_is_a_success() -> None:
    async with client(Script(page("SUCCESS", track(1), track(2, audio=False)))) as suno:
        music = await suno.run(GenerateMusic(prompt="x"))
        assert not music.complete
        assert [bool(one.audio_url) for one in music.tracks] == [True, False]


def contradictory() -> dict[str, bytes]:
    """Callbacks that say two things at once."""
    whole: Any = {"taskId": "t1", "response": {"sunoData": [track(1)]}}
    return {
        **{f"code {code}": called("complete", track(1), track(2), code=code) for code in (0, 201, 400, 500, 531)},
        "error stage": called("error", track(1)),
        "page": envelope(whole | {"status": "SUCCESS"}),
        "failed page": envelope(whole | {"status": "GENERATE_AUDIO_FAILED"}),
        "record": envelope({"taskId": "t1", "state": "fail", "resultJson": '{"data":[{"id":"a","audio_url":"u"}]}'}),
    }


@pytest.mark.parametrize("body", contradictory().values(), ids=contradictory())
async def test_a_callback_that_contradicts_itself_is_confirmed_by_a_poll(body: bytes) -> None:
    async with opened(PENDING, DONE) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.get())
        await asyncio.sleep(1)
        verdict = await receiver.receive(body, {}, query_of(script))
        assert (verdict.status, verdict.decision) == (200, Decision.CONFIRM)
        assert task.stage is Stage.PENDING
        assert (await waiting).complete


@pytest.mark.parametrize("body", contradictory().values(), ids=contradictory())
async def test_it_is_confirmed_even_if_the_application_vouches_for_it(body: bytes) -> None:
    script = Script(DONE)
    async with client(script) as suno:
        task = await suno.generate_music(prompt="x")
        waiting = asyncio.create_task(task.get())
        await asyncio.sleep(0.5)
        suno.feed(parse(body))
        assert task.stage is Stage.PENDING
        assert (await waiting).complete
    assert script.polled_at == [0.5]


async def test_a_failure_that_contradicts_nothing_still_ends_the_task_by_a_poll() -> None:
    async with opened(page("GENERATE_AUDIO_FAILED")) as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        await receiver.receive(called("error", code=501), {}, query_of(script))
        with pytest.raises(TaskFailed):
            await task
        assert not isinstance(task.exception(), TaskTimeout)
