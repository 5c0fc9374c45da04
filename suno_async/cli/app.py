"""The application of the command line. A command is loaded when it is used, so that help and completion are quick."""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..version import __version__

__all__ = ["COMMANDS", "app"]

COMMANDS: Mapping[str, str] = {
    "emulator": "Run the service on this machine, to develop and test without a key or credits.",
    "listen": "Show the callbacks that arrive, and forward them to your application.",
    "trigger": "Post a callback to your endpoint, as the service would.",
}
"""The commands and what they do. Each is the function of that name in the module of that name."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it."""


class Commands(TyperGroup):
    """Finds commands by their names."""

    # typer has its own copy of click or uses another one, by its version; `Any` stands for the classes of both.

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        one = typer.Typer(rich_markup_mode=None, add_completion=False)
        one.command(cmd_name)(getattr(import_module(f".{cmd_name}", __package__), cmd_name))
        return typer.main.get_command(one)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands in the help without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Ctrl-C ends it without a message."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


# rich is loaded by no help and no error: it takes longer than all the rest.
app = typer.Typer(cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"suno-async {__version__}")
        raise typer.Exit


@app.callback()
def suno_async(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The Suno music API from the command line."""
