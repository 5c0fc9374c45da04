"""A loop that jumps to its next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Callable
from typing import cast

from suno_async.stores import worker

GRACE = 0.002  # real seconds for the kernel to hand over what was sent on loopback, before time moves on
FLIGHT = 5.0  # the same while a request is known to be under way, which a busy machine may hold back for long


def stores_work() -> bool:
    """Whether the thread of a store has something to answer."""
    return any(one.busy for one in list(worker._workers))


class JumpSelector(selectors.DefaultSelector):
    """Skips the time that a real selector would sleep; sockets and threads that still work are waited for."""

    skipped = 0.0
    grace = GRACE
    busy: Callable[[], bool] = staticmethod(stores_work)
    flying: Callable[[], bool] = staticmethod(lambda: False)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:  # nothing but the outside world can go on; a hanging test should not hang for ever
            ready = super().select(100)
            assert ready, "nothing left to wait for"
            return ready
        while not ready and self.busy():
            ready = super().select(0.001)  # no longer: a thread is busy for a moment after its answer
        ready = ready or super().select(FLIGHT if self.flying() else self.grace)
        if not ready:
            self.skipped += timeout
        return ready


class JumpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumps = JumpSelector()
        super().__init__(self.jumps)

    def time(self) -> float:
        return self.jumps.skipped

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        """The timers that are set and not cancelled."""
        scheduled = cast("list[asyncio.TimerHandle]", getattr(self, "_scheduled"))  # noqa: B009  it has no public name
        return [timer for timer in scheduled if not timer.cancelled()]
