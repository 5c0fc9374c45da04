"""What is particular to records in memory."""

import asyncio
from functools import partial

from suno_async import Stage, Update
from suno_async.stores import MemoryStore, Record
from suno_async.stores.transitions import accepted, updated


async def test_memory_is_bounded_by_what_is_unfinished() -> None:
    store = MemoryStore(kept=10)
    for number in range(100):
        ref, update = f"r{number}", Update[object](task_id=f"t{number}", stage=Stage.COMPLETE).came_from(b"x" * 1000)
        await store.intend(Record(ref=ref, key=f"k{number}" if number % 2 else ""))
        await store.change(partial(updated, update=update, now=3.0), ref=ref)
    found = [await store.get(ref=f"r{number}") for number in range(100)]
    assert [one is not None for one in found[:90]] == [False, True] * 45
    assert all(one is not None and one.body for one in found[90:])
    assert not any(one.body for one in found[:90] if one is not None)
    assert await store.intend(Record(ref="again", key="k1")) is not None


def test_a_listener_whose_loop_was_closed_disturbs_nobody() -> None:
    store = MemoryStore()

    async def listen() -> None:
        heard = store.updates()
        await anext(heard)
        waiting.append(asyncio.ensure_future(anext(heard)))  # cut off in the middle: its loop is not shut down
        await asyncio.sleep(0)

    async def change() -> Record | None:
        heard = store.updates()
        await anext(heard)
        await store.change(partial(accepted, task_id="t1", now=2.0), ref="r1")
        return await anext(heard)

    waiting: list[asyncio.Future[Record | None]] = []
    asyncio.run(_keep(store, Record(ref="r1")))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(listen())
    waiting[0].cancel()
    loop.close()
    changed = asyncio.run(change())
    assert changed is not None
    assert changed.task_id == "t1"


async def _keep(store: MemoryStore, record: Record) -> None:
    await store.intend(record)


async def test_a_claim_from_before_the_clock_was_set_back_ends() -> None:
    now = 10_000.0
    store = MemoryStore(clock=lambda: now)
    assert await store.claim("poll", "me", 60)
    now -= 30
    assert await store.claim("poll", "you", 60), "it ends 90 s ahead, and was taken for 60"
    assert not await store.claim("poll", "me", 60)
    now -= 10_800
    await store.claim("poll", "me", 60)
    assert not await store.claim("poll", "you", 60)
