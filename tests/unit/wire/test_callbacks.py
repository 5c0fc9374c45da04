"""Callbacks: what posted bytes mean."""

from typing import Any

import pytest

from suno_async import KIE, CallbackError, GenerateLyrics, GenerateMusic, Stage, parse_callback
from suno_async.api.updates import Provisional, Source, rises
from suno_async.wire import details
from suno_async.wire.callbacks import unread, update

from ...doubles import DONE, called, envelope, track

ID = "5c79a1b2c3d4e5f60718293a4b5cbe8e"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"code":200,"data":{{"callbackType":"text","task_id":"{ID}","data":[]}}}}',
        f'{{"code":200,"data":{{"callbackType":"complete","taskId":"{ID}","data":[]}}}}',
        f'{{"code":200,"msg":"x","task_id":"{ID}","data":{{"state":"complete","instruments":[]}}}}',
        f'{{"code":200,"task_id":"{ID}","data":[{{"id":"a"}}]}}',
        f'{{"code":200,"taskId":"{ID}","data":null}}',
        f'{{"code":200,"taskId":"other","data":{{"task_id":"{ID}","taskId":"another"}}}}',
        f'{{"taskId":"{ID}","code":200}}',
        f' \n{{"code":200,"data": {{"task_id":"{ID}"}} }}',
    ],
)
def test_the_task_id_is_found_wherever_it_sits(body: str) -> None:
    assert parse_callback(body.encode()).task_id == ID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b"{}",
        b'{"code":200}',
        b'{"code":200,"data":{"task_id":""}}',
        b'{"code":200,"data":{"task_id":7}}',
        b'{"code":"x","data":{"task_id":"t"}}',
        b'{"code":200,"data":{"task_id":"\xff"}}',
        b'{"code":200,"task_id":"t","data":' + b"[" * 100_000,
        b'{"data":{"task_id":"t"}}',
    ],
    ids=range(12),
)
def test_what_is_no_callback_is_one_of_our_errors(body: bytes) -> None:
    with pytest.raises(CallbackError):
        parse_callback(body)


def test_a_callback_and_a_details_page_give_the_same_result() -> None:
    """Two spellings of the service, one value."""
    posted = update(parse_callback(called("complete", track(1), track(2))), GenerateMusic)
    looked = details.update(DONE, GenerateMusic, KIE, "t1")
    assert posted.result == looked.result
    assert posted.result is not None
    assert posted.result.tracks[1].task_id == "t1"
    assert (posted.source, looked.source) == (Source.CALLBACK, Source.POLL)


@pytest.mark.parametrize(
    ("body", "stage", "provisional"),
    [
        (called("text"), Stage.TEXT, Provisional.NONE),
        (called("text", track(1, audio=False)), Stage.TEXT, Provisional.NONE),
        (called("TEXT"), Stage.TEXT, Provisional.NONE),
        (called("first", track(1), track(2, audio=False)), Stage.FIRST, Provisional.NONE),
        (called("first", track(1)), Stage.FIRST, Provisional.NONE),
        (called("complete", track(1), track(2)), Stage.COMPLETE, Provisional.NONE),
        (called("complete", track(1)), Stage.COMPLETE, Provisional.NONE),
        (called("Complete", track(1)), Stage.COMPLETE, Provisional.NONE),
        (called("complete"), Stage.PENDING, Provisional.LATE_FILES),
        (called("complete", track(1), track(2, audio=False)), Stage.FIRST, Provisional.LATE_FILES),
        (envelope({"callbackType": "complete", "task_id": "t1", "data": "odd"}), Stage.PENDING, Provisional.LATE_FILES),
        (
            envelope({"callbackType": "brand_new", "task_id": "t1", "data": [{"id": "a"}]}),
            Stage.PENDING,
            Provisional.NONE,
        ),
        (called("error", code=501), Stage.FAILED, Provisional.NONE),
        (called("error"), Stage.FAILED, Provisional.NONE),
        (called("complete", track(1), code=531), Stage.PENDING, Provisional.CONTRADICTORY),
    ],
)
def test_every_stage_of_music(body: bytes, stage: Stage, provisional: Provisional) -> None:
    read = update(parse_callback(body), GenerateMusic)
    assert (read.stage, read.provisional) == (stage, provisional)


@pytest.mark.parametrize(("task_id", "reason"), [("task_id", "error_message"), ("taskId", "errorMessage")])
def test_lyrics_as_both_gateways_spell_them(task_id: str, reason: str) -> None:
    data = {"callbackType": "complete", task_id: "t1"}
    variants = [{"text": "la", "title": "La", "status": "complete", reason: ""}]
    read = update(parse_callback(envelope(data | {"data": variants})), GenerateLyrics)
    assert read.stage is Stage.COMPLETE
    assert read.result is not None
    assert (read.result.variants[0].text, read.result.task_id) == ("la", "t1")
    failed = update(parse_callback(envelope(data | {"data": None}, code=400, msg="refused")), GenerateLyrics)
    assert (failed.stage, failed.code, failed.message) == (Stage.FAILED, 400, "refused")


@pytest.mark.parametrize("code", [400, 408, 413, 500, 501, 531])
def test_every_failure_code(code: int) -> None:
    failure = update(parse_callback(called("error", code=code)), GenerateMusic).failure()
    assert (failure.code, failure.task_id) == (code, "t1")


def test_replace_section_has_its_reason_in_another_field() -> None:
    body = envelope({"callbackType": "error", "task_id": "t1", "error": "window too long"}, code=501, msg="failed")
    assert update(parse_callback(body), GenerateMusic).message == "window too long"


def test_a_result_that_cannot_be_read_never_raises() -> None:
    odd: list[Any] = [{"id": 7}, {"audio_url": []}, {"duration": "long"}, 5, None]
    for one in odd:
        body = envelope({"callbackType": "complete", "task_id": "t1", "data": [one]})
        assert update(parse_callback(body), GenerateMusic).stage < Stage.COMPLETE


@pytest.mark.parametrize("known", Stage)
@pytest.mark.parametrize("code", [200, 501])
@pytest.mark.parametrize("tracks", [[], [track(1)], [track(1, audio=False)]], ids=["none", "one", "no file"])
@pytest.mark.parametrize("stage", ["text", "first", "complete", "error", "", "news"])
def test_a_result_is_left_unread_only_where_it_decides_nothing(
    stage: str, tracks: list[dict[str, Any]], code: int, known: Stage
) -> None:
    callback = parse_callback(called(stage, *tracks, code=code))
    told, whole = unread(callback, GenerateMusic, known), update(callback, GenerateMusic)
    if told is None:
        return
    assert told.is_cut
    assert told.stage is whole.stage is Stage.TEXT or not rises(known, max(told.stage, whole.stage))
    assert (told.task_id, told.status, told.source, told.body) == (
        whole.task_id,
        whole.status,
        whole.source,
        whole.body,
    )


def test_the_text_of_a_song_and_repeats_are_left_unread() -> None:
    text, complete = (parse_callback(called(stage, track(1))) for stage in ("text", "complete"))
    assert unread(text, GenerateMusic, Stage.PENDING) is not None
    assert unread(complete, GenerateMusic, Stage.COMPLETE) is not None
    assert unread(complete, GenerateMusic, Stage.FIRST) is None
