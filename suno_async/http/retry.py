"""Send again what failed: one loop for everything that may be repeated."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import anyio
import backoff

from ..errors import (
    ApiError,
    ConnectError,
    Maintenance,
    RateLimited,
    ResponseLost,
    ServerError,
    SunoError,
)
from ..log import log

__all__ = ["HARMLESS", "LONGEST_WAIT", "NOT_ACCEPTED", "pauses", "retry"]

R = TypeVar("R")

NOT_ACCEPTED: tuple[type[SunoError], ...] = (ConnectError, RateLimited, Maintenance)
"""A request that failed like this created nothing, so even a paid one may be sent again."""
HARMLESS: tuple[type[SunoError], ...] = (*NOT_ACCEPTED, ResponseLost, ServerError)
"""A request that is free and changes nothing may also be sent again after these."""
ATTEMPTS = 10
LONGEST_WAIT = 300.0
"""Seconds. A service that asks for a longer wait is taken to have refused."""


def pauses(cap: float = 30.0) -> Iterator[float]:
    """Return pauses between attempts in seconds: up to 1, 2, 4 … `cap`, each drawn at random."""
    waits = backoff.expo(max_value=cap)
    next(waits)  # the first value of backoff's generators is None
    return (backoff.full_jitter(wait) for wait in waits)


def _ignore(error: SunoError, wait: float) -> None:
    """Do nothing before a retry."""


async def retry(
    send: Callable[[], Awaitable[R]],
    *,
    on: tuple[type[SunoError], ...],
    attempts: int = ATTEMPTS,
    cap: float = 30.0,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    before_retry: Callable[[SunoError, float], None] = _ignore,
) -> R:
    """Send, and send again after a failure named in `on`.

    Args:
        send: Makes one attempt.
        on: The errors after which another attempt is made; others are raised at once.
        attempts: How many attempts are made in all.
        cap: Longest pause between two attempts in seconds, unless the service asks for a longer one.
        sleep: Waits between two attempts. What it raises ends the retries.
        before_retry: Called with the error and the seconds that are waited.
    """
    waits = pauses(cap)
    left = attempts
    while True:
        left -= 1
        try:
            return await send()
        except on as exc:
            wait = max(next(waits), (exc.retry_after or 0.0) if isinstance(exc, ApiError) else 0.0)
            if not left or wait > LONGEST_WAIT:
                raise
            log.info("%s: trying again in %.1f s", exc, wait)
            before_retry(exc, wait)
        await sleep(wait)
