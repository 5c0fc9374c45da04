"""One run of a batch."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..api.export import error_to_dict
from .batch_progress import BatchProgress, batch_display
from .following import archive_at, saved
from .output import document, task_data
from .progress import Quiet
from .results_file import ResultsFile
from .rows import Row

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..tasks.batch import Outcome

__all__ = ["BatchRun"]

SAVING = 16
"""Rows whose files are saved at once; the client itself fetches a few files at a time."""


class BatchRun:
    """Runs the rows that no earlier run has done.

    Args:
        suno: The client.
        rows: All rows.
        folder: Where files are saved; None for nowhere.
        concurrency: Unfinished jobs at most.
        as_json: Print each result.
    """

    # State, all of it: the rows by their jobs.

    def __init__(
        self, suno: "SunoClient", rows: list[Row], folder: str | None, concurrency: int, *, as_json: bool
    ) -> None:
        self._suno = suno
        self._rows = {id(row.job): row for row in rows}
        self._folder = folder
        self._archive = archive_at(suno, folder)
        self._concurrency = concurrency
        self._as_json = as_json

    async def run(self, path: Path, budget: float | None, attempts: int, *, quiet: bool) -> int:
        """Run them, and return how many failed.

        Args:
            path: The file for results.
            budget: Credits that all runs may cost together; None for no limit.
            attempts: How often a job is sent at most.
            quiet: Show no progress.
        """
        total = len(self._rows)
        with ResultsFile(path, saved=self._folder is not None) as results, batch_display(total, quiet=quiet) as show:
            left = [row for row in self._rows.values() if not results.has(row.key, row.digest)]
            progress = BatchProgress(total, total - len(left), results.credits, show)
            room = asyncio.Semaphore(SAVING)
            outcomes = self._suno.map(
                [row.job for row in left],
                concurrency=self._concurrency,
                key=lambda job: self._rows[id(job)].key,
                budget=None if budget is None else max(budget - results.credits, 0.0),
                attempts=attempts,
            )
            async with aclosing(outcomes), asyncio.TaskGroup() as group:
                async for outcome in outcomes:
                    await room.acquire()
                    ending = group.create_task(self._ended(outcome, results, progress))
                    ending.add_done_callback(lambda _: room.release())
        if not self._as_json:
            typer.echo(f"{progress}; results in {path}")
        return progress.failed

    async def _ended(self, outcome: "Outcome[Any]", results: ResultsFile, progress: BatchProgress) -> None:
        """Save the files of a row and write down what came of it."""
        from ..errors import SunoError

        row, task, error = self._rows[id(outcome.job)], outcome.task, outcome.error
        paths: list[str] = []
        if error is None and self._archive is not None and task is not None:
            try:
                paths = await saved(self._suno, task, self._archive, Quiet())
            except SunoError as exc:
                error = exc
        said: dict[str, Any] = {"row": row.number, "key": row.key, "digest": row.digest}
        if task is None:
            said |= {"task_id": "", "kind": type(row.job).__name__, "error": error_to_dict(error)}
        else:
            said |= task_data(task, paths, error)
        said["credits"] = outcome.credits
        said["folder"] = None if error is not None or self._folder is None else self._folder
        results.add(said)
        progress.ended(outcome.credits, failed=error is not None)
        if self._as_json:
            document(said)
