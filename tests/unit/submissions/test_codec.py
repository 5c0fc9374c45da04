"""Records to requests, tasks and updates, and back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from suno_async import KIE, ExtendMusic, GenerateMusic, InvalidJob, Mashup, Source, Stage, StoreError, Update
from suno_async.api.requests import TABLE, Request
from suno_async.stores.record import Record, State
from suno_async.stores.transitions import updated
from suno_async.submissions import codec
from suno_async.submissions.codec import fingerprint, job_of, restore_update, to_json
from suno_async.wire import encoding

from ...doubles import DONE, page, track
from ...sampled import asked

RUNNING = Record(ref="r1", kind="GenerateMusic", task_id="t1", state=State.RUNNING, key="k", context=7, created=1.0)


class MyMusic(GenerateMusic, frozen=True, kw_only=True):
    """One of a user's own."""


def update(stage: Stage, body: bytes = DONE.body, **more: Any) -> Update[Any]:
    made: Update[Any] = Update(task_id="t1", stage=stage, **more)
    return made.came_from(body)


def test_every_request_can_be_written_down_and_read_again() -> None:
    kinds: tuple[type[Request[Any]], ...] = (*TABLE, MyMusic)
    for kind in kinds:
        assert codec.kind_named(codec.name_of(kind)) is kind
    requests: list[Request[Any]] = [param.values[0].request for param in asked()]
    assert len({type(request) for request in requests}) > 20
    for request in requests:
        record = Record(kind=codec.name_of(type(request)), request_json=codec.to_json(request))
        assert type(job_of(record)) is type(request)
        assert encoding.encode(job_of(record), KIE) == encoding.encode(request, KIE)


def test_what_is_restored_is_what_was_said() -> None:
    """Time may have decided otherwise than the page says."""
    late = page("SUCCESS", track(1), track(2, audio=False))
    record = updated(RUNNING, update(Stage.COMPLETE, body=late.body, source=Source.CONFIRMED), 2.0)
    assert record is not None
    found = restore_update(record, GenerateMusic, KIE, "V5")
    assert found is not None
    assert found.result is not None
    assert (found.stage, found.source, found.provisional.name) == (Stage.COMPLETE, Source.CONFIRMED, "NONE")
    assert [bool(one.audio_url) for one in found.result.tracks] == [True, False]
    assert found.result.tracks[0].model == "V5"


def test_what_cannot_be_restored_is_polled_again_unless_it_failed() -> None:
    for body in (b"", b"<html>", b'{"code":200,"data":{"status":"SUCCESS"}}'):
        record = updated(RUNNING, update(Stage.COMPLETE, body=body), 2.0)
        assert record is not None
        assert restore_update(record, GenerateMusic, KIE) is None
        failed = updated(RUNNING, update(Stage.FAILED, body=body, status="FAILED", code=500, message="no"), 2.0)
        assert failed is not None
        found = restore_update(failed, GenerateMusic, KIE)
        assert found is not None
        assert str(found.failure()) == "task t1 failed: no (FAILED, code 500)"
    assert restore_update(RUNNING, GenerateMusic, KIE) is None


def test_a_job_is_read_as_it_was() -> None:
    urls = ("https://a.example/1.mp3", "https://a.example/2.mp3")
    job = Mashup(upload_url_list=urls, prompt="x", model="V5")
    assert job_of(Record(kind="Mashup", request_json=to_json(job))) == job
    assert fingerprint(job) != fingerprint(GenerateMusic(prompt="x", model="V5"))
    with pytest.raises(StoreError, match="record r1 can't be read as Mashup"):
        _ = job_of(Record(ref="r1", kind="Mashup", request_json='{"upload_urls":[]}'))


def test_the_same_words_are_the_same_job() -> None:
    five: list[Any] = [ExtendMusic(audio_id="a", continue_at=at, model="V5") for at in (5, 5.0)]
    assert five[0] == five[1]
    assert fingerprint(five[0]) == fingerprint(five[1])
    assert fingerprint(five[0]) != fingerprint(ExtendMusic(audio_id="a", continue_at=6, model="V5"))
    assert fingerprint(GenerateMusic(prompt="x")) != fingerprint(MyMusic(prompt="x"))


def test_a_record_tells_its_task() -> None:
    record = Record(ref="r1", kind="GenerateMusic", task_id="t1", request_json='{"prompt":"x","model":"V5"}', context=7)
    info, last = codec.restore(record, KIE)
    assert (info.id, info.kind, info.ref, info.model, info.context, last) == ("t1", GenerateMusic, "r1", "V5", 7, None)


def test_records_of_others_are_not_known(caplog: pytest.LogCaptureFixture) -> None:
    known = Record(ref="r1", kind="GenerateMusic", provider="kie")
    assert codec.known(known, KIE)
    assert not codec.known(Record(ref="r2", kind="GenerateMusic", provider="sunoapi"), KIE)
    assert caplog.text == ""
    assert not codec.known(Record(ref="r3", kind="shop.jobs:SingMore", provider="kie"), KIE)
    assert "kind shop.jobs:SingMore, which is not imported here" in caplog.text


@pytest.mark.parametrize("context", [object(), {1: "x"}, (1, 2), b"x", float("nan"), datetime.now(UTC), {"a": {1}}])
def test_a_context_that_would_not_come_back_is_refused(context: Any) -> None:
    with pytest.raises(InvalidJob, match="context must be what JSON gives back"):
        codec.check_context("GenerateMusic", context)


@pytest.mark.parametrize("context", [None, 7, "x", [1, None], {"chat": {"id": 7}}])
def test_a_context_of_json_is_taken(context: Any) -> None:
    codec.check_context("GenerateMusic", context)
