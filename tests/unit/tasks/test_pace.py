"""When to poll, and for how long somebody waits."""

import math
from itertools import islice
from typing import Any

import pytest

from suno_async import ConfigurationError, GenerateLyrics, GenerateMusic, Pace
from suno_async.tasks.pace import UNSETTLED, PacePolicy, check_pace, default_pace
from suno_async.tasks.task import TaskInfo

MUSIC = TaskInfo("t1", GenerateMusic)
LYRICS = TaskInfo("t1", GenerateLyrics)


def test_pauses_grow_to_their_cap() -> None:
    assert list(islice(Pace(first=2, growth=2, cap=15).pauses(), 5)) == [2, 4, 8, 15, 15]
    assert list(islice(Pace(first=5, growth=1, cap=5).pauses(), 3)) == [5, 5, 5]


@pytest.mark.parametrize("pace", [Pace(), Pace(2, 2, 15), Pace(5, 1, 5), Pace(0, 1.5, 3), Pace(30, 2, 10)])
def test_a_numbered_pause_is_the_same(pace: Pace) -> None:
    assert [pace.pause(number) for number in range(60)] == list(islice(pace.pauses(), 60))


def test_a_pace_that_grows_for_ever_takes_no_time_to_ask() -> None:
    assert Pace(growth=1 + 1e-12, cap=1e9).pause(10**9) == pytest.approx(10, abs=0.01)


def test_the_default_pace_is_the_kinds() -> None:
    assert default_pace(GenerateMusic) == Pace(first=10, growth=1.3, cap=11.5, patience=1200)
    assert default_pace(GenerateLyrics) == Pace(first=2, growth=1.5, cap=6, patience=300)


def test_with_callbacks_the_first_poll_is_late_and_patience_long() -> None:
    assert default_pace(GenerateMusic, callbacks=True) == Pace(first=150, growth=1, cap=150, patience=1800)
    assert default_pace(GenerateLyrics, callbacks=True) == Pace(first=30, growth=2, cap=120, patience=1800)


def test_a_policy_changes_with_the_first_callback_and_not_before() -> None:
    policy = PacePolicy()
    assert not policy.expects_callbacks
    policy.expect_callbacks()
    assert policy.expects_callbacks
    assert PacePolicy(callbacks=True).expects_callbacks
    assert policy.of(MUSIC) == default_pace(GenerateMusic)
    assert [policy.callback_seen() for _ in range(3)] == [True, False, False]
    assert policy.of(MUSIC) == default_pace(GenerateMusic, callbacks=True)
    assert policy.of(LYRICS) == default_pace(GenerateLyrics, callbacks=True)


def test_the_tasks_own_pace_wins_and_then_the_clients() -> None:
    policy = PacePolicy(Pace(first=3), callbacks=True)
    assert policy.of(MUSIC._replace(pace=Pace(first=1))) == Pace(first=1)
    assert policy.of(MUSIC) == Pace(first=3)


def test_a_submission_without_a_task_is_looked_up_in_the_store_often_and_for_ever() -> None:
    assert PacePolicy(Pace(first=3)).of(TaskInfo("", GenerateMusic, pace=Pace(first=1))) == UNSETTLED
    assert UNSETTLED.patience == 3600  # by the clock of the loop, whatever the wall clock says


@pytest.mark.parametrize(
    ("pace", "named"),
    [
        (Pace(first=-1), r"pace\.first"),
        (Pace(growth=0.5), r"pace\.growth must be a number of at least 1"),
        (Pace(cap=math.inf), r"pace\.cap"),
        (Pace(patience=math.nan), r"pace\.patience"),
        (Pace(first=True), r"pace\.first"),
        ((10, 1.3, 11.5, 1200), "must be a Pace"),
    ],
)
def test_an_unusable_pace_is_refused_by_the_name_of_its_number(pace: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        check_pace(pace)


def test_patience_may_be_endless() -> None:
    check_pace(Pace(patience=math.inf))
