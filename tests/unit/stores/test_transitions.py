"""What becomes of a record: stages only rise, for those who wait and for observers."""

import pytest

from suno_async import Stage
from suno_async.api.updates import rises
from suno_async.stores import Record, State
from suno_async.stores.transitions import accepted, dismissed, mark_observed

from ...cases import every


def test_stages_only_rise_and_final_ones_never_change() -> None:
    higher = {old.name: [new.name for new in Stage if rises(old, new)] for old in Stage}
    assert higher == {
        "PENDING": ["TEXT", "FIRST", "COMPLETE", "FAILED"],
        "TEXT": ["FIRST", "COMPLETE", "FAILED"],
        "FIRST": ["COMPLETE", "FAILED"],
        "COMPLETE": [],
        "FAILED": [],
    }


@pytest.mark.parametrize("stage", Stage)
@every("observed", Stage)
def test_observers_are_called_for_higher_stages_only(observed: Stage, stage: Stage) -> None:
    found = mark_observed(Record(observed=observed, stage=Stage.FIRST), stage)
    if rises(observed, stage):
        assert found == Record(observed=stage, stage=Stage.FIRST)
    else:
        assert found is None


def test_what_was_observed_of_another_task_is_forgotten() -> None:
    """The answer says whose task it is; observers hear of that one from its beginning."""
    found = accepted(Record(task_id="another", observed=Stage.COMPLETE), "t1", 2.0)
    assert found is not None
    assert found.observed is Stage.PENDING


def test_a_submission_is_given_up_as_it_was_seen() -> None:
    lost = Record(state=State.UNCERTAIN, key="k")
    assert dismissed(lost, State.SENDING, 2.0) is None
    assert dismissed(lost, State.UNCERTAIN, 2.0) == Record(state=State.DISMISSED, updated=2.0)
    assert [state for state in State if dismissed(Record(state=state), None, 2.0)] == [
        *(State.SENDING, State.UNCERTAIN, State.RUNNING)
    ]
