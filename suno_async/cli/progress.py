"""What is shown on the standard error output while tasks run: bars on a terminal, else a line for each stage."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import typer

from .connection import speed_of_environment

if TYPE_CHECKING:
    from rich.console import Console

    from ..tasks.task import Task

__all__ = ["Display", "Quiet", "display", "showing"]

INTERVAL = 0.25
"""Seconds between two looks at how far the tasks are."""


class Display(Protocol):
    """Shows tasks and downloads."""

    def task(self, task: "Task[Any]") -> None:
        """Show a task from now on, or that it is further."""
        ...

    def transfer(self, name: str) -> Callable[[int, int | None], None]:
        """Return a function that takes the bytes that were saved so far, and all there are."""
        ...

    def tick(self) -> None:
        """Show what time has changed."""
        ...


class Quiet:
    """Shows nothing."""

    def task(self, task: "Task[Any]") -> None: ...

    def transfer(self, name: str) -> Callable[[int, int | None], None]:
        return lambda done, total: None

    def tick(self) -> None: ...


class Lines:
    """Prints a line for each stage, and one for each download."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def task(self, task: "Task[Any]") -> None:
        if self._shown.get(task.id) == task.stage:
            return
        self._shown[task.id] = task.stage
        typer.echo(f"{task.id} {task.kind.__name__} {task.stage.name.lower()}{_estimate(task)}", err=True)

    def transfer(self, name: str) -> Callable[[int, int | None], None]:
        typer.echo(name, err=True)
        return lambda done, total: None

    def tick(self) -> None: ...


class Bars:
    """Draws a bar for each task and each download.

    Args:
        console: Where to.
    """

    # State, all of it: the display, the tasks with their bars.

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[stage]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=False,
        )
        self._bars: dict[str, tuple[Any, Any]] = {}

    def task(self, task: "Task[Any]") -> None:
        if task.id not in self._bars:
            name = f"{task.kind.__name__} {task.id[:8]}"
            self._bars[task.id] = task, self.progress.add_task(name, total=1.0, stage="")
        self._draw(*self._bars[task.id])

    def _draw(self, task: "Task[Any]", bar: Any) -> None:
        # Without an estimate the bar only moves: how far it is nobody knows.
        done = 1.0 if task.done() else task.progress
        total = None if done is None else 1.0
        self.progress.update(
            bar, total=total, completed=done or 0.0, stage=f"{task.stage.name.lower()}{_estimate(task)}"
        )

    def transfer(self, name: str) -> Callable[[int, int | None], None]:
        bar = self.progress.add_task(name, total=None, stage="")

        def saved(done: int, total: int | None) -> None:
            told = f"{done / 1e6:.1f} MB" if total is None else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
            self.progress.update(bar, completed=done, total=total, stage=told)

        return saved

    def tick(self) -> None:
        for task, bar in self._bars.values():
            if not task.done():
                self._draw(task, bar)


def _estimate(task: "Task[Any]") -> str:
    """How long it will take, where somebody knows."""
    if task.done() or (left := task.eta) is None or speed_of_environment():
        return ""  # an emulator's clock may run faster: then the pages' times say nothing
    return f", about {left:.0f} s left" if left >= 1 else ", any moment now"


@asynccontextmanager
async def display(*, quiet: bool, console: "Console | None" = None) -> AsyncGenerator[Display]:
    """Show progress within a block.

    Args:
        quiet: Show nothing.
        console: Where bars are drawn (default: the standard error output, if it is a terminal).
    """
    if quiet:
        yield Quiet()
        return
    if console is None and not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console

    bars = Bars(console or Console(stderr=True))
    with bars.progress:
        ticking = asyncio.create_task(_ticking(bars))
        try:
            yield bars
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking


async def _ticking(shown: Display) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        shown.tick()


async def showing(task: "Task[Any]", shown: Display) -> Any:
    """Wait for a task and show each stage. Return its result, or raise what ended it."""
    shown.task(task)

    def listener(_: object) -> None:
        shown.task(task)

    task.subscribe(listener)
    try:
        return await task
    finally:
        task.unsubscribe(listener)
