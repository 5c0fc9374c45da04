"""The contract that every store keeps, over all of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import asdict, replace

from suno_async import Rate, Source, Stage, StoreError, Update
from suno_async.stores.base import Store
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.stores.redis import RedisStore
from suno_async.stores.sqlite import SQLiteStore
from suno_async.stores.transitions import accepted, dismissed, mark_delivered, mark_uncertain, updated


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there are other processes


class Place(NamedTuple):
    """Somewhere to keep records, as several processes would open it."""

    open: Callable[[], Store]
    shared: bool = True


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place]:
    if request.param == "memory":
        memory = MemoryStore()
        yield Place(lambda: memory, shared=False)
        return
    opened: list[Store] = []

    def another() -> Store:
        if request.param == "sqlite":
            opened.append(SQLiteStore(tmp_path / "songs.db"))
        else:
            opened.append(RedisStore(request.getfixturevalue("redis").url, name=tmp_path.name))
        return opened[-1]

    yield Place(another)
    for store in opened:
        await store.aclose()


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


def record(ref: str = "r1", **more: Any) -> Record:
    given: dict[str, Any] = {"kind": "GenerateMusic", "provider": "kie", "sent": '{"prompt":"x"}', "created": 1.0}
    return Record(ref=ref, **given | more)


def is_task(task_id: str, now: float = 2.0) -> Callable[[Record], Record | None]:
    return partial(accepted, task_id=task_id, now=now)


def news(task_id: str, stage: Stage, now: float = 3.0, **more: Any) -> Callable[[Record], Record | None]:
    return partial(updated, update=Update(task_id=task_id, stage=stage, **more), now=now)


async def refs(found: AsyncGenerator[Record]) -> list[str]:
    return [one.ref async for one in found]


@asynccontextmanager
async def hearing(store: Store) -> AsyncGenerator[AsyncGenerator[Record | None]]:
    """What is heard from now on."""
    heard = store.updates()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(heard.aclose)
        assert await anext(heard) is None
        yield heard


# ---- one record ------------------------------------------------------------------------------------------------------


async def test_every_field_comes_back_as_it_was(place: Place) -> None:
    whole = Record(
        ref="AAECAwQFBgcICQoL",
        kind="tests.test_stores:MyJob",
        provider="kie-jobs",
        request_json='{"prompt":"фаду \\u0000 🎸"}',
        fingerprint="0f" * 16,
        key="order:{42} '; DROP TABLE records; --",
        context={"chat": 7, "names": ["Zoë", None, 1.5], "deep": {"": True}},
        task_id="5c79a1b2c3d4e5f60718293a4b5cbe8e",
        state=State.FINISHED,
        stage=Stage.FAILED,
        source=Source.CONFIRMED,
        status="SENSITIVE_WORD_ERROR",
        code=413,
        message="слово",
        body=bytes(range(256)),
        error="ResponseLost: …",
        created=1_763_650_000.123456,
        updated=1_763_650_001.654321,
        delivered=True,
    )
    for one in (whole, record("r2"), record("r3", context=0, code=0, key="0")):
        assert await place.open().intend(one) is None
        assert asdict(await place.open().get(ref=one.ref) or record()) == asdict(one)


async def test_a_record_is_found_by_each_of_its_names(store: Store) -> None:
    await store.intend(record(key="k"))
    await store.change(is_task("t1"), ref="r1")
    for name in ({"ref": "r1"}, {"task_id": "t1"}, {"key": "k"}):
        found = await store.get(**name)
        assert found is not None
        assert (found.ref, found.task_id, found.key) == ("r1", "t1", "k")
    for name in ({"ref": "r2"}, {"task_id": "t2"}, {"key": "K"}, {"ref": ""}, {}):
        assert await store.get(**name) is None


async def test_the_first_holds_a_key(store: Store) -> None:
    assert await store.intend(record("r1", key="k")) is None
    held = await store.intend(record("r2", key="k"))
    assert held is not None
    assert held.ref == "r1"
    assert await store.get(ref="r2") is None
    assert await store.intend(record("r3", key="another")) is None
    assert await store.intend(record("r4")) is None
    assert await store.intend(record("r5")) is None


async def test_the_same_record_may_be_written_down_again(store: Store) -> None:
    """As after a refusal, when it is sent once more."""
    await store.intend(record("r1", key="k"))
    await store.remove("r1")
    assert await store.intend(record("r1", key="k")) is None
    assert await store.get(key="k") is not None


async def test_a_step_is_taken_once_and_tells_what_came_of_it(store: Store) -> None:
    await store.intend(record())
    changed = await store.change(is_task("t1"), ref="r1")
    assert changed is not None
    assert (changed.state, changed.task_id) == (State.RUNNING, "t1")
    assert await store.change(is_task("t1"), ref="r1") is None
    assert await store.change(is_task("t1"), ref="nobody") is None
    assert await store.change(is_task("t1"), task_id="nobody") is None
    assert await store.change(news("t1", Stage.TEXT, body=b"1"), task_id="t1") is not None
    assert await store.change(news("t1", Stage.TEXT, body=b"2"), task_id="t1") is None
    assert await store.change(news("other", Stage.COMPLETE, body=b"3"), ref="r1") is None
    found = await store.get(ref="r1")
    assert found is not None
    assert (found.stage, found.body) == (Stage.TEXT, b"1")


async def test_a_step_that_fails_changes_nothing_and_disturbs_nobody(store: Store) -> None:
    def wrong(old: Record) -> Record:
        raise LookupError("mine")

    await store.intend(record("r1"))
    results = await asyncio.gather(
        store.change(wrong, ref="r1"), store.change(is_task("t1"), ref="r1"), return_exceptions=True
    )
    assert isinstance(results[0], LookupError)
    assert isinstance(results[1], Record)


async def test_what_is_dismissed_frees_its_key(store: Store) -> None:
    await store.intend(record("r1", key="k"))
    await store.change(partial(mark_uncertain, error="lost", now=2), ref="r1")
    await store.change(partial(dismissed, seen=None, now=3), ref="r1")
    assert await store.get(key="k") is None
    assert await store.intend(record("r2", key="k")) is None
    found = await store.get(ref="r1")
    assert found is not None
    assert (found.state, found.error) == (State.DISMISSED, "lost")


async def test_what_is_removed_is_gone_by_all_names(store: Store) -> None:
    await store.intend(record("r1", key="k"))
    await store.change(is_task("t1"), ref="r1")
    await store.remove("r1")
    await store.remove("r1")
    assert [await store.get(**name) for name in ({"ref": "r1"}, {"task_id": "t1"}, {"key": "k"})] == [None] * 3
    assert await refs(store.unfinished()) == []


async def test_of_two_records_of_a_task_the_other_is_found_when_one_is_gone(store: Store) -> None:
    """What is made once only is one task for all who ask for it."""
    for ref in ("r1", "r2"):
        await store.intend(record(ref))
        await store.change(is_task("t1"), ref=ref)
    await store.remove("r2")
    found = await store.get(task_id="t1")
    assert found is not None
    assert found.ref == "r1"


async def test_a_record_is_not_found_by_a_task_that_is_not_its_own_any_more(store: Store) -> None:
    await store.intend(record())
    await store.change(is_task("t1"), ref="r1")
    await store.change(is_task("t2"), ref="r1")
    assert await store.get(task_id="t1") is None
    assert await store.get(task_id="t2") is not None


# ---- many records ----------------------------------------------------------------------------------------------------


async def test_what_is_open_is_listed_oldest_first_however_many(store: Store) -> None:
    for number in range(450):
        await store.intend(record(f"r{number}", created=float(number // 300)))
    await store.change(partial(mark_uncertain, error="lost", now=2), ref="r1")
    await store.change(is_task("t2"), ref="r2")
    await store.change(is_task("t3"), ref="r3")
    await store.change(news("t3", Stage.COMPLETE), ref="r3")
    await store.change(partial(dismissed, seen=None, now=3), ref="r4")
    found = await refs(store.unfinished())
    assert len(found) == len(set(found)) == 448
    assert {"r1", "r2"} < set(found)
    assert not {"r3", "r4"} & set(found)
    assert {int(ref[1:]) < 300 for ref in found[:298]} == {True}


async def test_a_listing_goes_on_while_records_come_and_end(store: Store) -> None:
    for number in range(300):
        await store.intend(record(f"r{number}", created=float(number)))
    found: list[str] = []
    async for one in store.unfinished():
        found.append(one.ref)
        if one.ref == "r10":
            for number in range(250, 300):
                await store.remove(f"r{number}")
            await store.intend(record("new", created=1000.0))
    assert set(found) >= {f"r{number}" for number in range(250)}
    assert len(found) == len(set(found))


async def test_what_ended_is_listed_until_it_is_delivered(store: Store) -> None:
    for number in range(4):
        await store.intend(record(f"r{number}"))
        await store.change(is_task(f"t{number}"), ref=f"r{number}")
        await store.change(news(f"t{number}", Stage(3 + number % 2), now=10.0 + number), ref=f"r{number}")
    await store.intend(record("open"))
    assert await refs(store.finished()) == ["r0", "r1", "r2", "r3"]
    assert await refs(store.finished(12.0)) == ["r2", "r3"]
    delivered = await store.change(mark_delivered, ref="r2")
    assert delivered is not None
    assert delivered.delivered
    assert await store.change(mark_delivered, ref="r2") is None
    assert await refs(store.finished(12.0)) == ["r3"]


async def test_old_records_can_be_forgotten(store: Store) -> None:
    for ref, now in (("old", 10.0), ("new", 20.0)):
        await store.intend(record(ref, key=ref))
        await store.change(news(f"t {ref}", Stage.COMPLETE, now=now), ref=ref)
    await store.intend(record("open", created=1.0, updated=1.0))
    assert await store.prune(15.0) == 1
    assert await store.get(ref="old") is None
    assert await store.get(key="old") is None
    assert await store.get(task_id="t old") is None
    assert await store.get(ref="new") is not None
    assert await store.get(ref="open") is not None
    assert await store.prune(15.0) == 0


# ---- several at once -------------------------------------------------------------------------------------------------


async def test_of_many_who_race_for_a_key_one_gets_it(place: Place) -> None:
    stores = [place.open() for _ in range(3)]
    held = await asyncio.gather(*(stores[n % 3].intend(record(f"r{n}", key="k")) for n in range(60)))
    winners = [number for number, one in enumerate(held) if one is None]
    assert len(winners) == 1
    assert {one.ref for one in held if one is not None} == {f"r{winners[0]}"}


async def test_of_many_who_take_the_same_step_one_does(place: Place) -> None:
    stores = [place.open() for _ in range(3)]
    await stores[0].intend(record())
    await stores[0].change(news("t1", Stage.COMPLETE), ref="r1")
    took = await asyncio.gather(*(stores[n % 3].change(mark_delivered, ref="r1") for n in range(30)))
    assert len([one for one in took if one is not None]) == 1


async def test_steps_of_many_are_all_taken(place: Place) -> None:
    """Each on what the one before left."""
    stores = [place.open() for _ in range(3)]
    await stores[0].intend(record(context=0))

    def count(old: Record) -> Record:
        return replace(old, context=old.context + 1)

    await asyncio.gather(*(stores[n % 3].change(count, ref="r1") for n in range(60)))
    found = await stores[0].get(ref="r1")
    assert found is not None
    assert found.context == 60


async def test_news_of_others_are_heard_soon(place: Place) -> None:
    mine, other = place.open(), place.open()
    await other.intend(record())
    async with hearing(mine) as heard:
        for step in (is_task("t1"), news("t1", Stage.TEXT, body=b"x"), news("t1", Stage.COMPLETE)):
            began = time.monotonic()
            changed = await other.change(step, ref="r1")
            assert await asyncio.wait_for(anext(heard), 5) == changed
            assert time.monotonic() - began < 0.4


async def test_news_are_heard_of_many_at_once(place: Place) -> None:
    mine, other = place.open(), place.open()
    for number in range(500):
        await other.intend(record(f"r{number}"))
    async with hearing(mine) as heard:
        await asyncio.gather(*(other.change(is_task(f"t{number}"), ref=f"r{number}") for number in range(500)))
        found = {one.ref async for one in _first(heard, 500)}
    assert len(found) == 500


async def _first(heard: AsyncGenerator[Record | None], count: int) -> AsyncGenerator[Record]:
    while count:
        one = await asyncio.wait_for(anext(heard), 5)
        if one is not None:
            count -= 1
            yield one


async def test_a_name_is_claimed_by_one_until_it_expires(place: Place) -> None:
    mine, other = place.open(), place.open()
    assert await mine.claim("look t1", "me", 100)
    assert not await other.claim("look t1", "you", 100)
    assert await other.claim("look t2", "you", 100)
    assert await mine.claim("look t1", "me", 0.05)  # kept on, and for less
    for _ in range(100):
        if await other.claim("look t1", "you", 100):
            break
        await asyncio.sleep(0.02)
    assert not await mine.claim("look t1", "me", 100)


async def test_of_many_who_claim_a_name_one_gets_it(place: Place) -> None:
    stores = [place.open() for _ in range(3)]
    got = await asyncio.gather(*(stores[n % 3].claim("look", f"owner {n}", 100) for n in range(30)))
    assert got.count(True) == 1


async def test_a_window_has_so_many_places_and_no_more(place: Place) -> None:
    stores = [place.open() for _ in range(3)]
    rate = Rate(20, 100.0)
    waits = await asyncio.gather(*(stores[n % 3].reserve("submit", rate) for n in range(50)))
    assert waits.count(0) == 20
    assert all(99 < wait <= 100 for wait in waits if wait)
    assert await stores[0].reserve("another", rate) == 0


async def test_places_are_free_again_when_the_window_has_passed(place: Place) -> None:
    store, left = place.open(), list[float]()
    rate = Rate(3, 0.2)
    while len(left) < 10:
        wait = await store.reserve("submit", rate)
        if wait:
            await asyncio.sleep(wait)
        else:
            left.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(left, left[3:], strict=False)]
    assert min(gaps) > 0.15  # mark_delivered apart by when they heard of it, a little after it was so
    assert left[-1] - left[0] < 1.5


# ---- the end ---------------------------------------------------------------------------------------------------------


async def test_what_was_kept_is_there_for_the_next(place: Place) -> None:
    if not place.shared:
        return  # lost with its process, as it says
    first = place.open()
    await first.intend(record(key="k", context={"chat": 7}))
    await first.aclose()
    found = await place.open().get(key="k")
    assert found is not None
    assert found.context == {"chat": 7}


async def test_a_closed_store_says_so(place: Place) -> None:
    if not place.shared:
        return
    store = place.open()
    await store.get(ref="r1")
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await store.intend(record())


async def test_memory_is_bounded_by_what_is_unfinished() -> None:
    store = MemoryStore(kept=10)
    for number in range(100):
        ref, task_id = f"r{number}", f"t{number}"
        await store.intend(record(ref, key=f"k{number}" if number % 2 else ""))
        await store.change(news(task_id, Stage.COMPLETE, body=b"x" * 1000), ref=ref)
    found = [await store.get(ref=f"r{number}") for number in range(100)]
    assert [one is not None for one in found[:90]] == [False, True] * 45
    assert all(one is not None and one.body for one in found[90:])
    assert not any(one.body for one in found[:90] if one is not None)
    assert await store.intend(record("again", key="k1")) is not None
