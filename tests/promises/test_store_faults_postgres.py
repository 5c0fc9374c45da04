"""What can go wrong with PostgreSQL: waiting goes on, what is owed is written down, nothing leaves unrecorded."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from suno_async import (
    GenerateMusic,
    Pace,
    ResponseLost,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    Task,
    Update,
)
from suno_async.stores.base import Store
from suno_async.stores.postgres import PostgresStore
from suno_async.stores.record import Record, State
from suno_async.stores.transitions import accepted, updated
from suno_async.wire.envelope import Reply

from ..doubles import DONE, PENDING, Script, called, page, reply, track
from ..postgres import PostgresServer, Proxy

PACE = Pace(first=0.05, growth=1, cap=0.1, patience=30)
SELDOM = Pace(first=100, growth=1, cap=100, patience=1000)
"""For those whom only news can tell in time."""
URL = "https://bot.example/suno"

pytestmark = pytest.mark.usefixtures("soon", "impatient")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not wait long for a server that is gone."""
    monkeypatch.setattr("suno_async.submissions.write_behind.LAST_TRY", 0.2)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there is a server


@pytest.fixture
def server(postgres: PostgresServer) -> Generator[PostgresServer]:
    """A server that is repaired afterwards, and a database of this test's own."""
    postgres.database()
    yield postgres
    postgres.repair()


@asynccontextmanager
async def opened(at: str | PostgresStore, *polls: Any, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
    script = Script(*polls, submits=settings.pop("submits", None))
    settings = {"store": at, "pace": PACE} | settings
    async with SunoClient(api_key="k", transport=script, **settings) as suno:
        yield suno, script


def song() -> GenerateMusic:
    return GenerateMusic(prompt="x")


async def refused(suno: SunoClient, script: Script, why: str = "postgres: .", key: str = "") -> None:
    """A submit fails for a reason that is told, and nothing leaves."""
    before = list(script.sent)
    with pytest.raises(StoreError, match=why) as told:
        await suno.submit(song(), key=key)
    assert str(told.value).startswith("postgres: ")
    assert script.sent == before


async def goes_on(suno: SunoClient, script: Script, key: str = "") -> None:
    """The same client submits as if nothing had been, and it is written down."""
    before = len(script.posted)
    task = await suno.submit(song(), key=key)
    assert len(script.posted) == before + 1
    assert (await kept(suno, task)).state is State.RUNNING


async def kept(suno: SunoClient, task: Task[Any], stage: Stage = Stage.PENDING) -> Record:
    """What the store says of a task, as soon as it says that much."""
    for _ in range(500):
        record = await suno.store.get(ref=task.ref)
        if record is not None and record.task_id == task.id and record.stage >= stage:
            return record
        await asyncio.sleep(0.02)
    raise AssertionError(f"{task} was not written down")


def forget(server: PostgresServer) -> None:
    """Lose the newest records, as a standby has that takes over."""
    server.do("TRUNCATE suno.records, suno.claims, suno.places, suno.writers")


def then(act: Callable[[], object], answer: Reply) -> Callable[[], Reply]:
    """Something happens while a request is under way."""

    def answered() -> Reply:
        act()
        return answer

    return answered


# ---- down ------------------------------------------------------------------------------------------------------------


async def test_nothing_is_submitted_while_the_server_is_down(server: PostgresServer) -> None:
    async with opened(server.url) as (suno, script):
        server.stop()
        await refused(suno, script, "connection failed")
        await refused(suno, script, "connection failed", key="k")
        server.start()
        await goes_on(suno, script)
        server.stop()
        await refused(suno, script)
        await refused(suno, script, key="k")
        server.start()
        await goes_on(suno, script, key="k")


async def test_waiting_goes_on_without_the_server_and_what_was_found_is_written_when_it_is_back(
    server: PostgresServer,
) -> None:
    async with opened(server.url, PENDING, then(server.stop, PENDING), PENDING, DONE) as (suno, script):
        task = await suno.generate_music(prompt="x")
        assert len((await task).tracks) == 2
        assert len(script.polled_at) == 4
        with pytest.raises(StoreError):
            await suno.mark_delivered(task)
        server.start()
        assert (await kept(suno, task, Stage.COMPLETE)).state is State.FINISHED
        assert await suno.mark_delivered(task)


async def test_what_is_accepted_when_the_server_dies_is_not_lost(server: PostgresServer) -> None:
    """It dies between the request and its answer: the submit succeeds, and the record is made whole later."""
    async with opened(server.url, PENDING, submits=[then(server.stop, reply({"taskId": "t1"}))]) as (suno, script):
        task = await suno.submit(song(), key="k", context={"chat": 7})
        assert (task.id, task.context) == ("t1", {"chat": 7})
        await refused(suno, script)
        server.start()
        record = await kept(suno, task)
        assert (record.state, record.key, record.context) == (State.RUNNING, "k", {"chat": 7})
        assert await suno.submit(song(), key="k") is task
        assert len(script.posted) == 1
    async with opened(server.url) as (suno, _):
        assert [(one.id, one.context) async for one in suno.resume()] == [("t1", {"chat": 7})]


async def test_what_another_process_finds_during_the_break_is_heard_after_it(server: PostgresServer) -> None:
    """By one that waits and hardly ever polls."""
    async with opened(server.url, PENDING, then(server.stop, DONE)) as (suno, _):
        task = await suno.generate_music(prompt="x")
        async with opened(server.url, pace=SELDOM) as (other, script):
            [same] = [one async for one in other.resume()]
            waiting = asyncio.create_task(same.wait())
            await asyncio.sleep(0.2)
            polls = len(script.sent)
            await task
            await asyncio.sleep(0.7)
            assert not waiting.done()
            server.start()
            update = await asyncio.wait_for(waiting, 10)
            assert update.result == await task
            assert len(script.sent) == polls


async def test_a_client_closes_while_the_server_is_down(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be written down is in the log."""
    async with opened(server.url, submits=[then(server.stop, reply({"taskId": "t-paid"}))]) as (suno, script):
        waiting = asyncio.create_task((await suno.generate_music(prompt="x")).wait())
        await asyncio.sleep(0.1)
    assert script.closed
    assert "not written to the store: GenerateMusic" in caplog.text
    assert "t-paid" in caplog.text
    with suppress(Exception):
        await waiting


async def test_a_callback_that_finds_no_server_is_sent_again_and_then_kept(server: PostgresServer) -> None:
    async with opened(server.url, callback_url=URL) as (suno, script), opened(server.url, callback_url=URL) as (web, _):
        for client in (suno, web):
            task = await suno.generate_music(prompt="x")
            address = urlsplit(str(script.posted[-1]["callBackUrl"]))
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            body = called("complete", track(1), track(2), task_id=task.id)
            receiver = client.receiver()
            server.stop()
            for _ in range(2):
                verdict = await receiver.receive(body, {}, query)
                assert verdict.status == 503
                assert verdict.reason.startswith("postgres: ")
            server.start()
            assert (await receiver.receive(body, {}, query)).status == 200
            assert (await kept(client, task, Stage.COMPLETE)).state is State.FINISHED
            assert (await receiver.receive(body, {}, query)).status == 200
        assert sorted([one.id async for one in web.results()]) == ["t1", "t2"]


async def test_listening_goes_on_when_catching_up_fails(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is there for a moment, and gone when it is asked what was missed."""
    async with opened(server.url) as (suno, _), opened(server.url, pace=SELDOM) as (other, _):
        task = await suno.generate_music(prompt="x")
        [same] = [one async for one in other.resume()]
        failures = 0
        store: Store = other.store
        get = store.get

        async def fails_once(**name: str) -> Record | None:
            nonlocal failures
            failures += 1
            if failures == 1:
                raise StoreError("postgres: gone again")
            return await get(**name)

        monkeypatch.setattr(store, "get", fails_once)
        waiting = asyncio.create_task(same.wait(Stage.TEXT))
        await asyncio.sleep(0.2)
        assert failures
        await suno.store.change(partial(_at_text, task.id), ref=task.ref)
        assert (await asyncio.wait_for(waiting, 5)).stage is Stage.TEXT


def _at_text(task_id: str, record: Record) -> Record | None:
    return updated(record, Update(task_id=task_id, stage=Stage.TEXT), 3.0)


# ---- cut, held up ----------------------------------------------------------------------------------------------------


async def test_nobody_notices_that_connections_are_cut(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    cut = server.cut
    polls = [page("PENDING", task_id="t"), page("SUCCESS", track(1), track(2), task_id="t")]
    submit = then(cut, reply({"taskId": "t"}))
    async with opened(server.url, then(cut, polls[0]), *polls, submits=[submit]) as (suno, script):
        cut()
        task = await suno.submit(song(), key="k")
        cut()
        assert len((await task).tracks) == 2
        cut()
        assert (await kept(suno, task, Stage.COMPLETE)).state is State.FINISHED
        assert len(script.posted) == 1
    assert [one for one in caplog.records if one.levelno >= logging.WARNING and "suno" in one.name] == []


async def test_a_paid_submission_over_a_connection_that_breaks_is_written_once(server: PostgresServer) -> None:
    """Whichever answer to a COMMIT is lost."""
    proxy = Proxy(server)
    async with proxy.running() as url, opened(url, PENDING, DONE) as (suno, script):
        await goes_on(suno, script)
        for number in range(3):
            proxy.answers_to_lose = 1
            await goes_on(suno, script, key=f"k{number}")
            assert proxy.answers_to_lose == 0
        script.polls = [page("SUCCESS", track(1), track(2), task_id="t2")]
        proxy.answers_to_lose = 1
        task = await suno.submit(song(), key="k0")
        await task
        assert await suno.mark_delivered(task)
        assert not await suno.mark_delivered(task)
        assert [one async for one in suno.uncertain()] == []


async def test_a_cut_while_news_are_awaited_loses_none(server: PostgresServer) -> None:
    async with opened(server.url) as (suno, _), opened(server.url, pace=SELDOM) as (other, _):
        task = await suno.generate_music(prompt="x")
        [same] = [one async for one in other.resume()]
        waiting = asyncio.create_task(same.wait(Stage.TEXT))
        for _ in range(3):
            await asyncio.sleep(0.1)
            server.cut()
        await suno.store.change(partial(_at_text, task.id), ref=task.ref)
        assert (await asyncio.wait_for(waiting, 5)).stage is Stage.TEXT


async def test_a_server_that_pauses_is_waited_for(server: PostgresServer) -> None:
    async with opened(server.url, PENDING, DONE) as (suno, script):
        server.freeze()
        asyncio.get_running_loop().call_later(0.7, server.thaw)
        began = asyncio.get_running_loop().time()
        task = await suno.submit(song(), key="k")
        assert asyncio.get_running_loop().time() - began > 0.5
        server.freeze()
        asyncio.get_running_loop().call_later(0.7, server.thaw)
        assert len((await task).tracks) == 2
        assert (await kept(suno, task, Stage.COMPLETE)).state is State.FINISHED
        assert len(script.posted) == 1


async def test_a_server_that_hangs_is_given_up_in_time_and_nothing_is_submitted(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does of that after all, when it goes on, makes no submission that never left an uncertain one."""
    async with PostgresStore(server.url, timeout=0.3) as store, opened(store) as (suno, script):
        await goes_on(suno, script)
        intend = store.intend

        async def intended(record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
            server.freeze()  # it hangs when the record is to be written
            return await intend(record, owner, ttl)

        with monkeypatch.context() as patch:
            patch.setattr(store, "intend", intended)
            with anyio.fail_after(8):
                await refused(suno, script, "(?i)time", key="k")
        server.thaw()
        await goes_on(suno, script, key="k")
        assert len(script.posted) == 2
        assert [one async for one in suno.uncertain()] == []


async def test_however_often_somebody_waits_one_listens_and_in_the_end_nobody(server: PostgresServer) -> None:
    """Each listener that stayed would keep one of the few connections."""
    polls = [page("SUCCESS", track(1), track(2), task_id=f"t{number}") for number in range(20)]
    async with opened(server.url, *polls) as (suno, _):
        store, before = suno.store, asyncio.all_tasks()
        for number in range(20):
            await store.intend(
                Record(ref=f"r{number}", kind="GenerateMusic", provider="kie-legacy", request_json='{"prompt":"x"}')
            )
            await store.change(partial(accepted, task_id=f"t{number}", now=2.0), ref=f"r{number}")
        async for task in suno.resume():
            assert await asyncio.wait_for(asyncio.ensure_future(task.wait()), 5)
        await asyncio.sleep(0.1)
        assert asyncio.all_tasks() == before
        for _ in range(100):
            if server.connections() == 1:
                break
            await asyncio.sleep(0.02)
        assert server.connections() == 1


# ---- another server --------------------------------------------------------------------------------------------------


async def test_a_successor_that_has_lost_the_newest_records_is_told_again(server: PostgresServer) -> None:
    """As a replica may have, that takes over while a request is under way. Its key is still good for one submission."""
    lose = partial(forget, server)
    async with opened(server.url, submits=[then(lose, reply({"taskId": "t1"}))]) as (suno, script):
        task = await suno.submit(song(), key="k", context=1)
        record = await kept(suno, task)
        assert (record.state, record.context) == (State.RUNNING, 1)
        assert (await suno.submit(song(), key="k")).id == "t1"
        assert len(script.posted) == 1


async def test_a_lost_answer_is_remembered_though_the_successor_has_lost_the_question(server: PostgresServer) -> None:
    def lose() -> Reply:
        forget(server)
        raise ResponseLost("cut")

    async with opened(server.url, submits=[lose]) as (suno, script):
        with pytest.raises(SubmissionUncertain) as told:
            await suno.submit(song(), key="k")
        assert [one.ref async for one in suno.uncertain()] == [told.value.ref]
        with pytest.raises(SubmissionUncertain):
            await suno.submit(song(), key="k")
        assert len(script.posted) == 1


# ---- not ours to write -----------------------------------------------------------------------------------------------


async def test_records_of_a_newer_version_are_left_alone(server: PostgresServer) -> None:
    async with opened(server.url) as (suno, script):
        await goes_on(suno, script)
        server.do("UPDATE suno.schema_version SET version = 99")
        server.cut()
        await refused(suno, script, "version 99, .* upgrade")
        await refused(suno, script, "upgrade", key="k")
        with pytest.raises(StoreError, match="upgrade"):
            await anext(suno.resume())
        server.do("UPDATE suno.schema_version SET version = 1")
        await goes_on(suno, script)


async def test_nothing_is_submitted_while_the_server_is_read_only(server: PostgresServer) -> None:
    """As hosted servers are when their disk is full; what is waited for is polled, and written down afterwards."""
    async with opened(server.url, PENDING, DONE) as (suno, script):
        task = await suno.submit(song(), key="k")
        server.do(f"ALTER DATABASE {server.current} SET default_transaction_read_only = on")
        server.cut()
        await refused(suno, script, "read-only transaction")
        assert len((await task).tracks) == 2
        assert (await suno.submit(song(), key="k")).id == task.id
        server.do(f"ALTER DATABASE {server.current} RESET default_transaction_read_only", database="postgres")
        server.cut()
        assert (await kept(suno, task, Stage.COMPLETE)).state is State.FINISHED
        await goes_on(suno, script)
