"""Ways in which something paid for could be lost, paid twice or kept from its owner, each once open."""

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    GenerateCover,
    GenerateMusic,
    Pace,
    ResponseLost,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    TaskTimeout,
    parse_callback,
)
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import State
from suno_async.stores.redis import RedisStore
from suno_async.submissions import codec
from suno_async.wire import tokens

from .conftest import now
from .doubles import DONE, PENDING, Script, called, page, reply, track
from .test_belief import KEY, signature
from .test_restarts import LOST, SONG, URL, Shaky, World, all_of, away_from, posts, sending, token_of
from .test_restarts import world as world

EXISTS = reply({"taskId": "c" * 32}, code=400)
COVER = GenerateCover(task_id="t0")


# ---- after the answer ------------------------------------------------------------------------------------------------


async def test_an_accepted_submit_gives_its_task_though_an_early_callback_cannot_be_kept() -> None:
    store = Shaky()
    script = Script(DONE, submits=[away_from(store, reply({"taskId": "t1"}))], delay=2)
    async with SunoClient(api_key="k", transport=script, store=store, webhook_key=KEY) as suno:
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(1)
        assert (await suno.receiver().receive(called("text"), signature("t1"))).status == 200
        assert (await submitting).id == "t1"  # it is paid for


async def test_what_existed_before_is_given_though_the_store_is_away() -> None:
    store = Shaky()
    async with SunoClient(api_key="k", transport=Script(submits=[away_from(store, EXISTS)]), store=store) as suno:
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


async def test_news_that_overtake_the_answer_are_known_when_it_comes(world: World) -> None:
    """Called back in another process, while somebody else waits here."""
    script = Script(PENDING)
    async with (
        world.process(script=script, callback_url=URL) as (suno, _),
        world.process(callback_url=URL) as (door, _),
    ):
        other = asyncio.ensure_future((await suno.submit(SONG)).wait())
        await asyncio.sleep(1)
        script.delay = 5
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(2)
        body = called("complete", track(1), track(2), task_id="t2")
        assert (await door.receiver().receive(body, {}, token_of(script))).status == 200
        task = await submitting
        began = now()
        assert len((await task).tracks) == 2
        assert now() - began < 0.3
        other.cancel()


# ---- callbacks -------------------------------------------------------------------------------------------------------


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


async def test_a_confirming_receiver_keeps_whose_task_it_is(world: World) -> None:
    """200 was answered, and it is a proven callback: killed now, the task must not be uncertain any more."""
    async with world.process(ResponseLost("look"), submits=[LOST], callback_url=URL) as (suno, script):
        with pytest.raises(SubmissionUncertain) as lost:
            await suno.submit(SONG)
        assert (await suno.receiver(confirm=True).receive(called("text"), {}, token_of(script))).status == 200
        await asyncio.sleep(5)
        assert (await world.record(ref=lost.value.ref)).task_id == "t1"


async def test_what_a_callback_said_while_the_store_was_away_is_written_down_when_it_is_back() -> None:
    store = Shaky()
    async with SunoClient(api_key="k", transport=(script := Script()), store=store, callback_url=URL) as suno:
        task = await suno.submit(SONG)
        store.away = True
        assert (await suno.receiver().receive(called("complete", track(1)), {}, token_of(script))).status == 503
        assert (await task).tracks
        store.away = False  # and the service has tried often enough
        await asyncio.sleep(60)
        assert [found.id for found in await all_of(suno.results())] == [task.id]


async def test_a_code_that_no_column_holds_is_news_and_no_crash(world: World) -> None:
    async with world.process(callback_url=URL) as (suno, script):
        task = await suno.submit(SONG)
        body = called("error", code=2**70)
        assert (await suno.receiver().receive(body, {}, token_of(script))).status == 200
        assert (await world.record(ref=task.ref)).state is State.FINISHED


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


# ---- handing on ------------------------------------------------------------------------------------------------------


async def test_what_has_not_ended_cannot_be_marked_as_delivered(world: World) -> None:
    """Its result would never be handed on."""
    async with world.process(DONE) as (suno, _):
        task = await suno.submit(SONG)
        assert not await suno.mark_delivered(task)
        await task
        assert [one.id for one in await all_of(suno.results())] == [task.id]


async def test_the_example_hands_on_what_ends_after_its_patience(world: World) -> None:
    from examples.workers import hand_on

    async with world.process(PENDING, pace=Pace(first=1, growth=1, cap=1, patience=5)) as (suno, script):
        task = await suno.submit(SONG, context={"order": "order-1"})
        with suppress(TaskTimeout):
            await hand_on(suno, task)
        script.polls = [DONE]
        await task
        assert len(await all_of(suno.results())) == 1


# ---- keys ------------------------------------------------------------------------------------------------------------


async def test_the_same_words_are_the_same_job() -> None:
    from suno_async import ExtendMusic

    five: Any = [ExtendMusic(audio_id="a", continue_at=at, model="V5") for at in (5, 5.0)]
    assert five[0] == five[1]
    assert codec.fingerprint(five[0]) == codec.fingerprint(five[1])


# ---- one bad thing ---------------------------------------------------------------------------------------------------


async def test_a_damaged_record_does_not_stop_all_submits(world: World) -> None:
    async with world.process(DONE) as (suno, _):
        task = await suno.submit(SONG)
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (task.ref,))
        db.close()
        assert (await task).tracks
        await asyncio.sleep(30)
        assert (await suno.submit(SONG)).id == "t2"


async def test_a_damaged_record_does_not_hide_the_others(world: World) -> None:
    async with world.process() as (suno, _):
        tasks = [await suno.submit(SONG) for _ in range(3)]
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (tasks[0].ref,))
        db.close()
        assert [task.id for task in await all_of(suno.resume())] == ["t2", "t3"]


async def test_a_lost_answer_is_uncertain_whatever_its_error_says(world: World) -> None:
    async with world.process(submits=[ResponseLost("bad line \udcff")]) as (suno, _):
        with pytest.raises(SubmissionUncertain):
            await suno.submit(SONG, key="k")
        assert len(await all_of(suno.uncertain())) == 1


async def test_a_closed_client_does_nothing_in_the_background(world: World) -> None:
    suno = SunoClient(api_key="k", transport=Script(), store=f"sqlite:///{world.path}")
    await suno.aclose()
    before = asyncio.all_tasks()
    suno.feed(parse_callback(called("complete", track(1))))
    await asyncio.sleep(30)
    assert asyncio.all_tasks() == before


# ---- the limit -------------------------------------------------------------------------------------------------------


class Counting(MemoryStore):
    reserved = 0

    async def reserve(self, name: str, place: str, rate: Any) -> float:
        self.reserved += 1
        return await super().reserve(name, place, rate)


async def test_who_waits_for_the_shared_window_waits_in_line() -> None:
    """First come, first served, and one of them asks the store, as `Limiter` says."""
    store, script = Counting(), Script()
    left: dict[SunoClient, list[int]] = {}

    async def submit(suno: SunoClient, number: int) -> None:
        await suno.submit(SONG)
        left.setdefault(suno, []).append(number)

    async with (
        SunoClient(api_key="k", transport=script, store=store) as one,
        SunoClient(api_key="k", transport=script, store=store) as two,
    ):
        await asyncio.gather(*(submit(suno, number) for number in range(200) for suno in (one, two)))
    assert store.reserved < 2 * 400
    assert [sorted(numbers) for numbers in left.values()] == list(left.values())


# ---- stores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # real time: there is a server
async def test_many_clients_may_share_one_store(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each listens while somebody waits; that must leave room for those who write."""
    store = RedisStore(request.getfixturevalue("redis").url, name=tmp_path.name)
    script = Script(PENDING)
    clients = [SunoClient(api_key=f"k{n}", transport=script, store=store) for n in range(20)]
    tasks = [await suno.submit(SONG) for suno in clients]
    waiting = [asyncio.ensure_future(task.wait()) for task in tasks]
    try:
        await asyncio.sleep(0.5)
        began = time.monotonic()
        await clients[0].submit(SONG)
        assert time.monotonic() - began < 0.5
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for suno in clients:
            await suno.aclose()
        await store.aclose()


# ---- several processes -----------------------------------------------------------------------------------------------


async def test_news_that_came_while_nobody_waited_are_known_to_who_waits_next(world: World) -> None:
    """Also if somebody has begun to wait for another task in between."""
    async with world.process(callback_url=URL) as (suno, script), world.process(callback_url=URL) as (door, _):
        task = await suno.submit(SONG)
        body = called("complete", track(1), track(2), task_id=task.id)
        assert (await door.receiver().receive(body, {}, token_of(script))).status == 200
        other = asyncio.ensure_future((await suno.submit(SONG)).wait())
        await asyncio.sleep(1)
        script.polls = [page("SUCCESS", track(1), track(2), task_id=task.id)]
        began = now()
        await task
        assert now() - began <= 0.25
        other.cancel()


async def test_one_who_cannot_look_keeps_nobody_from_looking(world: World) -> None:
    sick, well = Script(ResponseLost("no route")), Script(DONE)
    async with (
        world.process(script=sick, callback_url=URL) as (one, _),
        world.process(script=well, callback_url=URL) as (two, _),
    ):
        task = await one.submit(SONG)
        stuck = asyncio.ensure_future(task.wait())
        await asyncio.sleep(200)
        assert sick.polled_at
        began = now()
        assert (await two.attach(GenerateMusic, task.id).wait()).stage is Stage.COMPLETE
        assert now() - began < 200
        assert (await stuck).stage is Stage.COMPLETE


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
    from suno_async import ConfigurationError, GetTimestampedLyrics

    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    async with world.process(provider="kie-jobs", submits=[reply(words)]) as (suno, _):
        await suno.run(GetTimestampedLyrics(task_id="t", audio_id="a"), key="k")
        record = await world.record(key="k")
        with pytest.raises(ConfigurationError):
            await suno.adopt(record, "t9")
        assert (await world.record(key="k")).state is State.FINISHED


async def test_a_lost_answer_is_no_loss_if_a_callback_came_first(world: World) -> None:
    async with world.process(submits=[LOST], callback_url=URL) as (suno, script):
        script.delay = 5
        submitting = asyncio.create_task(suno.submit(SONG))
        await asyncio.sleep(2)
        await suno.receiver().receive(called("text"), {}, token_of(script))
        assert (await submitting).id == "t1"


async def test_closing_writes_at_once_what_the_store_is_owed() -> None:
    store = Shaky()
    suno = SunoClient(api_key="k", transport=Script(DONE), store=store)
    task = await suno.submit(SONG)
    store.away = True
    await task
    await asyncio.sleep(100)
    store.away = False
    began = now()
    await suno.aclose()
    assert now() - began < 0.1
    assert (await store.get(ref=task.ref)).state is State.FINISHED  # type: ignore[union-attr]


# ---- the file --------------------------------------------------------------------------------------------------------


async def test_nothing_is_submitted_if_the_file_was_removed_meanwhile(world: World) -> None:
    """SQLite writes on into a file that has no name any more, and is lost with the process."""
    async with world.process() as (suno, script):
        await suno.submit(SONG)
        for path in world.path.parent.iterdir():
            path.unlink()
        with pytest.raises(StoreError):
            await suno.submit(SONG, key="k")
        assert posts(script) == 1


async def test_a_damaged_record_keeps_no_others_news_from_who_waits(world: World) -> None:
    """Of tasks that ended while nobody waited for them."""
    async with world.process(callback_url=URL) as (suno, script), world.process(callback_url=URL) as (door, _):
        tasks = [await suno.submit(SONG) for _ in range(2)]
        body = called("complete", track(1), track(2), task_id=tasks[0].id)
        assert (await door.receiver().receive(body, {}, token_of(script, 0))).status == 200
        with sqlite3.connect(world.path) as db:
            db.execute("UPDATE records SET source = 'of a newer version' WHERE ref = ?", (tasks[1].ref,))
        db.close()
        began = now()
        waiting = [asyncio.ensure_future(task.wait()) for task in tasks]
        await waiting[0]
        assert now() - began <= 0.25
        waiting[1].cancel()
