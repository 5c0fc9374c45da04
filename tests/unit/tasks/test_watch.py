"""The schedule of one task: decisions, without a loop."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from suno_async import (
    DecodeError,
    Maintenance,
    Pace,
    RateLimited,
    ResponseLost,
    ServerError,
    Stage,
    SunoError,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    Track,
    Unauthorized,
    Update,
)
from suno_async.api.results import Music
from suno_async.api.updates import Provisional
from suno_async.tasks.watch import Watch, judged

from .support import PACE, PENDING, update

SPACING = 0.25


def watch(pace: Pace = PACE, now: float = 0.0, **options: Any) -> Watch:
    one = Watch(pace, now, **options)
    one.begin(now, SPACING)
    return one


# ---- when to poll ----------------------------------------------------------------------------------------------------


def test_the_first_poll_is_due_a_pause_after_the_submit_however_late_the_interest() -> None:
    assert watch(accepted_at=0.0).due == 2
    assert watch(now=1.5, accepted_at=0.0).due == 2
    assert watch(now=500.0, accepted_at=0.0).due == 500
    assert watch(now=500.0).due == 500


def test_pauses_follow_the_pace_and_share_sixteenths_of_a_second() -> None:
    one = watch(accepted_at=0.01)
    due = [one.due]
    for _ in range(3):
        one.wait(one.pause(), one.due, SPACING)
        due.append(one.due)
    assert due == [2.0625, 6.0625, 14.0625, 29.0625]


def test_polls_keep_their_distance_from_the_last_one() -> None:
    assert watch(now=10.0, polled=9.9).due == pytest.approx(10.15)
    one = watch(polled=-math.inf)
    one.polled = 10.0
    one.wait(0.0, 10.0, SPACING)
    assert one.due == 10.25
    one.nudge(10.1, SPACING)
    assert one.due == 10.25


def test_no_poll_is_due_after_the_end_of_patience() -> None:
    one = watch(Pace(first=150, growth=1, cap=150, patience=5), accepted_at=0.0)
    assert (one.due, one.until) == (5, 5)
    one.wait(60.0, 3.0, SPACING)
    assert one.due == 5


def test_a_second_interest_does_not_prolong_patience() -> None:
    one = watch()
    one.begin(50.0, SPACING)
    assert (one.since, one.until) == (0, 100)


def test_a_nudge_wins_over_a_pause_and_over_being_put_off() -> None:
    one = watch(accepted_at=0.0)
    one.nudge(1.0, SPACING)
    one.put_off(1.0)
    one.wait(60.0, 1.0, SPACING)
    assert (one.nudged, one.due) == (True, 1.0)


def test_an_update_from_elsewhere_puts_the_poll_off_and_never_brings_it_nearer() -> None:
    one = watch(Pace(first=10, growth=2, cap=80, patience=100), accepted_at=0.0)
    one.put_off(5.0)
    assert one.due == 15
    one.wait(50.0, 15.0, SPACING)
    one.put_off(16.0)
    assert one.due == 65
    one.put_off(95.0)
    assert one.due == 100


def test_a_submission_that_gets_its_task_begins_anew() -> None:
    one = watch(Pace(first=0.25, growth=1.5, cap=2, patience=math.inf))
    one.pause()
    one.repace(PACE, 40.0)
    assert (one.due, one.until, one.pause()) == (40, 140, 2)


def test_a_claim_outlasts_the_longest_pause() -> None:
    assert watch().claim_seconds == 16
    assert watch(Pace(first=150, growth=1, cap=10)).claim_seconds == 151


# ---- after an error --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ResponseLost("x"), ServerError(500), Maintenance(455), RateLimited(429)])
def test_what_passes_is_repeated_after_growing_pauses(error: SunoError) -> None:
    one = watch()
    for _ in range(50):
        one = watch()
        waits = [one.after_error(error, 0.0, SPACING) for _ in range(6)]
        assert all(SPACING <= wait <= 2**place for place, wait in enumerate(waits))
    assert one.trouble is error


def test_an_answer_ends_the_series_of_retries() -> None:
    for _ in range(50):
        one = watch()
        for _ in range(6):
            one.after_error(ServerError(500), 0.0, SPACING)
        one.after_update(PENDING, 1.0)
        assert one.trouble is None
        assert one.after_error(ServerError(500), 2.0, SPACING) <= 1


def test_the_service_decides_how_long_at_most_a_minute() -> None:
    assert watch().after_error(RateLimited(429, retry_after=30), 0.0, SPACING) == 30
    assert watch().after_error(RateLimited(429, retry_after=math.inf), 0.0, SPACING) == 60


def test_what_does_not_pass_is_raised() -> None:
    error = Unauthorized(401)
    with pytest.raises(Unauthorized) as caught:
        watch().after_error(error, 0.0, SPACING)
    assert caught.value is error


def test_three_unreadable_answers_in_a_row_are_raised() -> None:
    one, odd = watch(), DecodeError("odd")
    assert [one.after_error(odd, 0.0, SPACING) for _ in range(2)] == [2, 4]
    one.after_update(PENDING, 1.0)
    assert [one.after_error(odd, 1.0, SPACING) for _ in range(2)] == [8, 15]
    with pytest.raises(DecodeError):
        one.after_error(odd, 2.0, SPACING)


def test_strangers_cannot_end_the_waiting_by_nudging_while_answers_are_unreadable() -> None:
    one = watch()
    for _ in range(10):
        one.nudge(0.0, SPACING)
        one.after_error(DecodeError("odd"), 0.0, SPACING)


# ---- after an update, and the end ------------------------------------------------------------------------------------


def test_a_task_that_stays_unknown_is_not_found_after_ninety_seconds() -> None:
    one, missing = watch(accepted_at=0.0), update(Stage.PENDING, Provisional.MISSING)
    assert one.after_update(missing, 89.9) is missing
    with pytest.raises(TaskNotFound, match="t1"):
        one.after_update(missing, 90.0)


def test_one_empty_answer_does_not_unmake_a_task_that_was_seen() -> None:
    one, missing = watch(accepted_at=0.0), update(Stage.PENDING, Provisional.MISSING)
    one.after_update(PENDING, 95.0)
    assert one.after_update(missing, 100.0) is missing


def test_the_minute_for_late_files_begins_when_they_are_first_missed() -> None:
    one, late = watch(), update(Stage.PENDING, Provisional.LATE_FILES)
    one.after_update(PENDING, 500.0)
    assert one.after_update(late, 510.0).stage is Stage.PENDING
    assert one.after_update(late, 569.0).stage is Stage.PENDING
    with pytest.raises(TaskFailed, match="success without files"):
        one.after_update(late, 570.0)


def test_the_end_of_patience_names_what_was_waited_and_the_last_trouble() -> None:
    one, trouble = watch(now=10.0), ServerError(500)
    one.after_error(trouble, 100.0, SPACING)
    end = one.timeout("t1", 110.0)
    assert isinstance(end, TaskTimeout)
    assert (end.task_id, end.waited, end.__cause__) == ("t1", 100, trouble)


def test_an_undelivered_callback_ends_the_waiting_at_the_end_of_patience_unless_something_came() -> None:
    one, undelivered = watch(), update(Stage.PENDING, Provisional.UNDELIVERED)
    one.after_update(undelivered, 5.0)
    end = one.timeout("t1", 100.0)
    assert isinstance(end, TaskFailed)
    assert "callback" in str(end)
    one.after_update(PENDING, 50.0)
    assert isinstance(one.timeout("t1", 100.0), TaskTimeout)


def test_a_track_that_came_is_no_failure_because_a_callback_was_not_delivered() -> None:
    half = Music(tracks=(Track(id="a", audio_url="https://f.example/a.mp3"), Track(id="b")))
    one = watch()
    one.after_update(provisional(Provisional.UNDELIVERED, half), 5.0)
    end = one.timeout("t1", 100.0)
    assert isinstance(end, Update)
    assert (end.stage, end.result, end.provisional) == (Stage.COMPLETE, half, Provisional.NONE)


# ---- what time makes of an update ------------------------------------------------------------------------------------


def provisional(why: Provisional, result: Music | None = None) -> Update[Music]:
    return Update(task_id="t1", stage=Stage.PENDING, result=result, provisional=why)


def test_a_missing_task_is_given_ninety_seconds() -> None:
    one = provisional(Provisional.MISSING)
    assert judged(one, unknown=89, provisional=500) is one
    assert judged(one, unknown=90, provisional=0) is None


def test_one_of_two_tracks_is_taken_as_it_is_after_sixty_seconds() -> None:
    tracks = (Track(id="a", audio_url="https://f.example/a.mp3"), Track(id="b"))
    one = provisional(Provisional.LATE_FILES, Music(tracks=tracks))
    assert judged(one, unknown=900, provisional=59) is one
    known = judged(one, unknown=900, provisional=60)
    assert known is not None
    assert (known.stage, known.provisional, known.result) == (Stage.COMPLETE, Provisional.NONE, one.result)


@pytest.mark.parametrize("result", [None, Music(), Music(tracks=(Track(id="a", audio_url=""),))])
def test_a_success_without_files_ends_the_waiting_and_not_the_task(result: Music | None) -> None:
    body = b'{"data":{"status":"SUCCESS"}}'
    late = provisional(Provisional.LATE_FILES, result)
    one = replace(late, message="ok", status="SUCCESS").came_from(body)
    assert judged(one, unknown=900, provisional=59) is one
    with pytest.raises(TaskFailed) as caught:
        judged(one, unknown=900, provisional=60)
    assert str(caught.value) == "task t1 failed: the service reports success without files (SUCCESS)"
    assert caught.value.raw == {"data": {"status": "SUCCESS"}}


@pytest.mark.parametrize("why", [Provisional.NONE, Provisional.UNDELIVERED])
def test_other_updates_stay_what_they_are(why: Provisional) -> None:
    one = provisional(why)
    assert judged(one, unknown=1e6, provisional=1e6) is one


# ---- the first callback ----------------------------------------------------------------------------------------------

RARE = Pace(first=150, growth=1, cap=150, patience=1800)


def test_when_callbacks_come_the_next_poll_is_due_as_the_first_of_their_pace_would_be() -> None:
    one = watch(accepted_at=0.0)
    one.slow_down(RARE)
    assert (one.due, one.pause(), one.until) == (150, 150, 1800)


def test_an_old_task_is_not_put_off_once_more_and_patience_gets_no_shorter() -> None:
    one = watch(Pace(patience=9000))
    one.wait(one.pause(), 300.0, SPACING)
    one.slow_down(RARE)
    assert (one.due, one.until) == (310, 9000)


def test_polls_that_are_asked_for_or_wait_for_files_are_not_put_off() -> None:
    asked, late = watch(accepted_at=0.0), watch(accepted_at=0.0)
    asked.nudge(1.0, SPACING)
    late.provisional = Provisional.LATE_FILES
    for one in (asked, late):
        due = one.due
        one.slow_down(RARE)
        assert one.due == due
