"""Send again what failed: one loop for everything that may be repeated."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
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
from ..log import fields, log

__all__ = ["HARMLESS", "LONGEST_WAIT", "MAX_RETRIES", "NOT_ACCEPTED", "pauses", "retry"]

R = TypeVar("R")

NOT_ACCEPTED: tuple[type[SunoError], ...] = (ConnectError, RateLimited, Maintenance)
"""A request that failed like this created nothing, so even a paid one may be sent again."""
HARMLESS: tuple[type[SunoError], ...] = (*NOT_ACCEPTED, ResponseLost, ServerError)
"""A request that is free and changes nothing may also be sent again after these."""
MAX_RETRIES = 3
"""The pauses before three retries are 7 s together at most."""
REFUSALS = 10
"""Refusals as too fast before that is raised; they are not counted as retries, since the window opens again."""
LONGEST_WAIT = 300.0
"""Seconds. A service that asks for a longer wait is taken to have refused."""


def pauses(cap: float = 30.0) -> Iterator[float]:
    """Return pauses between attempts in seconds: up to 1, 2, 4 … `cap`, each drawn at random."""
    waits = backoff.expo(max_value=cap)
    next(waits)  # the first value of backoff's generators is None
    return (backoff.full_jitter(wait) for wait in waits)


def _ignore(error: SunoError, wait: float) -> None:
    """Do nothing before a retry."""


class _Left:
    """The retries that are left after failures of one kind, with their pauses."""

    def __init__(self, retries: int, cap: float) -> None:
        self._retries = retries
        self._cap = cap
        self._pauses: Iterator[float] | None = None  # made by the first failure, since most requests have none

    def pause(self, error: SunoError) -> float | None:
        """Return the seconds to wait before the next retry; None if none is made."""
        if not self._retries or (isinstance(error, ConnectError) and error.permanent):
            return None
        self._retries -= 1
        asked = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
        self._pauses = self._pauses or pauses(self._cap)
        wait = max(next(self._pauses), asked)
        return wait if wait <= LONGEST_WAIT else None


async def retry(
    send: Callable[[], Awaitable[R]],
    *,
    on: tuple[type[SunoError], ...],
    max_retries: int = MAX_RETRIES,
    cap: float = 30.0,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    before_retry: Callable[[SunoError, float], None] = _ignore,
    extra: Mapping[str, str] | None = None,
) -> R:
    """Send, and send again after a failure named in `on`, unless another try would end the same.

    Args:
        send: Makes one attempt.
        on: The errors after which another attempt is made; others are raised at once.
        max_retries: How many more attempts are made. A refusal as too fast is not counted; the tenth is raised.
        cap: Longest pause between two attempts in seconds, unless the service asks for a longer one.
        sleep: Waits between two attempts. What it raises ends the retries.
        before_retry: Called with the error and the seconds that are waited.
        extra: What the log records of the retries have as attributes.
    """
    refused, failed = _Left(REFUSALS - 1, cap), _Left(max_retries, cap)
    while True:
        try:
            return await send()
        except on as exc:
            wait = (refused if isinstance(exc, RateLimited) else failed).pause(exc)
            if wait is None:
                raise
            more = fields("retry", reason=type(exc).__name__, wait=wait, **(extra or {}))
            log.warning("%s: trying again in %.1f s", exc, wait, extra=more)
            before_retry(exc, wait)
        await sleep(wait)
