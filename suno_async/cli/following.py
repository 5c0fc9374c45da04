"""Tasks seen to their end, and their files saved."""

import asyncio
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import ConfigurationError, SunoError, TaskFailed
from .failures import failed
from .output import document, task_data, tell_task
from .progress import Display, display, showing

if TYPE_CHECKING:
    from ..archive.archive import Archive
    from ..client import SunoClient
    from ..tasks.task import Task

__all__ = ["archive_at", "follow", "follow_all", "saved", "tell_failure", "told"]


def archive_at(suno: "SunoClient", folder: str | None) -> "Archive | None":
    """Return the archive in a folder; asked for before anything is paid, since it may be refused."""
    if folder is None:
        return None
    archive = suno.archive(folder)
    if "://" not in folder:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as exc:
            raise ConfigurationError(f"nothing can be saved in {folder}: {exc.strerror}") from None
    return archive


async def follow(suno: "SunoClient", task: "Task[Any]", archive: "Archive | None", shown: Display) -> list[str]:
    """Wait for a task, save it, and return the places of its files.

    Args:
        suno: The client.
        task: The task.
        archive: Where to save; None for nowhere.
        shown: Where progress is shown.
    """
    await showing(task, shown)
    return [] if archive is None else await saved(suno, task, archive, shown)


async def saved(suno: "SunoClient", task: "Task[Any]", archive: "Archive", shown: Display) -> list[str]:
    """Save a task that is complete in an archive, note that it is, and return the places of its files."""
    kept = await archive.save(task, progress=shown.transfer(f"saving {task.id[:8]}"))
    await suno.mark_delivered(task)
    return [f"{kept.folder}/{file.name}" for file in kept.files]


async def told(
    suno: "SunoClient", task: "Task[Any]", archive: "Archive | None", shown: Display, *, as_json: bool = False
) -> bool:
    """Follow a task and print what came of it. Return whether it is complete, and saved where that was asked.

    Args:
        suno: The client.
        task: The task.
        archive: Where to save; None for nowhere.
        shown: Where progress is shown.
        as_json: Print documents.
    """
    try:
        paths = await follow(suno, task, archive, shown)
    except SunoError as exc:
        await tell_failure(suno, task, archive, exc, as_json=as_json)
        return False
    tell_task(task, paths, as_json=as_json)
    return True


async def tell_failure(
    suno: "SunoClient", task: "Task[Any]", archive: "Archive | None", exc: SunoError, *, as_json: bool
) -> None:
    """Print why a task has no result, or is not saved.

    Args:
        suno: The client.
        task: The task.
        archive: Where it was to be saved; None for nowhere.
        exc: The error.
        as_json: Print a document.
    """
    if as_json:
        document(task_data(task, error=exc))
    failed(exc)
    if archive is not None and isinstance(exc, TaskFailed) and task.done():
        await suno.mark_delivered(task)  # so that it is not told again


async def follow_all(
    suno: "SunoClient",
    tasks: "Iterable[Task[Any]]",
    archive: "Archive | None",
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> None:
    """Follow tasks at once, and print each when it has ended. Exits with 1 if one failed.

    Args:
        suno: The client.
        tasks: The tasks.
        archive: Where to save; None for nowhere.
        as_json: Print documents.
        quiet: Show no progress.
    """
    async with display(quiet=quiet) as shown, asyncio.TaskGroup() as group:
        ended = [group.create_task(told(suno, task, archive, shown, as_json=as_json)) for task in tasks]
    if not all(one.result() for one in ended):
        raise typer.Exit(1)
