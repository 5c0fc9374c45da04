"""What is due when: in the order of its times, and of one time in the order in which it was added."""

import math

from suno_async import GenerateMusic
from suno_async.tasks.schedule import Schedule
from suno_async.tasks.task import Task, TaskInfo

from ..submissions.parts import NoInterests


def task(name: str) -> Task[object]:
    return Task(TaskInfo(name, GenerateMusic), NoInterests())


def test_times_in_order_and_tasks_as_they_were_added() -> None:
    schedule, (a, b, c) = Schedule(), map(task, "abc")
    assert schedule.first == math.inf
    for due, one in ((2.0, a), (1.0, b), (2.0, c)):
        schedule.add(due, one)
    assert schedule.first == 1.0
    assert [schedule.pop(), schedule.pop()] == [(1.0, [b]), (2.0, [a, c])]
    assert schedule.first == math.inf


def test_a_time_that_is_over_may_come_again() -> None:
    schedule, one = Schedule(), task("a")
    for _ in range(2):
        schedule.add(1.0, one)
        assert schedule.pop() == (1.0, [one])


def test_clearing_gives_back_everything() -> None:
    schedule, (a, b) = Schedule(), map(task, "ab")
    schedule.add(2.0, a)
    schedule.add(1.0, b)
    assert set(schedule.clear()) == {a, b}
    assert schedule.first == math.inf
