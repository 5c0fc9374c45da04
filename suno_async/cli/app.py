"""The application of the command line. A command is loaded when it is used, so that help and completion are quick."""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..version import __version__

__all__ = ["COMMANDS", "app"]

COMMANDS: Mapping[str, str] = {
    "status": "Ask the service how far tasks are.",
    "wait": "Wait for tasks, and print or save what comes of them.",
    "tasks": "List the tasks that the store knows, the newest first.",
    "resume": "See every unfinished task of the store to its end.",
    "watch": "See every unfinished task of the store to its end, and those that come, until Ctrl-C.",
    "save": "Save the files of tasks.",
    "batch": "Run the jobs of a file, many at once.",
    "uncertain": "List the submissions whose answer was lost, or decide about one.",
    "credits": "Print the credits of the account.",
    "prices": "Print what requests cost, as far as that is known.",
    "models": "Print the models and their limits.",
    "upload": "Upload a file and print its address.",
    "doctor": "Say what works and what does not: key, host, clock, proxy, store, callback address.",
    "emulator": "Run the service on this machine, to develop and test without a key or credits.",
    "listen": "Show the callbacks that arrive, and forward them to your application.",
    "trigger": "Post a callback to your endpoint, as the service would.",
}
"""The commands beside the requests. Each is what has that name in the module of that name."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it."""


class Commands(TyperGroup):
    """Finds commands by their names."""

    # typer has its own copy of click or uses another one, by its version; `Any` stands for the classes of both.

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return [*_requests(), *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, None if there is none."""
        if cmd_name in COMMANDS:
            found: Any = getattr(import_module(f".{cmd_name}", __package__), cmd_name)
        elif (kind := _requests().get(cmd_name)) is not None:
            from .request import command_of

            found = command_of(kind)
        else:
            return None
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        one = typer.Typer(rich_markup_mode=None, add_completion=False)
        one.command(cmd_name)(found)
        return typer.main.get_command(one)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands in the help without loading them."""
        from ..api.descriptions import summary

        with formatter.section("Requests"):
            formatter.write_dl([(name, _first_sentence(summary(kind)[0])) for name, kind in _requests().items()])
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Ctrl-C ends it without a message."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _requests() -> Mapping[str, Any]:
    """The request classes by the names of their commands."""
    from .kinds import KINDS

    return KINDS


def _first_sentence(text: str) -> str:
    return text.partition("\n")[0].partition(". ")[0].removesuffix(".") + "."


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
