"""How far one has to read: the files that a submit, a poll and a callback enter, and the moves between them.

    python -m benchmarks.flow

A file is entered when a function in it begins to run. A move is a call that crosses from one file of the package to
another. A coroutine counts where it is first resumed, not each time it goes on. Time is virtual, the network a script.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

import suno_async
from suno_async import KIE_LEGACY, GenerateMusic, MemoryStore, Pace, Store, SunoClient
from suno_async.wire.envelope import Reply

from .bodies import PAGE
from .receive import posted
from .waiting import run

PACKAGE = str(Path(suno_async.__file__).parent)
EVERY = 10.0
"""Seconds between polls."""
PENDING = msgspec.json.encode({"code": 200, "data": {"status": "PENDING"}})


class Script:
    """A network that accepts every job, answers every poll with `page`, and keeps the callback address it was given."""

    def __init__(self) -> None:
        self.page = PENDING
        self.accepted = self.polls = 0
        self.callback_url = ""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        if method == "GET":
            self.polls += 1
            return Reply(200, self.page)
        self.accepted += 1
        self.callback_url = str(msgspec.json.decode(body)["callBackUrl"])
        return Reply(200, b'{"code":200,"data":{"taskId":"%032x"}}' % self.accepted)

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> Any:
        raise AssertionError(url)

    async def upload(self, url: str, form: Any) -> Reply:
        raise AssertionError(url)

    async def aclose(self) -> None:
        pass


class Flow(NamedTuple):
    """What one operation enters."""

    files: Counter[str]
    """Calls by file, relative to the package."""
    moves: Counter[tuple[str, str]]
    """Calls that cross, by (from, to)."""


async def measured(operation: Callable[[], Awaitable[object]]) -> Flow:
    """Run an operation and count what it enters, with all that runs in the loop until it is done."""
    flow = Flow(Counter(), Counter())

    def profile(frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event != "call" or not (here := _file(frame)) or code.co_code[frame.f_lasti + 1] & 3:
            return  # the argument of RESUME is 0 where a function begins, and another where it goes on
        flow.files[here] += 1
        caller = frame.f_back
        while caller and not _file(caller):
            caller = caller.f_back
        if caller and (there := _file(caller)) != here:
            flow.moves[there, here] += 1

    sys.setprofile(profile)
    try:
        await operation()
    finally:
        sys.setprofile(None)
    return flow


def _file(frame: FrameType) -> str:
    """The file of a frame, relative to the package; empty if it is another's."""
    name = frame.f_code.co_filename
    return name.removeprefix(PACKAGE).lstrip("/") if name.startswith(PACKAGE) else ""


async def submit(store: Store | None) -> Flow:
    """One submit, accepted at once."""
    async with client(Script(), store) as suno:
        await suno.submit(GenerateMusic(prompt="warm"))
        return await measured(lambda: suno.submit(GenerateMusic(prompt="x")))


async def callback(store: Store | None) -> Flow:
    """One callback with a valid token, which completes a task that somebody waits for."""
    script = Script()
    async with client(script, store) as suno:
        receiver = suno.receiver()

        async def deliver() -> None:
            verdict = await receiver.receive(body, {}, query)
            assert verdict.status == 200
            await waiter

        for warm in (True, False):
            task = await suno.submit(GenerateMusic(prompt="x"))
            waiter = asyncio.ensure_future(task.wait())
            await asyncio.sleep(0.1)
            body, query = posted(task.id), dict(parse_qsl(urlsplit(script.callback_url).query))
            if warm:
                await deliver()
        return await measured(deliver)


async def poll(store: Store | None, page: bytes) -> Flow:
    """One poll of a task that somebody waits for."""
    script = Script()
    async with client(script, store) as suno:
        task = await suno.submit(GenerateMusic(prompt="x"))
        waiter = asyncio.ensure_future(task.wait())
        await asyncio.sleep(EVERY * 2.5)
        script.page, before = page, script.polls
        flow = await measured(lambda: asyncio.sleep(EVERY))
        assert script.polls == before + 1
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        return flow


def client(script: Script, store: Store | None) -> SunoClient:
    pace = Pace(first=EVERY, growth=1.0, cap=EVERY, patience=1e6)
    url = "https://b.example/suno"
    return SunoClient(api_key="k", provider=KIE_LEGACY, transport=script, store=store, pace=pace, callback_url=url)


OPERATIONS: dict[str, Callable[[Store | None], Any]] = {
    "submit": submit,
    "callback": callback,
    "poll, nothing new": lambda store: poll(store, PENDING),
    "poll, completes": lambda store: poll(store, PAGE),
}


def main() -> None:
    print(f"{'':<20}{'store':<10}{'files':>6}{'moves':>7}{'calls':>7}")
    for name, operation in OPERATIONS.items():
        for store in (None, MemoryStore()):
            flow: Flow = run(operation(store))
            numbers = (len(flow.files), flow.moves.total(), flow.files.total())
            print(f"{name:<20}{'given' if store else 'none':<10}" + "{:>6}{:>7}{:>7}".format(*numbers))
            if "-v" in sys.argv:
                print(*(f"    {one} → {other}  {times}" for (one, other), times in flow.moves.items()), sep="\n")


if __name__ == "__main__":
    main()
