"""Whose turn it is: higher priorities first, groups in turn, and each group in the order of coming."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple, Protocol

__all__ = ["FIRST_COME", "OTHERS", "FairQueue", "PlaceObserver", "Turn"]

OTHERS = 5
"""Of so many turns in a row one is for a lower priority, if somebody waits there."""


class PlaceObserver(Protocol):
    """Hears of its place in the queue."""

    def moved(self, place: int, /) -> None:
        """It has another place now; 1 is next."""
        ...

    def left(self) -> None:
        """It waits no more."""
        ...


class Turn(NamedTuple):
    """In whose turn a request waits."""

    group: Hashable = None
    """Groups take turns."""
    priority: int = 0
    """The higher comes first."""
    observer: PlaceObserver | None = None


FIRST_COME = Turn()


class Waiting(Protocol):
    """Somebody who waits."""

    @property
    def turn(self) -> Turn: ...


class FairQueue:
    """Those who wait, in the order in which they get their turns if nobody else comes.

    The highest priority is served first, but of five turns in a row one is for a lower priority, each of which is
    served in turn. Within a priority the groups take turns, and a group that comes new has its turn after those that
    wait. Within a group it is first come, first served.
    """

    # State, all of it: _levels (by priority: by group, in the order of their turns: who waits, in the order of coming),
    # _passed (turns in a row in which a lower priority was passed over), _served (number of the last turn of each
    # priority, kept while nobody waits there, or who comes alone again and again would always be next) with _turns (how
    # many there were), _count (who waits).

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[Hashable, OrderedDict[Any, None]]] = {}
        self._passed = 0
        self._served: dict[int, int] = {}
        self._turns = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def join(self, one: Waiting) -> None:
        """Wait behind the others of one's group."""
        groups = self._levels.setdefault(one.turn.priority, OrderedDict())
        groups.setdefault(one.turn.group, OrderedDict())[one] = None
        self._count += 1

    def leave(self, one: Waiting) -> None:
        """Wait no more; nothing happens if it does not wait."""
        groups = self._levels.get(one.turn.priority)
        if groups is not None and one in groups.get(one.turn.group, ()):
            self._remove(one)

    def first(self) -> Any:
        """Return whose turn it is, if somebody waits."""
        groups = self._levels[self._level()]
        return next(iter(next(iter(groups.values()))))

    def take_first(self) -> Any:
        """Give a turn: return whose it was, and pass on to the next."""
        level, first = self._level(), self.first()
        self._passed = self._passed + 1 if len(self._levels) > 1 and level == max(self._levels) else 0
        self._turns += 1
        self._served[level] = self._turns
        self._levels[level].move_to_end(first.turn.group)
        self._remove(first)
        return first

    def in_order(self) -> Iterator[Any]:
        """Return all who wait, in the order of their turns."""
        copy = FairQueue()
        copy._levels = {
            level: OrderedDict((group, waiting.copy()) for group, waiting in groups.items())
            for level, groups in self._levels.items()
        }
        copy._passed, copy._served, copy._turns = self._passed, dict(self._served), self._turns
        copy._count = self._count
        while copy:
            yield copy.take_first()

    def _level(self) -> int:
        """The priority that has its turn."""
        highest = max(self._levels)
        if len(self._levels) == 1 or self._passed < OTHERS - 1:
            return highest
        lower = (level for level in self._levels if level != highest)
        return min(lower, key=lambda level: (self._served.get(level, 0), -level))

    def _remove(self, one: Waiting) -> None:
        level, group = one.turn.priority, one.turn.group
        groups = self._levels[level]
        del groups[group][one]
        self._count -= 1
        if not groups[group]:
            del groups[group]
        if not groups:
            del self._levels[level]
