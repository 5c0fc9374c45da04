"""The dispatcher: whose a callback is, and what is done with it. Without a client, in virtual time."""

import asyncio

import pytest

from suno_async import GenerateMusic, Stage, StoreError, parse_callback
from suno_async.tasks.task import TaskInfo
from suno_async.webhooks.delivery import CallbackDelivery
from suno_async.webhooks.dispatcher import WAITING, WAITING_BYTES, WAITS
from suno_async.webhooks.policy import Decision
from suno_async.webhooks.verification import Proof
from suno_async.wire.tokens import Token

from ...callbacks import FORGED
from ...conftest import now
from ...doubles import called, track
from .support import OTHER_REF, REF, Parts, parts

MUSIC = GenerateMusic.token_id
DONE = called("complete", track(1), track(2))
HALF = called("complete", track(1), track(2, audio=False))


def by_token(body: bytes, ref: str = REF, *, token_id: int = MUSIC, confirm: bool = False) -> CallbackDelivery:
    return CallbackDelivery(parse_callback(body), Proof.UNBOUND, Token(token_id, ref), confirm)


def by_signature(body: bytes, *, confirm: bool = False) -> CallbackDelivery:
    return CallbackDelivery(parse_callback(body), Proof.SIGNATURE, confirm=confirm)


def unverified(body: bytes) -> CallbackDelivery:
    return CallbackDelivery(parse_callback(body), Proof.NONE)


async def stage_in_store(here: Parts, ref: str = REF) -> Stage:
    record = await here.store.get(ref=ref)
    assert record is not None
    return record.stage


# ---- whose it is -----------------------------------------------------------------------------------------------------


async def test_a_task_that_is_held_is_fed_and_written_down() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        assert await here.dispatcher.dispatch(by_token(DONE)) is Decision.FEED
        assert (task.stage, await stage_in_store(here)) == (Stage.COMPLETE, Stage.COMPLETE)


async def test_a_task_that_nobody_holds_is_found_by_its_record_and_kept() -> None:
    async with parts() as here:
        await here.submitted(held=False)
        assert await here.dispatcher.dispatch(by_token(called("text"))) is Decision.FEED
        assert here.registry.attach(GenerateMusic, "t1").stage is Stage.TEXT


async def test_a_submission_whose_task_is_not_known_is_told_it_by_its_token() -> None:
    """The callback overtook the answer to the submit, so its record has no task yet."""
    async with parts() as here:
        await here.submitted(task_id="")
        here.submitter.under_way = True
        assert await here.dispatcher.dispatch(by_token(DONE)) is Decision.FEED
        assert now() == 0
        record = await here.store.get(ref=REF)
        assert record is not None
        assert (record.task_id, record.stage) == ("t1", Stage.COMPLETE)
        task = here.registry.add(TaskInfo("t1", GenerateMusic, REF))  # as the submitter does after the answer
        assert task.stage is Stage.COMPLETE


async def test_a_token_of_a_submission_that_nobody_knows_is_confirmed() -> None:
    async with parts(Stage.FIRST) as here:
        task = here.registry.attach(GenerateMusic, "t1")
        assert await here.dispatcher.dispatch(by_token(called("complete", FORGED))) is Decision.CONFIRM
        assert task.stage is Stage.PENDING
        assert await here.store.get(ref=REF) is None


@pytest.mark.parametrize(("ref", "task_id"), [(OTHER_REF, "t1"), (REF, "t2")])
async def test_a_token_of_another_submission_or_task_is_refused(ref: str, task_id: str) -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        await here.submitted("t3", OTHER_REF)
        assert task is not None
        delivery = by_token(called("complete", FORGED, task_id=task_id), ref)
        assert await here.dispatcher.dispatch(delivery) is Decision.REFUSE
        assert task.stage is Stage.PENDING


async def test_without_verification_a_waiting_task_is_polled_and_nothing_believed() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(1)
        assert await here.dispatcher.dispatch(unverified(DONE)) is Decision.WAKE
        assert await here.dispatcher.dispatch(unverified(called("text", task_id="t2"))) is Decision.IGNORE
        await asyncio.sleep(0.1)
        assert (task.stage, here.details.polled_at) == (Stage.PENDING, [0, 1])
        waiting.cancel()


# ---- what is done with it --------------------------------------------------------------------------------------------


async def test_a_stage_that_is_believed_puts_off_the_next_poll() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(4)
        polled = len(here.details.polled_at)
        assert await here.dispatcher.dispatch(by_signature(called("text"))) is Decision.FEED
        await asyncio.sleep(4)
        assert (task.stage, len(here.details.polled_at)) == (Stage.TEXT, polled)
        waiting.cancel()


async def test_an_end_without_all_files_is_fed_as_far_as_it_goes_and_polled() -> None:
    async with parts(Stage.COMPLETE) as here:
        task, _ = await here.submitted()
        assert task is not None
        waiting = asyncio.create_task(task.wait())
        assert await here.dispatcher.dispatch(by_token(HALF)) is Decision.FEED
        assert task.stage is Stage.FIRST
        assert (await waiting).stage is Stage.COMPLETE
        assert now() < 1


@pytest.mark.parametrize("shared", [False, True])
async def test_a_signed_end_is_confirmed_for_whom_it_concerns(shared: bool) -> None:
    """Nobody here has an interest; with a shared store somebody elsewhere may have."""
    async with parts(Stage.COMPLETE, shared=shared) as here:
        task, _ = await here.submitted()
        assert task is not None
        assert await here.dispatcher.dispatch(by_signature(DONE)) is Decision.CONFIRM
        await asyncio.sleep(60)
        assert len(here.details.polled_at) == (1 if shared else 0)
        assert task.stage is (Stage.COMPLETE if shared else Stage.PENDING)
        assert here.poller.tasks == []


async def test_an_observer_follows_from_the_first_verified_callback() -> None:
    stages: list[Stage] = []
    async with parts(
        Stage.PENDING, Stage.COMPLETE, observers=[lambda update, record: stages.append(update.stage)]
    ) as here:
        await here.submitted(held=False)
        assert await here.dispatcher.dispatch(by_token(called("text"))) is Decision.FEED
        await asyncio.sleep(60)
        assert stages == [Stage.TEXT, Stage.COMPLETE]


async def test_what_cannot_be_written_is_fed_and_to_be_sent_again() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        await here.store.aclose()
        with pytest.raises(StoreError):
            await here.dispatcher.dispatch(by_signature(called("text")))
        assert task.stage is Stage.TEXT


# ---- waiting for a submission that is under way ----------------------------------------------------------------------


async def test_it_waits_until_its_submission_is_accepted() -> None:
    async with parts() as here:
        here.submitter.under_way = True
        dispatching = asyncio.create_task(here.dispatcher.dispatch(by_signature(called("text"))))
        await asyncio.sleep(3)
        assert not dispatching.done()
        task, _ = await here.submitted()
        assert task is not None
        assert await dispatching is Decision.FEED
        assert (task.stage, now()) == (Stage.TEXT, 3)


async def test_it_waits_ten_seconds_at_most() -> None:
    async with parts() as here:
        here.submitter.under_way = True
        with pytest.raises(StoreError, match="t1 is not known yet"):
            await here.dispatcher.dispatch(by_signature(called("text")))
        assert now() == WAITS == 10


async def test_with_nothing_under_way_it_does_not_wait() -> None:
    async with parts() as here:
        assert await here.dispatcher.dispatch(by_signature(called("text"))) is Decision.WAIT
        assert now() == 0


@pytest.mark.parametrize(
    ("count", "size"), [(WAITING, 100), (WAITING_BYTES >> 20, 1 << 20)], ids=["a hundred", "16 MiB"]
)
async def test_how_many_wait_is_bounded_and_room_is_given_back(count: int, size: int) -> None:
    async with parts() as here:
        here.submitter.under_way = True
        delivery = by_signature(called("text").ljust(size))
        waiting = [asyncio.create_task(here.dispatcher.dispatch(delivery)) for _ in range(count)]
        await asyncio.sleep(1)
        with pytest.raises(StoreError, match="too many"):
            await here.dispatcher.dispatch(delivery)
        assert now() == 1
        waiting.pop().cancel()  # a sender that hung up
        await asyncio.sleep(0)
        again = asyncio.create_task(here.dispatcher.dispatch(delivery))
        await asyncio.sleep(1)
        assert not again.done()
        await asyncio.gather(again, *waiting, return_exceptions=True)
        task, _ = await here.submitted()
        assert task is not None
        assert await here.dispatcher.dispatch(delivery) is Decision.FEED


async def test_closing_ends_the_waiting_and_nothing_is_taken_any_more() -> None:
    async with parts() as here:
        here.submitter.under_way = True
        dispatching = asyncio.create_task(here.dispatcher.dispatch(by_signature(called("text"))))
        await asyncio.sleep(1)
        await here.dispatcher.aclose()
        for one in (dispatching, here.dispatcher.dispatch(by_signature(called("text")))):
            with pytest.raises(StoreError, match="closed"):
                await one
        assert now() == 1


# ---- from the application --------------------------------------------------------------------------------------------


async def test_what_the_application_vouches_for_is_believed() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        assert here.dispatcher.feed(parse_callback(DONE))
        assert not here.dispatcher.feed(parse_callback(DONE))
        assert task.stage is Stage.COMPLETE
        await asyncio.sleep(1)
        assert await stage_in_store(here) is Stage.COMPLETE


async def test_it_is_written_for_a_task_that_nobody_holds() -> None:
    async with parts() as here:
        await here.submitted(held=False)
        assert not here.dispatcher.feed(parse_callback(DONE))
        await asyncio.sleep(1)
        assert await stage_in_store(here) is Stage.COMPLETE


async def test_it_waits_for_a_submission_under_way_as_does_a_nudge() -> None:
    async with parts() as here:
        here.submitter.under_way = True
        assert not here.dispatcher.feed(parse_callback(called("text")))
        here.dispatcher.nudge("t1")
        await asyncio.sleep(2)
        task, _ = await here.submitted()
        assert task is not None
        await asyncio.sleep(0.1)
        assert task.stage is Stage.TEXT


async def test_a_nudge_polls_for_those_who_wait() -> None:
    async with parts() as here:
        task, _ = await here.submitted()
        assert task is not None
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(2)
        here.dispatcher.nudge("t1")
        here.dispatcher.nudge("unknown")
        await asyncio.sleep(0.1)
        assert here.details.polled_at[-1] == pytest.approx(2, abs=0.1)
        waiting.cancel()
