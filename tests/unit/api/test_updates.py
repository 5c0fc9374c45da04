"""Updates: what they show, and the error that ends a task."""

from typing import Any

import pytest

from suno_async import ContentRejected, Source, Stage, TaskFailed, Update


def failed(status: str = "", code: int | None = None) -> Update[None]:
    return Update(task_id="t1", stage=Stage.FAILED, status=status, code=code, message="no")


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        (failed("GENERATE_AUDIO_FAILED", 500), TaskFailed),
        (failed("SENSITIVE_WORD_ERROR"), ContentRejected),
        (failed(code=400), ContentRejected),
        (failed(code=413), ContentRejected),
        (failed(code=531), TaskFailed),
    ],
)
def test_a_failure_is_an_error_that_says_what_to_do(update: Update[None], kind: type[TaskFailed]) -> None:
    error = update.failure()
    assert type(error) is kind
    assert (error.task_id, error.code) == ("t1", update.code)


def test_stages_rise_in_their_order() -> None:
    assert sorted(Stage) == [Stage.PENDING, Stage.TEXT, Stage.FIRST, Stage.COMPLETE, Stage.FAILED]


def test_raw_is_none_where_there_is_no_json() -> None:
    assert Update[Any](task_id="t1", stage=Stage.PENDING).came_from(b'{"a": 1}').raw == {"a": 1}
    for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
        assert Update[Any](task_id="t1", stage=Stage.PENDING).came_from(body).raw is None


def test_its_repr_says_which_task_which_stage_and_how_it_came() -> None:
    update: Update[None] = Update(task_id="t1", stage=Stage.TEXT, source=Source.CONFIRMED)
    assert repr(update) == "<Update t1 text by callback, confirmed by a poll>"
