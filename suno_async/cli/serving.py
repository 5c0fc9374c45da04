"""What commands share that serve until they are stopped."""

import asyncio
import errno
import os
import signal
from contextlib import suppress
from typing import NoReturn

import typer

__all__ = ["fail", "port_taken", "stop_event"]


def fail(message: str) -> NoReturn:
    """End the command with one line and exit code 1."""
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(1)


def port_taken(port: int, exc: OSError) -> str:
    """Say in one line why nothing can be served at a port."""
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} is in use: choose another one with --port, or any free one with --port 0"
    return f"port {port} cannot be used: {os.strerror(exc.errno or 0)}"


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM sets, so that everything is closed then. Ctrl-C cancels who waits for it instead."""
    stopped = asyncio.Event()
    with suppress(NotImplementedError):  # Windows has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    return stopped
