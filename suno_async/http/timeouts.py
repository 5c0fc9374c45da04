"""How long each kind of request may take."""

from functools import lru_cache
from typing import NamedTuple

from aiohttp import ClientTimeout

__all__ = ["Limit", "Timeouts", "timeouts"]


class Limit(NamedTuple):
    """The limits of one request, of which `Deadlines` keeps the one in all, and aiohttp the others."""

    total: float | None
    others: ClientTimeout

    @classmethod
    def of(cls, limit: ClientTimeout) -> "Limit":
        """Return the parts of a limit."""
        total = limit.total if limit.total and limit.total > 0 else None
        others = ClientTimeout(
            total=None,
            connect=limit.connect,
            sock_connect=limit.sock_connect,
            sock_read=limit.sock_read,
            ceil_threshold=limit.ceil_threshold,
        )
        return cls(total, others)


class Timeouts(NamedTuple):
    """The limits of one client, in seconds."""

    read: ClientTimeout = ClientTimeout(total=20, sock_connect=15)
    """Polls and other reads are repeated, so a server that never answers must not hold them for long."""
    write: ClientTimeout = ClientTimeout(total=60, connect=30, sock_connect=15)
    large: ClientTimeout = ClientTimeout(total=600, connect=30, sock_connect=15)
    """Of bodies that have more than a megabyte."""
    upload: ClientTimeout = ClientTimeout(total=None, connect=30, sock_connect=15)
    stalled: float = 120.0
    """Seconds in which the network must take a chunk of an upload, or answer after the last."""
    media: ClientTimeout = ClientTimeout(total=None, sock_connect=15, sock_read=60)
    """A download may take long, but not so long without a byte."""


@lru_cache(maxsize=64)
def timeouts(given: float | ClientTimeout | None) -> Timeouts:
    """Return the limits that follow from what a user has given.

    Args:
        given: Seconds for a whole request to the API, or a ClientTimeout. Downloads and uploads have no limit in all:
            these seconds, `sock_read` if it is given and `total` otherwise, are those without a byte.
    """
    if given is None:
        return Timeouts()
    one = given if isinstance(given, ClientTimeout) else ClientTimeout(total=given)
    default = Timeouts()
    still = one.sock_read or one.total
    connect = one.sock_connect or min(one.total or 15, 15)
    return Timeouts(
        read=one,
        write=one,
        large=one,
        upload=ClientTimeout(total=None, connect=one.connect, sock_connect=connect),
        stalled=still or default.stalled,
        media=ClientTimeout(total=None, connect=one.connect, sock_connect=connect, sock_read=still or 60),
    )
