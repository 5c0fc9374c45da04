"""The command as a process, as its user runs it."""

import json
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from typer.testing import CliRunner, Result

from suno_async.cli.app import app

from ..programs import Ended, Program, run
from ..servers import HANGS

COMMAND = (sys.executable, "-W", "error", "-m", "suno_async")
"""Where Python itself must start it; else `started` or `ran` do the same sooner."""


class Serving(NamedTuple):
    """A command that serves."""

    process: Program
    line: str
    """What it printed first."""

    @property
    def url(self) -> str:
        """The address in that line."""
        return next(word for word in self.line.replace("=", " ").split() if word.startswith("http://")).rstrip(",")

    def stopped(self, signal: int) -> tuple[int, str, str]:
        """Stop it with a signal. The exit code, and what it printed on both outputs."""
        self.process.send_signal(signal)
        printed = self.process.communicate(timeout=HANGS)
        return (self.process.wait(), *printed)


def started(*arguments: str, env: dict[str, str] | None = None, stdout: IO[str] | None = None) -> Program:
    """Start a command."""
    return Program(*COMMAND[1:], *arguments, env=env, stdout=stdout)


@contextmanager
def serving(*arguments: str, env: dict[str, str] | None = None) -> Generator[Serving]:
    """Start a command that serves."""
    with started(*arguments, env=env) as process:
        try:
            yield Serving(process, process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


def variables(line: str) -> dict[str, str]:
    """The environment variables in what the emulator printed."""
    return dict(re.findall(r"(SUNO_\w+)=(\S+)", line))


def called(*arguments: str, given: str | None = None, code: int = 0) -> Result:
    """Run a command in this process. It must end with this exit code."""
    result = CliRunner().invoke(app, arguments, input=given, prog_name="suno-async")
    assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents in what a command printed, one a line."""
    return [json.loads(line) for line in text.split("\n") if line]


def ran(*arguments: str) -> Ended:
    """Run a command to its end."""
    return run(*COMMAND[1:], *arguments)
