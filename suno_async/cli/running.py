"""Runs what a command does with a client: errors, Ctrl-C, and what goes on at the service all the same."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from .connection import connected, opened_store
from .failures import explained

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..stores.base import Store

__all__ = ["run"]

TERMINATED = 143
"""Exit code after SIGTERM, as shells use it."""


def run(
    work: Callable[["SunoClient"], Awaitable[Any]],
    *,
    as_json: bool = False,
    key_needed: bool = True,
    again: str = "",
    **options: Any,
) -> None:
    """Run a coroutine function with a client, and close it.

    Args:
        work: What to do.
        as_json: Print errors as documents, too.
        key_needed: False for what sends nothing.
        again: What to do after Ctrl-C in the place of `suno-async wait`.
        options: Arguments of `SunoClient`.
    """
    with explained(as_json=as_json):
        try:
            asyncio.run(_with_client(work, key_needed, again, options))
        except asyncio.CancelledError:
            raise typer.Exit(TERMINATED) from None


async def _with_client(
    work: Callable[["SunoClient"], Awaitable[Any]], key_needed: bool, again: str, options: dict[str, Any]
) -> None:
    store, began = opened_store(), time.time()
    this = asyncio.current_task()
    assert this is not None
    with suppress(NotImplementedError, ValueError, RuntimeError):  # on Windows, and in another thread than the first
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # as Ctrl-C
    try:
        suno = connected(store, key_needed=key_needed, **options)
        try:
            async with suno:  # which waits for the submits that are under way
                await work(suno)
        except asyncio.CancelledError:
            await _tell_what_goes_on(suno.store, began, again)
            raise
    finally:
        await store.aclose()


async def _tell_what_goes_on(store: "Store", since: float, again: str) -> None:
    """Say which tasks of this command the service goes on with or has ended, and how to come back to them."""
    left = [record async for record in store.unfinished() if record.created >= since]
    ids = [record.task_id for record in left if record.task_id]
    if ids:
        how = again or (f"suno-async wait {ids[0]}" if len(ids) == 1 else "suno-async resume")
        named = f"task {ids[0]} goes" if len(ids) == 1 else f"{len(ids)} tasks go"
        typer.echo(f"Interrupted: {named} on at the service. To come back: {how}", err=True)
    if not left and not again:  # as while files were saved
        async for record in store.finished(since):
            if record.created >= since:
                typer.echo(f"Interrupted: task {record.task_id} has ended: suno-async save {record.task_id}", err=True)
    if len(ids) < len(left):
        typer.echo("It is not known whether the last submit was accepted: suno-async uncertain", err=True)
