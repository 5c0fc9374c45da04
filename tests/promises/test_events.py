"""What the functions of an application are told: of requests and of updates, here and in other processes. In virtual
time.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import pytest

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    Pace,
    RequestEvent,
    Stage,
    SunoClient,
    Update,
    UpdatesMissed,
)
from suno_async.errors import ConnectError, ResponseLost
from suno_async.stores import MemoryStore
from suno_async.stores.record import Record
from suno_async.wire.callbacks import parse

from ..callbacks import URL, observed, opened, query_of, stages_in
from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, reply, track

EVERY_FIVE = Pace(first=5, growth=1, cap=5, patience=100)
QUICK = Pace(first=0.001, growth=1, cap=0.001, patience=100)
TEXT = page("TEXT_SUCCESS")
Told = list[tuple[str, Stage, str]]


def telling(told: Told, update: Update[Any], record: Record) -> None:
    """An observer that notes its calls; use it by `partial(telling, told)`."""
    assert (record.task_id, record.stage) == (update.task_id, update.stage)
    told.append((update.task_id, update.stage, record.ref))


# ---- requests --------------------------------------------------------------------------------------------------------


async def test_every_request_is_told_with_its_attempt_and_its_outcome() -> None:
    events: list[RequestEvent] = []
    network = Script(
        *(ResponseLost("broken"), PENDING, reply(code=500, status=500), DONE),
        submits=[reply(code=429, status=429), reply({"taskId": "t1"})],
        delay=0.5,
    )
    async with client(network, on_request=events.append) as suno:
        task = await suno.generate_music(prompt="x")
        await task
        assert [(one.operation, one.method, one.attempt, one.status, one.error) for one in events] == [
            ("GenerateMusic", "POST", 1, 429, ""),
            ("GenerateMusic", "POST", 2, 200, ""),
            ("GenerateMusic", "GET", 1, None, "ResponseLost"),
            ("GenerateMusic", "GET", 2, 200, ""),
            ("GenerateMusic", "GET", 1, 500, ""),
            ("GenerateMusic", "GET", 2, 200, ""),
        ]
        assert [one.seconds for one in events] == pytest.approx([0.5] * len(events))  # differences of a clock
        assert {(one.provider, one.ref) for one in events} == {("kie-legacy", task.ref)}
        assert {one.url for one in events[:2]} == {"https://api.kie.ai/api/v1/generate"}
        assert {(one.url, one.task_id) for one in events[2:]} == {
            ("https://api.kie.ai/api/v1/generate/record-info", "t1")
        }
        assert events[-1].bytes == len(DONE.body)


async def test_calls_and_uploads_are_told() -> None:
    events: list[RequestEvent] = []
    network = Script(reply(100), submits=[ConnectError("away"), reply({"downloadUrl": "https://f.example/1.mp3"})])
    async with client(network, on_request=events.append) as suno:
        await suno.get_credits()
        await suno.upload(b"RIFF", name="a.wav")
    assert [(one.operation, one.attempt, one.error) for one in events] == [
        ("GetCredits", 1, ""),
        ("UploadBase64", 1, "ConnectError"),
        ("UploadBase64", 2, ""),
    ]


async def test_no_event_holds_the_key_a_token_or_a_body() -> None:
    events: list[RequestEvent] = []
    network = Script(PENDING, DONE)
    async with client(network, on_request=events.append, callback_url=URL) as suno:
        await suno.run(GenerateMusic(prompt="a secret meadow"))
        (token,) = query_of(network).values()
    for word in ("secret-key", token, "meadow", "?"):
        assert word not in repr(events)


async def test_a_function_that_raises_or_hangs_is_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def slow(event: RequestEvent) -> None:
        seen.append(event.method)
        await asyncio.sleep(5)
        raise ValueError("late")

    def broken(event: RequestEvent) -> None:
        raise ValueError("at once")

    async with client(Script(PENDING, DONE), on_request=broken) as suno:
        await suno.run(GenerateMusic(prompt="x"))
    assert "on_request failed at" in caplog.text
    assert "at once" in caplog.text
    before = asyncio.all_tasks()
    async with client(Script(DONE), on_request=slow) as suno:
        await suno.run(GenerateMusic(prompt="x"))
    assert seen == ["POST", "GET"]  # closing waited for them
    assert caplog.text.count("ValueError: late") == 2
    assert asyncio.all_tasks() == before


async def test_calls_that_hang_for_good_are_bounded_and_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suno_async.notifier.AT_ONCE", 2)
    over = asyncio.Event()
    calls: list[str] = []

    async def hanging(event: RequestEvent) -> None:
        calls.append(event.operation)
        await over.wait()

    async with client(Script(reply(1)), on_request=hanging) as suno:
        for _ in range(5):
            await suno.get_credits()
            await asyncio.sleep(0.1)
        assert len(calls) == 2
        over.set()
        await asyncio.sleep(1)
        await suno.get_credits()
    assert len(calls) == 3
    assert "on_request was not called 3 times" in caplog.text


# ---- the client's on_update ------------------------------------------------------------------------------------------


async def test_each_stage_of_a_submitted_task_although_nobody_awaits_it() -> None:
    told: Told = []
    network = Script(PENDING, TEXT, DONE)
    async with client(network, on_update=partial(telling, told)) as suno:
        task = await suno.submit(GenerateMusic(prompt="x"), pace=EVERY_FIVE)
        await asyncio.sleep(100)
        assert told == [("t1", Stage.TEXT, task.ref), ("t1", Stage.COMPLETE, task.ref)]
        assert len(network.polled_at) == 3


async def test_an_attached_task_is_followed_with_its_record_if_there_is_one() -> None:
    told: Told = []
    async with client(Script(TEXT, DONE), on_update=partial(telling, told)) as suno:
        suno.attach(GenerateMusic, "t1")
        await asyncio.sleep(60)
        assert told == [("t1", Stage.TEXT, ""), ("t1", Stage.COMPLETE, "")]


def test_a_task_attached_before_the_loop_is_followed_in_it() -> None:
    told: Told = []
    suno = client(Script(DONE), on_update=partial(telling, told), pace=QUICK)
    suno.attach(GenerateMusic, "t1")

    async def main() -> None:
        async with suno:
            while not told:
                await asyncio.sleep(0)

    asyncio.run(main())
    assert told == [("t1", Stage.COMPLETE, "")]


async def test_what_a_restart_left_is_told_of_when_it_is_resumed() -> None:
    store = MemoryStore(clock=now)
    async with client(Script(TEXT), store=store) as suno:
        ref = (await suno.generate_music(prompt="x")).ref
        await suno.attach(GenerateMusic, "t1").wait(Stage.TEXT)
    told: Told = []
    async with client(Script(DONE), store=store, on_update=partial(telling, told)) as suno:
        await asyncio.sleep(60)
        assert told == []
        async for _ in suno.resume():
            pass
        await asyncio.sleep(60)
        assert told == [("t1", Stage.TEXT, ref), ("t1", Stage.COMPLETE, ref)]


async def test_a_task_that_had_a_callback_here_is_followed_to_its_end() -> None:
    store = MemoryStore(clock=now)
    async with opened(PENDING, store=store) as (suno, script):
        ref = (await suno.generate_music(prompt="x")).ref
        query = query_of(script)
    told: Told = []
    async with opened(DONE, store=store, on_update=partial(telling, told)) as (suno, script):
        receiver = suno.receiver()
        assert (await receiver.receive(called("text"), {}, query)).status == 200
        await asyncio.sleep(2000)
        assert told == [("t1", Stage.TEXT, ref), ("t1", Stage.COMPLETE, ref)]
        assert len(script.polled_at) == 1


async def test_a_callback_that_the_application_vouches_for_is_told() -> None:
    told: Told = []
    async with client(Script(PENDING), on_update=partial(telling, told)) as suno:
        task = await suno.generate_music(prompt="x")
        assert suno.feed(parse(called("complete", track(1))))
        await asyncio.sleep(1)
        assert told == [("t1", Stage.COMPLETE, task.ref)]


async def test_it_hears_in_every_process_and_a_receivers_observer_in_one() -> None:
    """Three clients on one store: one submits, one gets the callbacks, one only looks on."""
    store = MemoryStore(clock=now)
    here: list[Told] = [[], [], []]
    async with (
        opened(PENDING, store=store, on_update=partial(telling, here[0])) as (one, script),
        opened(PENDING, store=store, on_update=partial(telling, here[1])) as (two, _),
        opened(PENDING, store=store, on_update=partial(telling, here[2])) as (three, looking_on),
    ):
        receivers, calls = zip(*(observed(suno) for suno in (one, two, three)), strict=True)
        await asyncio.sleep(1)
        task = await one.generate_music(prompt="x")
        query = query_of(script)
        for body in (called("text"), called("first", track(1)), called("complete", track(1))):
            assert (await receivers[1].receive(body, {}, query)).status == 200
            await asyncio.sleep(10)
        stages = (Stage.TEXT, Stage.FIRST, Stage.COMPLETE)
        assert here == [[("t1", stage, task.ref) for stage in stages]] * 3
        assert looking_on.sent == []
        assert sorted(stage for one in calls for stage in stages_in(one)) == list(stages)


async def test_what_was_delivered_long_ago_is_no_news() -> None:
    time = 1000.0
    store = MemoryStore(clock=lambda: time)
    async with client(Script(DONE), store=store, clock=lambda: time) as suno:
        task = await suno.generate_music(prompt="x")
        await task
        time = 5000.0
        told: Told = []
        async with client(Script(DONE), store=store, clock=lambda: time, on_update=partial(telling, told)):
            await asyncio.sleep(1)
            await suno.mark_delivered(task)
            await asyncio.sleep(10)
            assert told == []


async def test_one_that_raises_and_one_that_hangs_keep_nobody_from_anything(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Stage] = []

    async def observer(update: Update[Any], record: Record) -> None:
        heard.append(update.stage)
        if update.task_id == "t1":
            await asyncio.sleep(10_000)
        raise ValueError("broken")

    async with client(Script(DONE, PENDING), on_update=observer) as suno:
        first = await suno.generate_music(prompt="x")
        assert (await first).tracks
        suno.attach(GenerateMusic, "t2").feed(Update(task_id="t2", stage=Stage.TEXT))
        await asyncio.sleep(0.1)
        assert heard == [Stage.COMPLETE, Stage.TEXT]
        assert "on_update failed at" in caplog.text


def test_the_next_loop_goes_on_and_repeats_nothing() -> None:
    told: Told = []
    network = Script(TEXT)
    suno = client(network, on_update=partial(telling, told), pace=QUICK)

    async def first() -> None:
        await (await suno.generate_music(prompt="x")).wait(Stage.TEXT)
        await asyncio.sleep(0.01)

    async def second() -> None:
        network.polls = [DONE]
        async with suno:
            while len(told) < 2:
                await asyncio.sleep(0)

    asyncio.run(first())
    asyncio.run(second())
    assert [stage for _, stage, _ in told] == [Stage.TEXT, Stage.COMPLETE]


# ---- map -------------------------------------------------------------------------------------------------------------


async def test_map_tells_of_its_own_tasks() -> None:
    told: Told = []
    other: Told = []
    network = Script()
    network.polls = [lambda: page("SUCCESS", track(1), track(2), task_id=network.sent[-1][2].rpartition("=")[2])]
    async with client(network, on_update=partial(telling, other)) as suno:
        apart = await suno.generate_music(prompt="not of the map")
        outcomes = [one async for one in suno.map(jobs(3), on_update=partial(telling, told))]
        assert all(one.error is None for one in outcomes)
        await apart
        await asyncio.sleep(1)
        refs = {one.task.id: one.task.ref for one in outcomes if one.task is not None}
        assert sorted(told) == sorted((name, Stage.COMPLETE, ref) for name, ref in refs.items())
        assert len(other) == 4


async def test_two_jobs_of_a_map_with_one_key_are_told_of_once() -> None:
    told: Told = []
    async with client(Script(DONE)) as suno:
        same = jobs(1) * 2
        _ = [one async for one in suno.map(same, key=lambda job: "order", on_update=partial(telling, told))]
        await asyncio.sleep(1)
        assert [stage for _, stage, _ in told] == [Stage.COMPLETE]


# ---- readers ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def reading(suno: SunoClient, limit: int = 1000) -> AsyncGenerator[list[Any]]:
    """What a reader has read, with the error that ended it."""
    read: list[Any] = []

    async def go_on() -> None:
        try:
            async for update in suno.updates(limit=limit):
                read.append((update.task_id, update.stage))
        except UpdatesMissed as exc:
            read.append(exc.count)

    reader = asyncio.create_task(go_on())
    await asyncio.sleep(0.1)
    try:
        yield read
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def test_a_reader_sees_what_others_await_and_causes_no_polls() -> None:
    network = Script(TEXT, DONE)
    async with client(network) as suno, reading(suno) as read, reading(suno) as too:
        task = await suno.generate_music(prompt="x")
        await asyncio.sleep(100)
        assert (read, network.polled_at) == ([], [])
        await task
        await asyncio.sleep(1)
        assert read == too == [("t1", Stage.TEXT), ("t1", Stage.COMPLETE)]


async def test_a_reader_sees_what_another_process_writes_down() -> None:
    store = MemoryStore(clock=now)
    network = Script(TEXT, DONE)
    async with client(network, store=store) as suno, client(Script(), store=store) as dashboard:
        before = asyncio.all_tasks()
        async with reading(dashboard) as read:
            await asyncio.sleep(1)
            await suno.run(GenerateMusic(prompt="x"))
            await asyncio.sleep(5)
            assert read == [("t1", Stage.TEXT), ("t1", Stage.COMPLETE)]
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == before  # nothing goes on after the last reader


async def test_old_results_are_no_news() -> None:
    store = MemoryStore(clock=now)
    async with client(Script(DONE), store=store) as suno:
        await suno.run(GenerateMusic(prompt="x"))
    async with client(Script(DONE), store=store) as suno, reading(suno) as read:
        assert [task.id async for task in suno.results()] == ["t1"]
        await asyncio.sleep(10)
        assert read == []


async def test_a_slow_reader_gets_what_was_kept_and_then_the_count() -> None:
    async with client(Script()) as suno, aclosing(suno.updates(limit=2)) as updates:
        first = asyncio.ensure_future(anext(updates))
        await asyncio.sleep(0.1)
        for n in range(5):
            suno.attach(GenerateMusic, f"t{n}").feed(Update(task_id=f"t{n}", stage=Stage.TEXT))
        assert (await first).task_id == "t0"
        assert (await anext(updates)).task_id == "t1"
        with pytest.raises(UpdatesMissed, match="3 updates were missed: more than limit=2") as missed:
            await anext(updates)
        assert missed.value.count == 3


async def test_closing_ends_the_readers() -> None:
    suno = client(Script())
    reader = asyncio.create_task(anext(suno.updates()))
    await asyncio.sleep(0.1)
    await suno.aclose()
    with pytest.raises(StopAsyncIteration):
        await reader
    with pytest.raises(ConfigurationError, match="closed"):
        await anext(suno.updates())


# ---- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["on_update", "on_request"])
def test_what_is_no_function_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a function, got 7"):
        client(Script(), **{name: 7})


async def test_map_and_readers_refuse_what_they_cannot_use() -> None:
    async with client(Script()) as suno:
        with pytest.raises(ConfigurationError, match="on_update must be a function"):
            suno.map([], on_update=7)  # type: ignore[arg-type]  # pyright: ignore
        for limit in (0, True, 1.5):
            with pytest.raises(ConfigurationError, match="limit must be a number of updates"):
                await anext(suno.updates(limit=limit))  # type: ignore[arg-type]  # pyright: ignore
