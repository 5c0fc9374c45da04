"""How long tasks take, learned from those that ended."""

from typing import NamedTuple

import pytest

from suno_async import ExtendMusic, GenerateLyrics, GenerateMusic
from suno_async.tasks.durations import KEPT, LEAST, Durations, seen_in_time


class Of(NamedTuple):
    """What decides how long a task takes."""

    kind: type = GenerateMusic
    model: str = "V6"
    api: str = "kie"


def learned(*seconds: float, of: Of = Of()) -> Durations:  # noqa: B008  a value
    durations = Durations()
    for one in seconds:
        durations.learn(of, one)
    return durations


def test_until_a_few_were_seen_the_page_of_the_service_counts_or_nobody_knows() -> None:
    durations = learned(*[90.0] * (LEAST - 1))
    assert durations.expected(Of()) == 180
    assert durations.expected(Of(GenerateLyrics)) is None
    durations.learn(Of(), 100.0)
    assert durations.expected(Of()) == 100


@pytest.mark.parametrize(("seconds", "expected"), [((10, 20, 30, 40, 50), 40), ((7, 7, 900), 900), (range(1, 11), 8)])
def test_four_of_five_took_no_longer(seconds: tuple[float, ...], expected: float) -> None:
    assert learned(*seconds).expected(Of()) == expected


def test_kinds_models_and_apis_are_told_apart() -> None:
    durations = learned(5, 5, 5)
    for other in (Of(model="V5"), Of(api="kie-jobs"), Of(ExtendMusic)):
        assert durations.expected(other) == 180
    assert durations.expected(Of()) == 5


def test_the_newest_count() -> None:
    assert learned(*[500.0] * 100, *[60.0] * KEPT).expected(Of()) == 60


@pytest.mark.parametrize(
    ("elapsed", "unseen", "in_time"),
    [(100, 11, True), (100, 60, False), (400, 100, True), (10, 10, True), (3600, float("inf"), False), (90, 0, True)],
)
def test_an_end_that_was_noticed_late_teaches_nothing(elapsed: float, unseen: float, in_time: bool) -> None:
    assert seen_in_time(elapsed, unseen) is in_time
