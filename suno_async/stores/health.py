"""Whether a store answers, as those have seen who use it."""

import asyncio
from types import TracebackType

from ..errors import StoreError
from .base import Damaged

__all__ = ["StoreHealth"]


class StoreHealth:
    """Notes how calls of a store end: `with health: await store.change(…)`. It asks the store nothing by itself."""

    # State, all of it: reachable, failed_at and error.

    def __init__(self) -> None:
        self.reachable: bool | None = None
        """Whether the last call was answered; None before the first."""
        self.failed_at: float | None = None
        """When a call failed last, by the loop's clock."""
        self.error: str = ""
        """Why it did."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None or isinstance(exc, Damaged):
            self.reachable = True
        elif isinstance(exc, StoreError):
            self.reachable = False
            self.failed_at, self.error = asyncio.get_running_loop().time(), str(exc)
