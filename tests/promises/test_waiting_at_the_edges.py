"""Polls, observers, event loops and memory where something else goes wrong at the same moment."""

import asyncio
import gc
import traceback
import weakref
from pathlib import Path
from typing import Any

import anyio
import pytest

from suno_async import ConfigurationError, GenerateMusic, ServerError, Stage, SunoClient, SunoError
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record, State
from suno_async.stores.sqlite import SQLiteStore

from ..callbacks import opened, query_of
from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, called, page, track
from ..loop import JumpLoop

SONG = GenerateMusic(prompt="rain")


async def gone(suno: SunoClient, count: int) -> int:
    """How many of so many abandoned tasks are still in memory."""
    left: weakref.WeakSet[Any] = weakref.WeakSet()

    async def one(n: int) -> None:
        task = suno.attach(GenerateMusic, f"task{n}")
        left.add(task)
        with anyio.move_on_after(5):
            await task

    async with anyio.create_task_group() as group:
        for n in range(count):
            group.start_soon(one, n)
    await anyio.sleep(60)
    gc.collect()
    return len(left)


@pytest.mark.parametrize("answer", [PENDING, ServerError(500, "x", "/", status=500)])
async def test_tasks_that_were_left_are_forgotten(answer: Any) -> None:
    """A watch remembers its last error, whose traceback holds the task: the weak key of `_paused` never dies."""
    async with client(Script(answer)) as suno:
        assert await gone(suno, 200) == 0


async def test_a_listener_that_raises_does_not_keep_the_waiters_from_the_result() -> None:
    """`Task.subscribe` is public; what it calls may raise."""
    async with client(Script(DONE)) as suno:
        task = await suno.submit(SONG)

        def broken(update: Any) -> None:
            raise KeyError("mine")

        task.subscribe(broken)
        with anyio.fail_after(90):
            assert (await task).tracks


async def test_one_observer_that_hangs_does_not_silence_another() -> None:
    heard: list[Stage] = []

    async def hangs(update: Any, record: Record) -> None:
        await anyio.sleep(10_000)

    async with client(Script(page("FIRST_SUCCESS", track(1)), DONE)) as suno:
        suno.receiver(on_update=hangs)
        suno.receiver(on_update=lambda update, record: heard.append(update.stage))
        await suno.submit(SONG)
        await anyio.sleep(60)
        assert heard == [Stage.FIRST, Stage.COMPLETE]


def test_observers_hear_in_the_next_event_loop() -> None:
    """Law 9: what belongs to a closed loop is made anew; the interest of an observer is dropped with a warning."""
    heard: list[Stage] = []
    network = Script(PENDING)
    suno = client(network)
    suno.receiver(on_update=lambda update, record: heard.append(update.stage))

    async def first() -> Any:
        return await suno.submit(SONG)

    async def second(task: Any) -> None:
        network.polls = [DONE]
        await task
        await anyio.sleep(1)
        await suno.aclose()

    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        task = runner.run(first())
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        runner.run(second(task))
    assert heard == [Stage.COMPLETE]


async def test_one_damaged_request_does_not_hide_the_others() -> None:
    store = MemoryStore(clock=now)
    common: dict[str, Any] = {
        "kind": "GenerateMusic",
        "provider": "kie-legacy",
        "state": State.RUNNING,
        "created": now(),
    }
    await store.intend(Record(ref="AAECAwQFBgcICQoL", task_id="t1", request_json="{", **common))
    await store.intend(Record(ref="AAECAwQFBgcICQoM", task_id="t2", request_json='{"prompt":"rain"}', **common))
    async with client(Script(PENDING), store=store, clock=now) as suno:
        assert [task.id async for task in suno.resume()][-1] == "t2"


@pytest.mark.parametrize("text", ["{", "[]", '{"model": 5}', ""])
async def test_a_damaged_request_raises_only_our_errors(text: str) -> None:
    store = MemoryStore(clock=now)
    await store.intend(
        Record(
            ref="AAECAwQFBgcICQoL",
            kind="GenerateMusic",
            provider="kie-legacy",
            state=State.UNCERTAIN,
            key="order",
            request_json=text,
            fingerprint="",
        )
    )
    async with client(Script(PENDING), store=store, clock=now) as suno:
        try:
            async for task in suno.resume():
                with anyio.move_on_after(5):
                    await task
        except SunoError:
            pass


def in_ours(exc: BaseException) -> str:
    """A traceback with local variables, as Sentry or rich print it."""
    return "".join(traceback.TracebackException.from_exception(exc, capture_locals=True).format())


async def test_the_key_is_in_no_local_of_a_failed_connection() -> None:
    """aiohttp's frames hold the request's headers, and the error is chained to theirs."""
    async with SunoClient(api_key="-".join(("secret", "key", "123")), base_url="http://127.0.0.1:9") as suno:
        with anyio.fail_after(1000), pytest.raises(SunoError) as caught:
            await suno.get_credits()
    shown = in_ours(caught.value)
    leaked = "-".join(("secret", "key", "123")) in shown
    assert not leaked


def test_the_key_is_in_no_local_of_a_refused_setting() -> None:
    shown: list[str] = []
    try:
        SunoClient(api_key="secret-" + "key-123", webhook_key="hook-" + "123", provider="nope")
    except ConfigurationError as exc:
        frames = [
            frame for frame, _ in traceback.walk_tb(exc.__traceback__) if "suno_async" in frame.f_code.co_filename
        ]
        shown = [
            f"{frame.f_code.co_qualname} {name}={value!r}"
            for frame in frames
            for name, value in frame.f_locals.items()
            if name != "self"
        ]
    assert not [line for line in shown if "secret-key-123" in line or "hook-123" in line]


def test_a_refused_setting_can_be_printed_with_its_locals() -> None:
    """A client that is half made cannot be shown: `repr` raises, which breaks what prints the locals."""
    with pytest.raises(ConfigurationError) as caught:
        SunoClient(api_key="k", provider="nope")
    assert "nope" in in_ours(caught.value)


@pytest.mark.parametrize(
    "address", ["user:hunter2@api.example", "http:/user:hunter2@api.example", "ftp:user:hunter2@api.example"]
)
def test_the_password_of_an_address_is_in_no_error(address: str) -> None:
    for name in ("base_url", "callback_url"):
        with pytest.raises(ConfigurationError) as caught:
            SunoClient(api_key="k", **{name: address})  # type: ignore[arg-type]
        assert "hunter2" not in str(caught.value)


def test_a_proxy_may_have_a_password() -> None:
    """Law 11; most proxies that need to be named have one, and there is no other place for it."""
    SunoClient(api_key="k", proxy="http://user:pass@proxy.example:3128")


async def test_a_store_with_a_hostile_task_id_answers(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "x.db")
    async with opened(PENDING, store=store) as (suno, script):
        receiver = suno.receiver()
        await suno.submit(SONG)
        for task_id in ("\\ud800", "\\u0000", "x" * 100_000, "' OR 1=1 --"):
            body = called("complete", track(1), track(2)).replace(b'"t1"', b'"' + task_id.encode() + b'"')
            verdict = await receiver.receive(body, {}, query_of(script))
            assert verdict.status in (200, 400, 401)
    await store.aclose()


@pytest.mark.parametrize("freshness", [float("nan"), -1.0, float("inf")])
def test_a_freshness_that_is_none_is_refused(freshness: float) -> None:
    """NaN compares false with everything, so no signature would ever be stale."""
    with pytest.raises(ConfigurationError):
        client(Script()).receiver(freshness=freshness)


async def test_a_restarted_submit_with_a_key_is_observed() -> None:
    """`on_update` is called for each task that was submitted here: the second process submits by its key, too."""
    store = MemoryStore(clock=now)
    async with client(Script(PENDING), store=store, clock=now) as suno:
        await suno.submit(SONG, key="order")
    heard: list[Stage] = []
    async with client(Script(DONE), store=store, clock=now) as suno:
        suno.receiver(on_update=lambda update, record: heard.append(update.stage))
        await suno.submit(SONG, key="order")
        await anyio.sleep(60)
        assert heard == [Stage.COMPLETE]
