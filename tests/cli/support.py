"""The command as a process, as its user runs it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

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
        printed = self.process.communicate(timeout=20)
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


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30)
