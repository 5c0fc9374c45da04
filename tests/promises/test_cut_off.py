"""Callers that are cancelled, and clients that are closed, at every moment of a submit on a slow store."""

import asyncio
import gc
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import anyio
import pytest

from suno_async import ConfigurationError, GenerateMusic, Pace, Stage, TaskTimeout
from suno_async.api.limits import Rate
from suno_async.stores import Record
from suno_async.stores.memory import MemoryStore

from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, reply
from ..loop import JumpLoop

T = TypeVar("T")

SONG = GenerateMusic(prompt="rain")


class Slow(MemoryStore):
    """Everything takes a second before it is done and one after."""

    async def _slowly(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            await asyncio.sleep(1)
            done = await work
        finally:
            work.close()
        await asyncio.sleep(1)
        return done

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        return await self._slowly(super().intend(record, owner, ttl))

    async def change(self, *args: Any, **named: Any) -> Any:
        return await self._slowly(super().change(*args, **named))

    async def remove(self, ref: str) -> None:
        await self._slowly(super().remove(ref))

    async def get(self, **named: Any) -> Any:
        return await self._slowly(super().get(**named))

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        return await self._slowly(super().reserve(name, places, rate))


@pytest.mark.parametrize("tenths", range(0, 260, 5))
async def test_cancelled_at_any_moment(tenths: int) -> None:
    """Sent at most once, refused twice first; whatever happened, the key gives its task, and closing ends."""
    store = Slow(clock=now)
    refused = [reply(code=429), reply(code=455)]
    network = Script(PENDING, submits=refused, delay=2)
    async with client(network, store=store, clock=now) as suno:
        one = asyncio.create_task(suno.submit(SONG, key="order"))
        await anyio.sleep(tenths / 10 + 0.05)
        one.cancel()
        await asyncio.wait([one])
        task = await suno.submit(SONG, key="order")
        accepted = len(network.posted) - (2 - len([a for a in network.submits if a in refused]))
        assert (accepted, bool(task.id)) == (1, True)
        with anyio.fail_after(60):
            await suno.aclose()


def ticking() -> list[int]:
    """Each turn of the loop takes a millisecond, so that what spins does not stop virtual time; the turns."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    jumps, turns = loop.jumps, [0]
    select = jumps.select

    def slower(timeout: float | None = None) -> Any:
        turns[0] += 1
        jumps.skipped += 0.001
        return select(timeout)

    jumps.select = slower  # type: ignore[method-assign]
    return turns


@pytest.mark.parametrize("tenths", range(0, 260, 5))
async def test_closed_at_any_moment(tenths: int) -> None:
    """Closing ends, tells everybody, and leaves either the task's record or none."""
    ticking()
    store = Slow(clock=now)
    network = Script(PENDING, submits=[reply(code=429), reply(code=455)], delay=2)
    suno = client(network, store=store, clock=now)
    one = asyncio.create_task(suno.submit(SONG, key="order"))
    two = asyncio.create_task(suno.submit(SONG, key="order"))
    await anyio.sleep(tenths / 10 + 0.05)
    with anyio.fail_after(60):
        await suno.aclose()
    with anyio.fail_after(60):
        ended = await asyncio.gather(one, two, return_exceptions=True)
    assert all(not isinstance(end, BaseException) or isinstance(end, ConfigurationError) for end in ended)
    record = await store.get(key="order")
    assert record is None or record.task_id


def test_the_end_of_the_loop_leaves_nothing_pending(caplog: pytest.LogCaptureFixture) -> None:
    """As of a program that is interrupted while it submits, and closes nothing."""

    async def submit() -> None:
        suno = client(Script(delay=100), store=Slow(clock=now), clock=now)
        sending = asyncio.create_task(suno.submit(SONG))
        await anyio.sleep(5)
        assert not sending.done()

    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        runner.run(submit())
    gc.collect()
    [said] = caplog.messages
    assert said.startswith("cut off by the end of the loop")


async def test_observers_hear_the_end_of_a_task_that_is_awaited_again_after_its_patience() -> None:
    heard: list[Stage] = []
    network = Script(PENDING)
    async with client(network) as suno:
        suno.receiver(on_update=lambda update, record: heard.append(update.stage))
        task = await suno.submit(SONG, pace=Pace(first=2, growth=1, cap=2, patience=10))
        with pytest.raises(TaskTimeout):
            await task
        network.polls = [DONE]
        await task
        await anyio.sleep(1)
        assert heard == [Stage.COMPLETE]


async def test_closing_does_not_spin_while_a_slow_store_is_asked() -> None:
    """`finish` waits by sleep(0) for submissions that have no attempt at present: a whole core until they end."""
    turns = ticking()
    store, network = Slow(clock=now), Script(PENDING, submits=[reply(code=429)] * 5)
    suno = client(network, store=store, clock=now)
    one = asyncio.create_task(suno.submit(SONG))
    await anyio.sleep(7)
    before = turns[0]
    await suno.aclose()
    await asyncio.gather(one, return_exceptions=True)
    assert turns[0] - before < 200
