"""Programs as processes of their own, without the half second in which each would import the same.

A server imports once what they use, and each is a fork of it that has run nothing yet. Else it is a process like any
other: it has its own environment, directory, files and signals, and may be killed. How Python itself starts a program,
and what that loads, is for the tests that start `sys.executable`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from .servers import HANGS

ROOT = Path(__file__).parents[1]


class Ended(NamedTuple):
    """What came of a program."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """What `python` runs with these arguments; it has the face of `subprocess.Popen`.

    Args:
        arguments: `-m` and a module, `-c` and code, or the path of a file; then what that is given. `-W` and what
            becomes of warnings may come first.
        cwd: Its directory (default: the current one).
        env: Its environment (default: the current one).
        stdin: A file that it reads (default: nothing).
        stdout: A file for what it prints (default: a pipe).
        stderr: A file for its complaints (default: a pipe).
        start_new_session: Whether it leads a process group of its own.
    """

    def __init__(
        self,
        *arguments: object,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: IO[str] | None = None,
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
        start_new_session: bool = False,
    ) -> None:
        self._arguments = [str(one) for one in arguments]
        self.returncode: int | None = None
        end, tell = os.pipe()
        out, write_out = os.pipe()
        err, write_err = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        self._end, self.stdout, self.stderr = (os.fdopen(one, encoding="utf-8") for one in (end, out, err))
        given = stdin.fileno() if stdin else nothing
        files = [given, stdout.fileno() if stdout else write_out, stderr.fileno() if stderr else write_err, tell]
        request = {
            "arguments": self._arguments,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        line = json.dumps(request).encode() + b"\n"
        server, lock = _server()
        with lock:
            server.sendall(line[socket.send_fds(server, [line], files) :])
        for file in (nothing, write_out, write_err, tell):
            os.close(file)
        self.pid = int(self._end.readline())

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, failed: type[BaseException] | None, *exc: object) -> None:
        if failed:
            self.kill()
        self.wait()
        for file in (self.stdout, self.stderr, self._end):
            file.close()

    def poll(self) -> int | None:
        """Return the exit code, less than 0 if a signal ended it, or None while it runs."""
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            self.returncode = int(self._end.readline())
        return self.returncode

    def wait(self, timeout: float = HANGS) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            select.select([self._end], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        return code

    def communicate(self, timeout: float = HANGS) -> tuple[str, str]:
        """Wait for the end, and return what was written to the pipes meanwhile. Raises subprocess.TimeoutExpired."""
        with ThreadPoolExecutor(2) as threads:
            said = [threads.submit(pipe.read) for pipe in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return said[0].result(), said[1].result()

    def send_signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal, also to its children if it has a session of its own; unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has, and that is about to be told
                (os.killpg if group else os.kill)(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def run(*arguments: object, cwd: str | Path | None = None, env: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end."""
    with Program(*arguments, cwd=cwd, env=env) as program:
        said = program.communicate()
        return Ended(program.wait(), *said)


@cache
def _server() -> tuple[socket.socket, threading.Lock]:
    """Return the way to the server, which is started with the first program of a test run."""
    ours, its = socket.socketpair()
    command = [sys.executable, "-m", "tests.fork_server", str(its.fileno())]
    # In a session of its own, where Ctrl-C does not reach it: the tests end what they have started.
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[its.fileno()], start_new_session=True)
    its.close()

    def stop() -> None:
        ours.close()
        process.wait()

    atexit.register(stop)
    return ours, threading.Lock()
