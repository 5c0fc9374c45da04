"""`suno-async doctor`: what works, and what to do about what does not."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from .options import http_address
from .task_options import JSON

__all__ = ["doctor"]


def doctor(
    callback_url: Annotated[
        str,
        typer.Option("--callback-url", callback=http_address, metavar="URL", help="Try the address of your receiver."),
    ] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Ask the gateway what is not known of it. That costs credits.")
    ] = False,
    budget: Annotated[
        float, typer.Option("--budget", min=0, metavar="CREDITS", help="With --live: what it may cost.")
    ] = 40.0,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="DIR", help="With --live: where the answers are saved.")
    ] = Path("recordings"),
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Say what works and what does not: key, host, clock, proxy, store, callback address.

    Nothing is spent without --live. Exits with 1 if something does not work.
    """
    from .checks import checked
    from .failures import explained
    from .output import document

    well = True
    for one in asyncio.run(checked(callback_url)):
        well = well and one.works
        if as_json:
            document({"check": one.name, "works": one.works, "found": one.found, "advice": one.advice})
            continue
        typer.echo(f"{'ok  ' if one.works else 'FAIL'}  {one.name:<9} {one.found}")
        if one.advice:
            typer.echo(f"{'':<16}{one.advice}")
    if not well:
        raise typer.Exit(1)
    if live:
        from .live.inquiry import inquire

        with explained(as_json=as_json):
            asyncio.run(inquire(budget, recordings, as_json=as_json))
