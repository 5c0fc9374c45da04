"""Whoever is killed, forked, misled by a clock, or loses store or connection: nothing is lost, nothing paid twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..chaos import eviction, idle, removed
from ..chaos.clocks import ClockRound
from ..chaos.forks import ForkRound
from ..chaos.kills import Round
from ..chaos.tally import Tally
from ..postgres import PostgresServer
from ..servers import redis_server

JOBS = 40
FEW = 12
SPEED = 400.0
QUICK: dict[str, Any] = {"lease": 0.5, "speed": 200.0}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # real time: there are other processes


def check(tally: Tally, jobs: int) -> None:
    assert tally.wrong == ()
    assert (tally.finished, tally.lost, tally.twice, tally.false) == (jobs, 0, 0, 0)


async def test_one_worker_over_sqlite(tmp_path: Path) -> None:
    """Whenever it is killed, its next life finds every job, and no key is paid for twice unless somebody decided so."""
    store = f"sqlite:///{tmp_path}/songs.db"
    tally = await Round(store, tmp_path, workers=1, jobs=JOBS, kills=5, seed=1, **QUICK).run()
    check(tally, JOBS)
    assert tally.kills


async def test_three_workers_over_redis(tmp_path: Path) -> None:
    """The same where others go on meanwhile, with the same keys in another order."""
    with redis_server(tmp_path) as server:
        tally = await Round(server.url, tmp_path, workers=3, jobs=JOBS, kills=2, seed=2, **QUICK).run()
    check(tally, JOBS)
    assert tally.kills


async def test_three_workers_over_postgres(postgres: PostgresServer, tmp_path: Path) -> None:
    tally = await Round(postgres.database(), tmp_path, workers=3, jobs=JOBS, kills=2, seed=9, **QUICK).run()
    check(tally, JOBS)
    assert tally.kills


async def test_workers_of_preloading_servers(tmp_path: Path) -> None:
    """Client and store are made, and by one server used, before the fork; a child of a living loop is refused."""
    tally = await ForkRound(f"sqlite:///{tmp_path}/songs.db", tmp_path, jobs=FEW, kills=1, seed=3, **QUICK).run()
    check(tally, FEW)
    assert tally.kills


async def test_a_clock_that_jumps_by_hours(tmp_path: Path) -> None:
    """Nobody hangs, and no process takes another one's submission for a dead one's."""
    given: dict[str, Any] = {"workers": 2, "jobs": FEW, "kills": 0, "seed": 4, "lease": 2.0, "speed": 200.0}
    check(await ClockRound(f"sqlite:///{tmp_path}/songs.db", tmp_path, **given).run(), FEW)


def test_a_redis_that_begins_to_evict(tmp_path: Path) -> None:
    check(eviction.play(tmp_path, jobs=6, seed=5, speed=SPEED), 6)


@pytest.mark.parametrize("way", [removed.replace, removed.move])
def test_a_file_that_is_lost(tmp_path: Path, way: Callable[[Path], None]) -> None:
    check(removed.play(tmp_path, jobs=6, seed=6, speed=SPEED, ways=[way]), 6)


def test_a_server_that_closes_connections(tmp_path: Path) -> None:
    """Paid requests and uploads have connections of their own."""
    check(idle.play(tmp_path, jobs=FEW, seed=7, speed=SPEED), FEW)


def test_the_rounds_can_tell(tmp_path: Path) -> None:
    """Where paid requests share connections with others, most are lost before they arrive."""
    assert idle.play(tmp_path, jobs=FEW, seed=8, speed=SPEED, paid_through_session=True).false > FEW / 2
