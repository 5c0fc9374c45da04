"""What the application asks to be called for: of updates, and of files that will soon be gone."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..api.updates import Update
from ..stores.record import Record
from ..tasks.task import Task

__all__ = ["HousekeepingSettings", "Observer", "OnExpiring"]

Observer = Callable[[Update[Any], Record], Any]
"""A function or coroutine function: `on_update(update, record)`."""
OnExpiring = Callable[[Task[Any]], object]
"""A function or coroutine function: `on_expiring(task)`."""


class HousekeepingSettings(NamedTuple):
    """What is asked for once an hour."""

    retention: float | None
    """Seconds after which what has ended and was delivered is forgotten; None keeps it."""
    on_expiring: OnExpiring | None
    expiring_within: float
    """Seconds before its files are gone in which a task is told of."""
    clock: Callable[[], float]
    """Unix seconds."""
