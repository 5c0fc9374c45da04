"""One poller: exact times of looks, patience, nudges, idleness."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from suno_async import (
    ConnectError,
    DecodeError,
    GenerateMusic,
    InsufficientCredits,
    Music,
    Pace,
    RateLimited,
    ResponseLost,
    ServerError,
    Source,
    Stage,
    SunoError,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    Track,
    Unauthorized,
    Update,
)
from suno_async.api.updates import Provisional
from suno_async.errors import ConfigurationError
from suno_async.tasks.poller import Poller

from .conftest import now

MUSIC = Music(task_id="t1", tracks=(Track(id="a", audio_url="https://f.example/a.mp3"),))
EMPTY = Music(task_id="t1", tracks=(Track(id="a"),))
PACE = Pace(first=2, growth=2, cap=15, patience=100)

Answer = Update[Any] | Exception


def news(stage: Stage, provisional: Provisional = Provisional.NONE, result: Music | None = None) -> Update[Any]:
    return Update(
        task_id="t1", stage=stage, provisional=provisional, result=MUSIC if stage is Stage.COMPLETE else result
    )


PENDING = news(Stage.PENDING)
DONE = news(Stage.COMPLETE)


class Sky:
    """What is looked at: answers by script, the last for good, or by a function of the time."""

    def __init__(self, *answers: Answer, by: Callable[[float], Answer] | None = None, delay: float = 0) -> None:
        self.answers: list[Answer] = list(answers)
        self.by = by
        self.delay = delay
        self.polled_at: list[float] = []
        self.at_once = self.most_at_once = 0

    async def look(self, task: Task[Any]) -> Update[Any]:
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
        if isinstance(answer, Exception):
            raise answer
        return answer


def polled(sky: Sky, pace: Pace = PACE, **options: Any) -> tuple[Poller, Task[Music]]:
    poller = Poller(sky.look, lambda task: pace, **options)
    return poller, Task("t1", GenerateMusic, poller, born=now())


def at_rest(poller: Poller) -> bool:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    timers = [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    return poller.waiting == 0 and not [task for task in others if "_work" in repr(task)] and not timers


async def test_looks_happen_at_the_times_of_the_pace_and_end_with_the_task() -> None:
    sky = Sky(PENDING, PENDING, news(Stage.FIRST), DONE)
    poller, task = polled(sky)
    assert await task == MUSIC
    assert sky.polled_at == [2, 6, 14, 29]
    assert at_rest(poller)


async def test_nobody_waiting_means_no_looks() -> None:
    sky = Sky(PENDING)
    poller, _ = polled(sky)
    await anyio.sleep(3600)
    assert sky.polled_at == []
    assert at_rest(poller)


async def test_a_task_awaited_late_is_looked_at_at_once() -> None:
    sky = Sky(DONE)
    _, task = polled(sky)
    await anyio.sleep(500)
    await task
    assert sky.polled_at == [500]


async def test_an_attached_task_is_looked_at_at_once() -> None:
    sky = Sky(PENDING, DONE)
    poller, _ = polled(sky)
    await Task("t1", GenerateMusic, poller)
    assert sky.polled_at == [0, 2]


async def test_many_waiters_share_one_look() -> None:
    sky = Sky(PENDING, DONE)
    _, task = polled(sky)
    await asyncio.gather(*(task.wait() for _ in range(50)))
    assert sky.polled_at == [2, 6]


async def test_short_waits_in_a_loop_get_their_looks() -> None:
    """A caller that waits a second at a time sees the task end as soon as one that waits for good."""
    sky = Sky(PENDING, PENDING, DONE)
    _, task = polled(sky)
    while not task.done():
        with anyio.move_on_after(0.7):
            await task
    assert sky.polled_at == pytest.approx([2, 6, 14])


async def test_the_last_waiter_leaving_stops_the_looks() -> None:
    sky = Sky(PENDING)
    poller, task = polled(sky)
    with anyio.move_on_after(7):
        await task
    assert sky.polled_at == [2, 6]
    assert at_rest(poller)
    await anyio.sleep(1000)
    assert sky.polled_at == [2, 6]


async def test_patience_ends_with_a_timeout_after_a_last_look_and_begins_anew() -> None:
    sky = Sky(PENDING)
    poller, task = polled(sky, Pace(first=10, growth=1, cap=10, patience=25))
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert (now(), sky.polled_at) == (25, [10, 20, 25])
    assert (caught.value.task_id, caught.value.waited) == ("t1", 25)
    assert at_rest(poller)
    sky.answers = [DONE]
    assert await task == MUSIC
    assert sky.polled_at[3:] == [pytest.approx(25 + 1 / 3)]  # at once, as far as the service allows


async def test_a_look_that_outlives_its_patience_does_not_end_the_next_wait() -> None:
    """Somebody who comes while an old look is still under way has the whole patience ahead."""
    sky = Sky(by=lambda at: DONE if at > 40 else PENDING, delay=4)
    _, task = polled(sky, Pace(first=20, growth=1, cap=20, patience=22))
    with anyio.move_on_after(21):
        await task
    await anyio.sleep(2)  # past the patience; the look of 20 is still under way
    assert await task == MUSIC


async def test_patience_begins_with_the_first_waiter_and_not_with_a_nudge() -> None:
    sky = Sky(PENDING)
    poller, task = polled(sky, Pace(first=10, growth=1, cap=10, patience=50))
    poller.nudge(task)
    await anyio.sleep(45)
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert (now(), caught.value.waited) == (95, 50)


async def test_patience_counts_again_after_everybody_left_for_long() -> None:
    sky = Sky(PENDING)
    _, task = polled(sky, Pace(first=10, growth=1, cap=10, patience=25))
    with anyio.move_on_after(5):
        await task
    await anyio.sleep(1000)
    sky.by = lambda at: DONE if at > 1010 else PENDING  # pyright: ignore[reportUnknownLambdaType]
    assert await task == MUSIC


@pytest.mark.parametrize(
    "trouble",
    [ConnectError("x"), ResponseLost("x"), ServerError(0, status=502), ServerError(500), InsufficientCredits(429)],
    ids=lambda exc: type(exc).__name__,
)
async def test_passing_trouble_is_looked_through(trouble: Exception) -> None:
    sky = Sky(trouble, trouble, trouble, DONE)
    _, task = polled(sky)
    assert await task == MUSIC
    assert len(sky.polled_at) == 4


async def test_trouble_for_good_ends_with_patience_and_names_its_cause() -> None:
    sky = Sky(ServerError(500, "down"))
    _, task = polled(sky)
    with pytest.raises(TaskTimeout) as caught:
        await task
    assert now() == 100
    assert isinstance(caught.value.__cause__, ServerError)
    assert min(b - a for a, b in zip(sky.polled_at, sky.polled_at[1:], strict=False)) >= 0.33


async def test_a_rate_refusal_stops_the_looks_that_were_due_together() -> None:
    first = [RateLimited(429, retry_after=30)]
    sky = Sky(by=lambda at: first.pop() if first else DONE, delay=1)
    poller, _ = polled(sky, looks=2)
    tasks = [Task(f"t{n}", GenerateMusic, poller, born=0.0) for n in range(50)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert sum(at < 33 for at in sky.polled_at) <= 4


async def test_a_rate_refusal_makes_every_look_wait() -> None:
    """Nobody looks before the moment that one of them was told."""
    first = [RateLimited(429, retry_after=30)]
    sky = Sky(by=lambda at: first.pop() if first else DONE)
    poller, _ = polled(sky)
    tasks = [Task(f"t{n}", GenerateMusic, poller, born=float(n) / 10) for n in range(5)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert sky.polled_at[0] == 2
    assert len(sky.polled_at) == 6
    assert all(at >= 32 for at in sky.polled_at[1:])


async def test_a_rate_refusal_never_outlasts_patience() -> None:
    sky = Sky(RateLimited(429, retry_after=86_400))
    _, task = polled(sky)
    with pytest.raises(TaskTimeout):
        await task
    assert now() <= 160


@pytest.mark.parametrize("error", [Unauthorized(401), DecodeError("odd")], ids=["unauthorized", "puzzles"])
async def test_what_looking_cannot_mend_is_raised(error: SunoError) -> None:
    sky = Sky(error)
    poller, task = polled(sky)
    with pytest.raises(type(error)):
        await task
    assert len(sky.polled_at) == (1 if isinstance(error, Unauthorized) else 3)
    assert not task.done()
    assert at_rest(poller)


async def test_a_bug_while_looking_does_not_leave_anybody_waiting() -> None:
    sky = Sky(ZeroDivisionError("oops"))
    _, task = polled(sky)
    with pytest.raises(SunoError, match="oops") as caught:
        await task
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_task_that_never_shows_up_is_not_found_after_ninety_seconds() -> None:
    sky = Sky(news(Stage.PENDING, Provisional.MISSING))
    _, task = polled(sky, Pace(first=10, growth=1, cap=10, patience=500))
    with pytest.raises(TaskNotFound, match="t1"):
        await task
    assert now() == 90


async def test_a_task_that_shows_up_late_is_fine() -> None:
    sky = Sky(by=lambda at: news(Stage.PENDING, Provisional.MISSING) if at < 80 else DONE)
    _, task = polled(sky)
    assert await task == MUSIC


async def test_late_files_are_waited_for_and_then_taken_as_they_are() -> None:
    late = news(Stage.PENDING, Provisional.LATE_FILES, EMPTY)
    sky = Sky(by=lambda at: late if at < 50 else DONE)
    _, task = polled(sky)
    assert await task == MUSIC

    sky = Sky(late)
    _, task = polled(sky, Pace(first=10, growth=1, cap=10, patience=500))
    began = now()
    assert await task == EMPTY
    assert now() - began == 70


async def test_an_undelivered_callback_is_a_failure_only_when_patience_ends() -> None:
    undelivered = news(Stage.PENDING, Provisional.UNDELIVERED)
    sky = Sky(by=lambda at: undelivered if at < 80 else DONE)
    _, task = polled(sky)
    assert await task == MUSIC

    _, task = polled(Sky(undelivered))
    with pytest.raises(TaskFailed, match="callback"):
        await task
    assert task.stage is Stage.FAILED


async def test_a_nudge_looks_at_once_and_says_so() -> None:
    sky = Sky(by=lambda at: DONE if at > 3 else PENDING)
    poller, task = polled(sky, Pace(first=100, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(5)
    poller.nudge(task)
    assert (await waiting).source is Source.CONFIRMED
    assert (now(), sky.polled_at) == (5, [5])


async def test_nudges_never_exceed_three_looks_a_second() -> None:
    sky = Sky(PENDING)
    poller, task = polled(sky, Pace(first=100, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    for _ in range(200):
        await anyio.sleep(0.05)
        poller.nudge(task)
    assert 25 <= len(sky.polled_at) <= 31
    waiting.cancel()


async def test_a_nudge_during_a_look_is_not_lost() -> None:
    sky = Sky(by=lambda at: DONE if at > 4 else PENDING, delay=1)
    poller, task = polled(sky, Pace(first=2, growth=1, cap=100, patience=1000))
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(2.5)
    poller.nudge(task)
    await waiting
    assert sky.polled_at[:2] == [2, 3]


async def test_a_nudge_without_a_waiter_costs_nothing_until_somebody_waits() -> None:
    sky = Sky(DONE)
    poller, task = polled(sky, Pace(first=100, growth=1, cap=100, patience=1000))
    poller.nudge(task)
    await anyio.sleep(20)
    assert sky.polled_at == []
    await task
    assert sky.polled_at == [20]


async def test_news_from_elsewhere_ends_the_looks() -> None:
    sky = Sky(PENDING)
    poller, task = polled(sky)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(7)
    task.feed(DONE)
    await waiting
    assert sky.polled_at == [2, 6]
    assert at_rest(poller)


async def test_a_callback_and_a_look_racing_end_in_one_result() -> None:
    sky = Sky(news(Stage.FIRST), delay=2)
    poller, task = polled(sky)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(3)
    task.feed(DONE)  # while the look that will say FIRST is under way
    await waiting
    await anyio.sleep(10)
    assert [update.stage for update in task.updates] == [Stage.COMPLETE]
    assert at_rest(poller)


async def test_looks_run_at_once_up_to_the_bound() -> None:
    sky = Sky(DONE, delay=1)
    poller, _ = polled(sky, looks=8)
    tasks = [Task(f"t{n}", GenerateMusic, poller, born=0.0) for n in range(100)]
    await asyncio.gather(*(task.wait() for task in tasks))
    assert (sky.most_at_once, len(sky.polled_at)) == (8, 100)


async def test_closing_tells_whoever_waits_and_whoever_comes() -> None:
    sky = Sky(PENDING, delay=1)
    poller, task = polled(sky)
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(2.5)
    await poller.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    with pytest.raises(ConfigurationError, match="closed"):
        await task
    assert at_rest(poller)


async def test_a_finished_task_leaves_nothing_behind() -> None:
    poller, task = polled(Sky(DONE))
    await task
    assert task.watch is None
    del task
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Task) and thing._watcher is poller]


@pytest.mark.parametrize("looks", [1, 32])
async def test_a_look_that_falls_due_as_the_last_worker_ends_is_not_lost(looks: int) -> None:
    """`_fire` counts workers that have returned but are not discarded yet, and starts none: waits for ever."""

    async def look(task: Task[Any]) -> Any:
        await asyncio.sleep(1)
        await asyncio.sleep(0)  # a hop more, as every transport has
        return DONE

    poller = Poller(look, lambda _: PACE, looks=looks)
    waiting = [asyncio.create_task(Task(f"t{n}", GenerateMusic, poller).wait()) for n in range(looks)]
    await asyncio.sleep(1)  # wakes up as the looks do
    late = Task("late", GenerateMusic, poller)
    with anyio.fail_after(1000):
        await late
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("told", [3600.0, float("inf")])
async def test_patience_ends_whatever_retry_after_says(told: float) -> None:
    sky = Sky(RateLimited(429, retry_after=told), PENDING)
    _, task = polled(sky)  # patience 100
    with anyio.fail_after(500):
        with pytest.raises(SunoError) as caught:
            await task
    assert isinstance(caught.value, TaskTimeout)
    assert now() <= 110


async def test_an_absurd_retry_after_does_not_stop_every_other_task_for_ever() -> None:
    first = [RateLimited(429, retry_after=float("inf"))]
    sky = Sky(by=lambda at: first.pop() if first else DONE)
    poller, task = polled(sky)
    with anyio.fail_after(100):
        await task
    other = Task("t2", GenerateMusic, poller, born=now())
    with anyio.fail_after(1000):
        await other


async def test_patience_ends_while_looks_queue_behind_slow_ones() -> None:
    """An API that answers nothing for a minute: patience is only checked after a task's own look."""
    sky = Sky(ResponseLost("slow"), delay=60)
    poller, _ = polled(sky, looks=2)
    tasks = [Task(f"t{n}", GenerateMusic, poller, born=0.0) for n in range(20)]
    ended = await asyncio.gather(*(task.wait() for task in tasks), return_exceptions=True)
    assert {type(one) for one in ended} == {TaskTimeout}
    assert now() <= 100 + 60
