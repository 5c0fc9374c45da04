"""A program that runs songs where everything is hidden that Linux has and another system does not.

python tests/platforms.py win32|darwin STORE…

It stands in for those systems as far as that goes: what is missing there to be imported or called, or refused by the
loop, fails here.
"""

import asyncio
import importlib
import os
import pkgutil
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp.web

HIDDEN: dict[str, dict[ModuleType, str]] = {
    "win32": {
        os: """fork forkpty register_at_fork getuid geteuid getgid uname chown fchmod mkfifo killpg setsid nice pread
            pwrite preadv sync statvfs sched_getaffinity sched_yield posix_fadvise posix_fallocate sendfile pipe2
            fdatasync waitid wait3 memfd_create eventfd getloadavg O_CLOEXEC O_NOFOLLOW O_DIRECTORY""",
        socket: "AF_UNIX AF_NETLINK SO_REUSEPORT SOCK_CLOEXEC SOCK_NONBLOCK MSG_NOSIGNAL",
        signal: "SIGKILL SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGCHLD SIGALRM alarm setitimer",
        select: "epoll poll",
        asyncio: "open_unix_connection start_unix_server",
    },
    "darwin": {
        os: """sched_getaffinity posix_fadvise posix_fallocate pipe2 memfd_create eventfd splice copy_file_range
            getrandom getxattr setxattr O_TMPFILE O_PATH O_DIRECT""",
        socket: "AF_NETLINK SOCK_CLOEXEC SOCK_NONBLOCK SO_BINDTODEVICE TCP_QUICKACK MSG_NOSIGNAL",
        signal: "SIGRTMIN SIGRTMAX SIGPWR SIGSTKFLT",
        select: "epoll",
    },
}
MODULES = {"win32": "fcntl grp pwd pty resource syslog termios tty", "darwin": ""}
LOOP = {
    "win32": """add_reader remove_reader add_writer remove_writer add_signal_handler remove_signal_handler
        create_unix_connection create_unix_server connect_read_pipe connect_write_pipe""",
    "darwin": "",
}
"""What the proactor loop refuses."""
EXTRAS = (
    *("suno_async.litestar", "suno_async.testing", "suno_async.stores.redis", "suno_async.stores.postgres"),
    *("suno_async.__main__", "suno_async.cli"),
)
"""Modules of packages that may be missing, and a program: typer tells the platform by what is not hidden here."""


def hide(platform: str) -> asyncio.AbstractEventLoop:
    """Take away what the system does not have. Returns a loop that refuses what its loop refuses."""

    methods = {name: refusing(getattr(asyncio.SelectorEventLoop, name)) for name in LOOP[platform].split()}
    loop: Any = type("Loop", (asyncio.SelectorEventLoop,), methods)()
    stand_in = locking_of_windows() if platform == "win32" else None
    for name in MODULES[platform].split():
        sys.modules[name] = None  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
    for module, names in HIDDEN[platform].items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    if stand_in is not None:
        sys.modules["msvcrt"] = stand_in
    sys.platform = platform
    return loop  # type: ignore[no-any-return]


def refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a loop, for the loop itself only."""

    def refuse(*args: Any, **named: Any) -> Any:
        if sys._getframe(1).f_globals["__name__"].startswith("asyncio"):
            return method(*args, **named)
        raise NotImplementedError

    return refuse


def locking_of_windows() -> ModuleType:
    """The one function of msvcrt that is used, by means of Linux."""
    import fcntl

    def lock(file: int, mode: int, length: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    module: Any = ModuleType("msvcrt")
    module.LK_NBLCK = 2
    module.locking = lock
    return module  # type: ignore[no-any-return]


def import_all() -> int:
    """Import each module of the package. Returns how many there were."""
    import suno_async

    found = [one.name for one in pkgutil.walk_packages(suno_async.__path__, "suno_async.")]
    found = [name for name in found if not name.startswith(EXTRAS)]
    for name in found:
        importlib.import_module(name)
    return len(found)


async def sing(store: str | None, folder: str) -> None:
    """Two songs, one by callback and one from a file, saved; and what the store keeps of them."""
    from suno_async import GenerateMusic, Pace, SunoClient, UploadCover
    from suno_async.emulator import Emulator

    door = socket.create_server(("127.0.0.1", 0))
    posted_to = f"http://127.0.0.1:{door.getsockname()[1]}/suno"
    pace = Pace(first=0.05, growth=1.0, cap=0.5)
    async with (
        Emulator(speed=300, media_seconds=1) as emulator,
        SunoClient(
            api_key=emulator.api_key, base_url=emulator.url, callback_url=posted_to, store=store, pace=pace
        ) as suno,
    ):
        app = aiohttp.web.Application()
        app.router.add_post("/suno", suno.receiver().aiohttp)
        runner = aiohttp.web.AppRunner(app)
        await runner.setup()
        await aiohttp.web.SockSite(runner, door).start()
        song, *_ = await suno.download(await suno.run(GenerateMusic(prompt="rain"), key="order-42"), folder)
        again = await suno.run(GenerateMusic(prompt="rain"), key="order-42")
        cover = await suno.run(UploadCover(upload_url=Path(song), style="fado", title="Rain", prompt="[Verse] rain"))
        assert len(emulator.runs) == 2, "the same key is paid once"
        saved = await suno.download(cover, folder)
        assert len(await suno.read(again.tracks[0])) > 0
        assert len([task async for task in suno.results()]) == 2
        print(f"{store or 'memory'}: {len(saved)} files, {len(list(Path(folder).iterdir()))} in all")
        await runner.cleanup()


def main() -> None:
    platform, *stores = sys.argv[1:]
    loop = hide(platform)
    print(import_all(), "modules")
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        for number, store in enumerate(stores):
            runner.run(sing(store or None, f"songs {number}/"))


if __name__ == "__main__":
    main()
