"""What a task keeps in memory of its stages before the end: the bodies, from which their results are read again."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from suno_async import KIE, GenerateMusic, Pace, Record, Stage, SunoClient, Task, Update
from suno_async.wire import details
from suno_async.wire.envelope import Reply

from ..callbacks import query_of
from ..clients import client
from ..doubles import DONE, PENDING, Script, called, page, reply, track

TEXT = page("TEXT_SUCCESS", track(1, audio=False), track(2, audio=False), novelty=7)
FIRST = page("FIRST_SUCCESS", track(1), track(2, audio=False))
Tell = Callable[[SunoClient, Script, Task[Any]], Any]


async def by_polls(suno: SunoClient, network: Script, task: Task[Any]) -> None:
    await task


async def by_callbacks(suno: SunoClient, network: Script, task: Task[Any]) -> None:
    receiver, query = suno.receiver(), query_of(network)
    for stage, audio in (("text", (False, False)), ("first", (True, False)), ("complete", (True, True))):
        body = called(stage, *(track(n, audio=has) for n, has in enumerate(audio, 1)), task_id=task.id)
        assert (await receiver.receive(body, {}, query)).status == 200


def all_of(update: Update[Any]) -> tuple[Any, ...]:
    """Whatever can be asked of an update of music."""
    music = update.result
    assert music is not None
    read_from = (update.body, update.raw, update.record, music.raw, *(one.raw for one in music.tracks))
    return msgspec.json.encode(update), *read_from


@pytest.mark.parametrize("tell", [by_polls, by_callbacks])
async def test_updates_say_the_same_afterwards(tell: Tell) -> None:
    heard: list[Update[Any]] = []

    def note(update: Update[Any], record: Record) -> None:
        heard.append(update)

    network = Script(TEXT, FIRST, DONE) if tell is by_polls else Script(PENDING)
    async with client(
        network,
        callback_url="https://bot.example/suno",
        on_update=note,
        pace=Pace(first=10, growth=1, cap=10),
    ) as suno:
        task = await suno.submit(GenerateMusic(prompt="x", model="V5"))
        await tell(suno, network, task)
        await anyio.sleep(1)
        kept = [update async for update in task]
        assert [one.stage for one in kept] == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
        assert kept == heard == list(task.updates)
        assert await task.wait(Stage.TEXT) == task.last == heard[-1]
        for one, other in zip(kept, heard, strict=True):
            assert all_of(one) == all_of(other)
            assert one.result is not None
            assert one.result.tracks[0].model == "V5"


async def test_a_waiter_for_a_stage_gets_its_result() -> None:
    async with client(Script(TEXT, PENDING)) as suno:
        task = await suno.submit(GenerateMusic(prompt="x"))
        update = await task.wait(Stage.TEXT)
        assert update.result is not None
        assert [one.title for one in update.result.tracks] == ["Sample", "Sample"]
        assert update.raw["data"]["novelty"] == 7


async def test_the_results_of_stages_before_the_end_take_no_memory_beside_their_bodies() -> None:
    count, words = 20, "la " * 10_000
    body = page("TEXT_SUCCESS", track(1) | {"prompt": words}, track(2) | {"prompt": f"{words}!"}).body
    network = Script(lambda: Reply(200, bytes(bytearray(body))))  # a body of its own each, as from a network
    async with client(network, pace=Pace(first=10, growth=1e6, cap=1e6, patience=1e6)) as suno:
        tasks = [await suno.submit(GenerateMusic(prompt="x")) for _ in range(count)]
        waiting = [asyncio.ensure_future(task.get()) for task in tasks]
        await anyio.lowlevel.checkpoint()
        tracemalloc.start()
        try:
            await anyio.sleep(30)
            gc.collect()
            used, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert all(task.stage is Stage.TEXT for task in tasks)
        assert used / count < 1.2 * len(body)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_stage_that_another_process_read_at_the_other_api_keeps_its_result() -> None:
    """A handle that was attached by a bare id does not know which API its task was made by."""
    tracks = {"data": [{"id": "a", "audio_url": "https://f.example/1.mp3"}, {"id": "b"}]}
    body = reply({"taskId": "t1", "state": "success", "resultJson": msgspec.json.encode(tracks).decode()})
    assert KIE.jobs is not None
    update = details.update(body, GenerateMusic, KIE.jobs, "t1")
    async with client(Script(PENDING), provider="kie") as suno:
        task = suno.attach(GenerateMusic, "t1")
        task.feed(update)
        assert task.stage is Stage.FIRST
        assert (task.last, task.last.record) == (update, update.record)
