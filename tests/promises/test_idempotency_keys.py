"""One key is paid for once: at once, after a restart, and in several processes."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    KIE_LEGACY,
    AlreadyExists,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    GetTimestampedLyrics,
    InvalidJob,
    InvalidRequest,
    RateLimited,
    SunoClient,
    Task,
    UploadCover,
)
from suno_async.submissions import codec
from suno_async.submissions.codec import job_of
from suno_async.wire.envelope import Reply

from ..conftest import now
from ..doubles import DONE, PENDING, Script, envelope, reply
from .world import (
    SONG,
    Shaky,
    World,
    all_of,
    away_from,
    client,
    posts,
)
from .world import world as world

EXISTS = reply({"taskId": "c" * 32}, code=400)
COVER = GenerateCover(task_id="t0")


@pytest.mark.parametrize("shared", [True, False])
async def test_the_same_key_is_the_same_task(world: World, shared: bool) -> None:
    script = Script(DONE)
    async with SunoClient(api_key="k", transport=script, store=world.store() if shared else None) as suno:
        task = await suno.submit(SONG, key="order-42")
        assert await suno.submit(SONG, key="order-42") is task
        again = await asyncio.gather(*(suno.submit(SONG, key="order-42") for _ in range(5)))
        assert {one.id for one in again} == {task.id}
        assert (await suno.run(SONG, key="order-42")).tracks
        assert (await suno.submit(SONG, key="order-42")).done()
        await suno.submit(SONG, key="order-43")
        await suno.submit(SONG)
        assert posts(script) == 3
    for store in world.stores:
        await store.aclose()


async def test_many_who_submit_with_one_key_at_once_send_one(world: World) -> None:
    async with world.process(DONE) as (suno, script):
        script.delay = 3
        tasks = await asyncio.gather(*(suno.submit(SONG, key="k") for _ in range(10)))
        assert (posts(script), len({task.id for task in tasks})) == (1, 1)


async def test_a_key_is_known_after_a_restart(world: World) -> None:
    async with world.process(PENDING) as (suno, _):
        task = await suno.submit(SONG, key="k", context={"chat": 7})
    async with world.process(DONE) as (suno, script):
        again = await suno.submit(SONG, key="k", context="another")
        assert (again.id, again.ref, again.context) == (task.id, task.ref, {"chat": 7})
        assert (await again).tracks
    async with world.process(PENDING) as (suno, script):
        assert (await (await suno.submit(SONG, key="k"))).tracks[0].model == KIE_LEGACY.model
        assert script.sent == []  # neither sent nor looked at again


async def test_processes_that_race_for_a_key_send_one(world: World) -> None:
    script = Script(DONE, delay=2)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        tasks = await asyncio.gather(one.submit(SONG, key="k"), two.submit(SONG, key="k"))
        assert (posts(script), len({task.id for task in tasks})) == (1, 1)
        assert (await tasks[1]).tracks


async def test_processes_that_race_for_a_key_use_one_place_of_the_shared_window(world: World) -> None:
    """20 in 10 seconds: after one race of three, 19 more leave at once, and the next waits."""
    async with world.process() as (one, script), world.process() as (two, _), world.process() as (three, _):
        await asyncio.gather(*(suno.submit(SONG, key="order-42") for suno in (one, two, three)))
        began = now()
        for number in range(19):
            await one.submit(GenerateMusic(prompt=f"song {number}"))
        assert now() - began < 5
        await one.submit(SONG)
        assert now() - began > 9
    assert posts(script) <= 21


async def test_who_loses_the_race_waits_however_long_the_answer_takes(world: World) -> None:
    script = Script(DONE, delay=55)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        tasks = await asyncio.gather(one.submit(SONG, key="k"), two.submit(SONG, key="k"))
        assert (posts(script), len({task.id for task in tasks})) == (1, 1)


@pytest.mark.parametrize(
    "other", [GenerateMusic(prompt="sun"), GenerateMusic(prompt="rain", model="V5"), GenerateLyrics(prompt="rain")]
)
async def test_a_key_belongs_to_one_job(world: World, other: Any) -> None:
    async with world.process(DONE) as (suno, script):
        task = await suno.submit(SONG, key="order-42")
        with pytest.raises(InvalidJob, match=f"key belongs to another job .GenerateMusic, ref {task.ref}.*'order-42'"):
            await suno.submit(other, key="order-42")
        assert posts(script) == 1


async def test_a_key_belongs_to_one_gateway(world: World) -> None:
    async with world.process() as (suno, _):
        await suno.submit(SONG, key="k")
    async with world.process(provider="sunoapi") as (suno, script):
        with pytest.raises(InvalidJob, match="key belongs to a job at kie-legacy, got 'k'"):
            await suno.submit(SONG, key="k")
        assert posts(script) == 0


async def test_processes_that_race_with_other_jobs_for_a_key_are_told(world: World) -> None:
    script = Script(DONE, delay=2)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        results = await asyncio.gather(
            one.submit(SONG, key="k"), two.submit(GenerateMusic(prompt="sun"), key="k"), return_exceptions=True
        )
        assert Counter(type(result) for result in results) == {InvalidJob: 1, Task: 1}
        assert posts(script) == 1


async def test_another_default_model_makes_no_other_job(world: World) -> None:
    """What the user said is what counts."""
    async with world.process() as (suno, _):
        await suno.submit(SONG, key="k")
    async with world.process(model="V5") as (suno, script):
        await suno.submit(SONG, key="k")
        assert posts(script) == 0


async def test_a_file_is_uploaded_once_for_a_key(world: World, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"ID3")
    file = {"downloadUrl": "https://files.example/a.mp3", "fileName": "a.mp3"}
    job = UploadCover(upload_url=song, prompt="la la", style="fado", title="Rain")
    async with world.process(DONE, submits=[reply(file), reply({"taskId": "t1"})]) as (suno, script):
        task = await suno.submit(job, key="k")
        assert len(script.sent) == 2
        assert await suno.submit(job, key="k") is task
        assert len(script.sent) == 2
    record = await world.record(key="k")
    assert job_of(record) == UploadCover(
        upload_url="https://files.example/a.mp3",
        prompt="la la",
        style="fado",
        title="Rain",
        model=KIE_LEGACY.model,
    )


@pytest.mark.parametrize("refusal", [reply(code=422), reply(code=402)])
async def test_a_refusal_leaves_the_key_free(world: World, refusal: Reply) -> None:
    async with world.process(DONE, submits=[refusal]) as (suno, script):
        with pytest.raises(Exception, match="code 4"):
            await suno.submit(SONG, key="k")
        assert await all_of(suno.resume()) == []
        assert (await suno.submit(SONG, key="k")).id
        assert posts(script) == 2


async def test_who_waits_for_another_that_is_refused_submits_itself(world: World) -> None:
    script = Script(DONE, submits=[reply(code=422)], delay=2)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        results = await asyncio.gather(one.submit(SONG, key="k"), two.submit(SONG, key="k"), return_exceptions=True)
        assert Counter(type(result) for result in results) == {InvalidRequest: 1, Task: 1}
        assert posts(script) == 2


async def test_what_is_refused_for_a_while_is_one_submission(world: World) -> None:
    """It is written down once, and not taken for dead while it waits to be sent again."""
    later = Reply(200, envelope(code=430), retry_after=40)
    script = Script(DONE, submits=[later, reply(code=455), reply({"taskId": "t9"})])
    async with world.process(script=script) as (suno, _), world.process() as (other, unused):
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(0.3)
        [ref] = [task.ref for task in await all_of(suno.resume())]
        same = asyncio.create_task(other.submit(SONG, key="k"))
        while posts(script) < 3:
            assert await all_of(suno.uncertain()) == await all_of(other.uncertain()) == []
            assert [task.ref for task in await all_of(other.resume())] == [ref]
            await asyncio.sleep(3)
        task = await submitting
        assert (task.id, task.ref, (await same).ref) == ("t9", ref, ref)
        assert [task.id for task in await all_of(suno.resume())] == ["t9"]
        assert posts(unused) == 0


async def test_what_is_refused_for_good_leaves_nothing(world: World) -> None:
    later = Reply(200, envelope(code=430), retry_after=1000)
    async with world.process(DONE, submits=[reply(code=455), later]) as (suno, script):
        with pytest.raises(RateLimited):
            await suno.submit(SONG, key="k")
        assert await all_of(suno.resume()) == []
        assert (await suno.submit(SONG, key="k")).id == "t3"
        assert posts(script) == 3


async def test_a_caller_cancelled_between_two_attempts_leaves_nothing(world: World) -> None:
    later = Reply(200, envelope(code=430), retry_after=100)
    async with world.process(DONE, submits=[later]) as (suno, script):
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(50)
        submitting.cancel()
        await asyncio.sleep(100)
        assert posts(script) == 1
        assert await all_of(suno.resume()) == []
        assert (await suno.submit(SONG, key="k")).id == "t2"


@pytest.mark.parametrize("key", [" ", "x" * 513, 7, "\ud800", "a\0b"])
async def test_a_key_that_cannot_be_kept_is_refused_before_anything_is_sent(key: Any) -> None:
    async with SunoClient(api_key="k", transport=(script := Script())) as suno:
        with pytest.raises(InvalidJob, match="key must be text of at most 512 characters, not blank"):
            await suno.submit(SONG, key=key)
        assert script.sent == []


@pytest.mark.parametrize("context", [object(), {1: "x"}, (1, 2), b"x", float("nan"), datetime.now(UTC), {"a": {1}}])
async def test_a_context_that_would_not_come_back_is_refused(context: Any) -> None:
    async with SunoClient(api_key="k", transport=(script := Script())) as suno:
        with pytest.raises(InvalidJob, match="context must be what JSON gives back"):
            await suno.submit(SONG, context=context)
        assert script.sent == []


async def test_a_fan_out_can_be_run_again(world: World) -> None:
    jobs = [GenerateMusic(prompt=f"song {n}") for n in range(5)]

    def key(job: Any) -> str:
        return f"order {job.prompt}"

    async with world.process(DONE) as (suno, script):
        assert len(await all_of(suno.map(jobs[:3], key=key))) == 3
    async with world.process(DONE) as (suno, script):
        outcomes = await all_of(suno.map(jobs, key=key))
        assert {outcome.error for outcome in outcomes} == {None}
        assert posts(script) == 2


async def test_what_existed_before_is_one_task_with_or_without_a_key(world: World) -> None:
    exists = reply({"taskId": "c" * 32}, code=400)
    cover = GenerateCover(task_id="t0")
    async with world.process(PENDING, submits=[reply({"taskId": "c" * 32}), exists, exists]) as (suno, _):
        first = await suno.submit(cover)
        second = await suno.submit(cover)
        third = await suno.submit(cover, key="k")
        assert first is second is third
    async with world.process(PENDING) as (suno, script):
        assert (await suno.submit(cover, key="k")).id == "c" * 32
        assert posts(script) == 0
        assert {task.id for task in await all_of(suno.resume())} == {"c" * 32}


async def test_a_refusal_as_existing_without_a_task_is_a_refusal(world: World) -> None:
    async with world.process(submits=[reply(code=409)]) as (suno, _):
        with pytest.raises(AlreadyExists):
            await suno.submit(GenerateCover(task_id="t0"), key="k")
        assert await all_of(suno.resume()) == []


async def test_what_existed_before_is_returned_although_the_store_is_away() -> None:
    store = Shaky()
    async with client(store, Script(submits=[away_from(store, EXISTS)])) as suno:
        assert (await suno.submit(COVER, key="k")).id == "c" * 32


async def test_what_existed_before_has_the_context_that_it_was_submitted_with(world: World) -> None:
    async with world.process(submits=[EXISTS]) as (suno, _):
        task = await suno.submit(COVER, key="k", context="mine")
        record = await world.record(key="k")
        assert (task.context, task.ref) == ("mine", record.ref)


async def test_both_who_asked_for_what_existed_get_its_result(world: World) -> None:
    done = reply({"taskId": "c" * 32, "successFlag": 1, "response": {"images": ["https://f.example/1.png"]}})
    async with world.process(done, submits=[reply({"taskId": "c" * 32}), EXISTS]) as (suno, _):
        one = await suno.submit(COVER, key="k1", context="one")
        two = await suno.submit(COVER, key="k2", context="two")
        await asyncio.gather(one.wait(), two.wait())
        for task in await all_of(suno.resume()):
            await task
        told = [task.context for task in await all_of(suno.results()) if await suno.mark_delivered(task)]
        assert sorted(told) == ["one", "two"]


async def test_the_same_words_are_the_same_job() -> None:

    five: Any = [ExtendMusic(audio_id="a", continue_at=at, model="V5") for at in (5, 5.0)]
    assert five[0] == five[1]
    assert codec.fingerprint(five[0]) == codec.fingerprint(five[1])


async def test_a_call_that_the_jobs_api_answers_at_once_is_kept_with_its_answer(world: World) -> None:
    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    ask = GetTimestampedLyrics(task_id="t", audio_id="a")
    async with world.process(provider="kie-jobs", submits=[reply(words)]) as (suno, _):
        assert (await suno.run(ask, key="k", context="mine")).words[0].word == "la"
    async with world.process(provider="kie-jobs") as (suno, script):
        [task] = await all_of(suno.results())
        assert (task.context, (await task).words[0].word) == ("mine", "la")
        assert (await suno.run(ask, key="k")).words[0].word == "la"
        assert script.sent == []
