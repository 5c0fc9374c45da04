"""`suno-async listen`: what arrives at a callback address, shown and forwarded."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from .options import http_address
from .serving import fail, port_taken, stop_event

if TYPE_CHECKING:
    from ..webhooks.verification import Proofs

__all__ = ["listen"]


def listen(
    forward_to: Annotated[
        str,
        typer.Option(
            callback=http_address,
            metavar="URL",
            help="Post what arrives there, too, and answer with its answer; {token} in it stands for the token in the "
            "path (default: answer 200).",
        ),
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 takes any free one.")] = 8738,
    signing_key: Annotated[
        str,
        typer.Option(
            envvar="SUNO_WEBHOOK_KEY", help="Keys of KIE's signatures, separated by commas.", show_default=False
        ),
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            envvar="SUNO_CALLBACK_SECRET", help="Secrets of callback tokens, separated by commas.", show_default=False
        ),
    ] = "",
    key: Annotated[
        str,
        typer.Option(
            envvar="SUNO_API_KEY",
            help="API key, which callback tokens are made from if there is no secret.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Show the callbacks that arrive, and forward them to your application.

    Each gets one line: the answer, the stage, the task, and what verified it. Bodies and tokens are not shown. It
    listens on loopback, at any path: let your tunnel lead there.
    """
    from ..webhooks.verification import Proofs
    from ..wire import tokens

    secrets = [one.encode() for one in _several(secret)] or ([tokens.secret_of(key.strip())] if key.strip() else [])
    asyncio.run(_serve(port, forward_to, Proofs(tuple(secrets), tuple(_several(signing_key)))))


def _several(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


async def _serve(port: int, forward_to: str, proofs: "Proofs") -> None:
    from .listener import Listener

    stopped = stop_event()
    async with AsyncExitStack() as stack:
        listener = Listener(forward_to, proofs, typer.echo)
        try:
            url = await stack.enter_async_context(listener.serving(port))
        except OSError as exc:
            fail(port_taken(port, exc))
        typer.echo(f"listening at {url}" + (f", forwarding to {forward_to}" if forward_to else ""))
        await stopped.wait()
