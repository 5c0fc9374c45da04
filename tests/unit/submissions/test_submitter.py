"""Submitter: written down before it is sent, sent once, and seen through."""

import asyncio
from typing import Any, NamedTuple

import pytest

from suno_async import (
    KIE,
    ConfigurationError,
    ConnectError,
    GenerateCover,
    GenerateMusic,
    InvalidJob,
    InvalidRequest,
    Pace,
    Provider,
    ResponseLost,
    Stage,
    SubmissionUncertain,
)
from suno_async.api.requests import Request
from suno_async.http.api_client import ApiClient
from suno_async.stores.base import Store
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.submissions.calls import Calls, CallSettings
from suno_async.submissions.coordination import LEASE, Alone, Coordination
from suno_async.submissions.journal import Journal
from suno_async.submissions.options import NO_OPTIONS, Options
from suno_async.submissions.submitter import SubmitSettings, Submitter
from suno_async.tasks.task import Task
from suno_async.wire.envelope import Reply

from ...conftest import now
from ...doubles import Answer, Script, envelope, reply
from .parts import api, journal, registry

SONG = GenerateMusic(prompt="rain")
LATER = Reply(200, envelope(code=430), retry_after=30)


class Follower:
    """Notes the tasks that are submitted."""

    def __init__(self) -> None:
        self.followed: list[tuple[Task[Any], Record]] = []

    def follow(self, task: Task[Any], record: Record, /) -> None:
        self.followed.append((task, record))


def address(kind: type[Request[Any]], ref: str, api: Provider) -> str:
    return f"https://bot.example/{ref}"


class Built(NamedTuple):
    submitter: Submitter
    follower: Follower
    store: Store
    api: ApiClient
    journal: Journal


def build(script: Script, *, shared: bool = True, model: str = "V6", store: Store | None = None) -> Built:
    store = store or MemoryStore(clock=now)
    peers = Coordination(store, provider=KIE) if shared else Alone(store)
    client, follower, book = api(script), Follower(), journal(store, peers)
    calls = Calls(client, CallSettings(KIE, True))
    settings = SubmitSettings(KIE, model, True, address, now)
    return Built(Submitter(client, calls, book, registry(), follower, settings), follower, store, client, book)


async def records(store: Store) -> list[Record]:
    return [record async for record in store.unfinished()]


@pytest.mark.parametrize("shared", [True, False])
async def test_a_job_becomes_a_task_and_its_record_says_so(shared: bool) -> None:
    submitter, follower, store, _, _ = build(script := Script(), shared=shared, model="V5")
    pace = Pace(first=1)
    task = await submitter.submit(SONG, Options(pace=pace, context={"chat": 7}))
    [record] = await records(store)
    assert (record.ref, record.task_id, record.state, record.context) == (task.ref, "t1", State.RUNNING, {"chat": 7})
    assert (task.id, task.model, task.context, task.pace, task.accepted_at) == ("t1", "V5", {"chat": 7}, pace, now())
    assert (script.posted[0]["model"], script.posted[0]["callBackUrl"]) == ("V5", f"https://bot.example/{task.ref}")
    assert [(one, record.task_id) for one, record in follower.followed] == [(task, "t1")]
    assert not submitter.under_way


async def test_its_record_is_there_before_it_is_sent() -> None:
    submitter, _, store, _, _ = build(script := Script())
    script.delay = 5
    submitting = asyncio.create_task(submitter.submit(SONG, Options(key="k")))
    await asyncio.sleep(1)
    [record] = await records(store)
    assert (record.state, record.key, record.task_id) == (State.SENDING, "k", "")
    assert submitter.under_way
    assert (await submitting).ref == record.ref


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("refusal", [LATER, ConnectError("no route"), reply(code=455)])
async def test_what_was_not_accepted_is_sent_again_with_the_same_ref(shared: bool, refusal: Any) -> None:
    submitter, _, store, _, _ = build(script := Script(submits=[refusal, reply({"taskId": "t9"})]), shared=shared)
    task = await submitter.submit(SONG, NO_OPTIONS)
    assert (task.id, [record.ref for record in await records(store)]) == ("t9", [task.ref])
    assert script.posted[0] == script.posted[1]


async def test_nobody_takes_a_refused_submission_for_dead_while_it_waits() -> None:
    submitter, _, store, _, book = build(Script(submits=[LATER]))
    submitting = asyncio.create_task(submitter.submit(SONG, NO_OPTIONS))
    await asyncio.sleep(2 * LEASE + 5)
    [record] = await records(store)
    found = await book.current(record.ref)
    assert found is not None
    assert found.state is State.SENDING
    assert (await submitting).id


async def test_a_refusal_leaves_nothing() -> None:
    submitter, follower, store, _, _ = build(Script(submits=[reply(code=422)]))
    with pytest.raises(InvalidRequest):
        await submitter.submit(SONG, Options(key="k"))
    assert (await records(store), follower.followed, submitter.under_way) == ([], [], False)


def cut_off() -> Reply:
    """As a transport of somebody's own, whose connection is closed by others."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("answer", [ResponseLost("gone"), cut_off])
async def test_a_lost_answer_is_uncertain_and_is_not_sent_again(answer: Answer) -> None:
    submitter, _, store, _, _ = build(script := Script(submits=[answer]))
    refs: set[str] = set()
    for _ in range(2):
        with pytest.raises(SubmissionUncertain) as told:
            await submitter.submit(SONG, Options(key="k"))
        refs.add(told.value.ref)
    [record] = await records(store)
    assert (refs, record.state, len(script.posted)) == ({record.ref}, State.UNCERTAIN, 1)


async def test_a_callback_that_came_before_the_answer_made_the_task() -> None:
    submitter, _, store, _, book = build(script := Script(submits=[ResponseLost("gone")]))
    script.delay = 5
    submitting = asyncio.create_task(submitter.submit(SONG, NO_OPTIONS))
    await asyncio.sleep(1)
    [record] = await records(store)
    await book.note_task_id(record, "t7")
    assert (await submitting).id == "t7"


async def test_of_many_with_one_key_one_is_sent_and_all_get_its_task() -> None:
    submitter, _, _, _, _ = build(script := Script(delay=3))
    tasks = await asyncio.gather(*(submitter.submit(SONG, Options(key="k")) for _ in range(5)))
    assert ({task.id for task in tasks}, len(script.posted)) == ({"t1"}, 1)
    with pytest.raises(InvalidJob, match="key belongs to another job"):
        await submitter.submit(GenerateMusic(prompt="sun"), Options(key="k"))


async def test_a_cancelled_caller_leaves_what_is_under_way_to_finish(caplog: pytest.LogCaptureFixture) -> None:
    submitter, _, store, _, _ = build(Script(delay=5))
    submitting = asyncio.create_task(submitter.submit(SONG, NO_OPTIONS))
    await asyncio.sleep(1)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    await submitter.finish()
    assert [record.task_id for record in await records(store)] == ["t1"]
    assert "a submit whose caller was cancelled was accepted: GenerateMusic, task t1" in caplog.text
    assert not submitter.under_way


async def test_a_closed_client_sends_nothing_and_ends_those_who_wait() -> None:
    submitter, _, store, client, book = build(script := Script(submits=[LATER]))
    waiting = asyncio.create_task(submitter.submit(SONG, NO_OPTIONS))
    await asyncio.sleep(1)
    await client.window.aclose()
    await submitter.finish()
    for submitting in (waiting, submitter.submit(SONG, NO_OPTIONS)):
        with pytest.raises(ConfigurationError, match="closed"):
            await submitting
    assert (len(script.posted), await records(store), book.owed) == (1, [], [])


@pytest.mark.parametrize("job", [None, "rain", GenerateMusic])
async def test_what_is_no_job_is_refused(job: Any) -> None:
    submitter, _, _, _, _ = build(script := Script())
    with pytest.raises(InvalidJob, match="must be a Job"):
        await submitter.submit(job, NO_OPTIONS)
    assert script.sent == []


async def test_what_existed_before_is_its_task() -> None:
    exists = reply({"taskId": "c" * 32}, code=400)
    submitter, _, store, _, _ = build(Script(submits=[exists]))
    task = await submitter.submit(GenerateCover(task_id="t0"), Options(context="mine"))
    assert (task.id, task.context, task.stage) == ("c" * 32, "mine", Stage.PENDING)
    assert [record.task_id for record in await records(store)] == ["c" * 32]


class CountsLeases(MemoryStore):
    """Counts the leases that are renewed."""

    renewed = 0

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        self.renewed += 1
        return await super().claim(name, owner, ttl)


async def test_a_submission_that_waits_for_a_place_has_no_lease_to_renew() -> None:
    """A thousand jobs in line must not ask the store a thousand times every few seconds."""
    store = CountsLeases(clock=now)
    built = build(Script(), shared=False, store=store)
    calls, seconds = KIE.submits
    await asyncio.gather(*(built.submitter.submit(SONG, NO_OPTIONS) for _ in range(2 * calls)))
    assert now() > seconds
    assert store.renewed == 0
