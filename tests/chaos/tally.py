"""What came of a round, and how it is shown."""

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

__all__ = ["HEADS", "ROW", "Tally", "row", "total"]


class Tally(NamedTuple):
    """What came of one round or of several."""

    rounds: int = 0
    kills: int = 0
    jobs: int = 0
    finished: int = 0
    lost: int = 0
    twice: int = 0
    """Runs of the emulator that neither a result nor a decision accounts for."""
    uncertain: int = 0
    """Submissions that were reported as uncertain."""
    false: int = 0
    """Uncertain ones of a living process: its request never reached the server, or it was answered after all."""
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()
    """What is not as it should be, in words."""


HEADS = ("round", *("false unc." if name == "false" else name for name in Tally._fields[:-1]))
ROW = "{:13}" + "{:>11}" * (len(HEADS) - 1)


def total(tallies: Iterable[Tally]) -> Tally:
    """Return their sum."""
    columns: list[Any] = list(zip(*tallies, strict=True))
    wrong = tuple(chain.from_iterable(columns.pop()))
    return Tally._make([*map(sum, columns), wrong])


def row(name: str, tally: Tally) -> str:
    """Return a tally as a row of the table."""
    return ROW.format(name, *tally[:-2], f"{tally.seconds:.1f}")
