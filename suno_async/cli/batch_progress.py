"""How far a batch is: one bar on a terminal, else a line now and then."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from .output import amount

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["BatchProgress", "batch_display"]

INTERVAL = 5.0
"""Seconds between two lines where there is no terminal."""


Show = Callable[[str, int], None]
"""Takes the text, and how many rows have ended."""


class BatchProgress:
    """Counts rows, credits and time.

    Args:
        total: Rows of the file.
        before: Rows that earlier runs have done.
        credits: What these have cost.
        show: Shows it.
        clock: Seconds.
    """

    # State, all of it: done, failed, credits, and when it began.

    def __init__(
        self,
        total: int,
        before: int,
        credits: float,
        show: Show,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.done = before
        self.failed = 0
        self.credits = credits
        self._before = before
        self._show = show
        self._clock = clock
        self._began = clock()

    def ended(self, credits: float | None, *, failed: bool) -> None:
        """Count a row."""
        self.done += not failed
        self.failed += failed
        self.credits += credits or 0.0
        self._show(str(self), self.done + self.failed)

    def __str__(self) -> str:
        told = [f"{self.done} of {self.total} done"]
        if self.failed:
            told.append(f"{self.failed} failed")
        told.append(f"{amount(self.credits)} credits")
        ended, seconds = self.done + self.failed - self._before, self._clock() - self._began
        if ended and seconds > 0:
            rate = ended / seconds
            told.append(f"{rate * 60:.0f} a minute" if rate > 1 / 6 else f"{rate * 3600:.0f} an hour")
            if left := self.total - self.done - self.failed:
                told.append(f"about {_duration(left / rate)} left")
        return ", ".join(told)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def batch_display(
    total: int, *, quiet: bool, console: "Console | None" = None
) -> Generator[Callable[[str, int], None]]:
    """Show the progress of a batch within a block; return the function that takes it.

    Args:
        total: Rows of the file.
        quiet: Show nothing.
        console: Where the bar is drawn (default: the standard error output, if it is a terminal).
    """
    if quiet:
        yield lambda text, ended: None
        return
    if console is None and not sys.stderr.isatty():
        yield _lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console or Console(stderr=True)) as progress:
        bar = progress.add_task(f"0 of {total} done", total=total)
        yield lambda text, ended: progress.update(bar, description=text, completed=ended)


def _lines(total: int) -> Show:
    shown = [time.monotonic()]

    def show(text: str, ended: int) -> None:
        if ended == total or time.monotonic() - shown[0] >= INTERVAL:
            shown[0] = time.monotonic()
            typer.echo(text, err=True)

    return show
