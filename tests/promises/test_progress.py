"""A bot can show how far a song is, and hears when nobody knows."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from suno_async import GenerateLyrics, GenerateMusic, Pace, SunoClient, TaskFailed, parse_callback
from suno_async.wire.envelope import Reply

from ..clients import by_task, client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, reply, track
from .world import URL, World, token_of, world

__all__ = ["world"]

SONG = GenerateMusic(prompt="rain")
EVERY_TEN = Pace(first=10, growth=1, cap=10, patience=3600)


def taking(seconds: Callable[[int], float]) -> Script:
    """A service whose task of a number takes so long."""

    def answer(task_id: str) -> Reply:
        number = int(task_id.removeprefix("t"))
        accepted = [at for at, method, _, _ in network.sent if method == "POST"][number - 1]
        done = now() >= accepted + seconds(number)
        return page("SUCCESS", track(1), track(2), task_id=task_id) if done else page("PENDING", task_id=task_id)

    network = by_task(answer)
    return network


async def test_of_music_the_page_says_how_long_it_takes_and_progress_follows_the_time() -> None:
    async with client(Script(PENDING, DONE), pace=Pace(first=105, growth=1, cap=105, patience=900)) as suno:
        task = await suno.submit(SONG)
        assert (task.eta, task.progress) == (180, 0)
        await asyncio.sleep(90)
        assert (task.eta, task.progress) == (90, 0.5)
        await task
        assert (now(), task.eta, task.progress) == (210, 0, 1)


async def test_what_takes_longer_than_expected_is_not_foretold_and_not_said_to_be_complete() -> None:
    async with client(Script(PENDING)) as suno:
        task = await suno.submit(SONG)
        await asyncio.sleep(179)
        assert task.eta == pytest.approx(1)
        await asyncio.sleep(2)
        assert (task.eta, task.progress) == (None, 0.95)
        await asyncio.sleep(10_000)
        assert (task.eta, task.progress) == (None, 0.95)


async def test_where_no_page_says_it_nobody_knows_until_a_few_were_seen() -> None:
    async with client(taking(lambda number: 20), pace=EVERY_TEN) as suno:
        for _ in range(3):
            task = await suno.submit(SONG)
            convert = await suno.convert_to_wav(task_id="a", audio_id="b")
            assert (convert.eta, convert.progress) == (None, None)
            await task
        assert (await suno.submit(SONG)).eta == 20


async def test_eta_is_learned_from_the_tasks_that_ended_here() -> None:
    async with client(taking(lambda number: 60 if number < 10 else 90), pace=EVERY_TEN) as suno:
        async for outcome in suno.map([SONG] * 10):
            assert outcome.error is None
        task = await suno.submit(SONG)
        assert task.eta == 60
        await asyncio.sleep(30)
        assert (task.eta, task.progress) == (30, 0.5)
        other = await suno.submit(GenerateMusic(prompt="rain", model="V4"))
        assert other.eta == 180  # another model


async def test_eta_is_learned_from_callbacks_too() -> None:
    network = Script(PENDING)
    async with client(network, callback_url=URL) as suno:
        receiver = suno.receiver()
        for number in range(1, 4):
            task = await suno.submit(SONG)
            await asyncio.sleep(100)
            body = called("complete", track(1), track(2), task_id=f"t{number}")
            assert (await receiver.receive(body, {}, token_of(network))).status == 200
            assert task.done()
        assert (await suno.submit(SONG)).eta == 100
    assert network.polled_at == []


async def test_songs_that_were_fetched_long_after_they_ended_teach_nothing() -> None:
    async with client(taking(lambda number: 60), pace=EVERY_TEN) as suno:
        tasks = [await suno.submit(SONG) for _ in range(5)]
        await asyncio.sleep(3000)
        await asyncio.gather(*tasks)
        assert (await suno.submit(SONG)).eta == 180


async def test_progress_never_falls_although_longer_times_are_learned() -> None:
    async with client(taking(lambda number: 400), pace=EVERY_TEN) as suno:
        slow = asyncio.gather(*[await suno.submit(SONG) for _ in range(3)])
        await asyncio.sleep(300)
        task = await suno.submit(SONG)
        await asyncio.sleep(90)
        assert (task.eta, task.progress) == (90, 0.5)
        await slow
        assert (now(), task.eta, task.progress) == (400, 300, 0.5)
        await asyncio.sleep(200)
        assert task.progress == 0.75


async def test_a_task_that_failed_has_ended_and_was_never_complete() -> None:
    failed = reply({"taskId": "t1", "status": "GENERATE_AUDIO_FAILED", "errorCode": 501, "errorMessage": "no"})
    async with client(Script(PENDING, failed), pace=Pace(first=45, growth=1, cap=45, patience=900)) as suno:
        task = await suno.submit(SONG)
        await asyncio.sleep(36)
        assert task.progress == 0.2
        with pytest.raises(TaskFailed):
            await task
        assert (task.eta, task.progress) == (0, 0.2)


async def test_of_a_task_that_was_attached_by_its_id_nobody_knows() -> None:
    async with client(Script(PENDING)) as suno:
        task = suno.attach(GenerateMusic, "t1")
        assert (task.eta, task.progress) == (None, None)
        assert suno.attach(GenerateLyrics, "t2").eta is None


async def test_asking_polls_nothing_and_needs_no_loop() -> None:
    network = Script(PENDING)
    suno = SunoClient(api_key="k", transport=network)
    task = suno.attach(GenerateMusic, "t1")
    assert await asyncio.to_thread(lambda: (task.eta, task.progress)) == (None, None)
    assert network.sent == []
    await suno.aclose()


async def test_after_a_restart_progress_goes_on_where_it_was(world: World) -> None:
    async with world.process(PENDING) as (suno, _):
        batch = [asyncio.create_task(suno.submit(SONG)) for _ in range(20)]
        await asyncio.gather(*batch)
        await suno.submit(SONG, context="waited")  # 10.2 s in the queue
    await asyncio.sleep(90)
    async with world.process(PENDING) as (suno, _):
        tasks: dict[Any, Any] = {task.context: task async for task in suno.resume()}
        assert tasks["waited"].eta == pytest.approx(90, abs=0.1)
        assert tasks["waited"].progress == pytest.approx(0.5, abs=0.01)


async def test_tasks_that_took_no_time_at_all_foretell_nothing() -> None:
    """An emulator may complete them within the resolution of the loop's clock."""
    async with client(Script(PENDING)) as suno:
        for _ in range(3):
            task = await suno.submit(SONG)
            suno.feed(parse_callback(called("complete", track(1), track(2), task_id=task.id)))
            assert task.done()
        task = await suno.submit(SONG)
        assert (task.eta, task.progress) == (None, 0.95)
