"""Fresh addresses of the files of a result whose old ones are dead."""

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio

from ..api.requests import maker_of
from ..api.results import File, Result
from ..api.updates import Stage
from ..errors import SunoError
from ..tasks.pace import Pace
from ..tasks.registry import TaskRegistry

__all__ = ["FreshLinks"]

FOR_LINKS = Pace(first=1.0, growth=2.0, cap=8.0, patience=20.0)
"""The task has ended, so the first poll tells; the others are for polls that fail."""
SHARED = 1.0
"""Seconds for which all who ask get the same links."""


class FreshLinks:
    """Polls the task of a result once more: an interest in it like any other, so it shares the polls of those."""

    # State, all of it: _turn, _asked (when it was polled last), _files.

    def __init__(self, result: Result, registry: TaskRegistry) -> None:
        self._result = result
        self._registry = registry
        self._turn = asyncio.Lock()
        self._asked = float("-inf")
        self._files: Sequence[File] = ()

    async def get(self) -> Sequence[File]:
        """Return the files as a poll tells them now; none if it does not."""
        kind = maker_of(self._result)
        if kind is None or not self._result.task_id:
            return ()
        async with self._turn:
            if anyio.current_time() - self._asked >= SHARED:
                task = self._registry.detached(kind, self._result.task_id, FOR_LINKS)
                try:
                    found: Any = (await task.wait(Stage.FIRST)).result
                except SunoError:
                    found = None
                self._asked = anyio.current_time()
                self._files = list(found.files()) if found is not None else ()
            return self._files
