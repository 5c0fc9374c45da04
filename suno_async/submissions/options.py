"""What a caller says of one request beside the request itself."""

import math
from typing import Any

from aiohttp import ClientTimeout
from msgspec import Struct

from ..errors import ConfigurationError
from ..tasks.pace import Pace, check_pace

__all__ = ["NO_OPTIONS", "Options", "check_options"]


class Options(Struct, frozen=True, kw_only=True):
    """The options of one request. What is not given, the client decides."""

    key: str = ""
    """Idempotency key; empty for none."""
    context: Any = None
    """What the task carries."""
    pace: Pace | None = None
    """How often the task is polled."""
    timeout: float | ClientTimeout | None = None
    """How long one attempt may take; polls have the client's."""
    max_retries: int | None = None
    """How often an attempt that failed is repeated."""

    def over(self, others: "Options") -> "Options":
        """Return these options, and the others for those that are not given here."""
        return Options(
            key=self.key or others.key,
            context=others.context if self.context is None else self.context,
            pace=self.pace or others.pace,
            timeout=others.timeout if self.timeout is None else self.timeout,
            max_retries=others.max_retries if self.max_retries is None else self.max_retries,
        )


NO_OPTIONS = Options()


def check_options(options: Options) -> None:
    """Refuse what cannot be used, but for the key and the context, which their job checks. ConfigurationError."""
    if options.pace is not None:
        check_pace(options.pace)
    timeout: Any = options.timeout
    seconds = isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout < math.inf
    if not (timeout is None or seconds or isinstance(timeout, ClientTimeout)):
        raise ConfigurationError(f"timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got {timeout!r}")
    retries: Any = options.max_retries
    if retries is not None and (not isinstance(retries, int) or isinstance(retries, bool) or retries < 0):
        raise ConfigurationError(f"max_retries must be a whole number of at least 0, got {retries!r}")
