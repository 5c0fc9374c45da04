"""A store behind a real pgbouncer in transaction mode, with more processes than it has connections to the server."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from suno_async import Rate
from suno_async.stores import PostgresStore, Record
from suno_async.testing.store_contract import count, hear, listening, refs, runs_as

from ...postgres import PostgresServer, as_who_may

MISSING = "pgbouncer is not installed: `apt-get install pgbouncer` (Debian, Ubuntu) or `brew install pgbouncer`"
POOL = 2


@pytest.fixture
def pooled(postgres: PostgresServer) -> Generator[str]:
    """The address of a pool for a database of this test's own; `postgres` leads to the server itself."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    postgres.database()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="suno-pgbouncer-") as folder:
        settings = Path(folder, "pgbouncer.ini")
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
            f"pool_mode = transaction\ndefault_pool_size = {POOL}\n"
        )
        Path(folder, "users").write_text('"suno" ""\n')
        if as_who_may():
            for path in (Path(folder), *Path(folder).iterdir()):
                shutil.chown(path, "postgres", "postgres")
        process = subprocess.Popen([program, "-q", settings], stderr=subprocess.DEVNULL, **as_who_may())
        try:
            for _ in range(500):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield f"postgresql://suno@127.0.0.1:{port}/{postgres.current}"
        finally:
            process.terminate()
            process.wait()


async def test_many_stores_share_few_connections(postgres: PostgresServer, pooled: str) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(PostgresStore(pooled)) for _ in range(6)]
        await stores[0].intend(Record(ref="shared", context=0))
        for part in range(3):
            kept = (store.intend(Record(ref=f"r{part} {n}", key="k")) for n, store in enumerate(stores))
            assert len([one for one in await asyncio.gather(*kept) if one is None]) == (part == 0)
            await asyncio.gather(*(store.change(count, ref="shared") for store in stores))
        found = await stores[0].get(ref="shared")
        assert found is not None
        assert found.context == 18
        took = await asyncio.gather(*(one.reserve("w", [f"{n}"], Rate(4, 100)) for n, one in enumerate(stores)))
        assert took.count([0.0]) == 4
        assert len(await refs(stores[0].unfinished())) == 2
        assert postgres.connections() <= POOL


async def test_changes_are_heard_by_the_address_of_the_server(postgres: PostgresServer, pooled: str) -> None:
    async with PostgresStore(pooled, listen=postgres.url) as store, PostgresStore(pooled) as other:
        await other.intend(Record(ref="r1"))
        async with listening(store) as heard:
            changed = await other.change(runs_as("t1"), ref="r1")
            assert await hear(heard) == [changed]


async def test_without_that_address_one_warning_is_logged(
    pooled: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And everything else works."""
    monkeypatch.setattr("suno_async.stores.postgres.HELLO", 0.3)
    async with PostgresStore(pooled) as store, PostgresStore(pooled) as other:
        heard = store.updates()
        waiting = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(2)
        assert not waiting.done(), "it must not be said that nothing is missed"
        await other.intend(Record(ref="r1"))
        assert await store.change(runs_as("t1"), ref="r1") is not None
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await heard.aclose()
    warnings = [one.getMessage() for one in caplog.records if "suno" in one.name and one.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "give PostgresStore(listen=)" in warnings[0]
