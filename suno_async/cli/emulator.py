"""`suno-async emulator`: the emulator as a process."""

import asyncio
import logging
import shlex
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .connection import SPEED, UNLIMITED_RATE
from .options import provider_name
from .serving import fail, port_taken, stop_event

if TYPE_CHECKING:
    from ..emulator import Emulator

__all__ = ["emulator"]


def emulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 takes any free one.")] = 8737,
    provider: Annotated[
        str,
        typer.Option(
            callback=provider_name, metavar="NAME", help="Gateway: kie, kie-jobs, kie-legacy, sunoapi or apikley."
        ),
    ] = "kie",
    speed: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds of its clock in one real second; 0 lets it stand still, with inf each poll finds news."
        ),
    ] = 1.0,
    key: Annotated[str, typer.Option(help="API key that requests must carry.")] = "emulator-key",
    signing_key: Annotated[
        str, typer.Option(help="Sign callbacks with this key, as KIE does (default: unsigned).", show_default=False)
    ] = "",
    credits: Annotated[float, typer.Option(help="Balance at the start.")] = 1000.0,
    seed: Annotated[int | None, typer.Option(help="Makes ids and durations repeatable (default: random).")] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep tasks, credits and uploads in this file over a restart (default: in memory)."
        ),
    ] = None,
    media_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Length of generated music at most (default: as the service makes it: minutes)."
        ),
    ] = None,
    no_rate_limits: Annotated[
        bool, typer.Option("--no-rate-limits", help="Take submits and polls faster than the service does.")
    ] = False,
    callbacks_anywhere: Annotated[
        bool,
        typer.Option("--callbacks-anywhere", help="Post callbacks to other machines, too (default: loopback only)."),
    ] = False,
    stats_anywhere: Annotated[
        bool,
        typer.Option(
            "--stats-anywhere",
            help="Answer GET /__emulator/stats under other host names, too (default: of loopback).",
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="One line for each request and callback.")] = False,
) -> None:
    """Run the service on this machine, to develop and test without a key or credits.

    Prints the environment variables that lead a client to it, and runs until Ctrl-C.
    """
    from ..emulator import Emulator
    from ..errors import ConfigurationError

    if verbose:
        _show_requests()
    try:
        made = Emulator(
            api_key=key,
            provider=provider,
            speed=speed,
            port=port,
            credits=credits,
            seed=seed,
            webhook_key=signing_key,
            state=state,
            media_seconds=media_seconds,
            rate_limits=not no_rate_limits,
            callbacks_anywhere=callbacks_anywhere,
            stats_anywhere=stats_anywhere,
        )
    except (ConfigurationError, ValueError) as exc:
        raise typer.BadParameter(str(exc)) from None
    asyncio.run(_serve(made, port, speed, unlimited=no_rate_limits))


async def _serve(made: "Emulator", port: int, speed: float, *, unlimited: bool) -> None:
    from ..errors import ConfigurationError

    stopped = stop_event()
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(made)
        except ConfigurationError as exc:
            fail(str(exc))
        except OSError as exc:
            fail(port_taken(port, exc))
        # The last two are for this command: how often it polls, and how fast it may submit.
        said = {"SUNO_BASE_URL": made.url, "SUNO_API_KEY": made.api_key, "SUNO_PROVIDER": made.provider.name}
        said |= {SPEED: f"{speed:g}"} if speed != 1 else {}
        said |= {UNLIMITED_RATE: "1"} if unlimited else {}
        typer.echo("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in said.items()))
        typer.echo(f"{made.url}/ shows the tasks in a browser", err=True)
        await stopped.wait()


def _show_requests() -> None:
    """Show what the emulator logs on the standard error output."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("suno_async")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
