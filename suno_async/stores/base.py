"""Where records are kept: the protocol, the store of one process, and stores by their addresses.

A store knows nothing of songs. It keeps records by their ref, task id and key, and applies a step, a pure function of
`records`, to one of them at a time.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from ..api.limits import Rate
from ..errors import StoreError
from .record import Record

__all__ = [
    "Step",
    "Store",
    "sending",
]

SHORTEST = 0.001
"""Seconds that one who finds no place is told to wait at least, since 0 says that he has it."""
Step = Callable[[Record], Record | None]
"""What becomes of a record; None if nothing does."""


def sending(ref: str) -> str:
    """The name that a submission is claimed by while it is sent."""
    return f"send {ref}"


class Damaged(StoreError):
    """A record that can't be read; the others can."""


class Store(Protocol):
    """What the client needs of a store. Everything raises StoreError when it cannot be done."""

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        """Keep a new record; if another holds its key, keep nothing and give that one.

        `owner`: who claims the name `sending(record.ref)` for `ttl` seconds, before others can see the record.
        """
        ...

    async def change(self, step: Step, *, ref: str = "", task_id: str = "") -> Record | None:
        """Apply a step to one record, by itself; the new record, None if there is none or the step changes nothing."""
        ...

    async def remove(self, ref: str) -> None:
        """Forget a record: nothing was made of it."""
        ...

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        """The record by one of its names."""
        ...

    def unfinished(self) -> AsyncGenerator[Record]:
        """The records in an open state, oldest first, a few at a time."""
        ...

    def finished(self, since: float = 0.0) -> AsyncGenerator[Record]:
        """The records that have ended, at this Unix time or later, and are not delivered; a few at a time."""
        ...

    def updates(self) -> AsyncGenerator[Record | None]:
        """Records as they are changed by others, without end; maybe one's own.

        None says that from now on none is missed: at the beginning, and after a break.
        """
        ...

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        """Take a name for so many seconds, or keep it; False if another owner has it."""
        ...

    async def reserve(self, name: str, rate: Rate) -> float:
        """Take one of the places in a window of time: 0, or the seconds until one may be free."""
        ...

    async def prune(self, before: float) -> int:
        """Forget what has ended or was dismissed before this Unix time; how many records that were."""
        ...

    async def aclose(self) -> None:
        """Let go of the file or the connections."""
        ...
