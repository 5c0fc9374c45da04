"""The command as a process, as its user runs it."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from typer.testing import CliRunner, Result

from suno_async.cli.app import app

from ..servers import HANGS

COMMAND = (sys.executable, "-W", "error", "-m", "suno_async")


class Serving(NamedTuple):
    """A command that serves."""

    process: subprocess.Popen[str]
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
        return (self.process.returncode, *printed)


@contextmanager
def serving(*arguments: str, env: dict[str, str] | None = None) -> Generator[Serving]:
    """Start a command that serves."""
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            assert process.stdout is not None
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


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=HANGS)
