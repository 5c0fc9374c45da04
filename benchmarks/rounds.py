"""Sides that take turns, and the medians of their rounds."""

import gc
import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

__all__ = ["Series", "alternate", "measured"]

T = TypeVar("T")


class Series(NamedTuple):
    """What some rounds measured, in their order."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def over(self, other: "Series") -> "Series":
        """Return the quotients round by round: what slows the machine down for a while slows both sides."""
        return Series(tuple(one / two for one, two in zip(self.values, other.values, strict=True)))


def alternate(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each way once a round, every other round in the opposite order, and return what each returned.

    Args:
        ways: The sides, by name.
        rounds: How often.
    """
    taken: dict[str, list[T]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in [*ways] if number % 2 == 0 else [*ways][::-1]:
            gc.collect()
            taken[name].append(ways[name]())
    return taken


def measured(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Series]:
    """The same for ways that return one number."""
    return {name: Series(tuple(values)) for name, values in alternate(ways, rounds).items()}
