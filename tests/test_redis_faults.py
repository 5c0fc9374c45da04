"""What can go wrong with a Redis server: waiting goes on, what is owed is written down, nothing leaves unrecorded."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from suno_async import (
    GenerateMusic,
    Pace,
    Rate,
    ResponseLost,
    Stage,
    StoreError,
    SubmissionUncertain,
    SunoClient,
    Task,
    Update,
)
from suno_async.stores.base import Store
from suno_async.stores.record import Record, State
from suno_async.stores.transitions import accepted, updated
from suno_async.wire.envelope import Reply

from .doubles import DONE, PENDING, Script, called, http, page, reply, track
from .servers import RedisServer, redis_server

redis = pytest.importorskip("redis")
stores = pytest.importorskip("suno_async.stores.base.redis")

PACE = Pace(first=0.05, growth=1, cap=0.1, patience=30)
SELDOM = Pace(first=100, growth=1, cap=100, patience=1000)
"""For those whom only news can tell in time."""
URL = "https://bot.example/suno"

pytestmark = pytest.mark.usefixtures("soon")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there is a server


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    with redis_server(tmp_path) as one:
        yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PATIENCE", 0.2)
    monkeypatch.setattr(stores, "BLOCK", 0.1)


@asynccontextmanager
async def opened(at: str, *looks: Any, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
    script = Script(*looks, submits=settings.pop("submits", None))
    settings = {"store": at, "pace": PACE} | settings
    async with SunoClient(api_key="k", transport=script, **settings) as suno:
        yield suno, script


def song() -> GenerateMusic:
    return GenerateMusic(prompt="x")


async def refused(suno: SunoClient, script: Script, why: str = "redis: .", key: str = "") -> None:
    """A submit fails for a reason that is told, and nothing leaves."""
    before = list(script.sent)
    with pytest.raises(StoreError, match=why) as told:
        await suno.submit(song(), key=key)
    assert str(told.value).startswith("redis: ")
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


def directly(server: RedisServer, *words: object) -> Any:
    """A command of somebody else."""
    with redis.Redis(port=server.port) as other:
        return other.execute_command(*words)


def then(act: Callable[[], object], answer: Reply) -> Callable[[], Reply]:
    """Something happens while a request is under way."""

    def answered() -> Reply:
        act()
        return answer

    return answered


# ---- down ------------------------------------------------------------------------------------------------------------


# ---- cut, held up ----------------------------------------------------------------------------------------------------


# ---- another server --------------------------------------------------------------------------------------------------


# ---- not ours to write -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def speaking(said: bytes | None) -> AsyncGenerator[str]:
    """A server that is asked for Redis and says the same to everything; b"" hangs up, None says nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said != b"" and (data := await reader.read(65536)):
                writer.write((said or b"") * max(1, data.count(b"*")))
                await writer.drain()
        writer.close()

    serving = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    finally:
        serving.close()


STRANGERS = [
    pytest.param(http(b"hello"), id="a web server"),
    pytest.param(b"220 mail.example ESMTP\r\n", id="a mail server"),
    pytest.param(b"", id="hangs up"),
    pytest.param(None, id="says nothing"),
    pytest.param(b"-ERR max number of clients reached\r\n", id="refuses"),
    pytest.param(b"+OK\r\n", id="approves"),
    pytest.param(b":1\r\n", id="counts"),
    pytest.param(b"*0\r\n", id="lists"),
    pytest.param(b"$-1\r\n", id="knows nothing"),
]


# ---- repeated --------------------------------------------------------------------------------------------------------


async def test_a_write_that_is_sent_again_after_a_lost_answer_is_one_change_and_one_piece_of_news(
    server: RedisServer,
) -> None:
    async with stores.RedisStore(server.url) as store:
        write = store._write

        async def twice(*given: Any, **named: Any) -> Any:
            first, second = await write(*given, **named), await write(*given, **named)
            assert first == second
            return second

        store._write = twice
        record = Record(ref="r1", kind="GenerateMusic", provider="kie", request_json="{}", key="k")
        assert await store.intend(record) is None
        held = await store.intend(Record(ref="r2", key="k"))
        assert held is not None
        assert held.ref == "r1"
        changed = await store.change(partial(accepted, task_id="t1", now=2.0), ref="r1")
        assert changed is not None
        assert changed == await store.get(task_id="t1")
        assert await store.change(partial(accepted, task_id="t1", now=2.0), ref="r1") is None
        assert directly(server, "XLEN", "{suno}:news") == 1
        assert [one.ref async for one in store.unfinished()] == ["r1"]
