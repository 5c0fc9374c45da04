"""A loop that jumps to its next timer instead of waiting for it."""

import asyncio
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, cast

from suno_async.stores import worker

GRACE = 0.002  # real seconds for others to answer, and for the kernel to hand over what they send, before time moves on
FLIGHT = 5.0  # the same while a request is known to be under way, which a busy machine may hold back for long
INFO = 216  # bytes of what Linux says of a TCP connection, of which the first is its state
LISTENS = 10  # a server's, which has no other end


def stores_work() -> bool:
    """Whether the thread of a store has something to answer."""
    return any(one.busy for one in list(worker._workers))


class JumpSelector(selectors.DefaultSelector):
    """Skips the time that a real selector would sleep; sockets and threads that still work are waited for."""

    skipped = 0.0
    grace = GRACE
    busy: Callable[[], bool] = staticmethod(stores_work)
    flying: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self) -> None:
        super().__init__()
        self.own: set[int] = set()
        """What wakes the loop when a thread has called it."""
        self._threads = {one.ident for one in threading.enumerate()}

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
        if not ready:
            ready = super().select(0 if self.alone() else FLIGHT if self.flying() else self.grace)
        if not ready:
            self.skipped += timeout
        return ready

    def alone(self) -> bool:
        """Whether nobody else can say something: no thread, no process, and the kernel holds nothing back.

        A grace would be long for thousands of jumps, and short on a busy machine.
        """
        if any(one.ident not in self._threads and not self._asked(one) for one in threading.enumerate()):
            return False
        sent: dict[Any, int] = {}
        received: dict[Any, int] = {}
        for descriptor in {key.fd for key in self.get_map().values()} - self.own:
            # Nothing is said of what it is, since finding that out takes as long as all of this.
            try:
                one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
            except OSError:  # the pipe of a process
                return False
            try:
                info = one.getsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_INFO", -1), INFO)
                if info[0] == LISTENS:
                    continue
                here, there = one.getsockname(), one.getpeername()
                sent[there, here], received[here, there] = traffic(info)
            except OSError:  # no TCP socket, or not connected yet
                return False
            finally:
                one.detach()
        return all(received.get(way, -1) >= count for way, count in sent.items())

    def _asked(self, thread: threading.Thread) -> bool:
        """Whether `busy` knows of a thread."""
        return thread.name == "suno_async store" or (
            self.busy is not stores_work and thread.name.startswith("AnyIO worker")
        )


def traffic(info: bytes) -> tuple[int, int]:
    """How many bytes were sent and received, as Linux counts them (`struct tcp_info` of linux/tcp.h)."""
    if len(info) < INFO:
        raise OSError("this kernel does not count them")
    received, sent, again = struct.unpack_from("=Q64xQQ", info, 128)
    return sent - again, received


class JumpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumps = JumpSelector()
        super().__init__(self.jumps)
        self.jumps.own = {key.fd for key in self.jumps.get_map().values()}

    def time(self) -> float:
        return self.jumps.skipped

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        """The timers that are set and not cancelled."""
        scheduled = cast("list[asyncio.TimerHandle]", getattr(self, "_scheduled"))  # noqa: B009  it has no public name
        return [timer for timer in scheduled if not timer.cancelled()]
