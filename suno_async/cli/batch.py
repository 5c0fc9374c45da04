"""`suno-async batch`: many jobs from a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .task_options import JSON, QUIET, SAVE

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["batch"]


def batch(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, or CSV by its suffix: a job in each row.")],
    request: Annotated[
        str, typer.Option("--request", metavar="NAME", help="Request of the rows without a column `request`.")
    ] = "generate-music",
    save: Annotated[str | None, SAVE] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="FILE", help="Where results go (default: FILE.results.jsonl)."),
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Unfinished jobs at most.")] = 40,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, metavar="CREDITS", help="What all runs may cost together.")
    ] = None,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, help="How often a job is sent that failed and was paid back.")
    ] = 1,
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Run the jobs of a file, many at once.

    Columns are the fields of the request, by our names; `request` and `key` may be columns, too. All rows are checked
    before the first is sent. Stop it and run it again as you like: each row is paid once, and rows that ended well are
    not run again. Exits with 1 if a row failed.
    """
    from .batch_run import BatchRun
    from .rows import check_rows, rows_of
    from .running import run

    rows = rows_of(file, request)

    async def all_rows(suno: "SunoClient") -> None:
        check_rows(suno, rows)
        one = BatchRun(suno, rows, save, concurrency, as_json=as_json)
        failed = await one.run(results or file.with_name(file.name + ".results.jsonl"), budget, attempts, quiet=quiet)
        if failed:
            raise typer.Exit(1)

    run(all_rows, as_json=as_json, again="run the same command again")
