"""`suno.status()` tells what a client does, and asks nobody."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from suno_async import GenerateMusic, Record, Status, StoreError, SunoClient, Update
from suno_async.stores import MemoryStore

from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, reply, track
from ..loop import JumpLoop

SONG = GenerateMusic(prompt="rain")
URL = "https://bot.example/suno"
UNIX = 1_769_670_760.0


def clock() -> float:
    return UNIX + now()


async def test_a_new_client_knows_its_limits_only() -> None:
    suno = client(Script())
    assert suno.status() == Status(state="new", window_size=20, window_seconds=10.0)
    await suno.aclose()
    assert suno.status().state == "closed"


def test_it_needs_no_event_loop() -> None:
    """Neither before the first nor after the last, where it tells how things stood."""
    network = Script(DONE)
    suno = client(network)
    assert suno.status().state == "new"
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        runner.run(suno.run(SONG))
    sent = len(network.sent)
    assert (suno.status().state, suno.status().waiting, suno.status().window_used) == ("open", 0, 1)
    assert len(network.sent) == sent


async def test_it_can_be_asked_from_another_thread() -> None:
    suno = client(Script(PENDING))
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.sleep(1)
    told: list[Status] = []
    thread = threading.Thread(target=lambda: told.append(suno.status()))
    thread.start()
    thread.join()
    assert told[0].waiting == 1
    await suno.aclose()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_what_is_awaited_and_polled() -> None:
    suno = client(Script(PENDING), clock=clock)
    tasks = [await suno.submit(job) for job in jobs(2)]
    assert (suno.status().waiting, suno.status().oldest, suno.status().last_poll) == (0, None, None)
    await anyio.sleep(5)
    waiting = [asyncio.create_task(tasks[0].wait())]
    await anyio.sleep(20)
    waiting.append(asyncio.create_task(tasks[1].wait()))
    await anyio.sleep(3)
    status = suno.status()
    assert (status.state, status.waiting, status.oldest) == ("open", 2, 23)
    assert status.last_poll is not None
    assert UNIX + 25 <= status.last_poll <= UNIX + 28
    await suno.aclose()
    assert (suno.status().state, suno.status().waiting) == ("closed", 0)
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_poll_that_failed_is_no_good_one() -> None:
    suno = client(Script(reply(code=500, status=500)), clock=clock)
    waiting = asyncio.create_task((await suno.submit(SONG)).wait())
    await anyio.sleep(30)
    assert suno.status().last_poll is None
    await suno.aclose()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_the_last_callback_is_a_verified_one() -> None:
    network = Script(PENDING)
    suno = client(network, callback_url=URL, clock=clock)
    receiver = suno.receiver()
    await suno.submit(SONG)
    await anyio.sleep(7)
    assert (await receiver.receive(called("text"), {}, {})).status == 401
    assert suno.status().last_callback is None
    query = {"suno": network.posted[0]["callBackUrl"].partition("suno=")[2]}
    assert (await receiver.receive(called("first", track(1)), {}, query)).status == 200
    assert suno.status().last_callback == UNIX + 7
    await suno.aclose()


async def test_the_rate_window_and_who_stands_in_line() -> None:
    suno = client(Script(DONE))
    sending = [asyncio.create_task(suno.submit(job)) for job in jobs(23)]
    await anyio.sleep(1)
    status = suno.status()
    assert (status.window_used, status.window_size, status.window_seconds, status.submits) == (20, 20, 10.0, 3)
    await asyncio.gather(*sending)
    await anyio.sleep(30)
    assert (suno.status().window_used, suno.status().submits) == (0, 0)
    await suno.aclose()


async def test_credits_as_they_were_seen_last() -> None:
    suno = client(Script(reply(112)), clock=clock)
    assert suno.status().credits is None
    await anyio.sleep(3)
    await suno.get_credits()
    await anyio.sleep(3)
    assert (suno.status().credits, suno.status().credits_seen) == (112, UNIX + 3)
    await suno.aclose()


class Away(MemoryStore):
    away = False

    async def change(self, *args: Any, **names: Any) -> Record | None:
        if self.away:
            raise StoreError("disk full")
        return await super().change(*args, **names)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        if self.away:
            raise StoreError("disk full")
        return await super().claim(name, owner, ttl)


async def test_a_store_that_is_away_and_what_it_is_owed(soon: None) -> None:
    store = Away()
    suno = client(Script(), store=store, clock=clock)
    assert suno.status().store_reachable is None
    await suno.submit(SONG)
    assert suno.status().store_reachable is True
    store.away = True
    await anyio.sleep(2)
    await suno.submit(SONG)
    await anyio.sleep(4)
    status = suno.status()
    assert (status.store_reachable, status.store_owed, status.store_error) == (False, 1, "disk full")
    assert status.store_failed is not None
    assert UNIX + 5.9 <= status.store_failed <= UNIX + 6
    store.away = False
    await anyio.sleep(1)
    assert (suno.status().store_reachable, suno.status().store_owed) == (True, 0)
    assert suno.status().store_failed is not None
    await suno.aclose()


async def test_who_only_polls_sees_that_the_store_is_away() -> None:
    """By its claims, although the polls go on."""
    store = Away()
    suno = client(Script(PENDING), store=store)
    waiting = asyncio.create_task(suno.attach(GenerateMusic, "t1").wait())
    await anyio.sleep(3)
    assert suno.status().store_reachable is True
    store.away = True
    await anyio.sleep(30)
    assert (suno.status().store_reachable, suno.status().store_owed) == (False, 0)
    await suno.aclose()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_calls_downloads_and_observers_under_way(tmp_path: Path) -> None:
    async def observe(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(10)

    network = Script(PENDING, DONE, reply(112))
    suno = client(network, callback_url=URL)
    suno.receiver(on_update=observe)
    await (await suno.submit(SONG)).wait()
    await anyio.sleep(1)
    assert suno.status().observer_calls == 1
    network.delay = 5
    asking = asyncio.create_task(suno.get_credits())
    await anyio.sleep(1)
    assert suno.status().calls == 1
    await asking
    await anyio.sleep(10)
    assert (suno.status().observer_calls, suno.status().calls) == (0, 0)
    await suno.aclose()


async def test_it_goes_out_as_json_and_asks_nobody() -> None:
    network = Script(DONE)
    suno = client(network, store=MemoryStore())
    await suno.run(SONG)
    sent = len(network.sent)
    told = json.loads(json.dumps(suno.status().to_dict()))
    assert (told["state"], told["waiting"], told["window_size"], told["store_reachable"]) == ("open", 0, 20, True)
    assert len(network.sent) == sent
    assert "secret-key" not in json.dumps(told)
    await suno.aclose()


@pytest.mark.parametrize("store", ["sqlite", "none"])
async def test_an_options_view_tells_of_the_same_client(store: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"store": f"sqlite:///{tmp_path / 'songs.db'}"} if store == "sqlite" else {}
    suno: SunoClient = client(Script(DONE), clock=clock, **settings)
    await suno.with_options(context={"chat": 7}).run(SONG)
    assert suno.status() == suno.with_options(context={"chat": 8}).status()
    assert suno.status().store_reachable is True
    await suno.aclose()
