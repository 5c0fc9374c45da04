"""Working with other processes on one store: leases, claims, the shared rate window and what others write."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

import anyio

from ..api.limits import Rate
from ..api.providers import Provider
from ..api.updates import Stage, Update
from ..errors import StoreError, SunoError
from ..log import log
from ..stores.base import Store, Wanted, sending
from ..stores.health import StoreHealth
from ..stores.record import Record
from ..tasks.poller import Change
from ..tasks.task import Task
from . import codec

__all__ = ["LEASE", "Alone", "Coordination"]

LEASE = 10.0
"""Seconds after which a process that is sending something and does not renew its lease is taken to have ended."""
CALLBACKS_NOTED = 300.0
"""Seconds for which other processes are told that callbacks come."""
RECONNECT = 0.5
"""Seconds before the changes of others are read again after a failure."""


class Alone:
    """Nobody else uses the store: every claim is granted, and there is nothing to hear."""

    # State: none that changes.

    shared = False
    lease = LEASE
    """Seconds for which a lease on a submission holds."""

    def __init__(self, store: Store, owner: str = "") -> None:
        self._store = store
        self.owner = owner or secrets.token_hex(8)
        """The name by which this process takes leases and claims."""

    async def extend(self, ref: str) -> None:
        """Renew the lease on a submission that is being sent."""
        try:
            await self._store.claim(sending(ref), self.owner, self.lease)
        except StoreError as exc:  # no more than a hint for others
            log.debug("%s", exc)

    async def alive(self, ref: str) -> bool:
        """Return whether the process is alive that is said to be sending a submission.

        Asked under another name, so that a lease of this process counts as alive, too.
        """
        return not await self._store.claim(sending(ref), f"{self.owner} asks", 0.0)

    async def claim_poll(self, task: Task[Any], seconds: float) -> bool:
        """Return whether the polls of a task are this process's for the next seconds."""
        return True

    async def changes(self, wanted: Wanted | None = None) -> AsyncGenerator[Change | None]:
        """Return what others write down: nothing."""
        return
        yield

    async def missed(self, task: Task[Any]) -> Update[Any] | None:
        """Return what others have written down of a task: nothing."""
        return None

    async def note_callback(self, address: str) -> None:
        """Let others know that callbacks reach an address: there are none."""

    async def callbacks_come(self, address: str) -> bool:
        """Return whether others have noted that lately: there are none."""
        return False

    async def reserve(self, places: Sequence[str], rate: Rate) -> Sequence[float]:
        """Take places in the shared rate window: there is none, so they are free."""
        return [0.0] * len(places)

    async def give_back(self, place: str) -> None:
        """Free a place that was not used."""


class Coordination(Alone):
    """Other processes may use the store, too."""

    # State: none that changes. What is shared is in the store.

    shared = True

    def __init__(self, store: Store, owner: str = "", *, provider: Provider, health: StoreHealth | None = None) -> None:
        super().__init__(store, owner)
        self._provider = provider
        self._health = health or StoreHealth()
        self._window = f"submit {urlsplit(provider.api).netloc}"  # one for all APIs of a gateway

    async def claim_poll(self, task: Task[Any], seconds: float) -> bool:
        try:
            with self._health:
                return await self._store.claim(f"poll {task.id}", self.owner, seconds)
        except StoreError:
            return True  # better polled twice than never

    async def changes(self, wanted: Wanted | None = None) -> AsyncGenerator[Change | None]:
        while True:
            try:
                async with aclosing(self._store.updates(wanted)) as records:
                    async for record in records:
                        if record is None:
                            yield None
                        elif self._provider.api_named(record.provider) is not None:
                            yield self._change(record)
            except StoreError as exc:
                log.debug("no news for a moment: %s", exc)
            except Exception:
                log.exception("changes by other processes were not heard for a moment")
            await anyio.sleep(RECONNECT)

    def _change(self, record: Record) -> Change:
        try:
            return Change(record.task_id, record.ref, codec.restore(record, self._provider)[1], record)
        except SunoError as exc:
            log.error("%s", exc)
            return Change(record.task_id, record.ref, None, record)

    async def missed(self, task: Task[Any]) -> Update[Any] | None:
        try:
            with self._health:
                record = await self._store.get(ref=task.ref, task_id=task.id)
        except StoreError as exc:
            log.debug("task %s cannot be read for a moment: %s", task.id, exc)
            return None
        if record is None:
            return None
        update = codec.restore_update(record, task.kind, self._provider, task.model)
        return update or Update(task_id=record.task_id, stage=Stage.PENDING)

    async def note_callback(self, address: str) -> None:
        with suppress(StoreError):  # no more than a hint for others
            await self._store.claim(f"callbacks {address}", self.owner, CALLBACKS_NOTED)

    async def callbacks_come(self, address: str) -> bool:
        try:
            return not await self._store.claim(f"callbacks {address}", f"{self.owner} asks", 0.0)
        except StoreError:
            return True  # nobody can tell, so nothing is to be said

    async def reserve(self, places: Sequence[str], rate: Rate) -> Sequence[float]:
        return await self._store.reserve(self._window, places, rate)

    async def give_back(self, place: str) -> None:
        await self._store.release(self._window, place)
