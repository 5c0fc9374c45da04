"""A thread that works for any number of event loops."""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from ..errors import StoreError
from .base import CLOSED

__all__ = ["Machine", "Work", "Worker"]


class Work(NamedTuple):
    """Something that a machine which takes functions is to do."""

    do: Callable[[Any], Any]
    """A function of what the machine gives it."""
    writes: bool
    lasts: bool = True
    """Whether what it writes must outlive a power cut."""


class Machine(Protocol):
    """What the thread works with; nothing else uses it while the thread runs."""

    def run(self, batch: Sequence[Any]) -> list[Any]:
        """Do a batch and return what came of each work; an exception is what it failed with."""
        ...

    def close(self) -> None:
        """Let go of what is open; a later `run` opens it again."""
        ...


class _Job:
    __slots__ = ("done", "loop", "work")

    def __init__(self, work: Any) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Any] = self.loop.create_future()


class Worker:
    """One thread that does what event loops ask of it, all that is waiting in one batch.

    The thread starts with the first work. Before this process forks, it closes the machine and ends; with the next work
    both start again, in the parent and in the child. A thread does not survive a fork. Nor may a SQLite file be open
    during one: the child would believe that it holds the parent's locks, and lose what it writes when the parent
    closes the file (https://sqlite.org/howtocorrupt.html, "Carrying an open database connection across a fork").
    """

    # State, all of it: what is waiting, the loops that will wake the thread at the end of their turn, what it is woken
    # or ended by, what is not answered yet, the thread, and whether one may be started.

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine = machine
        self._name = name
        self._waiting: deque[_Job] = deque()
        self._waking: set[asyncio.AbstractEventLoop] = set()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        """True wakes the thread, False ends it."""
        self._unanswered: set[_Job] = set()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        _workers.add(self)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer in a loop that is not closed."""
        return any(not job.loop.is_closed() for job in list(self._unanswered))

    @property
    def started(self) -> bool:
        """Whether the thread was started and has not been ended."""
        return self._thread is not None

    async def do(self, work: Any) -> Any:
        """Have something done in the thread, and return or raise what came of it."""
        job = _Job(work)
        with self._starting:
            if self._closed:
                raise StoreError(CLOSED)
            self._put(job)
        return await job.done

    def _put(self, job: _Job) -> None:
        self._unanswered.add(job)
        self._waiting.append(job)
        if job.loop not in self._waking:  # all that one turn of the loop asks for makes one batch
            self._waking.add(job.loop)
            job.loop.call_soon(self._wake, job.loop)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waking.discard(loop)
        self._calls.put(True)

    def _run(self) -> None:
        while batch := self._next():
            try:
                results = self._machine.run([job.work for job in batch])
            except BaseException as exc:  # whatever it is, nobody should wait for ever
                results = [exc] * len(batch)
            self._answer(batch, results)
            del batch, results  # not while waiting
        self._machine.close()

    def _next(self) -> list[_Job]:
        """Wait for something to do and return all that is waiting; nothing at the end."""
        while True:
            more = self._calls.get()
            batch: list[_Job] = []
            while self._waiting:
                batch.append(self._waiting.popleft())
            if batch and not more:
                self._calls.put(False)  # the end comes after this batch
            if batch or not more:
                return batch

    def _answer(self, batch: Sequence[_Job], results: Sequence[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, dict[_Job, Any]] = {}
        for job, result in zip(batch, results, strict=True):
            by_loop.setdefault(job.loop, {})[job] = result
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._hand_over, answers)
            except RuntimeError:  # the loop is closed, so nobody waits there any more
                self._unanswered.difference_update(answers)

    def _hand_over(self, answers: Mapping[_Job, Any]) -> None:
        """In the loop: a simulated clock that reads `busy` moves on neither before nor long after this."""
        self._unanswered.difference_update(answers)
        for job, result in answers.items():
            if job.done.done():
                continue  # cancelled
            if isinstance(result, StopIteration):  # no future takes one
                job.done.set_exception(RuntimeError("StopIteration was raised"))
            elif isinstance(result, BaseException):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)

    def stop(self) -> None:
        """Have the thread finish what is waiting, close the machine and end; refuse what comes later."""
        with self._starting:
            if not self._closed:
                self._closed = True
                self._calls.put(False)

    async def aclose(self) -> None:
        """Like `stop`, and wait until the machine is closed."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
            if self._thread is None:
                return
            job = _Job(None)
            closing = threading.Thread(target=self._finish, args=(self._thread, job), daemon=True)
            self._unanswered.add(job)
            self._calls.put(False)
            try:
                closing.start()
            except RuntimeError:  # at the end of the process: Python 3.12 and newer start no threads then
                self._finish(self._thread, job)
        await job.done

    def _finish(self, thread: threading.Thread, job: _Job) -> None:
        thread.join()
        self._answer([job], [None])

    # ---- forks -------------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Finish what is waiting, close the machine, and start nothing before `resume`."""
        self._starting.acquire()
        if self._thread is not None:
            self._calls.put(False)
            self._thread.join()
            self._thread = None

    def resume(self) -> None:
        """Allow the thread to start again."""
        self._starting.release()


_workers: "weakref.WeakSet[Worker]" = weakref.WeakSet()
_forking = threading.Lock()
_paused: list[Worker] = []


def _before_fork() -> None:
    _forking.acquire()
    for worker in list(_workers):
        worker.pause()
        _paused.append(worker)


def _after_fork() -> None:
    while _paused:
        _paused.pop().resume()
    _forking.release()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
