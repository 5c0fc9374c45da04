"""Where callbacks arrive, nothing is polled: in the process that submits, in others, and after a restart."""

import asyncio
import time
from typing import Any

import pytest

from suno_async import Receiver, Record, Stage, Store, SunoClient, Task
from suno_async.stores import MemoryStore, Transition

from ..callbacks import URL, observed, query_of
from ..conftest import now
from ..doubles import Script, called, track

BODIES = (called("text"), called("first", track(1)), called("complete", track(1), track(2)))


class SlowStore(MemoryStore):
    """Takes half a second to write a change down."""

    async def change(self, transition: Transition, *, ref: str = "", task_id: str = "") -> Record | None:
        await asyncio.sleep(0.5)
        return await super().change(transition, ref=ref, task_id=task_id)


def client(script: Script, store: Store) -> SunoClient:
    """One process of several with a store."""
    start = time.time()
    return SunoClient(api_key="k", transport=script, callback_url=URL, store=store, clock=lambda: start + now())


async def post_all(submitted: Script, receiver: Receiver, *seconds: float) -> None:
    """Post each callback so long after the submit."""
    began = now()
    for at, body in zip(seconds, BODIES, strict=True):
        await asyncio.sleep(began + at - now())
        assert (await receiver.receive(body, {}, query_of(submitted))).status == 200


@pytest.mark.parametrize("seconds", [(10, 35, 140), (80, 100, 140)], ids=["early", "late"])
async def test_a_process_that_only_receives_polls_nothing_while_callbacks_come(seconds: tuple[float, ...]) -> None:
    """Although its observer has an interest in the task from the first callback on."""
    store, submitted, received = SlowStore(), Script(), Script()
    async with client(submitted, store) as submitting, client(received, store) as receiving:
        receiver, calls = observed(receiving)
        await submitting.generate_music(prompt="x")
        await post_all(submitted, receiver, *seconds)
        await asyncio.sleep(10)
        assert [call.stage for call in calls] == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
    assert submitted.polled_at == received.polled_at == []


async def test_a_task_that_is_resumed_young_is_polled_when_its_callbacks_are_late() -> None:
    """Not at once, as if nothing were known of it: before its first callback and after it."""
    store, submitted, resumed = MemoryStore(), Script(), Script()
    async with client(submitted, store) as submitting:
        await submitting.generate_music(prompt="x")
        receiver = submitting.receiver()
        posting = asyncio.create_task(post_all(submitted, receiver, 10, 35, 140))
        for age in (5, 20):
            async with client(resumed, store) as other:
                await asyncio.sleep(age - now())
                task: Task[Any] = await anext(other.resume())
                waiting = asyncio.create_task(task.wait())
                await asyncio.sleep(3)
                waiting.cancel()
                await asyncio.wait([waiting])
        await posting
    assert resumed.polled_at == []
