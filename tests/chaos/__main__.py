"""`python -m tests.chaos --rounds 3`: disturb those who buy in every way we know, and see that nothing is lost.

Each kind of round has its module. At the end a table says what came of all rounds of each kind.
"""

import argparse
import logging
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .. import postgres
from ..servers import MISSING
from . import clocks, eviction, forks, idle, kills, removed
from .tally import HEADS, ROW, Tally, row, total

KILLED: dict[str, Callable[..., Tally]] = {
    "sqlite": kills.play_sqlite,
    "redis": kills.play_redis,
    "postgres": kills.play_postgres,
    "fork-sqlite": forks.play_sqlite,
    "fork-redis": forks.play_redis,
    "fork-postgres": forks.play_postgres,
    "clocks": clocks.play,
}
"""The kinds of rounds in which processes are killed."""
OTHERS: dict[str, Callable[..., Tally]] = {"eviction": eviction.play, "removed": removed.play, "idle": idle.play}
KINDS = {**KILLED, **OTHERS}


def play(kind: str, seed: int, given: argparse.Namespace) -> Tally:
    """Play one round in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if kind in KILLED:
            return KILLED[kind](Path(folder), jobs=given.jobs, seed=seed, kills=given.kills, lease=given.lease)
        return OTHERS[kind](Path(folder), jobs=given.jobs, seed=seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind; may be given several times")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=12, help="of each worker in a round, at most")
    parser.add_argument("--lease", type=float, default=kills.LEASE, help="seconds after which a killed worker is dead")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    kinds: list[str] = given.only or list(KINDS)
    if any(kind in ("redis", "fork-redis", "eviction") for kind in kinds) and shutil.which("redis-server") is None:
        parser.error(MISSING)
    if any("postgres" in kind for kind in kinds) and postgres.programs() is None:
        parser.error(postgres.MISSING)
    logging.getLogger("suno_async").addHandler(logging.NullHandler())  # what is disturbed is reported, and many times
    print(f"{given.rounds} rounds of each kind, seed {given.seed}", ROW.format(*HEADS), sep="\n", file=sys.stderr)
    sums: dict[str, Tally] = {}
    for kind in kinds:
        tallies: list[Tally] = []
        for seed in range(given.seed, given.seed + given.rounds):
            tallies.append(play(kind, seed, given))
            print(f"{row(kind, tallies[-1])}   seed {seed}", file=sys.stderr, flush=True)
            for problem in tallies[-1].wrong:
                print(f"    {problem}", file=sys.stderr, flush=True)
        sums[kind] = total(tallies)
    sums["total"] = total(sums.values())
    print(ROW.format(*HEADS), *(row(name, tally) for name, tally in sums.items()), sep="\n")
    return bool(sums["total"].wrong)


if __name__ == "__main__":
    sys.exit(main())
