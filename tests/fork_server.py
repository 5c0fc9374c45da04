"""What `tests.programs` forks programs from: a process that has imported what they use, and run nothing of it."""

import gc
import json
import os
import runpy
import site
import socket
import sys
import types
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any

COMMANDS = ("batch", "emulator", "listen", "request", "tasks", "trigger", "wait")
IMPORTED = (
    *("aiohttp.web", "psycopg", "redis.asyncio", "rich.progress", "sqlite3"),
    *("suno_async.emulator", "suno_async.cli.app", *(f"suno_async.cli.{name}" for name in COMMANDS)),
    *(f"suno_async.stores.{name}" for name in ("address", "postgres", "redis", "sqlite")),
)
"""Where one is not installed, programs do without."""


def asked_for(server: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return what to run, and its files: stdin, stdout, stderr and where to tell of it. None after the last test."""
    line, files, _, _ = socket.recv_fds(server, 1 << 16, 4)
    while line and not line.endswith(b"\n"):
        line += server.recv(1 << 16)
    return (json.loads(line), files) if line else None


def forked(files: list[int]) -> bool:
    """Fork a program, and a process that tells how it ended. True in the program."""
    if os.fork():
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return False
    program = os.fork()
    if not program:
        return True
    for file in (0, 1, 2, *files[:3]):
        os.close(file)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    with suppress(BrokenPipeError):
        os.write(files[3], f"{code}\n".encode())
    os._exit(0)


def become(files: list[int], env: dict[str, str], cwd: str, new_session: bool) -> None:
    """Have what was asked for, and tell the process id then."""
    if new_session:
        os.setsid()
    for number in range(3):
        os.dup2(files[number], number)
    os.write(files[3], f"{os.getpid()}\n".encode())
    os.closerange(3, 1 << 10)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[1:1] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.modules.pop("sitecustomize", None)
    site.execsitecustomize()


def run(arguments: list[str]) -> None:
    """Run what `python` with these arguments runs: `-m` and a module, `-c` and code, or the path of a file."""
    if arguments[0] == "-W":
        action: Any = arguments[1]
        warnings.simplefilter(action)
        arguments = arguments[2:]
    first, *sys.argv = arguments
    sys.path[0] = os.getcwd() if first in ("-m", "-c") else os.path.dirname(first)
    if first == "-m":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        code, sys.argv[0] = sys.argv[0], "-c"
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv.insert(0, first)
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    for name in IMPORTED:
        with suppress(ImportError):
            import_module(name)
    gc.collect()
    gc.freeze()  # else the first collection in each program would touch, and so copy, all of this
    server = socket.socket(fileno=int(sys.argv[1]))
    while (request := asked_for(server)) is not None:
        told, files = request
        if forked(files):
            server.detach()
            become(files, told["env"], told["cwd"], told["new_session"])
            run(told["arguments"])
            break
    else:
        server.close()
