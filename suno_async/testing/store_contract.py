"""The contract that every store keeps, as tests.

Who writes a store subclasses it in a test file of pytest, and gives the two fixtures that it asks for. The tests are
coroutine functions for either of the plugins of anyio and pytest-asyncio, and need nothing of them:

    import pytest
    from suno_async.testing.store_contract import SharedStoreContract

    @pytest.mark.anyio
    class TestMyStore(SharedStoreContract):
        @pytest.fixture
        async def store(self):
            store = MyStore("the same place")
            yield store
            await store.aclose()

        @pytest.fixture
        async def other(self, store):
            other = MyStore("the same place")
            yield other
            await other.aclose()

A store that keeps its records in one process subclasses `StoreContract`, and `other` is `store` itself. For the values
in a failed assertion, put `pytest.register_assert_rewrite("suno_async.testing.store_contract")` into a `conftest.py`.
"""

import asyncio
import math
import os
import re
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import asdict, replace

from ..api.limits import Rate
from ..api.updates import Source, Stage, Update
from ..errors import ConfigurationError, StoreError
from ..stores.base import Store, Transition, sending
from ..stores.record import Record, State
from ..stores.transitions import accepted, dismissed, mark_delivered, mark_observed, mark_uncertain, updated

__all__ = ["SharedStoreContract", "StoreContract"]

T = TypeVar("T")
HANGS = 60.0
"""Seconds after which a store is taken to hang, also on a busy machine."""


def record(ref: str = "r1", **fields: Any) -> Record:
    """Return a record of a submission that is being sent."""
    given: dict[str, Any] = {
        "kind": "GenerateMusic",
        "provider": "kie",
        "request_json": '{"prompt":"x"}',
        "created": 1.0,
    }
    return Record(ref=ref, **given | fields)


def runs_as(task_id: str, now: float = 2.0) -> Transition:
    """Return the transition of a submission that was accepted."""
    return partial(accepted, task_id=task_id, now=now)


def at(task_id: str, stage: Stage, now: float = 3.0, body: bytes = b"", **fields: Any) -> Transition:
    """Return the transition of a poll or callback."""
    update: Update[Any] = Update(task_id=task_id, stage=stage, **fields)
    return partial(updated, update=update.came_from(body), now=now)


def dismiss(old: Record) -> Record | None:
    """A transition: the submission is given up."""
    return dismissed(old, None, 3.0)


def lose(old: Record) -> Record | None:
    """A transition: the answer was lost."""
    return mark_uncertain(old, "lost", 2.0)


def count(old: Record) -> Record:
    """A transition that depends on the one before."""
    return replace(old, context=old.context + 1)


async def refs(found: AsyncGenerator[Record]) -> list[str]:
    """Return the refs of listed records, in order."""
    return [one.ref async for one in found]


@contextmanager
def raises(kind: type[Exception], match: str = "") -> Generator[None]:
    """Like that of pytest, which this file does not need."""
    try:
        yield
    except kind as exc:
        said = str(exc)
    else:
        raise AssertionError(f"{kind.__name__} was not raised")
    assert re.search(match, said), f"{said!r} does not say {match!r}"


@asynccontextmanager
async def listening(store: Store) -> AsyncGenerator[AsyncGenerator[Record | None]]:
    """Give what is heard from now on."""
    async with aclosing(store.updates()) as heard:
        assert await anext(heard) is None
        yield heard


async def hear(heard: AsyncGenerator[Record | None], number: int = 1) -> list[Record]:
    """Return the next records that are heard."""
    found: list[Record] = []
    while len(found) < number:
        one = await asyncio.wait_for(anext(heard), HANGS)
        if one is not None:
            found.append(one)
    return found


async def in_new_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run something in an event loop and a thread of its own, which end with it."""
    results: list[T] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            results.append(asyncio.run(work()))
        finally:
            loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=run)
    thread.start()
    await asyncio.wait_for(done.wait(), HANGS)
    thread.join()
    return results[0]


def in_forked_child(work: Callable[[], Coroutine[Any, Any, object]]) -> str:
    """Run something in an event loop of a forked process; "" if it went well, otherwise what went wrong."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there may be threads: that is what is tested
        child = os.fork()
    if child == 0:  # pragma: no cover
        said = "did not end"
        try:
            asyncio.run(asyncio.wait_for(work(), HANGS))
            said = ""
        except BaseException as exc:
            said = repr(exc)
        finally:
            os.write(writing, said.encode()[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said_by_child:
        said = said_by_child.read().decode()
    os.waitpid(child, 0)
    return said


class StoreContract:
    """What every store promises. Subclasses give the fixtures `store` and `other`, a second one on the same data."""

    # ---- one record --------------------------------------------------------------------------------------------------

    async def test_every_field_comes_back_as_it_was(self, store: Store, other: Store) -> None:
        complete = Record(
            ref="AAECAwQFBgcICQoL",
            kind="my.module:MyJob",
            provider="kie-jobs",
            request_json='{"prompt":"фаду \\u0000 🎸"}',
            fingerprint="0f" * 16,
            key="order:{42} '; DROP TABLE records; --",
            context={"chat": 7, "names": ["Zoë", None, 1.5], "deep": {"": True}},
            task_id="5c79a1b2c3d4e5f60718293a4b5cbe8e",
            state=State.FINISHED,
            stage=Stage.FAILED,
            observed=Stage.FIRST,
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
        for one in (complete, record("r2"), record("r3", context=0, code=0, key="0")):
            assert await store.intend(one) is None
            found = await other.get(ref=one.ref)
            assert found is not None
            assert asdict(found) == asdict(one)

    async def test_a_record_is_found_by_each_of_its_names(self, store: Store) -> None:
        await store.intend(record(key="k"))
        await store.change(runs_as("t1"), ref="r1")
        for found in (await store.get(ref="r1"), await store.get(task_id="t1"), await store.get(key="k")):
            assert found is not None
            assert (found.ref, found.task_id, found.key) == ("r1", "t1", "k")
        assert await store.get(ref="r2") is None
        assert await store.get(task_id="t2") is None
        assert await store.get(key="K") is None
        assert await store.get() is None

    async def test_the_first_name_that_is_not_empty_counts(self, store: Store) -> None:
        for number in (1, 2, 3):
            await store.intend(record(f"r{number}", key=f"k{number}"))
            await store.change(runs_as(f"t{number}"), ref=f"r{number}")
        found = await store.get(ref="r1", task_id="t2", key="k3")
        assert found is not None
        assert found.ref == "r1"
        found = await store.get(task_id="t2", key="k3")
        assert found is not None
        assert found.ref == "r2"
        assert await store.get(ref="nobody", task_id="t2", key="k3") is None
        assert await store.get(task_id="nobody", key="k3") is None
        changed = await store.change(at("t1", Stage.TEXT), ref="r1", task_id="t2")
        assert changed is not None
        assert changed.ref == "r1"
        assert await store.change(at("t2", Stage.TEXT), ref="nobody", task_id="t2") is None
        assert await store.change(at("t2", Stage.TEXT)) is None

    async def test_the_first_holds_a_key(self, store: Store, other: Store) -> None:
        assert await store.intend(record("r1", key="k")) is None
        held = await other.intend(record("r2", key="k"))
        assert held is not None
        assert held.ref == "r1"
        assert await store.get(ref="r2") is None
        assert await store.intend(record("r3", key="another")) is None
        assert await store.intend(record("r4")) is None
        assert await store.intend(record("r5")) is None

    async def test_a_record_may_be_kept_again_after_it_was_removed(self, store: Store) -> None:
        await store.intend(record("r1", key="k"))
        await store.remove("r1")
        assert await store.intend(record("r1", key="k")) is None
        assert await store.get(key="k") is not None

    async def test_a_record_that_is_kept_again_stays_as_others_have_changed_it(
        self, store: Store, other: Store
    ) -> None:
        """As when the answer to the first attempt was lost."""
        first = record("r1", key="k", context=1)
        await store.intend(first, "me", 100.0)
        await other.change(runs_as("t1"), ref="r1")
        assert await store.intend(first, "me", 100.0) is None
        found = await store.get(key="k")
        assert found is not None
        assert (found.task_id, found.state) == ("t1", State.RUNNING)
        assert await refs(store.unfinished(State.SENDING)) == []
        await other.change(dismiss, ref="r1")
        assert await store.intend(first, "me", 100.0) is None
        assert await store.get(key="k") is None
        await other.intend(record("r2", key="k"))
        held = await store.intend(first, "me", 100.0)
        assert held is not None
        assert held.ref == "r2"

    async def test_a_new_record_is_claimed_at_the_same_time(self, store: Store, other: Store) -> None:
        await store.intend(record("r1", key="k"), "me", 100.0)
        assert not await other.claim(sending("r1"), "you", 100.0)
        assert await store.claim(sending("r1"), "me", 100.0)
        held = await other.intend(record("r2", key="k"), "you", 100.0)
        assert held is not None
        assert await store.claim(sending("r2"), "me", 100.0), "what was not kept is not claimed"
        await store.intend(record("r3"))
        assert await other.claim(sending("r3"), "you", 100.0)

    async def test_a_transition_is_applied_once_and_its_record_returned(self, store: Store) -> None:
        await store.intend(record())
        changed = await store.change(runs_as("t1"), ref="r1")
        assert changed is not None
        assert (changed.state, changed.task_id) == (State.RUNNING, "t1")
        assert await store.change(runs_as("t1"), ref="r1") is None
        assert await store.change(runs_as("t1"), ref="nobody") is None
        assert await store.change(runs_as("t1"), task_id="nobody") is None
        assert await store.change(at("t1", Stage.TEXT, body=b"1"), task_id="t1") is not None
        assert await store.change(at("t1", Stage.TEXT, body=b"2"), task_id="t1") is None
        assert await store.change(at("other", Stage.COMPLETE, body=b"3"), ref="r1") is None
        found = await store.get(ref="r1")
        assert found is not None
        assert (found.stage, found.body) == (Stage.TEXT, b"1")

    async def test_a_record_that_was_just_kept_is_changed_as_any_other(self, store: Store, other: Store) -> None:
        """Who has it as it was kept hands it in, so that it need not be read."""
        kept = [record(f"r{number}", key=f"k{number}", context=number) for number in range(5)]
        for one in kept[:4]:
            await store.intend(one)
        changed = await store.change(runs_as("t0"), ref="r0", intended=kept[0])
        assert (
            changed == await other.get(task_id="t0") == replace(kept[0], task_id="t0", state=State.RUNNING, updated=2.0)
        )
        await other.change(at("t1", Stage.TEXT), ref="r1")
        assert await store.change(lose, ref="r1", intended=kept[1]) is None, "it goes by what the record is"
        await other.change(count, ref="r2")
        counted = await store.change(count, ref="r2", intended=kept[2])
        assert counted is not None
        assert counted.context == 4
        await other.remove("r3")
        assert await store.change(lose, ref="r3", intended=kept[3]) is None
        assert await store.change(lose, ref="r4", intended=kept[4]) is None

    async def test_what_observers_were_called_for_is_kept(self, store: Store, other: Store) -> None:
        await store.intend(record())
        assert await store.change(partial(mark_observed, stage=Stage.TEXT), ref="r1") is not None
        assert await other.change(partial(mark_observed, stage=Stage.TEXT), ref="r1") is None
        found = await other.change(partial(mark_observed, stage=Stage.COMPLETE), ref="r1")
        assert found is not None
        assert found.observed is Stage.COMPLETE

    async def test_a_transition_that_raises_changes_nothing_and_disturbs_nobody(self, store: Store) -> None:
        def wrong(old: Record) -> Record:
            raise LookupError("mine")

        await store.intend(record("r1"))
        results = await asyncio.gather(
            store.change(wrong, ref="r1"), store.change(runs_as("t1"), ref="r1"), return_exceptions=True
        )
        assert isinstance(results[0], LookupError)
        assert isinstance(results[1], Record)

    async def test_a_record_that_is_dismissed_frees_its_key(self, store: Store) -> None:
        await store.intend(record("r1", key="k"))
        await store.change(lose, ref="r1")
        await store.change(dismiss, ref="r1")
        assert await store.get(key="k") is None
        assert await store.intend(record("r2", key="k")) is None
        found = await store.get(ref="r1")
        assert found is not None
        assert (found.state, found.error) == (State.DISMISSED, "lost")

    async def test_a_removed_record_is_gone_by_all_names(self, store: Store) -> None:
        await store.intend(record("r1", key="k"))
        await store.change(runs_as("t1"), ref="r1")
        await store.remove("r1")
        await store.remove("r1")
        assert await store.get(ref="r1") is None
        assert await store.get(task_id="t1") is None
        assert await store.get(key="k") is None
        assert await refs(store.unfinished()) == []

    async def test_of_two_records_of_a_task_the_other_is_found_when_one_is_gone(self, store: Store) -> None:
        """Some things are made once only, as one task for all who ask for them."""
        for ref in ("r1", "r2"):
            await store.intend(record(ref))
            await store.change(runs_as("t1"), ref=ref)
        await store.remove("r2")
        found = await store.get(task_id="t1")
        assert found is not None
        assert found.ref == "r1"

    async def test_a_record_is_not_found_by_a_former_task_id(self, store: Store) -> None:
        await store.intend(record())
        await store.change(runs_as("t1"), ref="r1")
        await store.change(runs_as("t2"), ref="r1")
        assert await store.get(task_id="t1") is None
        assert await store.get(task_id="t2") is not None

    # ---- accounts ----------------------------------------------------------------------------------------------------

    async def test_accounts_share_no_records_and_no_keys(self, store: Store, other: Store) -> None:
        mine, theirs = store.account("team-a"), other.account("team-b")
        everybody = (store, mine, theirs)
        for part in everybody:
            assert await part.intend(record("r1", key="k")) is None
        await store.account("team-a").change(runs_as("t1"), ref="r1")
        assert [one.task_id for part in everybody if (one := await part.get(key="k"))] == ["", "t1", ""]
        assert await theirs.get(task_id="t1") is None
        assert await theirs.change(at("t1", Stage.TEXT), task_id="t1") is None
        await mine.change(at("t1", Stage.COMPLETE), ref="r1")
        assert [await refs(part.unfinished()) for part in everybody] == [["r1"], [], ["r1"]]
        assert [await refs(part.finished()) for part in everybody] == [[], ["r1"], []]
        await store.remove("r1")
        assert [await theirs.prune(100.0), await store.prune(100.0), await mine.prune(100.0)] == [0, 0, 1]
        assert [await part.get(ref="r1") is not None for part in everybody] == [False, False, True]

    async def test_accounts_share_no_claims_and_no_windows(self, store: Store, other: Store) -> None:
        mine, theirs = store.account("team-a"), other.account("team-b")
        for part in (store, mine, theirs):
            assert await part.claim("poll t1", "me", 100.0)
            assert await part.reserve("submit", ["p"], Rate(1, 100)) == [0.0]
        assert not await other.account("team-a").claim("poll t1", "you", 100.0)
        assert await other.account("team-a").reserve("submit", ["q"], Rate(1, 100)) != [0.0]
        await mine.release("submit", "p")
        assert await mine.reserve("submit", ["q"], Rate(1, 100)) == [0.0]
        assert (await store.reserve("submit", ["q"], Rate(1, 100)))[0] > 0

    async def test_the_changes_of_other_accounts_are_not_heard(self, store: Store, other: Store) -> None:
        for part in (store, store.account("team-a")):
            await part.intend(record("r1"))
        async with listening(other.account("team-a")) as heard:
            await store.change(runs_as("t0"), ref="r1")
            await store.account("team-a").change(runs_as("t1"), ref="r1")
            assert [one.task_id for one in await hear(heard)] == ["t1"]

    async def test_the_store_itself_is_that_of_the_default_account(self, store: Store, other: Store) -> None:
        await store.account("team-a").account("default").intend(record("r1"))
        assert await other.get(ref="r1") is not None
        for name in ("", "a" * 65, "a b", "a:b", "ä"):
            with raises(ConfigurationError, "account must have 1 to 64"):
                store.account(name)

    async def test_the_parts_of_accounts_close_together(self, store: Store) -> None:
        part = store.account("team-a")
        await part.intend(record("r1"))
        await part.aclose()
        for one in (store, part):
            with raises(StoreError, "closed"):
                await one.get(ref="r1")

    # ---- many records ------------------------------------------------------------------------------------------------

    async def test_open_records_are_listed_oldest_first_however_many(self, store: Store) -> None:
        for created, numbers in enumerate((range(300), range(300, 450))):
            await asyncio.gather(*(store.intend(record(f"r{n}", created=float(created))) for n in numbers))
        await store.change(lose, ref="r1")
        await store.change(runs_as("t2"), ref="r2")
        await store.change(runs_as("t3"), ref="r3")
        await store.change(at("t3", Stage.COMPLETE), ref="r3")
        await store.change(dismiss, ref="r4")
        found = await refs(store.unfinished())
        assert len(found) == len(set(found)) == 448
        assert {"r1", "r2"} < set(found)
        assert not {"r3", "r4"} & set(found)
        assert {int(ref[1:]) < 300 for ref in found[:298]} == {True}

    async def test_open_records_are_listed_by_their_states(self, store: Store) -> None:
        for number in range(6):
            await store.intend(record(f"r{number}", created=float(number)))
        for number in (1, 3):
            await store.change(lose, ref=f"r{number}")
        for number in (2, 4):
            await store.change(runs_as(f"t{number}"), ref=f"r{number}")
        await store.change(at("t4", Stage.FAILED), ref="r4")
        assert await refs(store.unfinished(State.UNCERTAIN)) == ["r1", "r3"]
        assert await refs(store.unfinished(State.RUNNING)) == ["r2"]
        assert await refs(store.unfinished(State.SENDING, State.UNCERTAIN)) == ["r0", "r1", "r3", "r5"]
        assert await refs(store.unfinished(*State)) == await refs(store.unfinished()) == ["r0", "r1", "r2", "r3", "r5"]
        assert await refs(store.unfinished(State.FINISHED)) == []
        await store.change(runs_as("t1"), ref="r1")
        await store.remove("r3")
        assert await refs(store.unfinished(State.UNCERTAIN)) == []

    async def test_few_uncertain_records_among_many_running_ones_are_found_quickly(self, store: Store) -> None:
        for start in range(0, 5000, 500):
            numbers = range(start, start + 500)
            await asyncio.gather(
                *(store.intend(record(f"r{n}", created=n, state=State.RUNNING, task_id=f"t{n}")) for n in numbers)
            )
        await store.intend(record("lost", created=2500.0))
        await store.change(lose, ref="lost")
        few = math.inf
        for _ in range(3):  # the quickest is the one that a busy machine disturbed least
            began = time.perf_counter()
            assert await refs(store.unfinished(State.UNCERTAIN)) == ["lost"]
            few = min(few, time.perf_counter() - began)
        began = time.perf_counter()
        assert len(await refs(store.unfinished())) == 5001
        assert few < max(0.05, (time.perf_counter() - began) / 2)

    async def test_a_listing_goes_on_while_records_come_and_end(self, store: Store) -> None:
        await asyncio.gather(*(store.intend(record(f"r{n}", created=float(n))) for n in range(300)))
        found: list[str] = []
        async for one in store.unfinished():
            found.append(one.ref)
            if one.ref == "r10":
                for number in range(250, 300):
                    await store.remove(f"r{number}")
                await store.intend(record("new", created=1000.0))
        assert set(found) >= {f"r{number}" for number in range(250)}
        assert len(found) == len(set(found))

    async def test_a_record_that_changes_its_state_is_not_missed_by_a_listing(self, store: Store) -> None:
        for number in range(500):
            await store.intend(record(f"r{number}", created=float(number)))
        found: list[str] = []
        async for one in store.unfinished(State.SENDING, State.RUNNING):
            found.append(one.ref)
            if one.ref == "r10":
                for number in range(400, 500):
                    await store.change(runs_as(f"t{number}"), ref=f"r{number}")
        assert found == [f"r{number}" for number in range(500)]

    async def test_finished_records_are_listed_until_they_are_delivered(self, store: Store) -> None:
        for number in range(4):
            await store.intend(record(f"r{number}"))
            await store.change(runs_as(f"t{number}"), ref=f"r{number}")
            await store.change(at(f"t{number}", Stage(3 + number % 2), now=10.0 + number), ref=f"r{number}")
        await store.intend(record("open"))
        await store.intend(record("dismissed"))
        await store.change(dismiss, ref="dismissed")
        assert sorted(await refs(store.finished())) == ["r0", "r1", "r2", "r3"]
        assert sorted(await refs(store.finished(12.0))) == ["r2", "r3"]
        delivered = await store.change(mark_delivered, ref="r2")
        assert delivered is not None
        assert delivered.delivered
        assert await store.change(mark_delivered, ref="r2") is None
        assert await refs(store.finished(12.0)) == ["r3"]
        assert sorted(await refs(store.finished(11.0, 13.0))) == ["r1"]
        assert sorted(await refs(store.finished(11.0, 13.0, delivered=True))) == ["r1", "r2"]
        assert sorted(await refs(store.finished(delivered=True))) == ["r0", "r1", "r2", "r3"]

    async def test_old_records_are_pruned(self, store: Store) -> None:
        for ref, now in (("old", 10.0), ("new", 20.0)):
            await store.intend(record(ref, key=ref))
            await store.change(at(f"t {ref}", Stage.COMPLETE, now=now), ref=ref)
        await store.intend(record("given up", updated=1.0))
        await store.change(dismiss, ref="given up")
        await store.intend(record("open", created=1.0, updated=1.0))
        assert await store.prune(15.0) == 2
        assert await store.get(ref="old") is None
        assert await store.get(key="old") is None
        assert await store.get(task_id="t old") is None
        assert await store.get(ref="given up") is None
        assert await store.get(ref="new") is not None
        assert await store.get(ref="open") is not None
        assert await store.prune(15.0) == 0

    async def test_what_is_not_delivered_may_be_left_by_pruning(self, store: Store) -> None:
        many = range(450)  # more than a page of each
        await asyncio.gather(*(store.intend(record(f"r{n}")) for n in many))
        await asyncio.gather(*(store.change(at(f"t{n}", Stage.COMPLETE, now=10.0), ref=f"r{n}") for n in many))
        await asyncio.gather(*(store.change(mark_delivered, ref=f"r{n}") for n in many if n % 2))
        await store.intend(record("given up", updated=1.0))
        await store.change(dismiss, ref="given up")
        assert await store.prune(15.0, undelivered=False) == 226
        assert len(await refs(store.finished())) == 225
        assert await store.prune(15.0) == 225

    # ---- erasing -----------------------------------------------------------------------------------------------------

    async def test_what_a_user_wrote_and_got_is_erased(self, store: Store, other: Store) -> None:
        contexts = ({"user": 7, "chat": 1}, {"user": 7}, {"user": 8}, [7], None, 7, "7")
        for number, context in enumerate(contexts):
            await store.intend(record(f"r{number}", context=context, key=f"k{number}", fingerprint="f"))
        await store.change(at("t0", Stage.COMPLETE, body=b"lyrics", message="m"), ref="r0")
        assert await store.erase(context={"user": 7}) == 2
        erased = await other.get(key="k0")
        assert erased is not None
        assert (erased.request_json, erased.context, erased.body, erased.message) == ("", None, b"", "")
        assert (erased.erased, erased.delivered, erased.state, erased.task_id) == (True, True, State.FINISHED, "t0")
        assert erased.fingerprint == "f"
        assert await refs(store.finished()) == []
        assert await store.erase(context={"user": 7}) == 0
        assert await store.erase(context=[7]) == 1
        assert await store.erase(context=7) == 1
        assert await store.erase(ref="r4") == 1
        assert await store.erase(ref="nobody") == 0
        left = [one.ref async for one in store.unfinished() if not one.erased]
        assert sorted(left) == ["r2", "r6"]

    async def test_what_comes_after_it_was_erased_is_not_kept(self, store: Store) -> None:
        await store.intend(record(key="k", context={"user": 7}))
        await store.change(runs_as("t1"), ref="r1")
        assert await store.account("team-a").erase(context={"user": 7}) == 0
        assert await store.erase(context={"user": 7}) == 1
        assert await refs(store.unfinished()) == ["r1"]
        done = await store.change(at("t1", Stage.COMPLETE, body=b"lyrics", message="m"), ref="r1")
        assert done is not None
        assert (done.stage, done.body, done.message, done.delivered) == (Stage.COMPLETE, b"", "", True)

    async def test_erasing_needs_to_know_what(self, store: Store) -> None:
        await store.intend(record(context={}))
        unclear: tuple[dict[str, Any], ...] = ({}, {"context": {}}, {"ref": ""}, {"context": None})
        for one in unclear:
            with raises(ConfigurationError, "erase needs the ref of a record"):
                await store.erase(**one)

    # ---- several at once ---------------------------------------------------------------------------------------------

    async def test_of_many_that_race_for_a_key_one_gets_it(self, store: Store, other: Store) -> None:
        stores = (store, other)
        held = await asyncio.gather(*(stores[n % 2].intend(record(f"r{n}", key="k")) for n in range(60)))
        winners = [number for number, one in enumerate(held) if one is None]
        assert len(winners) == 1
        assert {one.ref for one in held if one is not None} == {f"r{winners[0]}"}

    async def test_of_many_that_apply_one_transition_one_does(self, store: Store, other: Store) -> None:
        stores = (store, other)
        await store.intend(record())
        await store.change(at("t1", Stage.COMPLETE), ref="r1")
        took = await asyncio.gather(*(stores[n % 2].change(mark_delivered, ref="r1") for n in range(30)))
        assert len([one for one in took if one is not None]) == 1

    async def test_each_transition_is_applied_to_what_the_one_before_left(self, store: Store, other: Store) -> None:
        stores = (store, other)
        await store.intend(record(context=0))
        await asyncio.gather(*(stores[n % 2].change(count, ref="r1") for n in range(60)))
        found = await store.get(ref="r1")
        assert found is not None
        assert found.context == 60

    async def test_changes_of_others_are_heard_soon(self, store: Store, other: Store) -> None:
        await other.intend(record())
        took: list[float] = []
        async with listening(store) as heard:
            for transition in (runs_as("t1"), at("t1", Stage.TEXT, body=b"x"), at("t1", Stage.COMPLETE)):
                began = time.monotonic()
                changed = await other.change(transition, ref="r1")
                assert await hear(heard) == [changed]
                took.append(time.monotonic() - began)
        assert sorted(took)[1] < 1  # a busy machine may take longer once

    async def test_changes_of_many_records_are_heard(self, store: Store, other: Store) -> None:
        await asyncio.gather(*(other.intend(record(f"r{number}")) for number in range(500)))
        async with listening(store) as heard:
            await asyncio.gather(*(other.change(runs_as(f"t{number}"), ref=f"r{number}") for number in range(500)))
            assert len({one.ref for one in await hear(heard, 500)}) == 500

    async def test_only_changes_that_are_wanted_are_heard(self, store: Store, other: Store) -> None:
        asked: list[tuple[str, str]] = []

        def wanted(ref: str, task_id: str) -> bool:
            asked.append((ref, task_id))
            return ref == "r 1" or task_id == "t2"

        for number in range(4):
            await other.intend(record(f"r {number}"))
        async with aclosing(store.updates(wanted)) as heard:
            assert await anext(heard) is None
            for number in range(4):
                await other.change(runs_as(f"t{number}"), ref=f"r {number}")
            assert [one.ref for one in await hear(heard, 2)] == ["r 1", "r 2"]
            await other.change(at("t2", Stage.COMPLETE), ref="r 2")
            assert [one.stage for one in await hear(heard)] == [Stage.COMPLETE]
        assert set(asked) == {(f"r {number}", f"t{number}") for number in range(4)}

    # ---- claims and places -------------------------------------------------------------------------------------------

    async def test_a_name_is_claimed_by_one_until_the_claim_ends(self, store: Store, other: Store) -> None:
        assert await store.claim("poll t1", "me", 100)
        assert not await other.claim("poll t1", "you", 100)
        assert await other.claim("poll t2", "you", 100)
        assert await store.claim("poll t1", "me", 0.05)  # extended, and for less
        for _ in range(100):
            if await other.claim("poll t1", "you", 100):
                break
            await asyncio.sleep(0.02)
        assert not await store.claim("poll t1", "me", 100)

    async def test_a_claim_of_no_time_releases_the_name(self, store: Store, other: Store) -> None:
        assert await store.claim("poll", "me", 100)
        assert not await other.claim("poll", "you", 0)
        assert not await other.claim("poll", "you", 100)
        assert await store.claim("poll", "me", 0)
        assert await store.claim("poll", "me", 0)
        assert await other.claim("poll", "you", 100)

    async def test_of_many_that_claim_a_name_one_gets_it(self, store: Store, other: Store) -> None:
        stores = (store, other)
        got = await asyncio.gather(*(stores[n % 2].claim("poll", f"owner {n}", 100) for n in range(30)))
        assert got.count(True) == 1

    async def test_a_window_has_so_many_places_and_no_more(self, store: Store, other: Store) -> None:
        stores, rate = (store, other), Rate(20, 100.0)
        asked = (stores[n % 2].reserve("submit", [f"place {n}"], rate) for n in range(50))
        waits = [wait for [wait] in await asyncio.gather(*asked)]
        assert waits.count(0.0) == 20
        assert all(99 < wait <= 100 for wait in waits if wait)
        assert await store.reserve("another", ["place"], rate) == [0.0]

    async def test_several_places_are_taken_in_one_step_while_there_are_any(self, store: Store, other: Store) -> None:
        rate = Rate(3, 100.0)
        assert await store.reserve("submit", ["a", "b"], rate) == [0.0, 0.0]
        *taken, wait, moved, again = await other.reserve("submit", ["b", "c", "d", "a", "e"], rate)
        assert (taken, moved) == ([0.0, 0.0], 0.0)
        assert 99 < wait <= again <= 100
        assert await store.reserve("submit", [], rate) == []
        ways = (one.reserve("many", [f"{n}" for n in range(at, at + 9)], rate) for at, one in ((0, store), (9, other)))
        assert [wait for waits in await asyncio.gather(*ways) for wait in waits].count(0.0) == 3

    async def test_a_place_that_is_taken_again_is_moved_to_now(self, store: Store, other: Store) -> None:
        rate = Rate(2, 60.0)
        assert await store.reserve("submit", ["a"], rate) == [0.0]
        assert await store.reserve("submit", ["b"], rate) == [0.0]
        await asyncio.sleep(0.2)
        assert await other.reserve("submit", ["a"], rate) == [0.0]
        asked = time.monotonic()
        [left] = await other.reserve("submit", ["c"], rate)
        assert 0 < left <= 59.85, "the place of b is free next"
        assert await other.reserve("submit", ["b"], rate) == [0.0]
        [moved] = await store.reserve("submit", ["c"], rate)
        assert moved + time.monotonic() - asked > left + 0.15, "now both were moved"

    async def test_a_place_that_is_given_back_is_free(self, store: Store, other: Store) -> None:
        rate = Rate(2, 100.0)
        await store.reserve("submit", ["a", "b"], rate)
        assert (await store.reserve("submit", ["c"], rate))[0] > 0
        await other.release("submit", "a")
        await other.release("submit", "nobody")
        await other.release("another", "b")
        assert await store.reserve("submit", ["c"], rate) == [0.0]
        assert (await store.reserve("submit", ["a"], rate))[0] > 0

    async def test_places_are_free_again_when_the_window_has_passed(self, store: Store) -> None:
        left, rate = list[float](), Rate(3, 0.2)
        while len(left) < 10:
            [wait] = await store.reserve("submit", [f"place {len(left)}"], rate)
            if wait:
                await asyncio.sleep(wait)
            else:
                left.append(time.monotonic())
        gaps = [later - earlier for earlier, later in zip(left, left[3:], strict=False)]
        assert min(gaps) > 0.15  # measured here, a little after the store has counted
        assert left[-1] - left[0] < 1.5

    # ---- notes -------------------------------------------------------------------------------------------------------

    async def test_the_newest_text_under_a_name_is_kept(self, store: Store, other: Store) -> None:
        assert await store.noted("times") == ""
        for text in ("of this run", "of the next: ♪ 'quoted' \\"):
            await store.note("times", text)
            assert await other.noted("times") == text
        assert await store.noted("other") == ""
        assert await store.account("team-a").noted("times") == ""

    # ---- event loops -------------------------------------------------------------------------------------------------

    async def test_a_store_works_in_one_event_loop_after_the_other(self, store: Store) -> None:
        """Each of them closed, one of them with something still going on."""

        async def use(number: int) -> str:
            heard = store.updates()
            await anext(heard)
            tasks.append(asyncio.create_task(_rest(heard)))
            await store.intend(record(f"r{number}", key=f"k{number}", created=float(number)), "me", 100.0)
            changed = await store.change(runs_as(f"t{number}"), ref=f"r{number}")
            assert changed is not None
            assert await store.reserve("submit", [f"place {number}"], Rate(20, 100.0)) == [0.0]
            return changed.task_id

        tasks: list[asyncio.Task[None]] = []
        await store.intend(record("r0", created=0.0))
        for number in (1, 2, 3):
            assert await in_new_loop(partial(use, number)) == f"t{number}"
        assert await refs(store.unfinished()) == ["r0", "r1", "r2", "r3"]

    async def test_a_store_works_in_several_event_loops_at_once(self, store: Store) -> None:
        async def use() -> None:
            await asyncio.gather(*(store.change(count, ref="r1") for _ in range(20)))

        await store.intend(record(context=0))
        await asyncio.gather(use(), *(in_new_loop(use) for _ in range(3)))
        found = await store.get(ref="r1")
        assert found is not None
        assert found.context == 80

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def test_closing_ends_those_who_listen(self, store: Store) -> None:
        await store.intend(record())
        async with listening(store) as one, listening(store) as two:
            waiting = [asyncio.ensure_future(anext(one))]
            await asyncio.sleep(0.2)
            waiting.append(asyncio.ensure_future(anext(two)))
            await asyncio.sleep(0)
            await store.aclose()
            for listener in waiting:
                with raises(StoreError, "the store is closed"):
                    await asyncio.wait_for(listener, HANGS)

    async def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        await store.intend(record())
        await store.aclose()
        await store.aclose()
        calls: list[Awaitable[object]] = [
            store.intend(record("r2")),
            store.change(lose, ref="r1"),
            store.remove("r1"),
            store.get(ref="r1"),
            anext(store.unfinished()),
            anext(store.finished()),
            anext(store.updates()),
            store.claim("poll", "me", 1),
            store.reserve("submit", ["place"], Rate(1, 1)),
            store.release("submit", "place"),
            store.note("times", "of this run"),
            store.noted("times"),
            store.prune(0),
            store.erase(ref="r1"),
        ]
        for call in calls:
            with raises(StoreError, "the store is closed"):
                await call

    async def test_a_store_that_was_never_used_is_closed(self, store: Store) -> None:
        await store.aclose()
        with raises(StoreError, "the store is closed"):
            await store.get(ref="r1")


class SharedStoreContract(StoreContract):
    """What a store promises that several processes share."""

    async def test_records_outlive_the_store_that_kept_them(self, store: Store, other: Store) -> None:
        await store.intend(record(key="k", context={"chat": 7}))
        await store.aclose()
        found = await other.get(key="k")
        assert found is not None
        assert found.context == {"chat": 7}

    async def test_a_forked_child_and_its_parent_see_each_others_records(self, store: Store) -> None:
        """The store was in use when the process forked, and what both write afterwards stays."""

        async def use(number: int) -> None:
            assert await store.get(ref="r0") is not None
            await store.intend(record(f"r{number}", created=float(number)))
            await store.change(runs_as(f"t{number}"), ref=f"r{number}")

        await store.intend(record("r0", created=0.0))
        for number in (1, 3):
            assert in_forked_child(partial(use, number)) == ""
            await use(number + 1)
        assert await refs(store.unfinished()) == ["r0", "r1", "r2", "r3", "r4"]

    async def test_a_store_that_was_not_used_before_works_in_every_child(self, store: Store, other: Store) -> None:
        async def use(number: int) -> None:
            await store.intend(record(f"r{number}", created=float(number)))

        for number in (1, 2):
            assert in_forked_child(partial(use, number)) == ""
        assert await refs(other.unfinished()) == ["r1", "r2"]

    async def test_what_a_forked_child_changes_is_news_to_its_parent(self, store: Store) -> None:
        """Parent and child are not the same writer."""

        async def use() -> None:
            await store.change(runs_as("t1"), ref="r1")

        await store.intend(record())
        async with listening(store) as heard:
            await store.change(lose, ref="r1")
            assert in_forked_child(use) == ""
            while (await hear(heard))[0].task_id != "t1":
                continue  # it may hear of its own change


async def _rest(heard: AsyncGenerator[Record | None]) -> None:
    async for _ in heard:
        pass
