"""A program that is killed and started again loses nothing and pays for nothing twice."""

from pathlib import Path
from typing import Any

import pytest

from ..chaos.__main__ import Round, Tally
from ..servers import redis_server

JOBS = 40
QUICK: dict[str, Any] = {"jobs": JOBS, "lease": 0.5, "speed": 200.0}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there are other processes


def check(tally: Tally) -> None:
    assert tally.wrong == ()
    assert (tally.finished, tally.lost, tally.twice) == (JOBS, 0, 0)
    assert tally.kills


async def test_one_worker_over_sqlite(tmp_path: Path) -> None:
    """Whenever it is killed, its next life finds every job, and no key is paid for twice unless somebody decided so."""
    store = f"sqlite:///{tmp_path}/songs.db"
    check(await Round(store, tmp_path, workers=1, kills=5, seed=1, **QUICK).run())


async def test_three_workers_over_redis(tmp_path: Path) -> None:
    """The same where others go on meanwhile, with the same keys in another order."""
    with redis_server(tmp_path) as server:
        check(await Round(server.url, tmp_path, workers=3, kills=2, seed=2, **QUICK).run())
