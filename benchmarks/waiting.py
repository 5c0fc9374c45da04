"""What waiting costs at 1 000 and 100 000 tasks: the poller's CPU for a poll that costs nothing, and memory."""

import asyncio
import gc
import selectors
import time
import tracemalloc
from typing import Any

from suno_async import KIE, KIE_LEGACY, GenerateMusic, MemoryStore, Pace, Stage, SunoClient, Task, Update
from suno_async.http.base import Form
from suno_async.submissions.coordination import Alone
from suno_async.tasks.pace import PacePolicy
from suno_async.tasks.poller import Poller
from suno_async.tasks.reach import CallbackReach
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import Holder, TaskInfo
from suno_async.wire.envelope import Reply

from .table import Row

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
    """Answers every poll at once: nothing new."""

    polls = 0

    async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
        self.polls += 1
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


async def cpu(waiting: int, seconds: float) -> float:
    """µs of CPU a poll, while that many tasks wait, each polled about every 11.5 s."""
    details, interests = Details(), Interests()
    registry = TaskRegistry(interests, KIE)
    alone = Alone(MemoryStore())
    reach = CallbackReach(PacePolicy(Pace(patience=1e9)), alone, "")
    interests.poller = Poller(details, Sink(), alone, registry, reach)
    now = asyncio.get_running_loop().time()
    # Spread over the pace's cap, as tasks of real life are.
    infos = (TaskInfo(f"{n:032x}", GenerateMusic, accepted_at=now + n / waiting * 11.5) for n in range(waiting))
    waiters = [asyncio.ensure_future(registry.add(info).wait()) for info in infos]
    await asyncio.sleep(30)
    gc.collect()
    details.polls, began = 0, time.process_time()
    await asyncio.sleep(seconds)
    taken = (time.process_time() - began) / details.polls * 1e6
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    return taken


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


async def pending_bytes(count: int) -> float:
    """Bytes of one handle that nobody waits for."""
    suno = SunoClient(api_key="k", transport=Idle())
    before = _now_used()
    held = [suno.attach(GenerateMusic, f"{n:032x}") for n in range(count)]
    return (_now_used() - before) / len(held)


async def awaited_bytes(count: int) -> float:
    """Bytes of one task that is submitted and awaited through `map`."""
    network = Idle()
    suno = SunoClient(
        api_key="k", provider=KIE_LEGACY, transport=network, pace=Pace(first=1e6, growth=1, cap=1e6, patience=1e9)
    )
    before = _now_used()
    outcomes = suno.map((GenerateMusic(prompt="x") for _ in range(count)), concurrency=count)
    first = asyncio.ensure_future(anext(outcomes))
    while network.count < count:  # noqa: ASYNC110  virtual time
        await asyncio.sleep(20)
    await asyncio.sleep(20)  # the last are waited for by now
    used = (_now_used() - before) / count
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await outcomes.aclose()
    return used


def _now_used() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def suite() -> list[Row]:
    few, many = run(cpu(1_000, 2_000)), run(cpu(100_000, 40))
    tracemalloc.start()
    small, big = run(pending_bytes(1_000)), run(pending_bytes(100_000))
    some, mapped = run(awaited_bytes(1_000)), run(awaited_bytes(100_000))
    tracemalloc.stop()
    return [
        Row("poller, one poll without HTTP, 1 000 waiting", few, "µs CPU"),
        Row("poller, one poll without HTTP, 100 000 waiting", many, "µs CPU", "", None, "≤ 10 µs", many <= 10),
        Row("poller, growth", many, "µs CPU", "100 000 / 1 000 waiting", many / few, "≤ 1.5", many / few <= 1.5),
        Row("memory of a pending task, 1 000", small, "bytes"),
        Row("memory of a pending task, 100 000", big, "bytes", "", None, "≤ 1 KB", big <= 1024),
        Row("memory of a task awaited through map, 1 000", some, "bytes"),
        Row("memory of a task awaited through map, 100 000", mapped, "bytes", "", None, "≤ 3 KB", mapped <= 3072),
    ]
