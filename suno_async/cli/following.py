"""Tasks seen to their end, and their files saved."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .failures import failed
from .output import document, task_data, tell_task
from .progress import Display, display, showing

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..tasks.task import Task

__all__ = ["follow", "follow_all", "saved", "told"]


async def follow(suno: "SunoClient", task: "Task[Any]", folder: Path | None, shown: Display) -> list[Path]:
    """Wait for a task, save its files, and return their paths.

    Args:
        suno: The client.
        task: The task.
        folder: Where to save; None for nowhere.
        shown: Where progress is shown.
    """
    await showing(task, shown)
    return [] if folder is None else await saved(suno, task, folder, shown)


async def saved(suno: "SunoClient", task: "Task[Any]", folder: Path, shown: Display) -> list[Path]:
    """Save the files of a task that is complete, note that they are, and return their paths."""
    from ..api.results import Result

    result = await task
    paths: list[Path] = []
    if isinstance(result, Result) and any(True for _ in result.files()):
        paths = await suno.download(result, folder, progress=shown.transfer(f"saving the files of {task.id[:8]}"))
    await suno.mark_delivered(task)
    return paths


async def told(
    suno: "SunoClient", task: "Task[Any]", folder: Path | None, shown: Display, *, as_json: bool = False
) -> bool:
    """Follow a task and print what came of it. Return whether it is complete, and saved where that was asked.

    Args:
        suno: The client.
        task: The task.
        folder: Where to save; None for nowhere.
        shown: Where progress is shown.
        as_json: Print documents.
    """
    from ..errors import SunoError, TaskFailed

    try:
        paths = await follow(suno, task, folder, shown)
    except SunoError as exc:
        if as_json:
            document(task_data(task, error=exc))
        failed(exc)
        if folder is not None and isinstance(exc, TaskFailed) and task.done():
            await suno.mark_delivered(task)  # so that it is not told again
        return False
    tell_task(task, paths, as_json=as_json)
    return True


async def follow_all(
    suno: "SunoClient", tasks: "Iterable[Task[Any]]", folder: Path | None, *, as_json: bool = False, quiet: bool = False
) -> None:
    """Follow tasks at once, and print each when it has ended. Exits with 1 if one failed.

    Args:
        suno: The client.
        tasks: The tasks.
        folder: Where to save; None for nowhere.
        as_json: Print documents.
        quiet: Show no progress.
    """
    async with display(quiet=quiet) as shown, asyncio.TaskGroup() as group:
        ended = [group.create_task(told(suno, task, folder, shown, as_json=as_json)) for task in tasks]
    if not all(one.result() for one in ended):
        raise typer.Exit(1)
