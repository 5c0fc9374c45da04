"""Faults that cannot be meant, refused when they are planned."""

from collections.abc import Iterable
from typing import Any

from ..api.requests import Request
from ..api.updates import Stage
from .faults import REJECTED, Fail, Fault

__all__ = ["check_fault"]

LONGEST = 86_400
"""Seconds that a fault lasts at most: a clock that runs freely goes through them one by one."""


def check_fault(fault: Fault | None, served: Iterable[type[Request[Any]]]) -> None:
    """Raise TypeError for what is no fault, and ValueError for a status that no endpoint has or an odd time."""
    if fault is not None and not isinstance(fault, Fault):
        raise TypeError(f"a fault is a value, as Fail(), or None for none, got {fault!r}")
    if isinstance(fault, Fail) and fault.status not in (known := _failures(served)):
        raise ValueError(f"status of Fail must be one of {', '.join(sorted(known - {''}))}, got {fault.status!r}")
    seconds = getattr(fault, "seconds", 0.0)
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"seconds of {type(fault).__name__} must be from 0 to {LONGEST}, got {seconds}")


def _failures(served: Iterable[type[Request[Any]]]) -> set[str]:
    """The words with which details pages say that a task has failed."""
    pages = (getattr(kind, "statuses", {}) for kind in served)
    return {"", REJECTED} | {
        word for page in pages for word, stage in page.items() if stage is Stage.FAILED and isinstance(word, str)
    }
