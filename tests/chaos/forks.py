"""Servers that load a program and fork their workers from it: each child is a process of its own to the store."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..postgres import postgres_server
from ..servers import redis_server
from .kills import LEASE, Log, Round
from .tally import Tally

__all__ = ["ForkRound", "play_postgres", "play_redis", "play_sqlite"]

SERVERS = 2
"""The client of the first was never used before it forks, that of the second was."""


class ForkRound(Round):
    """A round of preloading servers, which kill their own children and fork others."""

    program = "tests.chaos.preloading"
    kills_workers = False
    patience = 240.0  # all lives of its children are within one of its own

    def __init__(self, store: str, folder: Path, *, kills: int, seed: int, **given: Any) -> None:
        super().__init__(store, folder, workers=SERVERS, kills=kills, seed=seed, **given)
        self._of_children = {"kills": kills, "seed": seed}

    def options(self, worker: int) -> Mapping[str, object]:
        return self._of_children

    async def run(self) -> Tally:
        tally = await super().run()
        killed = sum(len(file.read_bytes()) for file in self._folder.glob("log-killed-*"))
        return tally._replace(kills=killed)

    def judge_log(self, log: Log) -> list[str]:
        told = log.refused
        return [] if told == 1 else [f"{told} children of a living loop were refused, and there was one"]


def play_sqlite(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Two servers with two children each over SQLite."""
    store = f"sqlite:///{folder}/songs.db"
    return asyncio.run(ForkRound(store, folder, jobs=jobs, kills=kills, seed=seed, lease=lease).run())


def play_redis(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Two servers with two children each over a Redis of their own."""
    with redis_server(folder) as server:
        round = ForkRound(server.url, folder, jobs=jobs, kills=kills, seed=seed, lease=lease)
        return asyncio.run(round.run())


def play_postgres(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Two servers with two children each over a PostgreSQL of their own."""
    with postgres_server() as server:
        round = ForkRound(server.url, folder, jobs=jobs, kills=kills, seed=seed, lease=lease)
        return asyncio.run(round.run())
