"""`suno-async upload`: a file for requests that take an address."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .task_options import JSON, QUIET

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["upload"]


def upload(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A file, or an http(s) address.")],
    name: Annotated[str | None, typer.Option("--name", help="File name with suffix (default: the file's own).")] = None,
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Upload a file and print its address.

    Free. The service keeps it for 3 days. Requests that take a file upload it themselves.
    """
    from .running import run

    async def send(suno: "SunoClient") -> None:
        from .output import document
        from .progress import display

        given = source if source.lower().startswith(("http://", "https://")) else Path(source)
        async with display(quiet=quiet) as shown:
            url = await suno.upload(given, name=name, progress=shown.transfer(f"uploading {source}"))
        if as_json:
            document({"url": url})
        else:
            typer.echo(url)

    run(send, as_json=as_json)
