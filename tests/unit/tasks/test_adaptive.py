"""Polls where the next stage is likely, learned from the tasks before."""

from collections.abc import Callable
from itertools import count
from math import log
from typing import NamedTuple

import pytest

from suno_async import GenerateMusic, Pace, Stage
from suno_async.tasks.adaptive import IN_A_ROW, KEPT, LEAST, AdaptivePace

PACE = Pace()


class Of(NamedTuple):
    """What decides how long a task takes."""

    kind: type = GenerateMusic
    model: str = "V6"
    api: str = "kie"
    stage: Stage = Stage.PENDING


SONG = Of()


def learned(time: Callable[[], float], count: int = KEPT, pace: AdaptivePace | None = None) -> AdaptivePace:
    pace = pace or AdaptivePace()
    for _ in range(count):
        end = time()
        pace.learn(SONG, Stage.COMPLETE, end - 1, end + 1, 0.0)
    return pace


def polls(pace: AdaptivePace, until: float) -> list[float]:
    """When a song is polled that has not ended by then."""
    due = [0.0]
    while due[-1] < until:
        following = pace.next_poll(SONG, Stage.COMPLETE, due[-1], 0.0, PACE)
        assert following is not None
        due.append(following)
    return due[1:]


def between(shortest: float, longest: float) -> Callable[[], float]:
    """Give times that are spread evenly, the same ones in each test."""
    numbers = count(1)
    return lambda: shortest + (longest - shortest) * (next(numbers) * 0.618 % 1)


def test_until_some_ended_nobody_knows() -> None:
    pace = learned(between(120, 180), LEAST - 1)
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is None
    learned(between(120, 180), 1, pace)
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is not None


@pytest.mark.parametrize("other", [Of(model="V5"), Of(api="kie-jobs")])
def test_sorts_are_told_apart(other: Of) -> None:
    assert learned(between(120, 180)).next_poll(other, Stage.COMPLETE, 0.0, 0.0, PACE) is None
    assert learned(between(120, 180)).next_poll(SONG, Stage.FIRST, 0.0, 0.0, PACE) is None


def test_polls_are_where_the_end_is_likely() -> None:
    due = polls(learned(between(120, 180)), 180)
    early, late = [one for one in due if one < 115], [one for one in due if one >= 115]
    assert len(early) <= 3  # they would see an early failure
    assert len(late) >= 15
    assert late[1] - late[0] > late[-1] - late[-2]  # the fewer are left, the sooner the next will end


def test_a_song_that_takes_longer_than_all_others_is_polled_by_the_default_pace() -> None:
    due = polls(learned(between(120, 180)), 300)
    last = [after - before for before, after in zip(due[-6:], due[-5:], strict=False)]
    assert last == pytest.approx([PACE.cap] * 5)


def test_a_stage_that_says_more_than_the_age_counts() -> None:
    pace, first = AdaptivePace(), SONG._replace(stage=Stage.FIRST)
    parts = between(0, 1)
    for _ in range(KEPT):
        queue = -60 * log(parts())  # a minute in the mean
        pace.learn(first, Stage.COMPLETE, queue + 130, queue + 131, queue + 40)
    following = pace.next_poll(first, Stage.COMPLETE, 380.0, 340.0, PACE)
    assert following is not None
    assert 340 + 85 <= following <= 340 + 93  # 90 s after its first track, however long it was in the queue


def test_polls_that_promise_no_gain_are_left_to_the_default_pace() -> None:
    """Seconds that nothing can be told of: any time up to twenty minutes."""
    pace = learned(between(1, 1200))
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is None


@pytest.mark.parametrize("end", [40.0, 400.0])
def test_when_the_service_changes_what_was_known_is_forgotten(end: float) -> None:
    pace = learned(between(120, 180))
    learned(lambda: end, IN_A_ROW - 1, pace)
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is not None
    learned(lambda: end, 1, pace)
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is None
    learned(between(end - 3, end + 3), LEAST - IN_A_ROW, pace)
    assert any(end - 5 <= one <= end + 5 for one in polls(pace, end + 5))


def test_equal_times_are_no_trouble() -> None:
    pace = AdaptivePace()
    for _ in range(KEPT):
        pace.learn(SONG, Stage.COMPLETE, 0.0, 0.0, 0.0)
    assert pace.next_poll(SONG, Stage.COMPLETE, 0.0, 0.0, PACE) is not None
