"""What is due when."""

import heapq
import math
from collections.abc import Iterable
from typing import Any

from .task import Task

__all__ = ["Schedule"]


class Schedule:
    """The tasks that are due at each time.

    Most times are sixteenths of a second, so that the polls of 100 000 tasks are due at a few hundred: an entry is one
    step of appending, where one in a heap of all tasks is 17 of comparing, and takes 8 bytes in place of 120.
    """

    # State, all of it: _times (a heap), _tasks (by those times, in the order in which they were added).

    def __init__(self) -> None:
        self._times: list[float] = []
        self._tasks: dict[float, list[Task[Any]]] = {}

    @property
    def first(self) -> float:
        """When the first is due; infinite if nothing is."""
        return self._times[0] if self._times else math.inf

    def add(self, due: float, task: Task[Any]) -> None:
        """Have a task due at a time, too."""
        tasks = self._tasks.get(due)
        if tasks is None:
            self._tasks[due] = [task]
            heapq.heappush(self._times, due)
        else:
            tasks.append(task)

    def pop(self) -> tuple[float, list[Task[Any]]]:
        """Remove the first time and what is due then, and return both."""
        due = heapq.heappop(self._times)
        return due, self._tasks.pop(due)

    def clear(self) -> Iterable[Task[Any]]:
        """Remove and return everything."""
        left, self._tasks, self._times = self._tasks, {}, []
        return (task for tasks in left.values() for task in tasks)
