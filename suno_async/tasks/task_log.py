"""Log lines about tasks: which stage one has reached, and which ones nobody waits for any more."""

import logging
from collections.abc import Sequence
from typing import Any

from ..api.updates import COMPLETE, FAILED, Update
from ..log import fields, log
from .task import Task

__all__ = ["log_left", "log_stage"]

SHOWN = 5
"""Task ids in a line about tasks that are left."""
LISTED = 100
"""Task ids among its fields."""


def log_stage(task: Task[Any], update: Update[Any]) -> None:
    """Log that a task has reached a stage: each at DEBUG, and the end at INFO. What was restored is no news.

    Args:
        task: The task, which was fed with the update.
        update: What was new.
    """
    ended = update.stage >= COMPLETE
    level = logging.INFO if ended else logging.DEBUG
    if not log.isEnabledFor(level):
        return
    kind, stage = task.kind.__name__, update.stage.name.lower()
    more = {"kind": kind, "stage": stage, "source": update.source.value}
    extra = fields("finished" if ended else "stage", task.id, task.ref, **more)
    why = ""
    if update.stage is FAILED:
        why = f" ({update.status or 'no status'}{'' if update.code is None else f', code {update.code}'})"
    said = f"finished: {stage}" if ended else f"is {stage}"
    log.log(level, "%s task %s (ref %s) %s%s, by %s", kind, task.id, task.ref, said, why, more["source"], extra=extra)


def log_left(tasks: Sequence[Task[Any]], why: str) -> None:
    """Say in one line which paid tasks nobody waits for any more.

    Args:
        tasks: The tasks.
        why: What has happened, with `%d` for their number.
    """
    if tasks:
        names = [task.id or task.ref for task in tasks[:LISTED]]
        more = ", …" if len(tasks) > SHOWN else ""
        extra = fields("left", count=len(tasks), task_ids=names)
        log.warning(f"{why}: %s%s", len(tasks), ", ".join(names[:SHOWN]), more, extra=extra)
