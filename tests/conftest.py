"""Time for the tests."""

import asyncio
import gc
import logging
import socket
import ssl
from collections.abc import Generator, Iterator
from itertools import repeat
from typing import Any

import anyio.to_thread
import pytest
import trustme

from .anyio_auto import pytest_pycollect_makeitem as pytest_pycollect_makeitem
from .loop import JumpLoop
from .order import pytest_collection_modifyitems as pytest_collection_modifyitems
from .postgres import PostgresServer, postgres_server
from .servers import RedisServer, redis_server


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded and collected stays, so no collection of garbage looks through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_runtest_logfinish() -> None:
    """What a test has loaded stays, too: tests collect all garbage often, and would look through it each time."""
    if full_collections() > _seen[0]:
        gc.collect()
        gc.freeze()
        _seen[0] = full_collections()


def full_collections() -> int:
    done: int = gc.get_stats()[2]["collections"]
    return done


_seen = [0]
"""How often all garbage had been collected when everything was last taken to stay."""


@pytest.fixture(autouse=True)
def legacy_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that name no provider use the legacy API of KIE, whose pages the scripts answer.

    Tests of what a client does by default name `provider="kie"`.
    """
    monkeypatch.setenv("SUNO_PROVIDER", "kie-legacy")


@pytest.fixture(autouse=True)
def direct_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not used."""
    for scheme in ("HTTP", "HTTPS", "ALL", "NO"):
        monkeypatch.delenv(f"{scheme}_PROXY", raising=False)
        monkeypatch.delenv(f"{scheme}_PROXY".lower(), raising=False)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What a test has the package log, as by `--verbose` of the command, ends with it."""
    yield
    logging.getLogger("suno_async").setLevel(logging.NOTSET)


@pytest.fixture
def refused() -> Iterator[str]:
    """An address where every connection is refused: its port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """A certificate authority that nobody else trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def served(ca: trustme.CA) -> ssl.SSLContext:
    """What servers of the hosts in tests show: certificates of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = ca.issue_cert("127.0.0.1", "api.example", "media.example")
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="session")
def trusted(ca: trustme.CA) -> ssl.SSLContext:
    """What clients are given to trust it."""
    context = ssl.create_default_context()
    authority: Any = ca
    authority.configure_trust(context)
    return context


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": JumpLoop}


@pytest.fixture
async def threads() -> None:
    """Lets time stand still while a thread works, for tests that write files."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    limiter = anyio.to_thread.current_default_thread_limiter()
    loop.jumps.busy = lambda: limiter.borrowed_tokens > 0


def now() -> float:
    return asyncio.get_running_loop().time()


def stand_still(seconds: float) -> None:
    """Let time pass in which the loop does not run: blocked by some function, or the process was stopped."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    loop.jumps.skipped += seconds


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests that leave it running."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests that leave it running."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store is owed is tried again soon."""

    def pauses(cap: float = 0.0) -> Iterator[float]:
        return repeat(0.05)

    monkeypatch.setattr("suno_async.submissions.write_behind.pauses", pauses)
