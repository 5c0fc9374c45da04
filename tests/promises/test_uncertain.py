"""Submissions whose answer was lost, and those whose process died: never sent again, never forgotten."""

import asyncio

import pytest

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    GetTimestampedLyrics,
    InvalidRequest,
    ResponseLost,
    Stage,
    SubmissionUncertain,
    TaskFailed,
)
from suno_async.stores.record import State
from suno_async.submissions.codec import job_of
from suno_async.submissions.coordination import LEASE
from suno_async.wire import tokens

from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, reply, track
from .world import (
    LOST,
    SONG,
    URL,
    World,
    all_of,
    posts,
    sending,
    token_of,
)
from .world import world as world

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
        assert (record.state, job_of(record)) == (State.UNCERTAIN, GenerateMusic(prompt="rain", model="V5"))
        assert record.error == "ResponseLost: gone"
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        assert script.sent == []


async def test_a_callback_tells_what_became_of_a_lost_answer(world: World) -> None:
    """In another process, after a restart; it wakes who waits."""
    async with world.process(submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain) as lost:
            await suno.submit(SONG, key="k", context="mine")
    async with world.process(PENDING, callback_url=URL) as (suno, polls), world.process(callback_url=URL) as (door, _):
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
        assert polls.sent == []


async def test_a_callback_of_a_lost_answer_lets_the_client_poll(world: World) -> None:
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
async def test_waiting_for_a_lost_answer_ends_when_nothing_can_come(world: World, address: str | None) -> None:
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


async def test_a_lost_answer_is_uncertain_whatever_its_error_says(world: World) -> None:
    async with world.process(submits=[ResponseLost("bad line \udcff")]) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        assert len(await all_of(suno.uncertain())) == 1


async def test_a_lost_answer_is_no_loss_if_a_callback_came_first(world: World) -> None:
    async with world.process(submits=[LOST], callback_url=URL) as (suno, script):
        script.delay = 5
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(2)
        await suno.receiver().receive(called("text"), {}, token_of(script))
        assert (await submitting).id == "t1"


async def test_a_confirming_receiver_keeps_whose_task_it_is(world: World) -> None:
    """200 was answered, and it is a proven callback: killed now, the task must not be uncertain any more."""
    async with world.process(ResponseLost("poll"), submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain) as lost:
            await suno.submit(SONG)
        assert (await suno.receiver(confirm=True).receive(called("text"), {}, token_of(script))).status == 200
        await asyncio.sleep(5)
        assert (await world.record(ref=lost.value.ref)).task_id == "t1"


@pytest.mark.parametrize("settle", ["callback", "news"])
async def test_all_handles_of_a_task_hear_its_callbacks(world: World, settle: str) -> None:
    """One was resumed without an id, the other attached by it."""
    async with (
        world.process(submits=[LOST], callback_url=URL) as (suno, script),
        world.process(callback_url=URL) as (other, _),
    ):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG)
        [resumed] = await all_of(suno.resume())
        attached = suno.attach(GenerateMusic, "t1")
        waiting = [asyncio.ensure_future(task.wait()) for task in (resumed, attached)]
        await asyncio.sleep(10)
        door = (suno if settle == "callback" else other).receiver()
        await door.receive(called("text"), {}, token_of(script))
        await asyncio.sleep(5)
        began = now()
        await door.receive(called("complete", track(1), track(2)), {}, token_of(script))
        await asyncio.gather(*waiting)
        assert now() - began <= 0.3


async def test_a_callback_of_a_kind_that_is_not_imported_here_is_kept_or_refused(world: World) -> None:
    """200 says that it is stored; the only one who can tell the task id must not be sent away."""
    store = world.store()
    await store.intend(sending(kind="shop.jobs:SingMore", state=State.UNCERTAIN))
    async with world.process(callback_url=URL, callback_secret="s") as (door, _):
        query = {"suno": tokens.issue(b"s", 0, "AAECAwQFBgcICQoL")}
        verdict = await door.receiver().receive(called("complete", track(1), task_id="t9"), {}, query)
        found = await store.get(ref="AAECAwQFBgcICQoL")
        assert verdict.status == 503 or (found is not None and found.task_id == "t9")
    await store.aclose()


# ---- what a person decides -------------------------------------------------------------------------------------------


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


async def test_a_task_of_another_submission_cannot_be_adopted(world: World) -> None:
    from suno_async import ConfigurationError

    async with world.process(submits=[reply({"taskId": "t1"}), LOST]) as (suno, _):
        theirs = await suno.submit(SONG, context="theirs")
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, context="mine")
        [record] = await all_of(suno.uncertain())
        with pytest.raises(ConfigurationError):
            await suno.adopt(record, theirs.id)


async def test_a_result_without_a_task_cannot_be_adopted_away(world: World) -> None:
    from suno_async import ConfigurationError

    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    async with world.process(provider="kie-jobs", submits=[reply(words)]) as (suno, _):
        await suno.run(GetTimestampedLyrics(task_id="t", audio_id="a"), key="k")
        record = await world.record(key="k")
        with pytest.raises(ConfigurationError):
            await suno.adopt(record, "t9")
        assert (await world.record(key="k")).state is State.FINISHED


# ---- killed while sending --------------------------------------------------------------------------------------------


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
        await dead.intend(sending(key="another", fingerprint=print))
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
        with pytest.raises(TaskFailed, match="refused where it was submitted, and nothing was created"):
            await task
        with pytest.raises(InvalidRequest):
            await submitting


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
