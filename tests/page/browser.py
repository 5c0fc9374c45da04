"""A headless Chromium, and an emulator in a thread of its own, for tests of the page and for its picture."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from suno_async import SunoClient
from suno_async.emulator import Emulator

MISSING = "Chromium is not installed: `make test-page` installs it with apt-get or by playwright"
OPTIONS = ["--disable-background-networking", "--autoplay-policy=no-user-gesture-required"]


@contextmanager
def chromium(playwright: Any) -> Generator[Any]:
    """A browser: the one of the system if there is one, else that of playwright."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    options = [*OPTIONS, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else OPTIONS
    browser = playwright.chromium.launch(executable_path=found, args=options)
    try:
        yield browser
    finally:
        browser.close()


class Served:
    """An emulator whose clock stands still, a client of it, and a callback address, in the loop of a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, emulator: Emulator, suno: SunoClient) -> None:
        self.loop = loop
        self.emulator = emulator
        self.suno = suno
        self.statuses: list[int] = []
        """What the callback address answers next; 200 after them."""

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await something there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something there."""

        async def called() -> Any:
            return function(*arguments)

        return self.run(called())

    def submit(self, job: Any) -> str:
        """Submit a job, and return its task id."""

        async def submitted() -> str:
            return str((await self.suno.submit(job)).id)

        return str(self.run(submitted()))

    def advance(self, seconds: float) -> None:
        """Move its clock."""
        self.call(self.emulator.advance, seconds)

    async def answer(self, request: web.Request) -> web.Response:
        """The callback address."""
        await request.read()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@contextmanager
def served(**options: Any) -> Generator[Served]:
    """Serve one until the block ends."""
    given: dict[str, Any] = {"speed": 0, "rate_limits": False, "media_seconds": 4, "seed": 1}
    started: list[Served] = []
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        app = web.Application()
        runner = web.AppRunner(app)

        async def heard(request: web.Request) -> web.Response:
            return await started[0].answer(request)

        app.router.add_post("/{path:.*}", heard)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/suno/{{token}}"
        async with (
            Emulator(**given | options) as emulator,
            emulator.client(model="V5", callback_url=address) as suno,
        ):
            started.append(Served(asyncio.get_running_loop(), emulator, suno))
            ready.set()
            while not ended.is_set():
                await asyncio.sleep(0.05)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield started[0]
    finally:
        ended.set()
        thread.join(20)
