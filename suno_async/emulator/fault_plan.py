"""Which faults are planned for the next requests."""

import random
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from ..api.requests import Request
from .faults import Fault

__all__ = ["FaultPlan", "Target"]

Target = type[Request[Any]] | str | None
"""A request class; a path, for every request to a path that starts with it; a task id, for the requests that name it;
None for any job or call."""


class FaultPlan:
    """The faults that the next requests get: those that are scripted, or else by chance.

    Args:
        seed: Makes chance repeatable (default: None, it is not).
    """

    # State, all of it: _planned, a queue of faults for each target; _rates, how often each fault happens there;
    # _random, what decides.

    def __init__(self, seed: int | None = None) -> None:
        self._planned: dict[Target, deque[Fault | None]] = {}
        self._rates: dict[Target, Mapping[Fault, float]] = {}
        self._random = random.Random(seed)

    def add(self, target: Target, faults: Iterable[Fault | None]) -> None:
        """Plan one fault for each of the next requests; None stands for a request without a fault."""
        self._planned.setdefault(target, deque()).extend(faults)

    def set_rates(self, target: Target, rates: Mapping[Fault, float]) -> None:
        """Let each fault happen to a share of the requests. ValueError if the shares are not from 0 to 1, or are more
        than 1 together.
        """
        for fault, share in rates.items():
            if not 0 <= share <= 1:
                raise ValueError(f"the share of {fault} must be from 0 to 1, got {share}")
        if sum(rates.values()) > 1 + 1e-9:
            raise ValueError(f"the shares must be at most 1 together, got {sum(rates.values()):g}")
        self._rates[target] = dict(rates)

    def peek(self, *targets: Target) -> Fault | None:
        """The next fault in the first queue of these that has one, or else one by chance."""
        queue = self._queue(targets)
        return queue[0] if queue else self._by_chance(targets)

    def done(self, *targets: Target) -> None:
        """Remove from its queue what `peek` returned."""
        if queue := self._queue(targets):
            queue.popleft()

    def take(self, *targets: Target) -> Fault | None:
        """The next fault, removed from its queue."""
        fault = self.peek(*targets)
        self.done(*targets)
        return fault

    def take_for(self, path: str, names: Iterable[str]) -> Fault | None:
        """The next fault of a request to a path: for one of the ids that it names, or else for the longest path."""
        planned = {*self._planned, *self._rates}
        paths = [one for one in planned if isinstance(one, str) and one[:1] == "/" and path.startswith(one)]
        return self.take(*[name for name in names if name in planned], *sorted(paths, key=len, reverse=True))

    def _queue(self, targets: Iterable[Target]) -> deque[Fault | None] | None:
        return next((queue for target in targets if (queue := self._planned.get(target))), None)

    def _by_chance(self, targets: Iterable[Target]) -> Fault | None:
        rates = next((rates for target in targets if (rates := self._rates.get(target))), None)
        if rates is None:
            return None
        faults: list[Fault | None] = [*rates, None]
        return self._random.choices(faults, [*rates.values(), max(1 - sum(rates.values()), 0.0)])[0]
