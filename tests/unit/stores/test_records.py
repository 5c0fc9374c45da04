"""What becomes of a record, step by step."""

from typing import Any

import pytest

from suno_async import Stage, Update
from suno_async.stores.record import Record, State
from suno_async.stores.transitions import accepted, mark_delivered, mark_uncertain, updated

from ...doubles import DONE

RUNNING = Record(ref="r1", kind="GenerateMusic", task_id="t1", state=State.RUNNING, key="k", context=7, created=1.0)


def news(stage: Stage, **more: Any) -> Update[Any]:
    given: dict[str, Any] = {"task_id": "t1", "stage": stage}
    return Update[Any](**given | more).came_from(DONE.body)


@pytest.mark.parametrize("end", [Stage.COMPLETE, Stage.FAILED])
@pytest.mark.parametrize("stage", Stage)
def test_an_end_is_an_end(end: Stage, stage: Stage) -> None:
    finished = updated(RUNNING, news(end), 2.0)
    assert finished is not None
    assert (finished.state, finished.updated, finished.key, finished.context) == (State.FINISHED, 2.0, "k", 7)
    assert updated(finished, news(stage), 3.0) is None
    assert mark_uncertain(finished, "lost", 3.0) is None


def test_stages_only_rise() -> None:
    first = updated(RUNNING, news(Stage.FIRST), 2.0)
    assert first is not None
    assert [stage for stage in Stage if updated(first, news(stage), 3.0)] == [Stage.COMPLETE, Stage.FAILED]
    assert updated(RUNNING, news(Stage.COMPLETE, task_id="another"), 2.0) is None
    assert updated(RUNNING, news(Stage.PENDING), 2.0) is None


@pytest.mark.parametrize("state", [State.SENDING, State.UNCERTAIN, State.DISMISSED])
def test_any_news_tell_which_task_it_is(state: State) -> None:
    found = updated(Record(ref="r1", state=state, error="lost"), news(Stage.PENDING), 2.0)
    assert found is not None
    assert (found.task_id, found.state, found.error, found.body) == ("t1", State.RUNNING, "", b"")


def test_the_answer_is_the_last_word_on_whose_task_it_is() -> None:
    wrong = updated(Record(ref="r1"), news(Stage.COMPLETE, task_id="another"), 2.0)
    assert wrong is not None
    right = accepted(wrong, "t1", 3.0)
    assert right is not None
    assert (right.task_id, right.state, right.stage, right.body) == ("t1", State.RUNNING, Stage.PENDING, b"")
    assert accepted(right, "t1", 4.0) is None


def test_only_what_is_being_sent_becomes_uncertain() -> None:
    assert [state for state in State if mark_uncertain(Record(state=state), "lost", 1.0)] == [State.SENDING]


def test_only_what_has_ended_is_handed_on_and_once() -> None:
    assert [state for state in State if mark_delivered(Record(state=state))] == [State.FINISHED]
    assert mark_delivered(Record(state=State.FINISHED, delivered=True)) is None
