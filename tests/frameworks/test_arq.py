"""The example for arq, by `make examples`: arq takes redis before 6 only, and the other tests have the newest."""

import asyncio
from typing import Any

import pytest

from suno_async.emulator import Emulator

from ..servers import RedisServer
from .processes import running

arq: Any = pytest.importorskip("arq")


def test_a_job_that_is_run_again_is_paid_once(
    emulator: Emulator, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first result is dropped, as if the worker had been killed before it was kept."""
    monkeypatch.setenv("REDIS_URL", redis.url)

    async def results() -> list[Any]:
        pool = await arq.create_pool(arq.connections.RedisSettings.from_dsn(redis.url))
        done: list[Any] = []
        for about in ("rain", "sun", "rain"):
            job = await pool.enqueue_job("write", about, _job_id=about)
            done.append(await job.result(timeout=60, poll_delay=0.05))
            await pool.delete(f"arq:result:{about}")
        await pool.aclose()
        return done

    with running("-m", "arq", "examples.arq_worker.WorkerSettings"):
        rain, sun, again = asyncio.run(results())
    assert "rain" in rain
    assert "sun" in sun
    assert again == rain
    assert len(emulator.runs) == 2
