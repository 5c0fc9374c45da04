"""A client that drains finishes what has begun, takes nothing new, and leaves the rest to the store."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from suno_async import ConfigurationError, Download, GenerateMusic, Pace, Record, Stage, StoreError, SunoClient, Update
from suno_async.stores import MemoryStore

from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, track

SONG = GenerateMusic(prompt="rain")
URL = "https://bot.example/suno"


def drains(suno: SunoClient, seconds: float = 60) -> "asyncio.Task[None]":
    return asyncio.create_task(suno.aclose(drain=seconds))


async def test_what_is_awaited_is_waited_for_and_nothing_new_is_taken() -> None:
    network = Script(PENDING, PENDING, PENDING, DONE)
    suno = client(network)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.sleep(1)
    closing = drains(suno)
    await anyio.sleep(1)
    with pytest.raises(ConfigurationError, match="is being closed: it finishes what has begun and takes no new submit"):
        await suno.submit(SONG)
    with pytest.raises(ConfigurationError, match="is being closed"):
        await suno.run(SONG)
    assert suno.status().state == "draining"
    await closing
    assert (await waiting).stage is Stage.COMPLETE
    assert (network.closed, len(network.posted), suno.status().state) == (True, 1, "closed")
    assert now() < 40


async def test_a_client_without_work_closes_at_once() -> None:
    suno = client(Script())
    await suno.submit(SONG)  # nobody awaits it
    await suno.aclose(drain=60)
    assert now() < 0.2


async def test_after_the_time_it_closes_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    network = Script(PENDING)
    suno = client(network)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.lowlevel.checkpoint()
    await suno.aclose(drain=timedelta(seconds=30))
    assert 30 <= now() < 31
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    assert "1 in all" in caplog.text


async def test_submits_that_stand_in_line_go_on() -> None:
    network = Script(DONE)
    suno = client(network)
    sending = [asyncio.create_task(suno.submit(job)) for job in jobs(40)]
    await anyio.sleep(1)
    assert (len(network.posted), suno.status().submits) == (20, 20)
    await suno.aclose(drain=60)
    assert len({(await one).id for one in sending}) == 40
    assert 10 < now() < 15


async def test_a_map_ends_with_the_jobs_that_it_has_begun() -> None:
    suno = client(Script(PENDING, DONE))
    outcomes: list[Any] = []

    async def sing() -> None:
        async for outcome in suno.map(jobs(30), concurrency=3):
            outcomes.append(outcome)

    singing = asyncio.create_task(sing())
    await anyio.sleep(1)
    await suno.aclose(drain=60)
    await singing
    refused = [outcome for outcome in outcomes if isinstance(outcome.error, ConfigurationError)]
    assert (len(outcomes), len(refused)) == (30, 27)
    assert all(outcome.error is None for outcome in outcomes if outcome not in refused)


class SlowFiles(Script):
    """Files that take ten seconds."""

    @asynccontextmanager
    async def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AsyncGenerator[Download]:
        async def chunks() -> AsyncGenerator[bytes]:
            await asyncio.sleep(10)
            assert not self.closed
            yield b"a song"

        yield Download(200, {"content-type": "audio/mpeg"}, chunks())


async def test_who_awaited_a_task_can_still_save_its_files() -> None:
    suno = client(SlowFiles(PENDING, DONE))

    async def make() -> bytes:
        music = await suno.run(SONG)
        await asyncio.sleep(0.01)
        return await suno.read(music.tracks[0])

    making = asyncio.create_task(make())
    await anyio.sleep(1)
    await suno.aclose(drain=60)
    assert await making == b"a song"


async def test_downloads_that_have_begun_are_waited_for(tmp_path: Path, threads: None) -> None:
    suno = client(SlowFiles(DONE))
    music = await suno.run(SONG)
    saving = asyncio.create_task(suno.download(music, tmp_path, only="audio"))
    await anyio.sleep(1)
    assert suno.status().downloads == 1
    await suno.aclose(drain=60)
    assert len(await saving) == 2


async def test_observers_hear_of_the_end_and_finish_what_they_do() -> None:
    heard: list[tuple[str, float]] = []

    async def observe(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(20)  # longer than closing alone would wait
        heard.append((update.stage.name, now()))

    suno = client(Script(PENDING, PENDING, DONE), callback_url=URL)
    suno.receiver(on_update=observe)
    await suno.submit(SONG)
    await suno.aclose(drain=120)
    assert [stage for stage, _ in heard] == ["COMPLETE"]


async def test_callbacks_are_taken_until_it_closes() -> None:
    network = Script(PENDING)
    suno = client(network, callback_url=URL, pace=Pace(first=500, growth=1, cap=500, patience=1000))
    receiver = suno.receiver()
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.sleep(1)
    closing = drains(suno)
    await anyio.sleep(5)
    query = {"suno": network.posted[0]["callBackUrl"].partition("suno=")[2]}
    verdict = await receiver.receive(called("complete", track(1), track(2)), {}, query)
    assert verdict.status == 200
    await closing
    assert (await waiting).stage is Stage.COMPLETE
    assert (await receiver.receive(called("complete", track(1), track(2)), {}, query)).status == 503
    assert now() < 10


async def test_a_callback_that_must_be_confirmed_is_confirmed_first() -> None:
    """It was answered 200, so the service does not send it again."""
    failed = page("GENERATE_AUDIO_FAILED", errorCode=501, errorMessage="no")
    store = MemoryStore()
    network = Script(failed, delay=2)
    suno = client(network, callback_url=URL, store=store)
    receiver = suno.receiver()
    task = await suno.submit(SONG)
    query = {"suno": network.posted[0]["callBackUrl"].partition("suno=")[2]}
    assert (await receiver.receive(called("error", code=501), {}, query)).status == 200
    await suno.aclose(drain=60)
    assert (task.stage, len(network.polled_at)) == (Stage.FAILED, 1)


async def test_polls_take_the_place_of_callbacks_that_can_come_no_more() -> None:
    """Web servers stop to listen before they tell the application to end."""
    network = Script(DONE)
    suno = SunoClient(api_key="k", transport=network, callback_url=URL)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    query = {"suno": network.posted[0]["callBackUrl"].partition("suno=")[2]}
    assert (await suno.receiver().receive(called("text", track(1, audio=False)), {}, query)).status == 200
    await anyio.sleep(30)
    assert network.polled_at == []
    await suno.aclose(drain=60)
    assert (await waiting).stage is Stage.COMPLETE
    assert network.polled_at == [40]


async def test_what_the_store_is_owed_is_waited_for(soon: None) -> None:
    class Away(MemoryStore):
        back = False

        async def change(self, *args: Any, **names: Any) -> Record | None:
            if not self.back:
                raise StoreError("away")
            return await super().change(*args, **names)

    store = Away()
    suno = client(Script(), store=store)
    ref = (await suno.submit(SONG)).ref
    closing = drains(suno)
    await anyio.sleep(20)  # four times as long as closing alone would try
    assert suno.status().store_owed == 1
    store.back = True
    await closing
    record = await store.get(ref=ref)
    assert record is not None
    assert record.task_id == "t1"


# ---- others go on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drain", [0, 5])
async def test_another_worker_polls_at_its_next_turn(drain: float) -> None:
    """Without waiting until the claim of the one that left has ended, which would be at 401 seconds."""
    store, pace = MemoryStore(), Pace(first=10, growth=40, cap=400, patience=2000)
    first, second = Script(PENDING), Script(DONE)
    one, two = (client(network, store=store, pace=pace) for network in (first, second))
    task = await one.submit(SONG)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(10.5)
    assert len(first.polled_at) == 1
    other = asyncio.create_task(two.attach(GenerateMusic, task.id).wait())
    await one.aclose(drain=drain)
    with pytest.raises(ConfigurationError):
        await waiting
    await other
    assert second.polled_at[0] < 30
    await two.aclose()


async def test_claims_of_tasks_that_nobody_awaits_at_present_are_given_back_too() -> None:
    store, pace = MemoryStore(), Pace(first=10, growth=1, cap=400, patience=2000)
    one, two = (client(network, store=store, pace=pace) for network in (Script(PENDING), Script(DONE)))
    task = await one.submit(SONG)
    with anyio.move_on_after(11):
        await task
    await one.aclose()
    await two.attach(GenerateMusic, task.id)
    assert now() < 30
    await two.aclose()


async def test_a_store_that_hangs_does_not_keep_it_from_closing() -> None:
    class Hangs(MemoryStore):
        async def claim(self, name: str, owner: str, ttl: float) -> bool:
            if ttl == 0 and name.startswith("poll "):
                await asyncio.sleep(1000)
            return await super().claim(name, owner, ttl)

    suno = client(Script(PENDING), store=Hangs())
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.sleep(3)
    await suno.aclose()
    assert now() <= 8.1
    await asyncio.gather(waiting, return_exceptions=True)


# ---- ways to ask for it ----------------------------------------------------------------------------------------------


async def test_the_clients_option_counts_wherever_it_closes() -> None:
    network = Script(PENDING, PENDING, DONE)
    async with client(network, drain=60) as suno:
        waiting = asyncio.create_task((await suno.submit(SONG)).wait())
        await anyio.lowlevel.checkpoint()
    assert (await waiting).stage is Stage.COMPLETE


@pytest.mark.parametrize("options", [{"drain": 60}, {}])
async def test_the_lifespan_of_a_web_application_drains(options: dict[str, Any]) -> None:
    suno = client(Script(PENDING, PENDING, DONE), **options)
    async with suno.lifespan(object()) if options else suno.lifespan(object(), drain=60):
        waiting = asyncio.create_task((await suno.submit(SONG)).wait())
        await anyio.lowlevel.checkpoint()
    assert (await waiting).stage is Stage.COMPLETE


@pytest.mark.parametrize("drain", [-1, True, "60", float("nan")])
async def test_what_is_no_duration_is_refused(drain: Any) -> None:
    with pytest.raises(ConfigurationError, match="drain must be a timedelta or seconds"):
        client(Script(), drain=drain)
    suno = client(Script())
    with pytest.raises(ConfigurationError, match="drain must be a timedelta or seconds"):
        await suno.aclose(drain=drain)
    await suno.aclose()


async def test_who_is_cancelled_while_it_drains_closes_it() -> None:
    network = Script(PENDING)
    suno = client(network)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.lowlevel.checkpoint()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(suno.aclose(drain=60), 5)
    assert (network.closed, round(now(), 6)) == (True, 5)
    await asyncio.gather(waiting, return_exceptions=True)


async def test_closing_again_without_a_drain_ends_the_first() -> None:
    network = Script(PENDING)
    suno = client(network)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.lowlevel.checkpoint()
    closing = drains(suno)
    await anyio.sleep(5)
    await suno.aclose(drain=0)
    await closing
    assert (network.closed, now() < 6) == (True, True)
    await asyncio.gather(waiting, return_exceptions=True)


async def test_an_observer_may_be_what_closes_it() -> None:
    closed: list[float] = []

    async def observe(update: Update[Any], record: Record) -> None:
        await suno.aclose(drain=60)
        closed.append(now())

    suno = client(Script(PENDING, DONE), callback_url=URL)
    suno.receiver(on_update=observe)
    await suno.submit(SONG)
    await anyio.sleep(30)
    assert len(closed) == 1
    assert closed[0] < 20


async def test_who_goes_on_a_moment_later_is_still_served() -> None:
    suno = client(SlowFiles(DONE))
    music = await suno.run(SONG)
    closing = drains(suno)
    await anyio.sleep(0.01)  # as between the end of a task and the download of its files
    reading = asyncio.create_task(suno.read(music.tracks[0]))
    await closing
    assert await reading == b"a song"
