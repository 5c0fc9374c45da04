"""Whose turn it is: priorities, groups in turn, and the order of coming."""

import random
from collections import Counter
from collections.abc import Hashable

import pytest

from suno_async.http.turns import OTHERS, FairQueue, Turn


class One:
    """Somebody who waits."""

    def __init__(self, name: str, group: Hashable = None, priority: int = 0) -> None:
        self.name = name
        self.turn = Turn(group, priority)


def queue_of(*waiting: One) -> FairQueue:
    queue = FairQueue()
    for one in waiting:
        queue.join(one)
    return queue


def batch(group: str, count: int, priority: int = 0) -> list[One]:
    return [One(f"{group}{number}", group, priority) for number in range(count)]


def served(queue: FairQueue, count: int = 10_000) -> list[str]:
    return [queue.take_first().name for _ in range(min(count, len(queue)))]


def test_within_a_group_it_is_first_come_first_served() -> None:
    assert served(queue_of(*batch("a", 50))) == [f"a{number}" for number in range(50)]


def test_groups_take_turns() -> None:
    queue = queue_of(*batch("a", 4), *batch("b", 2), *batch("c", 1))
    assert served(queue) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_who_comes_new_waits_for_one_turn_of_each_group() -> None:
    queue = queue_of(*batch("a", 500), *batch("b", 500))
    served(queue, 100)
    queue.join(One("song", "c"))
    assert served(queue, 3) == ["a50", "b50", "song"]


def test_coming_again_and_again_wins_nothing() -> None:
    queue, turns = queue_of(*batch("a", 100)), Counter[str]()
    queue.join(One("b", "b"))
    for _ in range(100):
        turns[one := queue.take_first().name[0]] += 1
        if one == "b":
            queue.join(One("b", "b"))
    assert turns == {"a": 50, "b": 50}


def test_the_highest_priority_is_first_and_one_turn_of_five_is_for_lower_ones() -> None:
    queue = queue_of(*batch("low", 10), *batch("high", 20, 7))
    assert [name[0] for name in served(queue, 20)] == list("hhhhl" * 4)


def test_each_lower_priority_has_its_share() -> None:
    queue = queue_of(*batch("a", 100, 2), *batch("b", 100, 1), *batch("c", 100), *batch("d", 100, -100))
    assert Counter(name[0] for name in served(queue, 90)) == {"a": 72, "b": 6, "c": 6, "d": 6}


def test_nobody_starves_although_higher_ones_never_end() -> None:
    queue = queue_of(*batch("low", 2))
    for number in range(2 * OTHERS):
        queue.join(One(f"high{number}", "high", 1))
        queue.take_first()
    assert [one.name for one in queue.in_order() if one.turn.group == "low"] == []


def test_who_leaves_is_left_out_and_may_leave_twice() -> None:
    waiting = [*batch("a", 3), *batch("b", 1)]
    queue = queue_of(*waiting)
    for one in (waiting[0], waiting[0], waiting[3]):
        queue.leave(one)
    assert (len(queue), served(queue), bool(queue)) == (2, ["a1", "a2"], False)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_that_is_told_is_the_order_that_comes(seed: int) -> None:
    chance = random.Random(seed)
    queue, waiting = FairQueue(), list[One]()
    for number in range(300):
        if chance.random() < 0.6:
            waiting.append(One(str(number), chance.randrange(5), chance.randrange(3)))
            queue.join(waiting[-1])
        elif chance.random() < 0.5 and queue:
            first = queue.first()
            assert queue.take_first() is first
            waiting.remove(first)
        elif waiting:
            queue.leave(waiting.pop(chance.randrange(len(waiting))))
        assert len(queue) == len(waiting)
    told = [one.name for one in queue.in_order()]
    assert sorted(told) == sorted(one.name for one in waiting)
    assert served(queue) == told


def test_single_songs_of_a_lower_priority_do_not_shut_out_the_batch_of_the_lowest() -> None:
    queue = queue_of(*batch("high", 200, 10), *batch("batch", 30), One("single", priority=5))
    names = Counter[str]()
    for _ in range(100):
        names[(one := queue.take_first()).name.rstrip("0123456789")] += 1
        if one.name == "single":  # the next comes as soon as the last has gone
            queue.join(One("single", priority=5))
    assert names == {"high": 80, "batch": 10, "single": 10}
