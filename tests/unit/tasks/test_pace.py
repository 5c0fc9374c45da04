"""When to look, and what time makes of a doubt."""

from itertools import islice

import pytest

from suno_async import GenerateLyrics, GenerateMusic, Pace
from suno_async.api.results import Music, Track
from suno_async.api.updates import Provisional, Stage, Update
from suno_async.tasks.pace import pace_of, retries, settle


def test_pauses_grow_to_their_cap() -> None:
    assert list(islice(Pace(first=2, growth=2, cap=15).pauses(), 5)) == [2, 4, 8, 15, 15]
    assert list(islice(Pace(first=5, growth=1, cap=5).pauses(), 3)) == [5, 5, 5]


def test_the_default_pace_is_the_kinds() -> None:
    assert pace_of(GenerateMusic) == Pace(first=10, growth=1.3, cap=11.5, patience=1200)
    assert pace_of(GenerateLyrics) == Pace(first=2, growth=1.5, cap=6, patience=300)


def test_retries_are_drawn_from_growing_ranges() -> None:
    many = [list(islice(retries(cap=8), 6)) for _ in range(500)]
    for place, ceiling in enumerate((1, 2, 4, 8, 8, 8)):
        drawn = [row[place] for row in many]
        assert 0 <= min(drawn) < ceiling * 0.1
        assert ceiling * 0.9 < max(drawn) <= ceiling


def doubtful(provisional: Provisional, result: Music | None = None) -> Update[Music]:
    return Update(task_id="t1", stage=Stage.PENDING, result=result, provisional=provisional)


def test_a_missing_task_is_given_ninety_seconds() -> None:
    update = doubtful(Provisional.MISSING)
    assert settle(update, unknown=89, mark_uncertain=500) is update
    assert settle(update, unknown=90, mark_uncertain=0) is None


def test_late_files_are_given_sixty_seconds_and_then_taken_as_they_are() -> None:
    update = doubtful(Provisional.LATE_FILES, Music(tracks=(Track(id="a"),)))
    assert settle(update, unknown=900, mark_uncertain=59) is update
    settled = settle(update, unknown=900, mark_uncertain=60)
    assert settled is not None
    assert (settled.stage, settled.provisional, settled.result) == (Stage.COMPLETE, Provisional.NONE, update.result)


def test_a_success_with_nothing_at_all_is_a_failure() -> None:
    settled = settle(doubtful(Provisional.LATE_FILES), unknown=900, mark_uncertain=60)
    assert settled is not None
    assert settled.stage is Stage.FAILED
    assert "no result" in str(settled.failure())


@pytest.mark.parametrize("doubt", [Provisional.NONE, Provisional.UNDELIVERED])
def test_other_updates_stay_what_they_are(provisional: Provisional) -> None:
    update = doubtful(provisional)
    assert settle(update, unknown=1e6, mark_uncertain=1e6) is update
