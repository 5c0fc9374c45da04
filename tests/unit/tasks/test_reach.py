"""Whether callbacks reach us: when it is believed, and when it is complained of."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from suno_async import GenerateMusic, Task
from suno_async.tasks.pace import PacePolicy, default_pace
from suno_async.tasks.reach import CallbackReach
from suno_async.tasks.task import TaskInfo

from ...conftest import now
from .support import Interests

ADDRESS = "https://bot.example/suno"


class Peers:
    """Other processes, to which callbacks come or not."""

    def __init__(self, *, shared: bool = False, come: bool = False) -> None:
        self.shared = shared
        self.come = come
        self.noted: list[tuple[float, str]] = []

    async def note_callback(self, address: str) -> None:
        self.noted.append((now(), address))

    async def callbacks_come(self, address: str) -> bool:
        assert address == ADDRESS
        return self.come


@asynccontextmanager
async def reaching(
    peers: Peers | None = None, address: str = ADDRESS, *, expected: bool = True
) -> AsyncGenerator[CallbackReach]:
    reach = CallbackReach(PacePolicy(callbacks=expected), peers or Peers(), address)
    try:
        yield reach
    finally:
        await reach.aclose()


def task(task_id: str = "t1", ref: str = "r1") -> Task[Any]:
    return Task(TaskInfo(task_id, GenerateMusic, ref), Interests())


async def test_the_first_callback_sets_the_pace_once() -> None:
    async with reaching() as reach:
        assert reach.of(task()) == default_pace(GenerateMusic)
        assert [reach.callback_came(name, here=True) for name in ("t1", "t2")] == [True, False]
        assert reach.of(task()) == default_pace(GenerateMusic, callbacks=True)


async def test_a_client_without_an_address_gets_none(caplog: pytest.LogCaptureFixture) -> None:
    async with reaching(address="") as reach:
        assert not reach.callback_came("t1", here=True)
        assert reach.of(task()) == default_pace(GenerateMusic)
        reach.completed_by_poll(task())
        await anyio.sleep(100)
    assert caplog.records == []


async def test_one_warning_names_the_address_within_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async with reaching() as reach:
        for name in ("t1", "t2"):
            reach.completed_by_poll(task(name))
            await anyio.sleep(2)
        await anyio.sleep(40)
        assert caplog.records == []
        await anyio.sleep(16)
        reach.completed_by_poll(task("t3"))
        await anyio.sleep(100)
    [record] = caplog.records
    assert (record.levelname, ADDRESS in record.message, "t1" in record.message) == ("WARNING", True, True)


@pytest.mark.parametrize("seconds", [-1, 44])
async def test_a_callback_of_the_task_before_or_soon_after_keeps_it_silent(
    seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    async with reaching() as reach:
        if seconds < 0:
            reach.callback_came("t1", here=True)
        reach.completed_by_poll(task())
        await anyio.sleep(44)
        reach.callback_came("t1", here=False)
        await anyio.sleep(100)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("one", "expected"), [(task(ref=""), True), (task(), False)], ids=["attached by its id", "no receiver"]
)
async def test_no_callback_is_missed_of_tasks_whose_callbacks_go_elsewhere(
    one: Task[Any], expected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with reaching(expected=expected) as reach:
        reach.completed_by_poll(one)
        await anyio.sleep(100)
    assert caplog.records == []


async def test_other_processes_are_told_once_a_minute_and_asked_before_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    peers = Peers(shared=True, come=True)
    async with reaching(peers) as reach:
        reach.completed_by_poll(task())
        await anyio.sleep(50)
        assert reach.of(task()) == default_pace(GenerateMusic, callbacks=True)
        for _ in range(4):
            reach.callback_came("t2", here=True)
            reach.callback_came("t3", here=False)
            await anyio.sleep(25)
        assert peers.noted == [(50, ADDRESS), (125, ADDRESS)]
        assert caplog.records == []
        peers.come = False
        reach.completed_by_poll(task("t4"))
        await anyio.sleep(50)
    assert "t4" in caplog.text


async def test_where_other_callbacks_come_the_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """The address is right then; a callback was lost, as the service repeats it three times only."""
    async with reaching() as reach:
        reach.callback_came("t2", here=True)
        reach.completed_by_poll(task())
        await anyio.sleep(100)
    [record] = caplog.records
    assert "t1" in record.message
    assert "those of other tasks do" in record.message
    assert "can the service reach" not in record.message


async def test_nothing_is_said_after_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async with reaching() as reach:
        reach.completed_by_poll(task())
    await anyio.sleep(100)
    assert caplog.records == []


async def test_the_warning_names_the_address_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    peers = Peers()
    async with reaching(peers, f"{ADDRESS}?password=hush") as reach:
        reach.completed_by_poll(task())
        await anyio.sleep(100)
    [record] = caplog.records
    assert ADDRESS in record.message
    assert "hush" not in record.getMessage()
