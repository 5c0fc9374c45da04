"""Nothing paid for is lost, and nothing is paid twice: keys, restarts, lost answers, and other processes.

Processes are clients of their own here, on one file; `test_workers` has real ones.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    SUNOAPI,
    AlreadyExists,
    ConfigurationError,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    GetTimestampedLyrics,
    InvalidJob,
    InvalidRequest,
    Pace,
    ResponseLost,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    Task,
    TaskFailed,
    Update,
    UploadCover,
)
from suno_async.stores import transitions
from suno_async.stores.base import Transition
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.stores.sqlite import SQLiteStore
from suno_async.submissions import codec
from suno_async.submissions.codec import job_of
from suno_async.submissions.coordination import LEASE
from suno_async.wire import encoding
from suno_async.wire.envelope import Reply

from .conftest import now
from .doubles import DONE, PENDING, Answer, Script, called, envelope, page, reply, track
from .loop import JumpLoop

URL = "https://bot.example/suno"
LOST = ResponseLost("gone")
SONG = GenerateMusic(prompt="rain")


class World:
    """One gateway, one file, and as many processes as a test opens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stores: list[SQLiteStore] = []
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpLoop)
        loop.jumps.grace = 0  # no sockets here
        loop.jumps.busy = lambda: any(store.busy for store in self.stores)

    def store(self) -> SQLiteStore:
        loop = asyncio.get_running_loop()
        self.stores.append(SQLiteStore(self.path, clock=loop.time))
        return self.stores[-1]

    @asynccontextmanager
    async def process(self, *looks: Answer, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
        script = settings.pop("script", None) or Script(*looks, submits=settings.pop("submits", None))
        store = self.store()
        loop = asyncio.get_running_loop()
        async with SunoClient(api_key="k", transport=script, store=store, **settings) as suno:
            suno._intents.clock = suno._ledger.clock = loop.time
            yield suno, script
        await store.aclose()

    async def record(self, **name: str) -> Record:
        store = self.store()
        found = await store.get(**name)
        await store.aclose()
        assert found is not None
        return found


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return World(tmp_path / "songs.db")


def token_of(script: Script, place: int = -1) -> dict[str, str]:
    """The query of the address that a submit gave."""
    return dict([script.posted[place]["callBackUrl"].split("?")[1].split("=")])


def posts(script: Script) -> int:
    return len(script.posted)


async def all_of(found: AsyncGenerator[Any]) -> list[Any]:
    return [one async for one in found]


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [True, False])
async def test_the_same_key_is_the_same_task(world: World, shared: bool) -> None:
    script = Script(DONE)
    async with SunoClient(api_key="k", transport=script, store=world.store() if shared else None) as suno:
        task = await suno.submit(SONG, key="order-42")
        assert await suno.submit(SONG, key="order-42") is task
        again = await asyncio.gather(*(suno.submit(SONG, key="order-42") for _ in range(5)))
        assert {one.id for one in again} == {task.id}
        assert (await suno.run(SONG, key="order-42")).tracks
        assert (await suno.submit(SONG, key="order-42")).done
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
        assert (await (await suno.submit(SONG, key="k"))).tracks[0].model == "V6"
        assert script.sent == []  # neither sent nor looked at again


async def test_processes_that_race_for_a_key_send_one(world: World) -> None:
    script = Script(DONE, delay=2)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        tasks = await asyncio.gather(one.submit(SONG, key="k"), two.submit(SONG, key="k"))
        assert (posts(script), len({task.id for task in tasks})) == (1, 1)
        assert (await tasks[1]).tracks


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
        with pytest.raises(InvalidJob, match="key belongs to a job at kie, got 'k'"):
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


async def test_a_file_is_handed_in_once_for_a_key(world: World, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"ID3")
    file = {"downloadUrl": "https://files.example/a.mp3", "fileName": "a.mp3"}
    job = UploadCover(upload_url=song, style="fado", title="Rain")
    async with world.process(DONE, submits=[reply(file), reply({"taskId": "t1"})]) as (suno, script):
        task = await suno.submit(job, key="k")
        assert len(script.sent) == 2
        assert await suno.submit(job, key="k") is task
        assert len(script.sent) == 2
    record = await world.record(key="k")
    assert job_of(record) == UploadCover(
        upload_url="https://files.example/a.mp3", style="fado", title="Rain", model="V6"
    )


@pytest.mark.parametrize("refusal", [reply(code=422), reply(code=402)])
async def test_a_refusal_leaves_the_key_free(world: World, refusal: Reply) -> None:
    async with world.process(DONE, submits=[refusal]) as (suno, script):
        with pytest.raises(Exception, match="code 4"):
            await suno.submit(SONG, key="k")
        assert await all_of(suno.resume()) == []
        assert (await suno.submit(SONG, key="k")).id
        assert posts(script) == 2


async def test_who_waits_for_another_that_is_refused_tries_himself(world: World) -> None:
    script = Script(DONE, submits=[reply(code=422)], delay=2)
    async with world.process(script=script) as (one, _), world.process(script=script) as (two, _):
        results = await asyncio.gather(one.submit(SONG, key="k"), two.submit(SONG, key="k"), return_exceptions=True)
        assert Counter(type(result) for result in results) == {InvalidRequest: 1, Task: 1}
        assert posts(script) == 2


async def test_what_is_refused_for_a_while_is_written_down_once_it_is_sent(world: World) -> None:
    """Killed between two attempts, nothing is uncertain, for nothing was made."""
    script = Script(DONE, submits=[reply(code=430), reply(code=455), reply({"taskId": "t9"})])
    async with world.process(script=script) as (suno, _):
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(0.3)
        while posts(script) < 3:
            assert await all_of(suno.resume()) == []
            await asyncio.sleep(0.05)
        assert (await submitting).id == "t9"
        assert [task.id for task in await all_of(suno.resume())] == ["t9"]


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


# ---- answers that are lost -------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_not_sent_again_and_is_listed(world: World) -> None:
    async with world.process(submits=[LOST], model="V5") as (suno, script):
        with pytest.raises(SubmissionUncertain) as caught:
            await suno.submit(SONG, key="k", context=[1])
        for _ in range(2):
            with pytest.raises(SubmissionUncertain) as again:
                await suno.submit(SONG, key="k")
            assert (again.value.ref, again.value.job.prompt) == (caught.value.ref, "rain")
        assert posts(script) == 1
    async with world.process() as (suno, script):
        [record] = await all_of(suno.uncertain())
        assert (record.ref, record.key, record.context) == (caught.value.ref, "k", [1])
        assert (record.state, record.job) == (State.UNCERTAIN, GenerateMusic(prompt="rain", model="V5"))
        assert record.error == "ResponseLost: gone"
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        assert script.sent == []


async def test_a_callback_tells_what_became_of_a_lost_answer(world: World) -> None:
    """In another process, after a restart; it wakes who waits."""
    async with world.process(submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain) as lost:
            await suno.submit(SONG, key="k", context="mine")
    async with world.process(PENDING, callback_url=URL) as (suno, looks), world.process(callback_url=URL) as (door, _):
        [task] = await all_of(suno.resume())
        assert (task.id, task.ref, task.context, task.stage) == ("", lost.value.ref, "mine", Stage.PENDING)
        waiting = asyncio.ensure_future(task.wait(Stage.TEXT))
        await asyncio.sleep(200)
        began = now()
        verdict = await door.receiver().receive(called("text", track(1, audio=False)), {}, token_of(script))
        assert verdict.status == 200
        assert (await waiting).stage is Stage.TEXT
        assert now() - began <= 0.25
        assert (task.id, suno.attach(GenerateMusic, "t1")) == ("t1", task)
        await door.receiver().receive(called("complete", track(1), track(2)), {}, token_of(script))
        assert len((await task).tracks) == 2
        assert await all_of(suno.uncertain()) == []
        assert (await suno.submit(SONG, key="k")).id == "t1"
        assert looks.sent == []


async def test_a_callback_of_a_lost_answer_lets_the_client_look(world: World) -> None:
    async with world.process(DONE, submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG)
        [task] = await all_of(suno.resume())
        waiting = asyncio.ensure_future(task.wait())
        await asyncio.sleep(1)
        await suno.receiver().receive(called("text"), {}, token_of(script))
        assert (await waiting).stage is Stage.COMPLETE
        assert len(script.polled_at) == 1


@pytest.mark.parametrize("address", [URL, None])
async def test_who_waits_for_a_lost_answer_is_told_when_nothing_can_come(world: World, address: str | None) -> None:
    async with world.process(submits=[LOST], callback_url=address) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG)
        [task] = await all_of(suno.resume())
        began = now()
        with pytest.raises(SubmissionUncertain):
            await task
        assert now() - began == pytest.approx(1800 if address else 0, abs=3)


async def test_a_stranger_cannot_settle_a_lost_answer(world: World) -> None:
    async with world.process(submits=[LOST, reply({"taskId": "t5"})], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG)
        other = await suno.submit(SONG)
        receiver = suno.receiver()
        for query in ({}, {"suno": "A" * 40}):
            assert (await receiver.receive(called("complete", track(1)), {}, query)).status == 401
        # another submission's token, for the lost one; the lost one's, for another's task
        assert (await receiver.receive(called("complete", track(1)), {}, token_of(script, 1))).status == 401
        stolen = called("complete", track(1), task_id=other.id)
        assert (await receiver.receive(stolen, {}, token_of(script, 0))).status == 401
        assert len(await all_of(suno.uncertain())) == 1
        assert other.stage is Stage.PENDING


async def test_a_lost_submissions_address_does_not_speak_for_what_the_store_knows(world: World) -> None:
    """Not even in a process that holds neither of the two."""
    async with world.process(submits=[LOST, reply({"taskId": "t5"})], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG)
        ref = (await suno.submit(SONG)).ref
    async with world.process(callback_url=URL) as (door, _):
        stolen = called("complete", track(1), task_id="t5")
        assert (await door.receiver().receive(stolen, {}, token_of(script, 0))).status == 401
        assert len(await all_of(door.uncertain())) == 1
    assert (await world.record(ref=ref)).stage is Stage.PENDING


async def test_a_person_may_say_which_task_it_is(world: World) -> None:
    async with world.process(DONE, submits=[LOST]) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k", context="mine")
        [record] = await all_of(suno.uncertain())
        with pytest.raises(ConfigurationError, match="task_id must be text"):
            await suno.adopt(record, " ")
        task = await suno.adopt(record, "t7")
        assert (task.context, (await task).task_id) == ("mine", "t7")
        assert await suno.submit(SONG, key="k") is task
        assert await suno.adopt(record, "t7") is task
        with pytest.raises(ConfigurationError, match="task_id must be of an uncertain submission, got 't8'"):
            await suno.adopt(record, "t8")


async def test_a_person_may_give_it_up(world: World) -> None:
    async with world.process(DONE, submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        [record] = await all_of(suno.uncertain())
        [waited] = await all_of(suno.resume())
        assert await suno.dismiss(record)
        assert not await suno.dismiss(record)
        assert await all_of(suno.uncertain()) == await all_of(suno.resume()) == []
        task = await suno.submit(SONG, key="k")
        assert posts(script) == 2
        # if its callback comes all the same, the song is not lost
        late = called("complete", track(1), task_id="late")
        assert (await suno.receiver().receive(late, {}, token_of(script, 0))).status == 200
        assert (await waited).tracks
        assert [one.id for one in await all_of(suno.results())] == ["late"]
        assert not task.done()


async def test_what_is_known_by_now_is_not_given_up(world: World) -> None:
    """A person looks at a list while the callback comes."""
    async with world.process(submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        [record] = await all_of(suno.uncertain())
        await suno.receiver().receive(called("text"), {}, token_of(script))
        assert not await suno.dismiss(record)
        assert (await suno.submit(SONG, key="k")).id == "t1"
        assert posts(script) == 1


async def test_what_has_ended_cannot_be_given_up(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        task = await suno.generate_music(prompt="rain")
        await task
        assert not await suno.dismiss(task)
        assert len(await all_of(suno.results())) == 1


async def test_a_task_that_the_service_forgot_can_be_given_up(world: World) -> None:
    async with world.process() as (suno, _):
        task = await suno.generate_music(prompt="rain")
        assert await suno.dismiss(task)
        assert await all_of(suno.resume()) == []


# ---- killed while sending --------------------------------------------------------------------------------------------


def sending(ref: str = "AAECAwQFBgcICQoL", **more: Any) -> Record:
    given: dict[str, Any] = {"kind": "GenerateMusic", "provider": "kie", "sent": '{"prompt":"rain"}', "created": now()}
    return Record(ref=ref, **given | more)


async def test_what_was_being_sent_when_its_process_died_becomes_uncertain(world: World) -> None:
    dead = world.store()
    await dead.claim("send AAECAwQFBgcICQoL", "dead", LEASE)
    await dead.intend(sending(key="k", context="mine"))
    await dead.aclose()
    async with world.process() as (suno, script):
        assert await all_of(suno.uncertain()) == []  # it may be alive
        [task] = await all_of(suno.resume())
        with pytest.raises(SubmissionUncertain):
            await task
        assert now() == pytest.approx(LEASE, abs=3)
        [record] = await all_of(suno.uncertain())
        assert (record.state, record.context) == (State.UNCERTAIN, "mine")
        assert "ended before its answer came" in record.error
        assert script.sent == []


async def test_a_key_of_a_process_that_died_is_not_sent_again(world: World) -> None:
    dead = world.store()
    await dead.claim("send AAECAwQFBgcICQoL", "dead", LEASE)
    async with world.process() as (suno, script):
        await suno.submit(SONG, key="k")  # for its fingerprint
        print = (await world.record(key="k")).fingerprint
        await dead.intend(sending(key="another", print=print))
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="another")
        assert posts(script) == 1
    await dead.aclose()


async def test_a_submit_that_takes_long_is_not_taken_for_dead(world: World) -> None:
    script = Script(DONE, delay=50)
    async with world.process(script=script) as (one, _), world.process() as (two, other):
        submitting = asyncio.create_task(one.submit(SONG, context="mine"))
        await asyncio.sleep(5)
        [task] = await all_of(two.resume())
        waiting = asyncio.ensure_future(task.wait(Stage.COMPLETE))
        [own] = await all_of(one.resume())
        while not submitting.done():
            assert await all_of(one.uncertain()) == await all_of(two.uncertain()) == []
            await asyncio.sleep(4)
        assert (await submitting) is own
        other.polls = [DONE]
        assert (await waiting).stage is Stage.COMPLETE


async def test_who_waits_for_a_submit_elsewhere_hears_of_its_refusal(world: World) -> None:
    script = Script(submits=[reply(code=422)], delay=5)
    async with world.process(script=script) as (one, _), world.process() as (two, _):
        submitting = asyncio.create_task(one.submit(SONG))
        await asyncio.sleep(1)
        [task] = await all_of(two.resume())
        with pytest.raises(TaskFailed, match="refused where it was submitted, and nothing was made"):
            await task
        with pytest.raises(InvalidRequest):
            await submitting


# ---- after a restart -------------------------------------------------------------------------------------------------


class MyMusic(GenerateMusic, frozen=True, kw_only=True):
    """One of my own."""


async def test_everything_unfinished_is_resumed_with_its_context(world: World) -> None:
    async with world.process(page("TEXT_SUCCESS", track(1, audio=False)), submits=[LOST]) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, context="lost")
        await suno.submit(GenerateLyrics(prompt="x"), context={"chat": 1})
        music = await suno.submit(GenerateMusic(prompt="x", model="V5"), context={"chat": 2})
        await music.wait(Stage.TEXT)
        await suno.submit(MyMusic(prompt="x"), context={"chat": 3})
    async with world.process(DONE) as (suno, _):
        tasks: list[Task[Any]] = await all_of(suno.resume())
        assert [(task.kind, task.context, task.stage) for task in tasks] == [
            (GenerateMusic, "lost", Stage.PENDING),
            (GenerateLyrics, {"chat": 1}, Stage.PENDING),
            (GenerateMusic, {"chat": 2}, Stage.TEXT),
            (MyMusic, {"chat": 3}, Stage.PENDING),
        ]
        assert [task.context for task in await all_of(suno.resume())] == [task.context for task in tasks]
        assert tasks[2].id == music.id
        assert (await tasks[2]).tracks[0].model == "V5"
        assert (await tasks[3]).tracks
        assert len(await all_of(suno.resume())) == 2


async def test_what_is_not_ours_to_resume_is_left_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    store = world.store()
    await store.intend(sending("AAAAAAAAAAAAAAA1", kind="shop.jobs:SingMore"))
    await store.aclose()
    async with world.process(provider="sunoapi") as (suno, _):
        await suno.submit(SONG)
    async with world.process() as (suno, _):
        assert await all_of(suno.resume()) == []
        assert "kind shop.jobs:SingMore, which is not imported here" in caplog.text
    async with world.process(provider=SUNOAPI) as (suno, _):
        assert len(await all_of(suno.resume())) == 1


async def test_results_that_nobody_took_are_found_once(world: World) -> None:
    rejected = page("SENSITIVE_WORD_ERROR", errorMessage="no")
    async with world.process(DONE) as (suno, script):
        for number in range(3):
            await (await suno.submit(SONG, context=number))
        script.polls = [rejected]
        with pytest.raises(TaskFailed):
            await (await suno.submit(SONG, context=3))
    async with world.process() as (one, script), world.process() as (two, _):
        tasks: list[Task[Any]] = await all_of(one.results())
        assert [task.context for task in tasks] == [0, 1, 2, 3]
        assert (await tasks[0]).tracks[0].audio_url == "https://files.example.com/1.mp3"
        with pytest.raises(TaskFailed, match=r"no .SENSITIVE_WORD_ERROR"):
            await tasks[3]
        marked = await asyncio.gather(*(suno.mark_delivered(task) for task in tasks for suno in (one, two)))
        assert marked.count(True) == 4
        assert await all_of(one.results()) == await all_of(two.results()) == []
        assert script.sent == []


async def test_results_since_a_moment(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        for number in range(3):
            await asyncio.sleep(100)
            await (await suno.submit(SONG, context=number))
        records = [await world.record(ref=task.ref) for task in await all_of(suno.results())]
        moment = records[1].updated
        assert [task.context for task in await all_of(suno.results(since=moment))] == [1, 2]
        day = datetime.fromtimestamp(moment, UTC) + timedelta(seconds=1)
        assert [task.context for task in await all_of(suno.results(since=day))] == [2]


async def test_a_result_can_be_marked_as_soon_as_it_is_there(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        task = await suno.generate_music(prompt="rain")
        await task
        assert await suno.mark_delivered(task)
        assert not await suno.mark_delivered(task)
        assert await all_of(suno.results()) == []


async def test_what_is_resumed_is_looked_at_when_it_would_have_been(world: World) -> None:
    async with world.process() as (suno, _):
        await suno.generate_music(prompt="rain")
    async with world.process(DONE) as (suno, script):
        await asyncio.sleep(4)
        [task] = await all_of(suno.resume())
        await task
        assert script.polled_at == [pytest.approx(10, abs=0.2)]
    async with world.process() as (suno, _):
        await suno.generate_music(prompt="rain")
    async with world.process(DONE) as (suno, script):
        await asyncio.sleep(400)
        began = now()
        [task] = await all_of(suno.resume())
        await task
        assert now() - began < 0.3


async def test_nothing_is_kept_in_memory_of_what_nobody_holds(world: World) -> None:
    async with world.process(callback_url=URL) as (suno, _):
        suno._sender._limiter.period = 0
        suno._sender._limiter._reserve = None
        for _ in range(200):
            await suno.generate_music(prompt="rain")
        await asyncio.sleep(1)
        assert (len(suno._tasks), len(suno._ledger._unsettled), len(suno._inbox._held)) == (0, 0, 0)
        assert (len(suno._intents._sending), len(suno._sender._turns), len(suno._inbox._early)) == (0, 0, 0)
        assert len(await all_of(suno.resume())) == 200


async def test_resuming_holds_no_more_than_it_gives(world: World) -> None:
    store = world.store()
    await asyncio.gather(
        *(store.intend(sending(f"{n:016}", task_id=f"t{n}", state=State.RUNNING)) for n in range(2000))
    )
    await store.aclose()
    async with world.process() as (suno, _):
        count, most = 0, 0
        async for _task in suno.resume():
            count, most = count + 1, max(most, len(suno._tasks))
        assert count == 2000
        assert most <= 2


# ---- several processes -----------------------------------------------------------------------------------------------


async def test_submitted_here_called_back_there_awaited_elsewhere(world: World) -> None:
    async with (
        world.process(callback_url=URL) as (submitter, script),
        world.process(callback_url=URL) as (door, unused),
        world.process(callback_url=URL) as (waiter, looks),
    ):
        submitted = await submitter.submit(SONG, context={"chat": 7})
        heard: list[tuple[Any, ...]] = []
        receiver = door.receiver(on_update=lambda update, record: heard.append((update.stage, record.context)))
        [resumed] = await all_of(waiter.resume())
        stages: list[tuple[Stage, float]] = []

        async def follow(task: Task[Any]) -> None:
            async for update in task:
                stages.append((update.stage, now()))

        following = [asyncio.create_task(follow(task)) for task in (resumed, submitted)]
        await asyncio.sleep(10)
        said: dict[Stage, float] = {}
        for stage, body in (
            (Stage.TEXT, called("text")),
            (Stage.FIRST, called("first", track(1))),
            (Stage.COMPLETE, called("complete", track(1), track(2))),
        ):
            said[stage] = now()
            assert (await receiver.receive(body, {}, token_of(script))).status == 200
            await asyncio.sleep(30)
        await asyncio.gather(*following)
        assert Counter(stage for stage, _ in stages) == {Stage.TEXT: 2, Stage.FIRST: 2, Stage.COMPLETE: 2}
        assert max(at - said[stage] for stage, at in stages) <= 0.25
        assert len((await resumed).tracks) == 2
        assert heard == [(stage, {"chat": 7}) for stage in said]
        assert looks.polled_at == unused.polled_at == script.polled_at == []


async def test_a_hook_in_each_of_many_processes_hears_of_each_stage_once(world: World) -> None:
    """Wherever the callbacks land, repeats and restarts included."""
    heard: list[Stage] = []
    async with world.process(callback_url=URL) as (submitter, script):
        await submitter.submit(SONG)
        query = token_of(script)
    bodies = [called("text"), called("first", track(1)), called("complete", track(1))]
    for _ in range(2):
        async with world.process(callback_url=URL) as (one, _), world.process(callback_url=URL) as (two, _):
            doors = [suno.receiver(on_update=lambda update, record: heard.append(update.stage)) for suno in (one, two)]
            for place, body in enumerate(bodies * 2):
                assert (await doors[place % 2].receive(body, {}, query)).status == 200
            await asyncio.sleep(5)
    assert sorted(heard) == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


async def test_a_kind_that_is_not_imported_here_disturbs_nobody_who_waits(world: World) -> None:
    store = world.store()
    await store.intend(sending("AAAAAAAAAAAAAAA1", kind="shop.jobs:SingMore", task_id="t8", state=State.RUNNING))
    async with world.process(callback_url=URL) as (one, _), world.process(PENDING, callback_url=URL) as (two, _):
        task = await one.submit(SONG)
        waiting = asyncio.ensure_future(two.attach(GenerateMusic, task.id).wait())
        strange = asyncio.ensure_future(two.attach(GenerateMusic, "t8").wait())
        await asyncio.sleep(1)
        await store.change(partial(transitions.updated, update=told("t8"), now=1), ref="AAAAAAAAAAAAAAA1")
        await store.change(partial(transitions.updated, update=told(task.id), now=1), ref=task.ref)
        began = now()
        assert [update.stage for update in await asyncio.gather(waiting, strange)] == [Stage.COMPLETE] * 2
        assert now() - began < 0.3
    await store.aclose()


def told(id: str) -> Update[Any]:
    return Update(task_id=id, stage=Stage.COMPLETE, body=page("SUCCESS", track(1)).body)


async def test_ten_who_wait_for_one_task_look_as_often_as_one(world: World) -> None:
    async def looks_of(count: int) -> tuple[list[float], float]:
        world.path = world.path.with_name(f"{count}.db")
        script = Script(*[PENDING] * 8, DONE)
        began = now()
        async with world.process(script=script) as (first, _):
            id = (await first.submit(SONG)).id
            tasks = [await _waiter(world, script, id) for _ in range(count)]
            await asyncio.gather(*(task for task, _ in tasks))
            ended = now() - began
            for _, leave in tasks:
                await leave()
        return [at - began for at in script.polled_at], ended

    alone, ended = await looks_of(1)
    together, all_ended = await looks_of(10)
    assert len(together) == len(alone) == 9
    assert all_ended - ended < 15


async def _waiter(world: World, script: Script, id: str) -> tuple[Task[Any], Callable[[], Any]]:
    process = world.process(script=script)
    suno, _ = await process.__aenter__()
    await asyncio.sleep(0.3)
    return suno.attach(GenerateMusic, id), lambda: process.__aexit__(None, None, None)


async def test_when_the_one_who_looks_is_gone_another_does(world: World) -> None:
    pace = Pace(first=2, growth=1, cap=2, patience=600)
    script = Script(PENDING)
    async with world.process(script=script, pace=pace) as (one, _), world.process(script=script, pace=pace) as (two, _):
        task = await one.submit(SONG)
        first = asyncio.ensure_future(task.wait())
        other = asyncio.ensure_future(two.attach(GenerateMusic, task.id).wait())
        await asyncio.sleep(60)
        assert len(script.polled_at) == pytest.approx(30, abs=2)
        first.cancel()
        script.polls = [DONE]
        began = now()
        assert (await other).stage is Stage.COMPLETE
        assert now() - began < 6


async def test_an_end_is_in_the_store_before_anybody_is_told(world: World) -> None:
    async with world.process(DONE) as (one, _), world.process() as (two, _):
        task = await one.submit(SONG)
        await task
        assert [found.id for found in await all_of(two.results())] == [task.id]


async def test_ten_processes_share_the_accounts_window(world: World) -> None:
    async def submit(suno: SunoClient) -> None:
        await asyncio.gather(*(suno.submit(SONG) for _ in range(10)))

    script = Script()
    processes = [world.process(script=script) for _ in range(10)]
    clients = [(await process.__aenter__())[0] for process in processes]
    await asyncio.gather(*map(submit, clients))
    at = [when for when, method, _, _ in script.sent if method == "POST"]
    for process in processes:
        await process.__aexit__(None, None, None)
    assert len(at) == 100
    assert min(later - earlier for earlier, later in zip(at, at[20:], strict=False)) >= 10
    assert at[-1] - at[0] < 45


async def test_two_accounts_have_a_window_each(world: World) -> None:
    script, store = Script(), world.store()
    async with (
        SunoClient(api_key="a", transport=script, store=store) as one,
        SunoClient(api_key="b", transport=script, store=store) as two,
    ):
        await asyncio.gather(*(suno.submit(SONG) for suno in (one, two) for _ in range(20)))
        assert now() < 1
    await store.aclose()


async def test_a_signed_end_that_comes_to_another_process_is_looked_up_there(world: World) -> None:
    from .test_belief import KEY, signature

    settings: dict[str, Any] = {"webhook_key": KEY}
    async with world.process(**settings) as (submitter, _), world.process(DONE, **settings) as (door, looks):
        task = await submitter.submit(SONG)
        verdict = await door.receiver().receive(called("complete", track(1), task_id=task.id), signature(task.id))
        assert verdict.status == 200
        await asyncio.sleep(2)
        assert len(looks.polled_at) == 1
        assert (await world.record(ref=task.ref)).state is State.FINISHED


async def test_feed_is_written_down_too(world: World) -> None:
    from suno_async import parse_callback

    async with world.process() as (suno, _):
        task = await suno.submit(SONG)
        assert suno.feed(parse_callback(called("complete", track(1), task_id=task.id)))
        await asyncio.sleep(1)
        assert (await world.record(ref=task.ref)).stage is Stage.COMPLETE


async def test_feed_of_a_task_that_nobody_holds_is_written_down(world: World) -> None:
    from suno_async import parse_callback

    async with world.process() as (one, _), world.process() as (two, _):
        ref = (await one.submit(SONG)).ref
        two.feed(parse_callback(called("complete", track(1))))
        await asyncio.sleep(1)
        assert (await world.record(ref=ref)).stage is Stage.COMPLETE


# ---- a store that is behind ------------------------------------------------------------------------------------------


class Shaky(MemoryStore):
    """A store that can be away for a while."""

    away = False

    def _there(self) -> None:
        if self.away:
            raise StoreError("away")

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        self._there()
        return await super().intend(record, owner, ttl)

    async def change(self, step: Transition, *, ref: str = "", task_id: str = "") -> Record | None:
        self._there()
        return await super().change(step, ref=ref, task_id=task_id)

    async def remove(self, ref: str) -> None:
        self._there()
        await super().remove(ref)

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        self._there()
        return await super().get(ref=ref, task_id=task_id, key=key)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        self._there()
        return await super().claim(name, owner, ttl)


def away_from(store: Shaky, answer: Reply | Exception) -> Callable[[], Reply]:
    """The store goes away while this is asked."""

    def answered() -> Reply:
        store.away = True
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answered


async def test_nothing_is_sent_that_cannot_be_written_down() -> None:
    store = Shaky()
    store.away = True
    async with SunoClient(api_key="k", transport=(script := Script()), store=store) as suno:
        for key in ("", "k"):
            with pytest.raises(StoreError, match="away"):
                await suno.submit(SONG, key=key)
        assert script.sent == []
        store.away = False
        await suno.submit(SONG, key="k")
        assert posts(script) == 1


async def test_an_accepted_task_is_given_and_written_down_later(caplog: pytest.LogCaptureFixture) -> None:
    store = Shaky()
    script = Script(PENDING, DONE, submits=[away_from(store, reply({"taskId": "t1"}))])
    async with SunoClient(api_key="k", transport=script, store=store) as suno:
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
    async with SunoClient(api_key="k", transport=Script(submits=[away_from(store, answer)]), store=store) as suno:
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
    async with SunoClient(api_key="k", transport=script, store=store) as suno:
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(0.01)
        store.away = False
        task = await submitting
        await asyncio.sleep(60)
        found = await store.get(key="k")
        assert found is not None
        assert (found.task_id, found.state) == (task.id, State.RUNNING)


async def test_nothing_is_sent_before_the_store_knows_what_went_before() -> None:
    store = Shaky()
    script = Script(DONE, submits=[away_from(store, reply({"taskId": "t1"}))])
    async with SunoClient(api_key="k", transport=script, store=store) as suno:
        await suno.submit(SONG)
        for _ in range(2):
            with pytest.raises(StoreError, match="away"):
                await suno.submit(SONG)
        assert posts(script) == 1
        store.away = False
        assert (await suno.submit(SONG)).id == "t2"
        assert [task.id for task in await all_of(suno.resume())] == ["t1", "t2"]


async def test_a_callback_is_answered_200_only_when_it_is_written_down() -> None:
    store = Shaky()
    async with SunoClient(api_key="k", transport=(script := Script()), store=store, callback_url=URL) as suno:
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
    """By signature alone, so that nobody knew whose it is; it was answered 200 and will not come again."""
    from .test_belief import KEY, signature

    store = Shaky()
    script = Script(submits=[reply({"taskId": "t1"})], delay=5)
    async with SunoClient(api_key="k", transport=script, store=store, webhook_key=KEY) as suno:
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(1)
        text = called("text", track(1, audio=False))
        assert (await suno.receiver().receive(text, signature("t1"))).status == 200
        store.away = True
        task = await submitting
        assert (task.id, task.stage) == ("t1", Stage.TEXT)
        store.away = False
        await asyncio.sleep(10)
        found = await store.get(ref=task.ref)
        assert found is not None
        assert (found.task_id, found.stage) == ("t1", Stage.TEXT)


async def test_waiting_goes_on_without_the_store() -> None:
    store = Shaky()
    script = Script(PENDING, page("TEXT_SUCCESS", track(1, audio=False)), PENDING, DONE)
    async with SunoClient(api_key="k", transport=script, store=store) as suno:
        task = await suno.submit(SONG)
        store.away = True
        assert (await task).tracks
        store.away = False
        await asyncio.sleep(10)
        assert [found.id for found in await all_of(suno.results())] == [task.id]


async def test_closing_says_what_could_not_be_written_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    store = Shaky()
    async with SunoClient(api_key="k", transport=Script(DONE), store=store) as suno:
        task = await suno.submit(SONG)
        store.away = True
        await task
        began = now()
    assert now() - began < 6
    assert f"the store could not be told: task {task.id} is COMPLETE" in caplog.text


async def test_a_record_that_the_store_lost_is_written_anew() -> None:
    store = Shaky()

    def emptied() -> Reply:
        store._records.clear()
        return reply({"taskId": "t1"})

    async with SunoClient(api_key="k", transport=Script(submits=[emptied]), store=store) as suno:
        await suno.submit(SONG, context="mine")
        assert [(task.id, task.context) for task in await all_of(suno.resume())] == [("t1", "mine")]


async def test_a_cancelled_caller_leaves_a_whole_record(world: World) -> None:
    async with world.process(DONE) as (suno, script):
        script.delay = 2
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(1)
        submitting.cancel()
        await asyncio.sleep(5)
        [task] = await all_of(suno.resume())
        assert (task.id, await suno.submit(SONG, key="k")) == ("t1", task)
        assert posts(script) == 1


async def test_a_caller_cancelled_in_the_queue_leaves_nothing(world: World) -> None:
    async with world.process(DONE) as (suno, script):
        await asyncio.gather(*(suno.submit(SONG) for _ in range(20)))
        submitting = asyncio.create_task(suno.submit(SONG, key="k"))
        await asyncio.sleep(1)
        submitting.cancel()
        await asyncio.sleep(60)
        assert posts(script) == 20
        assert (await suno.submit(SONG, key="k")).id == "t21"


# ---- where ----------------------------------------------------------------------------------------------------------


async def test_stores_by_their_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, path in (("sqlite:///songs.db", "songs.db"), (f"sqlite:///{tmp_path}/a%20b.db", f"{tmp_path}/a b.db")):
        suno = SunoClient(api_key="k", store=url)
        store = suno.store
        assert isinstance(store, SQLiteStore)
        assert str(store.path) == str(Path(path).absolute())
        await suno.aclose()
        with pytest.raises(StoreError, match="closed"):  # whoever is given an address opens and closes
            await store.get(ref="x")
    monkeypatch.setenv("SUNO_STORE", "memory:")
    async with SunoClient(api_key="k") as suno:
        assert isinstance(suno.store, MemoryStore)


@pytest.mark.parametrize(
    "url", ["songs.db", "sqlite://songs.db", "sqlite:///", "mysql://me:secret@host/db", "redis:", "sqlite:songs.db"]
)
def test_other_addresses_are_refused_without_their_passwords(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store must be sqlite:///path, redis://") as caught:
        SunoClient(api_key="k", store=url)
    assert "secret" not in str(caught.value)


async def test_a_store_that_was_handed_in_is_left_open(world: World) -> None:
    store = world.store()
    async with SunoClient(api_key="k", transport=Script(), store=store) as suno:
        task = await suno.submit(SONG)
    assert (await store.get(ref=task.ref)) is not None
    await store.aclose()


async def test_neither_key_nor_secrets_are_written_down(world: World) -> None:
    script = Script(DONE)
    store = world.store()
    secrets = {"api_key": "sk-very-secret", "callback_secret": "hidden-too", "webhook_key": "whk-hidden"}
    async with SunoClient(transport=script, store=store, callback_url=URL, **secrets) as suno:  # type: ignore[arg-type]
        task = await suno.submit(SONG, key="k")
        await task
        token = token_of(script)["suno"]
    await store.aclose()
    kept = b"".join(path.read_bytes() for path in world.path.parent.iterdir())
    assert task.id.encode() in kept
    for hidden in (*secrets.values(), token):
        assert hidden.encode() not in kept


async def test_a_call_that_the_jobs_route_answers_at_once_is_kept_with_its_answer(world: World) -> None:
    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    ask = GetTimestampedLyrics(task_id="t", audio_id="a")
    async with world.process(provider="kie-jobs", submits=[reply(words)]) as (suno, _):
        assert (await suno.run(ask, key="k", context="mine")).words[0].word == "la"
    async with world.process(provider="kie-jobs") as (suno, script):
        [task] = await all_of(suno.results())
        assert (task.context, (await task).words[0].word) == ("mine", "la")
        assert (await suno.run(ask, key="k")).words[0].word == "la"
        assert script.sent == []


# ---- every kind ------------------------------------------------------------------------------------------------------


def test_every_request_can_be_written_down_and_read_again() -> None:
    from suno_async import KIE
    from suno_async.api.requests import TABLE, Request

    from .sampled import asked

    kinds: tuple[type[Request[Any]], ...] = (*TABLE, MyMusic)
    for kind in kinds:
        assert codec.kind_named(codec.name_of(kind)) is kind
    requests: list[Request[Any]] = [param.values[0].request for param in asked()]
    assert len({type(request) for request in requests}) > 20
    for request in requests:
        record = Record(kind=codec.name_of(type(request)), request_json=codec.to_json(request))
        assert type(job_of(record)) is type(request)
        assert encoding.encode(job_of(record), KIE) == encoding.encode(request, KIE)
