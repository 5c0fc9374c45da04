"""How long tasks took, kept in a shared store from one run to the next."""

import asyncio
import math
from typing import Any, TypeAlias

import msgspec

from ..api.updates import Stage
from ..errors import StoreError
from ..log import log
from ..stores.base import Store
from ..tasks.adaptive import AdaptivePace
from . import codec

__all__ = ["LearnedTimes"]

NAME = "learned times"
"""Of the note in the store."""
LAST_TRY = 5.0
"""Seconds that closing waits for the store; without the times, the next run learns them again."""

Row: TypeAlias = tuple[str, str, str, Stage, Stage, list[float]]
"""A sort of tasks, its kind by the name that records have, and its times in seconds."""

_decode = msgspec.json.Decoder(list[Row]).decode


class LearnedTimes:
    """Reads them when a client begins to work, and writes them when it closes. Of several processes the last counts."""

    # State, all of it: _reading, _text (the note as it was read), _others (rows of kinds that are not imported here).

    def __init__(self, store: Store, pace: AdaptivePace) -> None:
        self._store = store
        self._pace = pace
        self._reading: asyncio.Task[bool] | None = None
        self._text = ""
        self._others: list[Row] = []

    def start(self) -> None:
        """Read them, while other work goes on."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> bool:
        """Return whether the store could be read; otherwise what is there is left as it is."""
        try:
            self._text = await self._store.noted(NAME)
        except Exception as exc:  # of a store of the application's, too: the times are no reason to fail
            log.info("what was learned of the times of tasks cannot be read: %s", exc)
            return False
        try:
            rows = _decode(self._text) if self._text else []
        except msgspec.MsgspecError as exc:
            log.info("what was learned of the times of tasks is damaged, and is learned again: %s", exc)
            return True
        for row in rows:
            api, kind, model, reached, awaited, times = row
            try:
                sort = (api, codec.kind_named(kind), model, reached, awaited)
            except StoreError:
                self._others.append(row)
                continue
            if all(0 <= time < math.inf for time in times):
                self._pace.recall(sort, times)
        return True

    async def aclose(self) -> None:
        """Write them, if something was learned."""
        if self._reading is None:
            return
        self._reading.cancel()
        [read] = await asyncio.gather(self._reading, return_exceptions=True)
        if read is not True:  # what is there may be more than this run has learned
            return
        rows: list[Any] = [
            *self._others,
            *(
                (api, codec.name_of(kind), model, reached, awaited, [round(time, 1) for time in times])
                for (api, kind, model, reached, awaited), times in self._pace.learned.items()
            ),
        ]
        text = msgspec.json.encode(rows).decode()
        if not rows or text == self._text:
            return
        try:
            async with asyncio.timeout(LAST_TRY):
                await self._store.note(NAME, text)
        except Exception as exc:  # closing goes on: the records are written after this
            log.info("what was learned of the times of tasks is not kept: %s", exc)
