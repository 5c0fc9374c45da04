"""What is done once an hour: delivered records are forgotten, and files that will soon be gone are told of."""

import asyncio
import inspect
import secrets
from contextlib import aclosing
from typing import Any

from ..api.retention import LONGER
from ..errors import StoreError
from ..log import log
from ..stores.base import Store
from ..tasks.task import Task
from .hooks import HousekeepingSettings, OnExpiring
from .recovery import Recovery

__all__ = ["Housekeeping"]

INTERVAL = 3600.0
"""Seconds between two rounds."""


class Housekeeping:
    """Looks through the store once an hour, if something is asked for; of several processes one does each part."""

    # State, all of it: the asyncio task that does it.

    def __init__(self, store: Store, recovery: Recovery, owner: str, settings: HousekeepingSettings) -> None:
        self._store = store
        self._recovery = recovery
        self._owner = owner
        self._settings = settings
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, if something is asked for."""
        if self._settings.retention is not None or self._settings.on_expiring is not None:
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while True:
            for part in (self._prune, self._tell):
                try:
                    await part()
                except StoreError as exc:
                    log.warning("the store is looked through an hour later: %s", exc)
                except Exception:  # of a function of the application, or of a store of its own
                    log.exception("the store is looked through an hour later")
            await asyncio.sleep(INTERVAL)

    async def _prune(self) -> None:
        retention = self._settings.retention
        if retention is None or not await self._store.claim("prune", self._owner, INTERVAL / 2):
            return
        count = await self._store.prune(self._settings.clock() - retention, undelivered=False)
        if count:
            log.info("%d records were forgotten: delivered, and ended more than %.0f s ago", count, retention)

    async def _tell(self) -> None:
        tell = self._settings.on_expiring
        if tell is None:
            return
        async with aclosing(self._recovery.expiring(self._settings.expiring_within, self._settings.clock())) as tasks:
            async for task in tasks:
                # Each attempt under another name: who told of it once claims it no second time either.
                if await self._store.claim(f"expiring {task.id}", secrets.token_hex(8), LONGER):
                    await self._call(tell, task)

    async def _call(self, tell: OnExpiring, task: Task[Any]) -> None:
        try:
            answer = tell(task)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # whatever the application does, the other tasks are told of
            log.exception("on_expiring failed at task %s", task.id)

    async def aclose(self) -> None:
        """Stop."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
