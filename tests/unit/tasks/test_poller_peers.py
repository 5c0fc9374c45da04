"""The poller beside other processes: claims, what they write, and submissions without a task."""

import asyncio

import anyio
import pytest

from suno_async import ConnectError, GenerateMusic, Pace, Stage, SubmissionUncertain, Task, TaskFailed, Update
from suno_async.tasks.poller import Change
from suno_async.tasks.task import TaskInfo

from ...conftest import now
from .support import DONE, MUSIC, PENDING, Peers, Polling, Service, Sink, update


async def test_who_has_no_claim_does_not_poll_and_takes_what_is_stored() -> None:
    service, peers = Service(PENDING), Peers(shared=True, ours=False)
    polling = Polling(service, peers=peers)
    waiting = asyncio.create_task(polling.task().wait())
    await anyio.sleep(10)
    peers.stored = DONE
    assert (await waiting).result == MUSIC
    assert (service.polled_at, now()) == ([], 14)


async def test_a_claim_outlasts_the_pause_to_the_next_poll() -> None:
    peers = Peers(shared=True)
    polling = Polling(Service(PENDING, PENDING, DONE), peers=peers)
    await polling.task()
    assert peers.claims == [(2, 16), (6, 16), (14, 16)]


async def test_a_claim_is_given_back_after_a_poll_that_failed() -> None:
    """Another process may have more luck."""
    peers = Peers(shared=True)
    polling = Polling(Service(ConnectError("x"), DONE), peers=peers)
    await polling.task()
    assert [seconds for _, seconds in peers.claims] == [16, 0, 16]


async def test_a_nudge_polls_without_a_claim() -> None:
    """Its callback came here, and whoever has the claim polls later."""
    service = Service(DONE)
    polling = Polling(service, peers=Peers(shared=True, ours=False))
    task = polling.task()
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(1)
    polling.poller.nudge(task)
    await waiting
    assert service.polled_at == [1]


async def test_what_another_process_writes_wakes_who_waits_here_and_puts_polls_off() -> None:
    service, peers = Service(PENDING), Peers(shared=True)
    polling = Polling(service, Pace(first=10, growth=1, cap=10, patience=100), peers=peers)
    task = polling.registry.add(TaskInfo("t1", GenerateMusic, "r1", accepted_at=0.0))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(5)
    await peers.heard.put(Change("t1", "r1", update(Stage.TEXT)))
    await peers.heard.put(Change("t2", "r2", DONE))  # nobody holds that one here
    await anyio.sleep(7)
    assert (task.stage, service.polled_at) == (Stage.TEXT, [])
    await peers.heard.put(Change("t1", "r1", DONE))
    assert (await waiting).result == MUSIC
    await anyio.sleep(1)
    assert polling.at_rest


async def test_only_what_somebody_holds_is_wanted_of_others() -> None:
    """By ref until it has a task, then by task id. The rest is not even read."""
    peers = Peers(shared=True)
    polling = Polling(Service(PENDING), peers=peers)
    tasks = [
        polling.registry.add(TaskInfo("t1", GenerateMusic, "r1")),
        polling.registry.restored(TaskInfo("", GenerateMusic, "r2")),
    ]
    waiting = asyncio.create_task(tasks[0].wait())
    await anyio.sleep(1)
    assert peers.wanted is not None
    wanted = [
        peers.wanted(*names) for names in (("r1", "t1"), ("", "t1"), ("r2", ""), ("r2", "t2"), ("r3", "t3"), ("r3", ""))
    ]
    assert wanted == [True, True, True, True, False, False]
    waiting.cancel()


async def test_what_may_have_been_missed_is_read_from_the_store() -> None:
    peers = Peers(shared=True)
    polling = Polling(Service(PENDING), peers=peers)
    waiting = asyncio.create_task(polling.task().wait())
    await anyio.sleep(1)
    peers.stored = DONE
    await peers.heard.put(None)
    assert (await waiting).result == MUSIC
    assert now() == 1


async def test_who_comes_while_others_listen_reads_what_was_written_before() -> None:
    peers = Peers(shared=True)
    polling = Polling(Service(PENDING), peers=peers)
    first = asyncio.create_task(polling.task("t0").wait())
    await anyio.sleep(1)
    peers.stored = DONE
    await polling.task("t1")
    assert now() == 1
    first.cancel()


# ---- submissions whose task is not known -----------------------------------------------------------------------------


def unsettled(polling: Polling) -> Task[object]:
    return polling.registry.restored(TaskInfo("", GenerateMusic, "r1"))


async def test_a_submission_without_a_task_asks_the_store_and_not_the_service() -> None:
    service = Service(DONE)
    sink = Sink(Update(task_id="", stage=Stage.PENDING), Update(task_id="t1", stage=Stage.TEXT))
    polling = Polling(service, sink=sink)
    task = unsettled(polling)
    polling.pace = Pace(first=1, growth=1, cap=1)
    waiting = asyncio.create_task(task.wait(Stage.TEXT))
    await waiting
    assert (task.id, service.polled_at, sink.asked_at) == ("t1", [], [0, 1])
    assert polling.registry.find("t1") is task
    assert await task == MUSIC


async def test_what_became_of_a_submission_ends_the_waiting() -> None:
    for end in (SubmissionUncertain("r1", GenerateMusic(prompt="x")), TaskFailed("", "refused")):
        polling = Polling(Service(DONE), sink=Sink(end))
        with pytest.raises(type(end)) as caught:
            await unsettled(polling)
        assert caught.value is end
        assert polling.at_rest


async def test_another_process_tells_which_task_a_submission_has_become() -> None:
    peers = Peers(shared=True)
    polling = Polling(Service(DONE), sink=Sink(Update(task_id="", stage=Stage.PENDING)), peers=peers)
    task = unsettled(polling)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(1)
    await peers.heard.put(Change("t1", "r1", None))
    await waiting
    assert task.id == "t1"
