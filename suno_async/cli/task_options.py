"""Arguments and options of commands about tasks."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..tasks.task import Task

__all__ = ["JSON", "KIND", "LAST", "QUIET", "SAVE", "TASK_IDS", "chosen"]

TASK_IDS = typer.Argument(metavar="ID", help="Ids of tasks.", show_default=False)
LAST = typer.Option("--last", help="The last task of the store.")
KIND = typer.Option("--kind", metavar="NAME", help="Request that a task is of which the store does not know.")
SAVE = typer.Option("--save", metavar="DIR", help="Keep the files there, in a folder for each task.")
JSON = typer.Option("--json", help="Print one JSON document a line.")
QUIET = typer.Option("--quiet", "-q", help="Show no progress.")


async def chosen(suno: "SunoClient", ids: list[str], last: bool, kind: str) -> "list[Task[Any]]":
    """Return the tasks that are meant. typer.BadParameter if none is.

    Args:
        suno: The client.
        ids: Their ids.
        last: The last task of the store, too.
        kind: The request of those that the store does not know.
    """
    from .kinds import kind_named
    from .records import last_record, restored, task_of

    if not ids and not last:
        raise typer.BadParameter("give the id of a task, or --last")
    asked = kind_named(kind)
    tasks = [await task_of(suno, id, asked) for id in dict.fromkeys(ids)]
    return [*tasks, restored(suno, await last_record(suno))] if last else tasks
