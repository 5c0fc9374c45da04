"""How long the service keeps files."""

from typing import Any

from .providers import SUNOAPI, Provider
from .requests import ExtendMusic, Request, UploadCover

__all__ = ["seconds_kept"]

DAY = 86_400.0
USUAL = 14 * DAY
LONGER = 15 * DAY


def seconds_kept(kind: type[Request[Any]], provider: Provider) -> float:
    """Return for how many seconds after its end the service keeps the files of a task (docs/service.md#retention).

    Args:
        kind: The class of the job.
        provider: The gateway.
    """
    if issubclass(kind, UploadCover) or (issubclass(kind, ExtendMusic) and provider.name == SUNOAPI.name):
        return LONGER
    return USUAL
