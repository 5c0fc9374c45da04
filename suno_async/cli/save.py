"""`suno-async save`: the files of tasks that are complete."""

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from .task_options import JSON, KIND, LAST, QUIET, TASK_IDS

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["save"]


def save(
    ids: Annotated[list[str] | None, TASK_IDS] = None,
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where to save.")] = "songs",
    last: Annotated[bool, LAST] = False,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Every complete task of the store whose files the service will remove soon.")
    ] = False,
    within: Annotated[
        float, typer.Option("--within", min=0, metavar="DAYS", help="With --all: what soon means; 15 means all.")
    ] = 3.0,
    kind: Annotated[str, KIND] = "generate-music",
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Save the files of tasks.

    The service keeps files for 14 days. Exits with 1 if some could not be saved.
    """
    from .running import run

    async def saving(suno: "SunoClient") -> None:
        from .following import archive_at, follow_all
        from .task_options import chosen

        if all_of_them:
            async with aclosing(suno.expiring(timedelta(days=within))) as expiring:
                found = [task async for task in expiring]
        else:
            found = await chosen(suno, ids or [], last, kind)
        await follow_all(suno, found, archive_at(suno, to), as_json=as_json, quiet=quiet)

    run(saving, as_json=as_json)
