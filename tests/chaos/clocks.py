"""A clock that jumps by hours, back and forward, while processes work and are killed: nobody hangs or pays twice."""

import asyncio
import os
import random
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .kills import LEASE, Round
from .tally import Tally, total

__all__ = ["ClockRound", "play"]

HOURS = 6.0
"""How far from the true time the clock is set, at most."""
STAYS = 1.5
"""Seconds for which it stays as it was set, at most."""


class ClockRound(Round):
    """A round whose workers, all on one machine, have a clock that somebody sets."""

    def __init__(self, store: str, folder: Path, **given: Any) -> None:
        super().__init__(store, folder, **given)
        self.leases_hold = not self._kills
        self._shift = folder / "shift"
        self._shift.write_bytes(struct.pack("d", 0.0))

    def options(self, worker: int) -> Mapping[str, object]:
        return {"clock": self._shift, "store-clock": "stays" if self.leases_hold else "jumps"}

    @asynccontextmanager
    async def disturbed(self, chance: random.Random) -> AsyncGenerator[None]:
        setting = asyncio.create_task(self._set(chance))
        try:
            yield
        finally:
            setting.cancel()

    async def _set(self, chance: random.Random) -> None:
        file = os.open(self._shift, os.O_WRONLY)
        try:
            while True:
                await asyncio.sleep(chance.uniform(0, STAYS))
                os.pwrite(file, struct.pack("d", 3600 * chance.uniform(-HOURS, HOURS)), 0)
        finally:
            os.close(file)


def play(folder: Path, *, jobs: int, kills: int, seed: int, lease: float = LEASE) -> Tally:
    """Three workers over SQLite: half of the jobs while they are killed, half while they are not.

    In the first half the store's own clock jumps, too, although by default it counts by one that nobody sets. A lease
    may end early then, so that a living process's submission is uncertain to others.
    """
    tallies: list[Tally] = []
    for name, given in (("killed", {"jobs": jobs // 2, "kills": kills}), ("left", {"jobs": -(-jobs // 2), "kills": 0})):
        part = folder / name
        part.mkdir()
        round = ClockRound(f"sqlite:///{part}/songs.db", part, workers=3, seed=seed, lease=lease, **given)
        tallies.append(asyncio.run(round.run()))
    return total(tallies)._replace(rounds=1)
