"""`suno-async watch`: all tasks of the store, as long as it runs."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

from .progress import Display, display
from .task_options import JSON, QUIET, SAVE

if TYPE_CHECKING:
    from ..archive.archive import Archive
    from ..client import SunoClient

__all__ = ["watch"]

INTERVAL = 1.0
"""Seconds between two readings of the store."""


def watch(
    save: Annotated[str | None, SAVE] = None,
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """See every unfinished task of the store to its end, and those that come, until Ctrl-C.

    With --save also those that have ended and were not saved. Tasks of other programs with the same store count, too.
    """
    from .running import run

    async def until_stopped(suno: "SunoClient") -> None:
        from .following import archive_at
        from .serving import stop_event

        stopped = stop_event()
        async with display(quiet=quiet) as shown, asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(suno, archive_at(suno, save), shown, group, as_json))
            await stopped.wait()
            watching.cancel()

    run(until_stopped, as_json=as_json, again="suno-async watch")


async def _watch(
    suno: "SunoClient", archive: "Archive | None", shown: Display, group: asyncio.TaskGroup, as_json: bool
) -> None:
    from .following import told

    followed: dict[str, asyncio.Task[Any]] = {}
    try:
        while True:
            async with aclosing(suno.resume()) as unfinished:
                found = [task async for task in unfinished if task.id]
            if archive is not None:
                async with aclosing(suno.results()) as ended:
                    found += [task async for task in ended]
            for task in found:
                # One whose waiting has ended is waited for again while the store says that it is unfinished.
                if task.id not in followed or (followed[task.id].done() and not task.done()):
                    followed[task.id] = group.create_task(told(suno, task, archive, shown, as_json=as_json))
            await asyncio.sleep(INTERVAL)
    finally:
        for one in followed.values():
            one.cancel()
