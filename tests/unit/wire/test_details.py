"""Details pages: what literal answers of the service mean."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    DecodeError,
    GenerateLyrics,
    GenerateMusic,
    GenerateVoice,
    RecoverAudio,
    ServerError,
    Stage,
    TaskFailed,
    parse_callback,
)
from suno_async.api.requests import Job
from suno_async.api.results import Lyrics, Music, Track
from suno_async.api.updates import Provisional, Update
from suno_async.errors import ContentRejected
from suno_async.wire import callbacks, details
from suno_async.wire.envelope import Reply

from ...doubles import DONE, called, envelope, page, reply, track


def read(answer: Reply | bytes, job: type[Job[Any]] = GenerateMusic) -> Update[Any]:
    return details.update(answer if isinstance(answer, Reply) else Reply(200, answer), job, KIE, "t1")


def tracks(update: Update[Music]) -> tuple[Track, ...]:
    assert update.result is not None
    return update.result.tracks


LIVE = b"""{"code":200,"msg":"success","data":{"taskId":"t1","parentMusicId":"","param":"{\\"prompt\\":\\"x\\"}",
"response":{"taskId":"t1","sunoData":[
{"id":"a1","audioUrl":"https://f.example/a1.mp3","sourceAudioUrl":"https://s.example/a1.mp3",
"streamAudioUrl":"https://f.example/a1","sourceStreamAudioUrl":"https://s.example/a1",
"imageUrl":"https://f.example/a1.jpeg","sourceImageUrl":"https://s.example/a1.jpeg","prompt":"[Verse] la",
"modelName":"chirp-bluejay","title":"La","tags":"pop","createTime":1758044664461,"duration":163.88,"new":{"x":[1]}},
{"id":"a2","audioUrl":"https://f.example/a2.mp3","createTime":"2025-01-01 00:00:00","duration":"170.5"}]},
"status":"SUCCESS","type":"chirp-bluejay","operationType":"generate","errorCode":null,"errorMessage":null,
"createTime":1758044640000}}"""


def test_a_live_page_becomes_a_result() -> None:
    """Every field is read, numbers in quotes are numbers, unknown fields change nothing, and the origin is known."""
    update = read(LIVE)
    assert (update.stage, update.status, update.provisional) == (Stage.COMPLETE, "SUCCESS", Provisional.NONE)
    one, two = tracks(update)
    assert (one.id, one.title, one.duration, one.model_name) == ("a1", "La", 163.88, "chirp-bluejay")
    assert (one.source_audio_url, one.image_url) == ("https://s.example/a1.mp3", "https://f.example/a1.jpeg")
    assert (one.task_id, two.task_id) == ("t1", "t1")
    assert one.created_at == datetime(2025, 9, 16, 17, 44, 24, 461000, tzinfo=UTC)
    assert (two.duration, two.created_at) == (170.5, datetime(2025, 1, 1, tzinfo=UTC))


def test_the_first_track_is_not_there_before_it_is_listed() -> None:
    """So `(await task.wait(Stage.FIRST)).result.tracks[0]` is a track, if only a stream."""
    empty = page("FIRST_SUCCESS", response={"sunoData": []})
    for said in (page("FIRST_SUCCESS"), empty):
        assert (read(said).stage, read(said).provisional) == (Stage.TEXT, Provisional.NONE)
    assert read(page("FIRST_SUCCESS", track(audio=False))).stage is Stage.FIRST
    posted = callbacks.update(callbacks.parse(called("first")), GenerateMusic)
    assert posted.stage is Stage.TEXT


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (1_700_000_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2025-01-01T00:00:00Z", datetime(2025, 1, 1, tzinfo=UTC)),
        ("yesterday", None),
        (10**30, None),
        (None, None),
    ],
)
def test_times_in_every_spelling(said: Any, meant: datetime | None) -> None:
    update = read(page("SUCCESS", track() | {"createTime": said}))
    assert tracks(update)[0].created_at == meant


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("PENDING", Stage.PENDING),
        ("GENERATING", Stage.PENDING),
        ("A_WORD_OF_TOMORROW", Stage.PENDING),
        ("TEXT_SUCCESS", Stage.TEXT),
        ("FIRST_SUCCESS", Stage.FIRST),
        ("SUCCESS", Stage.COMPLETE),
        ("CREATE_TASK_FAILED", Stage.FAILED),
        ("GENERATE_AUDIO_FAILED", Stage.FAILED),
        ("SENSITIVE_WORD_ERROR", Stage.FAILED),
        ("FAILED", Stage.FAILED),
        ("success", Stage.COMPLETE),
        (" First_Success ", Stage.FIRST),
        ("callback_exception", Stage.COMPLETE),
    ],
)
def test_every_status_word_of_music(status: str, stage: Stage) -> None:
    update = read(page(status, track(1), track(2)))
    assert (update.stage, update.status, update.provisional) == (stage, status, Provisional.NONE)


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("PENDING", Stage.PENDING),
        ("SUCCESS", Stage.COMPLETE),
        ("CREATE_TASK_FAILED", Stage.FAILED),
        ("GENERATE_LYRICS_FAILED", Stage.FAILED),
        ("SENSITIVE_WORD_ERROR", Stage.FAILED),
        ("CALLBACK_EXCEPTION", Stage.COMPLETE),
    ],
)
def test_every_status_word_of_lyrics(status: str, stage: Stage) -> None:
    data = {"taskId": "t1", "status": status, "response": {"taskId": "t1", "data": [{"text": "la", "title": "La"}]}}
    assert read(reply(data), GenerateLyrics).stage is stage


def test_lyrics_under_both_of_their_names() -> None:
    variants = [{"text": "la", "title": "La", "status": "complete", "errorMessage": ""}]
    results = [
        read(reply({"taskId": "t1", "status": "SUCCESS", "response": {name: variants}}), GenerateLyrics).result
        for name in ("data", "lyricsData")
    ]
    assert results[0] == results[1]
    assert isinstance(results[0], Lyrics)
    assert results[0].variants[0].text == "la"


def test_the_first_stage_has_one_track_with_audio_and_one_without() -> None:
    update = read(page("FIRST_SUCCESS", track(1), track(2, audio=False)))
    assert update.stage is Stage.FIRST
    assert [bool(one.audio_url) for one in tracks(update)] == [True, False]


def test_success_without_audio_is_provisional_and_not_complete() -> None:
    assert [
        (update.stage, update.provisional)
        for update in (
            read(page("SUCCESS", track(1), track(2, audio=False))),
            read(page("SUCCESS", track(1, audio=False))),
            read(page("SUCCESS")),
        )
    ] == [
        (Stage.FIRST, Provisional.LATE_FILES),
        (Stage.PENDING, Provisional.LATE_FILES),
        (Stage.PENDING, Provisional.LATE_FILES),
    ]


def test_a_callback_exception_says_nothing_about_the_song() -> None:
    """With the audio it is complete, without it the task is still going."""
    whole = read(page("CALLBACK_EXCEPTION", track(1), track(2)))
    assert (whole.stage, whole.provisional) == (Stage.COMPLETE, Provisional.NONE)
    half = read(page("CALLBACK_EXCEPTION", track(1), track(2, audio=False)))
    assert (half.stage, half.provisional) == (Stage.FIRST, Provisional.UNDELIVERED)
    none = read(page("CALLBACK_EXCEPTION"))
    assert (none.stage, none.provisional) == (Stage.PENDING, Provisional.UNDELIVERED)


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":200,"msg":"success","data":null}',
        b'{"code":200,"msg":"success"}',
        b'{"code":404,"msg":"Not Found","data":null}',
        b'{"code":422,"msg":"Record does not exist","data":null}',
        b'{"code":422,"msg":"recordInfo is null"}',
    ],
)
def test_a_task_that_is_not_visible_is_pending_provisionally(body: bytes) -> None:
    update = read(body)
    assert (update.stage, update.provisional) == (Stage.PENDING, Provisional.MISSING)


@pytest.mark.parametrize(
    ("more", "kind", "code", "message"),
    [
        ({"errorCode": 400, "errorMessage": "copyright"}, ContentRejected, 400, "copyright"),
        ({"errorCode": "413", "errorMessage": "known work"}, ContentRejected, 413, "known work"),
        ({"errorCode": 501.0, "errorMessage": None}, TaskFailed, 501, ""),
        ({"errorCode": None, "errorMessage": None}, TaskFailed, None, ""),
        ({"errorCode": "odd", "errorMessage": "?"}, TaskFailed, None, "?"),
        ({"response": {"sunoData": [], "errorMessage": "inside"}}, TaskFailed, None, "inside"),
        ({"response": {"sunoData": None, "errorMessage": "inside"}}, TaskFailed, None, "inside"),
    ],
)
def test_why_a_task_failed(more: dict[str, Any], kind: type[TaskFailed], code: int | None, message: str) -> None:
    failure = read(page("GENERATE_AUDIO_FAILED", **more)).failure()
    assert type(failure) is kind
    assert (failure.task_id, failure.status, failure.code, failure.message) == (
        "t1",
        "GENERATE_AUDIO_FAILED",
        code,
        message,
    )


def test_sensitive_words_are_a_rejection() -> None:
    assert isinstance(read(page("SENSITIVE_WORD_ERROR")).failure(), ContentRejected)


def test_a_result_we_cannot_read_matters_only_when_it_is_needed() -> None:
    """A pending page with an odd `response` is pending; a success with one is not taken for a result."""
    odd = {"sunoData": "soon"}
    assert read(page("PENDING", response=odd)).stage is Stage.PENDING
    with pytest.raises(DecodeError, match="soon"):
        read(page("SUCCESS", response=odd))


def test_a_page_read_twice_gives_equal_updates() -> None:
    assert isinstance(read(DONE).result, Music)
    assert read(DONE) == read(DONE)


def test_a_success_with_a_list_that_is_null_is_waited_for() -> None:
    body = b'{"code":200,"data":{"status":"SUCCESS","response":{"taskId":"t1","sunoData":null}}}'
    update = details.update(Reply(200, body), GenerateMusic, KIE, "t1")
    assert update.stage is Stage.PENDING


def test_a_field_we_do_not_use_cannot_spoil_a_page() -> None:
    body = b'{"code":200,"msg":{"en":"ok"},"data":{"taskId":7,"status":"PENDING"}}'
    assert details.update(Reply(200, body), GenerateMusic, KIE, "t1").stage is Stage.PENDING


@pytest.mark.parametrize("odd", [b'"\xff"', b"1e999", b"9" * 5000], ids=["not utf-8", "too large", "too long"])
@pytest.mark.parametrize("how", ["look", "callback"])
def test_raw_of_an_update_that_could_be_read_raises_nothing_foreign(odd: bytes, how: str) -> None:
    """Typed reading skips what it doesn't know without looking; `Result.raw` gives None for such a body."""
    update: Any
    if how == "look":
        body = DONE.body[:-1] + b',"new":' + odd + b"}"
        update = details.update(Reply(200, body), GenerateMusic, KIE, "t1")
    else:
        body = called("complete", track(1))[:-1] + b',"new":' + odd + b"}"
        update = callbacks.update(parse_callback(body), GenerateMusic)
    assert update.stage is Stage.COMPLETE
    assert update.result.raw is None
    assert update.raw is None


def test_a_null_among_tracks_is_no_track() -> None:
    body = envelope({"taskId": "t1", "status": "SUCCESS", "response": {"sunoData": [None, track(1)]}})
    assert [one.id for one in tracks(read(body))] == [track(1)["id"]]


def test_a_failed_voice_has_its_reason_inside() -> None:
    """The outer code of its callback is 400 whatever happened (docs/service.md#callback-codes)."""
    data = {"taskId": "t1", "voiceId": "", "status": "fail", "errorCode": 500, "errorMessage": "no voice in it"}
    update = callbacks.update(parse_callback(envelope(data, code=400, msg="failed")), GenerateVoice)
    assert (update.stage, update.code, update.message) == (Stage.FAILED, 500, "no voice in it")
    quiet = envelope(data | {"errorCode": 0, "errorMessage": ""}, code=400, msg="failed")
    assert callbacks.update(parse_callback(quiet), GenerateVoice).code == 400
    said = envelope(data, code=200)
    assert callbacks.update(parse_callback(said), GenerateVoice).stage is Stage.FAILED


def test_an_error_of_the_recovery_page_is_not_the_end_of_the_recovery() -> None:
    """Code 500 ends it only where the page speaks of the task (docs/service.md#status-words)."""
    ended = b'{"code":500,"msg":"all failed","task_id":"t1","data":null}'
    assert read(ended, RecoverAudio).stage is Stage.FAILED
    with pytest.raises(ServerError):
        read(b'{"code":500,"msg":"Server error","data":null}', RecoverAudio)


# ---- whole files on an odd page --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [None, True, False, "missing"])
def test_a_code_that_is_none_hides_no_song(code: Any) -> None:
    whole = msgspec.json.decode(DONE.body) | {"code": code}
    if code == "missing":
        del whole["code"]
    update = read(msgspec.json.encode(whole))
    assert (update.stage, len(tracks(update))) == (Stage.COMPLETE, 2)
    assert tracks(update)[0].raw["title"] == "Sample"


def test_a_code_that_is_none_hides_no_song_of_the_jobs_api() -> None:
    found = msgspec.json.encode({"data": [track(1)]}).decode()
    body = msgspec.json.encode({"code": None, "data": {"taskId": "t1", "state": "success", "resultJson": found}})
    update = details.update(Reply(200, body), GenerateMusic, KIE_JOBS, "t1")
    assert (update.stage, len(tracks(update))) == (Stage.COMPLETE, 1)


@pytest.mark.parametrize("data", [None, {}, {"taskId": "t1", "status": "PENDING"}, {"status": "GENERATE_AUDIO_FAILED"}])
def test_a_code_that_is_none_says_nothing_where_no_file_is(data: Any) -> None:
    """Neither that the task is going on, nor that it has ended."""
    with pytest.raises(DecodeError, match="code"):
        read(msgspec.json.encode({"code": None, "data": data}))


@pytest.mark.parametrize("odd", [True, 1.5, ["x"], {"a": 1}])
def test_a_sole_track_with_an_odd_id_has_its_file(odd: Any) -> None:
    update = read(page("SUCCESS", track(1) | {"id": odd}))
    [one] = tracks(update)
    assert (update.stage, one.id, bool(one.audio_url), one.raw["id"]) == (Stage.COMPLETE, "", True, odd)


def test_a_sole_track_with_an_odd_address_cannot_be_read() -> None:
    with pytest.raises(DecodeError):
        read(page("SUCCESS", track(1) | {"audioUrl": ["x"]}))
