"""The poller's own CPU for a poll that costs nothing, at 1 000 and at 100 000 waiting tasks, on a virtual clock."""

import asyncio
import gc
import time

from suno_async import KIE, GenerateMusic, MemoryStore, Pace
from suno_async.submissions.coordination import Alone
from suno_async.tasks.pace import PacePolicy
from suno_async.tasks.poller import Poller
from suno_async.tasks.reach import CallbackReach
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import TaskInfo

from .rounds import Series
from .table import Row, row
from .waiting import Details, Interests, Sink, run

EVERY = 11.5
"""Virtual seconds between two polls of a task: the cap of the default pace."""


async def cpu(waiting: int, seconds: float, rounds: int, *, at_once: bool = True) -> Series:
    """µs of CPU a poll, while that many tasks wait. Answers come at once, or in the next turn of the event loop."""
    details, interests = Details(at_once=at_once), Interests()
    registry, alone = TaskRegistry(interests, KIE), Alone(MemoryStore())
    reach = CallbackReach(PacePolicy(Pace(patience=1e9)), alone, "")
    interests.poller = Poller(details, Sink(), alone, registry, reach)
    now = asyncio.get_running_loop().time()
    # Spread over the pace's cap, as tasks of real life are.
    infos = (TaskInfo(f"{n:032x}", GenerateMusic, accepted_at=now + n / waiting * EVERY) for n in range(waiting))
    waiters = [asyncio.ensure_future(registry.add(info).wait()) for info in infos]
    await asyncio.sleep(2 * EVERY)
    taken = list[float]()
    for _ in range(rounds):
        gc.collect()
        details.polls, began = 0, time.process_time()
        await asyncio.sleep(seconds)
        taken.append((time.process_time() - began) / details.polls * 1e6)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    return Series(tuple(taken))


def suite(quick: bool) -> list[Row]:
    crowd, rounds = (20_000, 1) if quick else (100_000, 3)
    few, many = run(cpu(1_000, 1_000, rounds)), run(cpu(crowd, EVERY, rounds))
    awaited = run(cpu(crowd, EVERY, rounds, at_once=False))
    return [
        row("poller", f"the poller, a poll without HTTP, {crowd // 1000} 000 waiting", "µs CPU", many, "≤ 4"),
        row(
            "poller.awaited",
            "the poller, a poll without HTTP, its answer a turn of the event loop late",
            "µs CPU",
            awaited,
        ),
        row("poller.few", "the poller, a poll without HTTP, 1 000 waiting", "µs CPU", few),
    ]
