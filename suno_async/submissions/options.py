"""What a caller says of one request beside the request itself."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..errors import ConfigurationError
from ..http.network import is_of_aiohttp
from ..tasks.pace import Pace, check_pace

if TYPE_CHECKING:
    from aiohttp import ClientTimeout

__all__ = ["NO_OPTIONS", "OnQueued", "Options", "check_options"]

OnQueued = Callable[[int], object]
"""Called with the place in the submit queue, 1 being next: a function or coroutine function."""
HIGHEST = 100
"""Priorities are from minus this to this."""


class Options(Struct, frozen=True, kw_only=True):
    """The options of one request. What is not given, the client decides."""

    key: str = ""
    """Idempotency key; empty for none."""
    context: Any = None
    """What the task carries."""
    pace: Pace | None = None
    """How often the task is polled."""
    timeout: "float | ClientTimeout | None" = None
    """How long one attempt may take; polls have the client's."""
    max_retries: int | None = None
    """How often an attempt that failed is repeated."""
    priority: int | None = None
    """The higher is sent first."""
    on_queued: OnQueued | None = None
    """Hears of the place in the submit queue."""

    def over(self, others: "Options") -> "Options":
        """Return these options, and the others for those that are not given here."""
        return Options(
            key=self.key or others.key,
            context=others.context if self.context is None else self.context,
            pace=self.pace or others.pace,
            timeout=others.timeout if self.timeout is None else self.timeout,
            max_retries=others.max_retries if self.max_retries is None else self.max_retries,
            priority=others.priority if self.priority is None else self.priority,
            on_queued=self.on_queued or others.on_queued,
        )


NO_OPTIONS = Options()


def check_options(options: Options) -> None:
    """Refuse what cannot be used, but for the key and the context, which their job checks. ConfigurationError."""
    if options.pace is not None:
        check_pace(options.pace)
    timeout: Any = options.timeout
    seconds = isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout < math.inf
    if not (timeout is None or seconds or is_of_aiohttp(timeout, "ClientTimeout")):
        raise ConfigurationError(f"timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got {timeout!r}")
    retries: Any = options.max_retries
    if retries is not None and (not isinstance(retries, int) or isinstance(retries, bool) or retries < 0):
        raise ConfigurationError(f"max_retries must be a whole number of at least 0, got {retries!r}")
    priority: Any = options.priority
    whole = isinstance(priority, int) and not isinstance(priority, bool)
    if priority is not None and not (whole and abs(priority) <= HIGHEST):
        raise ConfigurationError(f"priority must be a whole number from -{HIGHEST} to {HIGHEST}, got {priority!r}")
    if options.on_queued is not None and not callable(options.on_queued):
        raise ConfigurationError(f"on_queued must be a function, got {options.on_queued!r}")
