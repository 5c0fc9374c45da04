"""What stands for time, the network and the rest of a client where only a part of it is measured."""

import asyncio
import selectors
from typing import Any

from suno_async import Stage, Task, Update
from suno_async.http.base import Form
from suno_async.tasks.poller import Poller
from suno_async.tasks.task import Holder
from suno_async.wire.envelope import Reply

PENDING: Update[Any] = Update(task_id="t", stage=Stage.PENDING)
PAGE = Reply(200, b'{"code":200,"data":{"status":"PENDING"}}')


class Jump(selectors.DefaultSelector):
    """Time that never waits."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skipped += timeout or 0
        return super().select(0)


class JumpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jump = Jump()
        super().__init__(self.jump)

    def time(self) -> float:
        return self.jump.skipped


def run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(main)


class Details:
    """Answers every poll: nothing new."""

    polls = 0

    def __init__(self, *, at_once: bool = True) -> None:
        self._at_once = at_once

    async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
        self.polls += 1
        if not self._at_once:
            await asyncio.sleep(0)
        return PENDING


class Sink:
    """Takes updates; there are none."""

    async def apply(self, task: Task[Any], update: Update[Any]) -> bool:
        return task.feed(update)

    async def fate(self, task: Task[Any]) -> Update[Any]:
        raise AssertionError(task)


class Interests:
    """Hands the interests of tasks to a poller, which is made after their registry."""

    poller: Poller

    def retain(self, task: Task[Any], holder: Holder) -> None:
        self.poller.retain(task, holder)

    def release(self, task: Task[Any], holder: Holder) -> None:
        self.poller.release(task, holder)

    def note_completed(self, task: Task[Any], since: float) -> None:
        """Nobody learns."""

    def timing(self, task: Task[Any], since: float) -> None:
        """Nobody knows."""

    def check_thread(self) -> None:
        """Every thread is right."""

    def fed(self, task: Task[Any], update: Update[Any]) -> None:
        """Nobody is told."""

    def whole(self, task: Task[Any], update: Update[Any]) -> Update[Any]:
        raise AssertionError(update)


class Idle:
    """A network that accepts everything and finishes nothing."""

    def __init__(self) -> None:
        self.count = self.polls = 0

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        if method == "GET":
            self.polls += 1
            return PAGE
        self.count += 1
        return Reply(200, b'{"code":200,"data":{"taskId":"%032x"}}' % self.count)

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> Any:
        raise AssertionError(url)

    async def upload(self, url: str, form: Form) -> Reply:
        raise AssertionError(url)

    async def aclose(self) -> None:
        pass
