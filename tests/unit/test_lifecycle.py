"""docs/architecture.md#law-9: one client in several event loops, one after the other, and never in two that live."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvloop

from suno_async import ConfigurationError, GenerateMusic, Music, Pace, Stage, SunoClient, Task, Update, parse_callback

from ..clients import client
from ..doubles import DONE, PENDING, Script, called, envelope, track
from ..loop import JumpLoop

AT_ONCE = Pace(first=0, growth=1, cap=0.01, patience=20)
SONG = GenerateMusic(prompt="rain")
FINISHED = Update(task_id="t1", stage=Stage.COMPLETE, result=Music(task_id="t1"))


def run(work: Coroutine[Any, Any, Any], loop_factory: Callable[[], asyncio.AbstractEventLoop] = JumpLoop) -> Any:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work)


@contextmanager
def living() -> Generator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """An event loop that stands still between what it runs, and lives all the while."""
    loop = JumpLoop()
    try:
        yield loop.run_until_complete
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def submits(suno: SunoClient) -> Task[Music]:
    return await suno.submit(SONG)


async def awaits(task: Task[Music]) -> Music:
    return await task


async def song(suno: SunoClient) -> Music:
    return await (await suno.submit(SONG))


# ---- one loop after the other ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop_factory", [JumpLoop, asyncio.new_event_loop, uvloop.new_event_loop])
def test_one_client_works_in_three_runs(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    network = Script(DONE)
    suno = client(network, pace=AT_ONCE)
    for _ in range(3):
        assert len(run(song(suno), loop_factory).tracks) == 2
    run(suno.aclose(), loop_factory)
    assert (len(network.posted), network.closed) == (3, True)


class Credits(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = envelope(12.5)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Credits)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_connections_are_made_anew_in_each_run(
    server: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Over sockets, and nothing is left open though nobody closes the client."""
    suno = SunoClient(api_key="k", base_url=server)
    for _ in range(3):
        assert run(suno.get_credits(), loop_factory) == 12.5


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_store_on_disk_works_in_three_runs(
    tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    suno = client(Script(DONE), pace=AT_ONCE, store=f"sqlite:///{tmp_path / 'songs.db'}")

    async def ended() -> list[str]:
        return [task.id async for task in suno.results() if await suno.mark_delivered(task)]

    first = run(suno.submit(SONG, key="order-1"), loop_factory)
    assert run(suno.submit(SONG, key="order-1"), loop_factory) is first
    assert len(run(awaits(first), loop_factory).tracks) == 2
    assert run(ended(), loop_factory) == ["t1"]
    run(suno.aclose(), loop_factory)


def test_an_old_handle_is_awaited_again_in_the_next_loop() -> None:
    network = Script(PENDING)
    suno = client(network)

    async def impatient() -> Task[Music]:
        task = await suno.submit(SONG)
        waiting = asyncio.create_task(task.wait())
        await asyncio.sleep(3)
        assert not waiting.done()
        return task  # and the run cancels who still waits

    task = run(impatient())
    network.polls = [DONE]
    assert len(run(awaits(task)).tracks) == 2
    run(suno.aclose())


def test_a_waiter_that_died_with_its_loop_keeps_nobody_from_waiting() -> None:
    """A loop that is closed with tasks pending, as programs do that stop it by hand."""
    network = Script(PENDING)
    suno = client(network)
    loop = JumpLoop()
    told: list[str] = []
    loop.set_exception_handler(lambda _, said: told.append(said["message"]))
    task: Task[Music] = loop.run_until_complete(submits(suno))
    waiting = loop.create_task(task.wait())
    loop.run_until_complete(asyncio.sleep(3))
    loop.close()
    network.polls = [DONE]
    assert len(run(awaits(task)).tracks) == 2
    run(suno.aclose())
    del waiting
    gc.collect()
    assert told == ["Task was destroyed but it is pending!"]  # here, and not at the end of the whole run


def test_a_done_callback_that_died_with_its_loop_keeps_nobody_from_waiting() -> None:
    network, called_back = Script(PENDING), list[Any]()
    suno = client(network)

    async def hopes() -> Task[Music]:
        task = await suno.submit(SONG)
        task.add_done_callback(called_back.append)
        return task

    task = run(hopes())
    network.polls = [DONE]
    assert len(run(awaits(task)).tracks) == 2
    assert called_back == []
    run(suno.aclose())


def test_a_callback_in_the_next_loop_reaches_an_old_handle() -> None:
    network = Script(PENDING)
    suno = client(network)

    async def hopes() -> Task[Music]:
        task = await suno.submit(SONG)
        task.add_done_callback(print)
        return task

    async def hears() -> bool:
        return suno.feed(parse_callback(called("complete", track(1))))

    task = run(hopes())
    assert run(hears()) is True
    assert task.stage is Stage.COMPLETE
    run(suno.aclose())


def test_the_rate_window_goes_on_in_the_next_loop() -> None:
    """A script that runs a loop a song must not send a burst."""
    network = Script()
    suno = client(network)
    loops = 0

    def loop_factory() -> JumpLoop:
        nonlocal loops
        loop = JumpLoop()
        loop.jumps.skipped = loops / 10  # one monotonic clock, as real loops have it
        loops += 1
        return loop

    for _ in range(21):
        run(submits(suno), loop_factory)
    times = [at for at, method, _, _ in network.sent if method == "POST"]
    assert times[19] < 2
    assert times[20] >= 10


# ---- in two places at once -------------------------------------------------------------------------------------------


def test_a_second_living_loop_is_refused_before_anything_is_sent() -> None:
    network = Script(PENDING)
    suno = client(network)
    with living() as first:
        task = first(submits(suno))
        network.sent.clear()

        async def elsewhere() -> None:
            uses: list[Callable[[], Coroutine[Any, Any, Any]]] = [
                *(lambda: suno.submit(SONG), lambda: suno.get_credits(), task.get, suno.aclose),
                *(lambda: drain(suno.resume()), lambda: drain(suno.map([SONG]))),
            ]
            for use in uses[:-1]:
                with pytest.raises(ConfigurationError, match="another event loop that is still open"):
                    await use()
            [outcome] = await uses[-1]()
            assert isinstance(outcome.error, ConfigurationError)
            for act in (lambda: suno.nudge("t1"), lambda: suno.feed(parse_callback(called("text")))):
                with pytest.raises(ConfigurationError, match="another event loop"):
                    act()

        run(elsewhere())
        assert network.sent == []
        network.polls = [DONE]
        assert len(first(awaits(task)).tracks) == 2  # nothing happened to it where it lives
        first(suno.aclose())
    assert network.closed


async def drain(some: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in some]


def test_a_task_that_is_awaited_in_a_living_loop_is_refused_in_another() -> None:
    """Though the poller there would poll for both: nobody here would be woken."""
    suno = client(Script(PENDING))
    with living() as first:
        task = first(submits(suno))

        async def begins() -> "asyncio.Task[Any]":
            waiting = asyncio.create_task(task.wait())
            await asyncio.sleep(1)
            return waiting

        waiting = first(begins())

        async def adds() -> None:
            task.add_done_callback(print)

        for use in (awaits(task), adds()):
            with pytest.raises(ConfigurationError, match="another event loop that is still open"):
                run(use)

        async def ends() -> Stage:
            task.feed(FINISHED)
            update: Update[Any] = await waiting
            return update.stage

        assert first(ends()) is Stage.COMPLETE
        first(suno.aclose())


def test_another_thread_is_refused_before_anything_is_sent() -> None:
    network = Script(DONE)
    suno = client(network)

    async def main() -> None:
        await suno.submit(SONG)
        with ThreadPoolExecutor(1) as threads, pytest.raises(ConfigurationError, match="another event loop that"):
            threads.submit(run, song(suno)).result()
        await suno.aclose()

    run(main())
    assert len(network.posted) == 1


def in_child(act: Callable[[], object]) -> bool:
    """Whether something goes well in a process forked from this one."""
    child = os.fork()
    if child == 0:
        good = False
        try:
            act()
            good = True
        finally:
            os._exit(0 if good else 1)
    return os.waitpid(child, 0)[1] == 0


def test_a_fork_from_a_living_loop_is_refused_before_anything_is_sent() -> None:
    network = Script(DONE)
    suno = client(network)

    def child() -> None:
        with pytest.raises(ConfigurationError, match="a parent process that still runs"):
            run(song(suno))
        assert len(network.posted) == 1

    async def main() -> None:
        await suno.submit(SONG)
        assert in_child(child)
        await song(suno)
        await suno.aclose()

    run(main())


def test_a_fork_between_two_loops_works_in_both() -> None:
    """As servers do that load a program before they fork."""
    suno = client(Script(DONE))
    assert len(run(song(suno)).tracks) == 2
    assert in_child(lambda: run(song(suno)))
    assert len(run(song(suno)).tracks) == 2
    run(suno.aclose())


def test_without_a_loop_it_says_what_is_missing() -> None:
    suno = client(Script())
    with pytest.raises(ConfigurationError, match=r"no event loop is running: call this inside asyncio\.run\(\)"):
        suno.nudge("t1")


# ---- closing ---------------------------------------------------------------------------------------------------------


def test_closing_in_a_later_loop_closes_and_twice_is_once() -> None:
    network = Script(DONE)
    suno = client(network)
    run(song(suno))
    assert not network.closed
    for _ in range(2):
        run(suno.aclose())
    assert network.closed
    with pytest.raises(ConfigurationError, match="closed"):
        run(song(suno))


def test_a_client_that_was_never_used_closes() -> None:
    network = Script()
    suno = client(network)
    run(suno.aclose())
    assert network.closed
    assert repr(suno) == "<SunoClient kie-legacy 0 waited for>"


def test_the_loop_that_lives_is_the_one_that_closes() -> None:
    network = Script(DONE)
    suno = client(network)
    with living() as first:
        first(submits(suno))
        with pytest.raises(ConfigurationError, match="close it there"):
            run(suno.aclose())
        assert len(first(song(suno)).tracks) == 2
        first(suno.aclose())
    assert network.closed
