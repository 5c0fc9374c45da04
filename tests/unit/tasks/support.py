"""What the tests of tasks and of the poller share: updates, and stand-ins for the poller's neighbours."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio

from suno_async import KIE, GenerateMusic, Music, Pace, Stage, SunoError, Task, Track, Update
from suno_async.api.updates import Provisional
from suno_async.tasks.poller import Change, Poller, PollLimits
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import Holder, TaskInfo
from suno_async.tasks.watch import Watch

from ...conftest import now
from ...loop import JumpLoop

MUSIC = Music(task_id="t1", tracks=(Track(id="a", audio_url="https://f.example/a.mp3"),))
PACE = Pace(first=2, growth=2, cap=15, patience=100)

Answer = Update[Any] | BaseException


def update(
    stage: Stage,
    provisional: Provisional = Provisional.NONE,
    result: Music | None = None,
    code: int | None = None,
) -> Update[Any]:
    """What a poll says of the task t1."""
    return Update(
        task_id="t1",
        stage=stage,
        provisional=provisional,
        result=MUSIC if stage is Stage.COMPLETE else result,
        status=stage.name,
        code=501 if code is None and stage is Stage.FAILED else code,
    )


PENDING = update(Stage.PENDING)
DONE = update(Stage.COMPLETE)


class Interests:
    """Notes interests; stands in for the poller, which has tests of its own."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def retain(self, task: Task[Any], holder: Holder) -> None:
        self.calls.append("retain")

    def release(self, task: Task[Any], holder: Holder) -> None:
        self.calls.append("release")

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


class Service:
    """What is polled: answers by script, the last for good, or by a function of the time."""

    def __init__(self, *answers: Answer, by: Callable[[float], Answer] | None = None, delay: float = 0) -> None:
        self.answers: list[Answer] = list(answers)
        self.by = by
        self.delay = delay
        self.polled_at: list[float] = []
        self.at_once = self.most_at_once = 0

    async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
        self.polled_at.append(now())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.delay:
                await anyio.sleep(self.delay)
        finally:
            self.at_once -= 1
        if self.by is not None:
            answer = self.by(now())
        else:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Sink:
    """Feeds tasks, as the journal does after it has written, and tells what became of submissions by script."""

    def __init__(self, *fates: Answer) -> None:
        self.fates = list(fates)
        self.applied: list[Update[Any]] = []
        self.asked_at: list[float] = []

    async def apply(self, task: Task[Any], update: Update[Any]) -> bool:
        self.applied.append(update)
        return task.feed(update)

    async def fate(self, task: Task[Any]) -> Update[Any]:
        self.asked_at.append(now())
        answer = self.fates.pop(0) if len(self.fates) > 1 else self.fates[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Peers:
    """Other processes with the same store; none, unless they are shared."""

    def __init__(self, *, shared: bool = False, ours: bool = True) -> None:
        self.shared = shared
        self.ours = ours
        """Whether claims are granted."""
        self.claims: list[tuple[float, float]] = []
        self.stored: Update[Any] | None = None
        self.heard: asyncio.Queue[Change | None] = asyncio.Queue()
        self.wanted: Callable[[str, str], bool] | None = None
        """Which of them the poller wants."""

    async def claim_poll(self, task: Task[Any], seconds: float) -> bool:
        self.claims.append((now(), seconds))
        return self.ours

    async def changes(self, wanted: Callable[[str, str], bool]) -> AsyncGenerator[Change | None]:
        self.wanted = wanted
        while True:
            yield await self.heard.get()

    async def missed(self, task: Task[Any]) -> Update[Any] | None:
        return self.stored


class Observer:
    """An interest that is no waiter."""

    def __init__(self) -> None:
        self.given_up: list[tuple[float, SunoError]] = []

    def give_up(self, task: Task[Any], error: SunoError) -> None:
        self.given_up.append((now(), error))


class Polling:
    """A poller with its neighbours; what tasks register their interests with."""

    def __init__(
        self,
        service: Service,
        pace: Pace = PACE,
        *,
        at_once: int | None = None,
        peers: Peers | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.pace = self.without = pace
        self.came: list[tuple[str, bool]] = []
        self.completed: list[str] = []
        self.registry = TaskRegistry(self, KIE)
        limits = PollLimits(at_once=at_once)
        self.poller = Poller(service, sink or Sink(), peers or Peers(), self.registry, self, limits)
        self._before = asyncio.all_tasks()

    def of(self, task: Task[Any]) -> Pace:
        return self.pace

    def without_callbacks(self, task: Task[Any]) -> Pace:
        return self.without

    def next_poll(self, task: Task[Any], watch: Watch) -> float | None:
        return None

    def note_rise(self, task: Task[Any], watch: Watch, stage: Stage) -> None:
        """Nothing is learned."""

    def callback_came(self, task_id: str, *, here: bool) -> bool:
        self.came.append((task_id, here))
        return len(self.came) == 1

    def completed_by_poll(self, task: Task[Any]) -> None:
        self.completed.append(task.id)

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

    def task(self, task_id: str = "t1", accepted_at: float | None = None) -> Task[Music]:
        """A task that was accepted now, or at a time."""
        born = now() if accepted_at is None else accepted_at
        return Task(TaskInfo(task_id, GenerateMusic, accepted_at=born), self)

    def attached(self, task_id: str = "t1") -> Task[Music]:
        """A task of which only the id is known."""
        return Task(TaskInfo(task_id, GenerateMusic), self)

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on: no interest, no worker, no timer."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpLoop)
        return not self.poller.tasks and not (asyncio.all_tasks() - self._before) and not loop.timers
