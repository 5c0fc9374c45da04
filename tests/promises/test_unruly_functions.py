"""Functions of the application that raise odd things, hang, or are odd themselves are in nobody's way."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from suno_async import ConfigurationError, GenerateMusic, RequestEvent, Stage, Update
from suno_async.stores import MemoryStore, Record

from ..callbacks import URL
from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, Script

DAY = 86_400.0
SONG = GenerateMusic(prompt="rain")


@dataclass
class Unhashable:
    """A callable as many are written: a dataclass, which has no hash."""

    stages: list[Stage] = field(default_factory=list[Stage])

    def __call__(self, update: Update[Any], record: Record) -> None:
        self.stages.append(update.stage)


def cancelled(*_: Any) -> None:
    """What `future.result()` of a cancelled future does."""
    raise asyncio.CancelledError


async def test_a_function_without_a_hash_is_called_like_any_other() -> None:
    of_client, of_map, of_receiver = Unhashable(), Unhashable(), Unhashable()
    async with client(Script(DONE), on_update=of_client, callback_url=URL) as suno:
        suno.receiver(on_update=of_receiver)
        async for outcome in suno.map(jobs(1), on_update=of_map):
            assert outcome.error is None
        await asyncio.sleep(1)
    assert [one.stages for one in (of_client, of_map, of_receiver)] == [[Stage.COMPLETE]] * 3


async def test_a_cancellation_that_on_request_raises_is_not_that_of_a_paid_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Script(DONE)
    async with client(network, on_request=cancelled) as suno:
        assert len((await suno.run(SONG)).tracks) == 2
    assert len(network.posted) == 1
    assert "on_request failed at" in caplog.text


async def test_an_error_of_an_own_transport_has_its_name_in_the_event() -> None:
    events: list[RequestEvent] = []
    async with client(Script(OSError("odd")), on_request=events.append) as suno:
        with pytest.raises(OSError, match="odd"):
            await suno.get_credits()
    assert [(one.error, one.status) for one in events] == [("OSError", None)]


async def test_on_queued_that_raises_a_cancellation_goes_on_to_be_called() -> None:
    places: list[int] = []

    async def on_queued(place: int) -> None:
        places.append(place)
        raise asyncio.CancelledError

    async with client(Script(DONE)) as suno:
        await asyncio.gather(*(suno.submit(job) for job in jobs(20)))
        queued = [asyncio.create_task(suno.submit(job)) for job in jobs(21)]
        await asyncio.sleep(0.1)
        last = asyncio.create_task(suno.submit(SONG, on_queued=on_queued))
        await asyncio.gather(*queued, last)
    assert places == [22, 2]


async def test_a_coroutine_function_cannot_say_whose_turn_it_is() -> None:
    async def fair_by(context: Any) -> Any:
        return context

    async with client(Script(DONE), fair_by=fair_by) as suno:
        with pytest.raises(ConfigurationError, match="fair_by"):
            await suno.submit(SONG, context={"user": 7})


async def test_a_task_of_a_map_is_in_its_outcome_although_the_client_was_closed_meanwhile() -> None:
    suno = client(Script(PENDING, delay=1))
    closing: list[asyncio.Task[None]] = []
    asyncio.get_running_loop().call_later(0.5, lambda: closing.append(asyncio.create_task(suno.aclose())))
    outcomes = [one async for one in suno.map(jobs(1), on_update=Unhashable())]
    assert [one.task is not None and one.task.id for one in outcomes] == ["t1"]
    await closing[0]


# ---- on_expiring -----------------------------------------------------------------------------------------------------


async def hanging(task: Any) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("unruly", [cancelled, hanging])
async def test_on_expiring_does_not_keep_records_from_being_forgotten(unruly: Callable[[Any], Any]) -> None:
    store = MemoryStore(clock=now)
    settings: dict[str, Any] = {"on_expiring": unruly, "expiring_within": 20 * DAY, "retention": 2 * DAY}
    async with client(Script(DONE), store=store, clock=now, **settings) as suno:
        task = await suno.submit(SONG, key="k")
        await task
        await suno.mark_delivered(task)
        await asyncio.sleep(1 * DAY)
        assert await store.get(key="k") is not None
        await asyncio.sleep(2 * DAY)
        assert await store.get(key="k") is None


async def expiring(on_expiring: Callable[[Any], Awaitable[None]]) -> Any:
    """A client that will call `on_expiring` of one song within an hour."""
    suno = client(Script(DONE), store=MemoryStore(clock=now), clock=now, on_expiring=on_expiring)
    await suno.run(SONG)
    await asyncio.sleep(13 * DAY)
    return suno


async def test_closing_lets_on_expiring_finish_since_nobody_is_told_again() -> None:
    saved: list[str] = []

    async def save(task: Any) -> None:
        await asyncio.sleep(20)
        saved.append(task.id)

    store = MemoryStore(clock=now)
    async with client(Script(DONE), store=store, clock=now, on_expiring=save) as suno:
        await suno.run(SONG)
        await asyncio.sleep(13 * DAY + 3603)
        assert saved == []
        await suno.aclose(drain=60)
    assert saved == ["t1"]


async def test_closing_does_not_wait_for_ever_for_on_expiring() -> None:
    over = asyncio.Event()

    async def stubborn(task: Any) -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    suno = await expiring(stubborn)
    await asyncio.sleep(3600)
    began = now()
    await asyncio.wait_for(suno.aclose(), 30)
    assert now() - began == pytest.approx(11)
    over.set()
    await asyncio.sleep(0)


async def test_on_expiring_may_close_the_client() -> None:
    closed: list[float] = []

    async def close(task: Any) -> None:
        await suno.aclose()
        closed.append(now())

    suno = await expiring(close)
    await asyncio.sleep(3700)
    assert len(closed) == 1
    assert suno.status().state == "closed"


async def test_calls_of_the_clients_on_update_are_in_its_status() -> None:
    async def slow(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(5)

    async with client(Script(DONE), on_update=slow) as suno:
        await suno.run(SONG)
        await asyncio.sleep(1)
        assert suno.status().observer_calls == 1
