"""What the README and the main guides say is true: their programs run at each gateway, the errors are all explained."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import anyio.to_thread
import pytest
import uvicorn

import suno_async
from suno_async import SunoError, errors
from suno_async.emulator import Emulator
from suno_async.http.base import Download
from suno_async.http.transport import HTTP
from suno_async.wire.envelope import Reply

from ..loop import JumpLoop, stores_work

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("tasks", "many", "costs", "restarts", "uploads")),
]
"""Their whole programs run at each gateway here; all others run in test_docs.py."""
PROGRAMS = [
    program for page in PAGES for program in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]
SCRIPTS = [program for program in PROGRAMS if "asyncio.run(main())" in program]
(SERVER,) = (
    program
    for program in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "callbacks.md").read_text("utf-8"), re.DOTALL)
    if "FastAPI(lifespan=suno.lifespan)" in program
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def emulated(
    main: Coroutine[Any, Any, None], provider: str, monkeypatch: pytest.MonkeyPatch, seconds: float = 6
) -> None:
    """What `asyncio.run` does, with an emulator in the environment and time that jumps."""

    async def inside() -> None:
        async with Emulator(provider=provider, media_seconds=seconds) as emulator:
            monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
            monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
            await main

    jumping(inside(), monkeypatch)


def jumping(main: Coroutine[Any, Any, T], monkeypatch: pytest.MonkeyPatch) -> T:
    """What `asyncio.run` does, with time that jumps while no request is under way."""
    flying = [0]

    async def send(self: HTTP, *args: Any, **options: Any) -> Reply:
        with counted(flying):
            return await sends(self, *args, **options)

    @asynccontextmanager
    async def fetch(self: HTTP, url: str, **options: Any) -> AsyncGenerator[Download]:
        with counted(flying):
            async with fetches(self, url, **options) as download:
                yield download

    async def inside() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpLoop)
        threads = anyio.to_thread.current_default_thread_limiter()
        loop.jumps.busy = lambda: threads.borrowed_tokens > 0 or stores_work()
        loop.jumps.flying = lambda: flying[0] > 0
        return await main

    sends, fetches = HTTP.send, HTTP.fetch
    with monkeypatch.context() as patched, asyncio.Runner(loop_factory=JumpLoop) as runner:
        patched.setattr(HTTP, "send", send)
        patched.setattr(HTTP, "fetch", fetch)
        return runner.run(inside())


@contextmanager
def counted(count: list[int]) -> Generator[None]:
    count[0] += 1
    try:
        yield
    finally:
        count[0] -= 1


@pytest.mark.parametrize("provider", ["kie", "kie-jobs", "kie-legacy", "sunoapi"])
@pytest.mark.parametrize("program", SCRIPTS, ids=range(len(SCRIPTS)))
def test_the_programs_run(
    program: str, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ran: list[bool] = []

    code = compile(program.replace("range(100)", "range(25)"), "README.md", "exec")
    with monkeypatch.context() as patched:

        def run(main: Coroutine[Any, Any, None]) -> None:
            emulated(main, provider, patched, 6 if "continue_at" in program else 1)
            ran.append(True)

        patched.setattr(asyncio, "run", run)
        patched.setenv("SUNO_PROVIDER", provider)
        exec(code, {"__name__": "__main__"})
    assert ran == [True]
    printed = capsys.readouterr().out
    assert printed
    assert "failed" not in printed
    if "download" in program:
        assert len(list((tmp_path / "songs").glob("*.mp3"))) in (2, 50)
    if "TEXT, FIRST, COMPLETE" in program and provider != "kie-jobs":  # its polls show no earlier stages
        assert printed.split()[:3] == ["TEXT", "FIRST", "COMPLETE"]


def test_the_callback_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pasted, served by uvicorn, with the emulator's callbacks over loopback and no poll."""

    async def main() -> None:
        door = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        async with Emulator(speed=300, media_seconds=1) as emulator:
            monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
            monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
            names: dict[str, Any] = {}
            exec(SERVER.replace("https://bot.example", url), names)
            server = uvicorn.Server(uvicorn.Config(names["app"], log_level="error", ws="none"))
            serving = asyncio.create_task(server.serve(sockets=[door]))
            async with aiohttp.ClientSession() as session, session.get(f"{url}/sing?about=rain") as answer:
                assert len(await answer.json()) == 2
            async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as answer:
                health = await answer.json()
            assert (health["state"], health["waiting"], health["last_callback"] is None) == ("open", 0, False)
            assert not [seen for seen in emulator.log if seen.path.endswith("record-info")]
            server.should_exit = True
            await serving

    asyncio.run(main())


def test_every_error_stands_in_the_table() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, SunoError) and not kind.__subclasses__():
            assert re.search(rf"^### .*\b{name}\b|^\\| `{name}` \\|", page, re.MULTILINE), name
            assert getattr(suno_async, name) is kind
