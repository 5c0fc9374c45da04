"""What is done once an hour: delivered records are forgotten, and files that will soon be gone are told of."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from ..api.retention import LONGER
from ..errors import StoreError
from ..log import log
from ..notifier import Notifier
from ..stores.base import Store
from .hooks import HousekeepingSettings, OnExpiring
from .recovery import Recovery

__all__ = ["Housekeeping"]

INTERVAL = 3600.0
"""Seconds between two rounds."""


class Housekeeping:
    """Looks through the store once an hour, if something is asked for; of several processes one does each part."""

    # State, all of it: the asyncio tasks that do it; the calls are the Notifier's.

    def __init__(self, store: Store, recovery: Recovery, owner: str, settings: HousekeepingSettings) -> None:
        self._store = store
        self._recovery = recovery
        self._owner = owner
        self._settings = settings
        self._working: list[asyncio.Task[None]] = []
        self._notifier = Notifier("on_expiring")

    @property
    def pending(self) -> int:
        """How many calls of `on_expiring` are under way, without the one that this is asked from."""
        return self._notifier.pending

    def start(self) -> None:
        """Begin with what is asked for; each by itself, since a function of the application may take its time."""
        if self._settings.retention is not None:
            self._working.append(asyncio.create_task(self._repeat(partial(self._prune, self._settings.retention))))
        if self._settings.on_expiring is not None:
            self._working.append(asyncio.create_task(self._repeat(partial(self._tell, self._settings.on_expiring))))

    async def _repeat(self, part: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await part()
            except StoreError as exc:
                log.warning("the store is looked through an hour later: %s", exc)
            except Exception:  # of a store of the application's
                log.exception("the store is looked through an hour later")
            await asyncio.sleep(INTERVAL)

    async def _prune(self, retention: float) -> None:
        if not await self._store.claim("prune", self._owner, INTERVAL / 2):
            return
        count = await self._store.prune(self._settings.clock() - retention, undelivered=False)
        if count:
            log.info("%d records were forgotten: delivered, and ended more than %.0f s ago", count, retention)

    async def _tell(self, tell: OnExpiring) -> None:
        async with aclosing(self._recovery.expiring(self._settings.expiring_within, self._settings.clock())) as tasks:
            async for task in tasks:
                # Each attempt under another name: who told of it once claims it no second time either.
                if await self._store.claim(f"expiring {task.id}", secrets.token_hex(8), LONGER):
                    await self._notifier.call(tell, task)

    async def aclose(self) -> None:
        """Stop; let the call that is under way end, for a while, since nobody is told of that task again."""
        for working in self._working:
            working.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self._notifier.aclose()
