"""The frame of the command line: help, version, errors, what is loaded."""

import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suno_async import __version__
from suno_async.api.providers import PROVIDERS
from suno_async.cli.app import COMMANDS, app
from suno_async.cli.kinds import KINDS

from ..cases import every
from .support import COMMAND

SLOW = {"aiohttp", "anyio", "backoff", "sqlite3", "rich", "platformdirs", "pydantic"}
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_version() -> None:
    """As its user starts it."""
    shown = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == (f"suno-async {__version__}\n", "")


def test_the_console_script_is_the_same_command() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    assert project["scripts"] == {"suno-async": "suno_async.cli:main"}
    assert "suno-async[cli]" in project["optional-dependencies"]["emulator"]


@cache
def loaded_by(program: str) -> tuple[frozenset[str], str]:
    """The modules that a program has loaded when it exits, and what it printed."""
    at_exit = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    shown = subprocess.run([sys.executable, "-c", f"{at_exit}; {program}"], capture_output=True, text=True, check=True)
    return frozenset(shown.stderr.split()), shown.stdout


def test_help_lists_every_command_and_loads_none_of_them() -> None:
    """What takes long to import is not imported, so that help comes at once. Of ours it is the table of requests."""
    loaded, printed = loaded_by("sys.argv = ['x', '--help']; from suno_async.cli import main; main()")
    for name in (*COMMANDS, *KINDS):
        assert f"\n  {name} " in printed
    ours = {name for name in loaded if name.startswith("suno_async.") and not name.startswith("suno_async.api")}
    names = ("version", "errors", "cli", "cli.app", "cli.kinds")
    assert ours == {f"suno_async.{name}" for name in names}
    assert not (loaded - loaded_by("import typer, asyncio")[0]) & SLOW


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_says_the_same_as_the_list(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert COMMANDS[name] in " ".join(shown.output.split())


@cache
def loaded_by_help() -> dict[str, set[str]]:
    """What the help of each command loads beside typer, in a fork of a process that has loaded what all commands do."""
    program = """
import os, sys, typer
before = {*sys.modules}
import suno_async.cli.app
for name in sys.argv[1:]:
    if not os.fork():
        sys.argv = ["x", name, "--help"]
        from suno_async.cli import main
        try:
            main()
        finally:
            print(name, *sys.modules.keys() - before, file=sys.stderr)
    os.wait()
"""
    command = [sys.executable, "-c", program, *COMMANDS]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return {name: set(loaded) for name, *loaded in map(str.split, shown.splitlines())}


@every("name", COMMANDS)
def test_help_of_a_command_loads_neither_the_client_nor_a_server(name: str) -> None:
    loaded = loaded_by_help()[name]
    assert f"suno_async.cli.{name}" in loaded
    assert not loaded & {"aiohttp", "msgspec", "anyio"}


@pytest.mark.parametrize("name", ["emulator", "trigger"])
def test_help_names_every_gateway(name: str) -> None:
    shown = " ".join(CliRunner().invoke(app, [name, "--help"]).output.split())
    for provider in PROVIDERS:
        assert provider in shown


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    for wrong in (["sing"], ["emulator", "--speeed", "3"], ["emulator", "--provider", "suno"]):
        result = CliRunner().invoke(app, wrong)
        assert result.exit_code == 2
        assert "Error: " in result.output
    assert "provider must be one of kie, kie-jobs, kie-legacy, sunoapi, apikley" in " ".join(result.output.split())


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = "import sys; sys.modules['typer'] = None; from suno_async.cli import main; main()"
    missing = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "suno-async: typer is missing: pip install 'suno-async[cli]'\n"


def test_completion_knows_the_commands() -> None:
    shell = {"_SUNO_ASYNC_COMPLETE": "complete_bash", "COMP_WORDS": "suno-async em", "COMP_CWORD": "1"}
    completed = subprocess.run(COMMAND, capture_output=True, text=True, env=shell)
    assert completed.stdout.split() == ["emulator"]
