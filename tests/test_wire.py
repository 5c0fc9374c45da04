"""What the service's bytes mean, and what bytes our values become. Everything starts or ends at literal bytes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    AlreadyExists,
    ApiError,
    BoostStyle,
    DecodeError,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    GenerateSounds,
    GenerateVoice,
    GetCredits,
    GetTimestampedLyrics,
    InsufficientCredits,
    InvalidRequest,
    Maintenance,
    Mashup,
    NotFound,
    QuotaExceeded,
    RateLimited,
    RecoverAudio,
    ReplaceSection,
    ServerError,
    Stage,
    SunoError,
    TaskFailed,
    Unauthorized,
    UploadCover,
    UploadExtend,
    parse_callback,
)
from suno_async.api import validation
from suno_async.api.requests import Job, Request
from suno_async.api.results import Lyrics, Music, Track
from suno_async.api.updates import Provisional, Update
from suno_async.errors import ContentRejected
from suno_async.wire import callbacks, details, encoding
from suno_async.wire import envelope as envelope_module
from suno_async.wire.envelope import Reply

from .doubles import DONE, called, envelope, page, reply, track


def read(answer: Reply | bytes, job: type[Job[Any]] = GenerateMusic) -> Update[Any]:
    return details.update(answer if isinstance(answer, Reply) else Reply(200, answer), job, KIE, "t1")


def tracks(update: Update[Music]) -> tuple[Track, ...]:
    assert update.result is not None
    return update.result.tracks


# ---- details pages ---------------------------------------------------------------------------------------------------

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


def test_success_without_audio_is_a_doubt_and_not_complete() -> None:
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


def test_a_callback_exception_tells_nothing_about_the_song() -> None:
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
def test_a_task_that_is_not_visible_is_pending_with_a_doubt(body: bytes) -> None:
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


# ---- refusals --------------------------------------------------------------------------------------------------------

PROBABLY_NOTHING = {
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "truncated": DONE.body[:-20],
    "empty": b"",
    "not utf-8": b'{"code":200,"msg":"\xff\xfe"}',
}


@pytest.mark.parametrize("body", PROBABLY_NOTHING.values(), ids=PROBABLY_NOTHING)
def test_bodies_that_are_not_json_are_server_errors_with_their_start(body: bytes) -> None:
    with pytest.raises(ServerError) as caught:
        read(Reply(502, body))
    assert (caught.value.code, caught.value.status) == (0, 502)
    assert caught.value.message == body[:200].decode(errors="replace")


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"ok":true}', b'{"code":"many"}', b'"x"'])
def test_json_of_another_shape_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read(body)


def test_deep_nesting_is_one_of_our_errors() -> None:
    with pytest.raises(SunoError):
        read(b'{"code":200,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


KIE_CODES: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    409: AlreadyExists,
    413: InvalidRequest,
    429: RateLimited,
    430: RateLimited,
    433: QuotaExceeded,
    451: InvalidRequest,
    455: Maintenance,
    500: ServerError,
    501: ServerError,
    505: ServerError,
    531: ServerError,
    408: ServerError,
    777: ServerError,
    299: ApiError,
}
SUNOAPI_CODES: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    404: NotFound,
    405: RateLimited,
    409: AlreadyExists,
    413: InvalidRequest,
    429: InsufficientCredits,
    430: RateLimited,
    455: Maintenance,
    500: ServerError,
}


@pytest.mark.parametrize(
    ("provider", "code", "kind"),
    [(KIE, code, kind) for code, kind in KIE_CODES.items()]
    + [(SUNOAPI, code, kind) for code, kind in SUNOAPI_CODES.items()],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "__name__", None) or str(value),
)
def test_a_code_inside_a_200_is_an_error(provider: Any, code: int, kind: type[ApiError]) -> None:
    with pytest.raises(ApiError) as caught:
        envelope_module.accepted(Reply(200, envelope(None, code=code, msg="no")), provider, GenerateMusic)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message, caught.value.path) == (code, "no", "/api/v1/generate")


def test_429_means_what_the_gateway_the_page_and_the_text_say() -> None:
    def refusal(provider: Any, kind: type[Job[Any]], msg: str = "") -> type[Exception]:
        with pytest.raises(ApiError) as caught:
            envelope_module.accepted(Reply(200, envelope(None, code=429, msg=msg)), provider, kind)
        return type(caught.value)

    assert refusal(KIE, GenerateMusic) is RateLimited
    assert refusal(SUNOAPI, GenerateMusic) is InsufficientCredits
    assert refusal(SUNOAPI, Mashup) is RateLimited
    assert refusal(SUNOAPI, ReplaceSection) is RateLimited
    assert refusal(SUNOAPI, Mashup, "The current credits are insufficient") is InsufficientCredits


def test_the_http_status_counts_when_the_body_claims_success() -> None:
    with pytest.raises(Unauthorized):
        envelope_module.accepted(Reply(401, envelope({"taskId": "t1"})), KIE, GenerateMusic)


def test_a_rate_limit_in_front_of_the_api_is_a_rate_limit() -> None:
    with pytest.raises(RateLimited) as caught:
        envelope_module.accepted(Reply(429, b"slow down", 7.0), SUNOAPI, GenerateMusic)
    assert caught.value.retry_after == 7.0


def test_a_repeat_tells_the_existing_task() -> None:
    with pytest.raises(AlreadyExists) as caught:
        envelope_module.accepted(Reply(200, envelope({"taskId": "old"}, code=400)), KIE, GenerateCover)
    assert caught.value.existing_task_id == "old"


@pytest.mark.parametrize("data", [None, {}, {"taskId": ""}, {"taskId": None}, [], "t1"])
def test_an_acceptance_without_an_id_is_not_one(data: Any) -> None:
    with pytest.raises(DecodeError):
        envelope_module.accepted(reply(data), KIE, GenerateMusic)


def test_the_code_decides_and_not_the_id() -> None:
    """Template answers of the pages: an id with a refusal is a refusal."""
    with pytest.raises(InvalidRequest):
        envelope_module.accepted(Reply(200, b'{"code":422,"msg":"success","data":{"taskId":"t1"}}'), KIE, GenerateMusic)


@pytest.mark.parametrize(
    ("answer", "surely"),
    [
        (Reply(200, envelope(code=500)), True),
        (Reply(429, b"slow down"), True),
        (Reply(403, b"<html>blocked</html>"), True),
        (Reply(301, b""), True),
        (Reply(502, b"<html>bad gateway</html>"), False),
        (Reply(504, b""), False),
        (Reply(200, b'{"code":200,"data":{"task'), False),
        (Reply(200, b'{"code":200,"data":null}'), False),
        (Reply(500, b'{"error":"x"}'), False),
    ],
)
def test_which_failures_prove_that_nothing_was_made(answer: Reply, surely: bool) -> None:
    with pytest.raises(SunoError) as caught:
        envelope_module.accepted(answer, KIE, GenerateMusic)
    assert envelope_module.created_nothing(caught.value) is surely


# ---- calls -----------------------------------------------------------------------------------------------------------


def test_credits_come_with_decimals() -> None:
    assert (
        envelope_module.result(Reply(200, b'{"code":200,"msg":"success","data":5916.25}'), GetCredits, KIE) == 5916.25
    )
    assert envelope_module.result(Reply(200, b'{"code":200,"data":12}'), GetCredits, KIE) == 12


def test_a_style_counts_when_it_is_there_whatever_the_flag_says() -> None:
    live = '{"code":200,"data":{"result":"rich","param":"x","successFlag":"成功","errorMsg":"","creditsConsumed":0.4}}'
    style = envelope_module.result(Reply(200, live.encode()), BoostStyle, KIE)
    assert (style.text, style.credits_consumed) == ("rich", 0.4)
    failed = b'{"code":200,"data":{"result":null,"successFlag":"2","errorMsg":"no luck"}}'
    with pytest.raises(TaskFailed, match="no luck"):
        envelope_module.result(Reply(200, failed), BoostStyle, KIE)


def test_an_empty_answer_to_a_call_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        envelope_module.result(Reply(200, b'{"code":200,"data":null}'), GetCredits, KIE)


# ---- out -------------------------------------------------------------------------------------------------------------


def payload(request: Request[Any], provider: Any = KIE) -> dict[str, Any]:
    validation.check(request)
    body: dict[str, Any] = msgspec.json.decode(encoding.encode(request, provider, "https://me.example/cb"))
    assert body.pop("callBackUrl") == "https://me.example/cb"
    return body


def test_what_was_not_given_is_not_sent() -> None:
    assert payload(GenerateMusic(prompt="idea", model="V5")) == {
        "prompt": "idea",
        "model": "V5",
        "instrumental": False,
        "customMode": False,
    }


def test_custom_mode_follows_from_style_title_or_lyrics_unless_given() -> None:
    for given in ({"style": "pop"}, {"title": "La", "prompt": "la"}, {"lyrics": "la"}):
        assert payload(GenerateMusic(model="V5", **given))["customMode"] is True  # type: ignore[arg-type]
    assert payload(GenerateMusic(model="V5", prompt="x", custom_mode=True))["customMode"] is True
    assert payload(GenerateMusic(model="V5", prompt="x", style="pop", custom_mode=False))["customMode"] is False


def test_lyrics_are_prompt_before_v6_and_lyrics_from_then_on() -> None:
    for model in ("V4", "V5_5"):
        body = payload(GenerateMusic(model=model, lyrics="la", style="pop"))
        assert (body["prompt"], "lyrics" in body) == ("la", False)
    for model in ("V6", "V6_MINI", "V7_UNHEARD_OF"):
        body = payload(GenerateMusic(model=model, lyrics="la", style="pop"))
        assert (body["lyrics"], "prompt" in body) == ("la", False)


def test_a_prompt_alone_is_also_the_style_with_v6() -> None:
    """The pages of that time refuse a prompt alone; sent together both readings are content (NOTES §14.2)."""
    assert payload(GenerateMusic(model="V6", prompt="x" * 2000))["style"] == "x" * 1000
    assert "style" not in payload(GenerateMusic(model="V6", prompt="x", image_urls=("https://e.example/1.png",)))
    assert "style" not in payload(GenerateMusic(model="V5", prompt="x"))


def test_odd_spellings() -> None:
    url = "https://e.example/a.mp3"
    body = payload(AddInstrumental(upload_url=url, title="La", style="pop", negative_tags="rock", model="V5"))
    assert (body["tags"], body["negativeTags"], body["uploadUrl"]) == ("pop", "rock", url)
    body = payload(AddVocals(upload_url=url, title="La", style="pop", negative_tags="", lyrics="la", model="V5"))
    assert (body["style"], body["negativeTags"], body["prompt"]) == ("pop", "", "la")
    body = payload(
        ReplaceSection(task_id="t", audio_id="a", style="pop", title="La", lyrics="la", start=10.126, end=30)
    )
    assert (body["tags"], body["infillStartS"], body["infillEndS"]) == ("pop", 10.13, 30)
    assert (body["prompt"], "lyrics" in body, "model" in body) == ("la", False, False)


def test_the_flag_of_the_extend_jobs_follows_too() -> None:
    assert payload(ExtendMusic(audio_id="a", model="V5")) == {"audioId": "a", "model": "V5", "defaultParamFlag": False}
    body = payload(ExtendMusic(audio_id="a", model="V6", style="pop", title="La", lyrics="la", continue_at=60))
    assert (body["defaultParamFlag"], body["prompt"], body["continueAt"]) == (True, "la", 60)
    body = payload(UploadExtend(upload_url="https://e.example/a.mp3", model="V5", continue_at=5, prompt="go on"))
    assert (body["defaultParamFlag"], body["instrumental"]) == (False, False)


def test_sunoapi_no_longer_knows_some_fields_with_v6() -> None:
    url = "https://e.example/a.mp3"
    cover = UploadCover(upload_url=url, style="pop", title="La", model="V6")
    assert payload(cover, KIE)["customMode"] is True
    assert "customMode" not in payload(cover, SUNOAPI)
    mashup = Mashup(upload_url_list=(url, url), style="pop", title="La", model="V6")
    assert {"customMode", "instrumental"}.isdisjoint(payload(mashup, SUNOAPI))
    older = Mashup(upload_url_list=(url, url), style="pop", title="La", model="V5")
    assert {"customMode", "instrumental"} <= payload(older, SUNOAPI).keys()


def test_any_key_is_left_out() -> None:
    assert "soundKey" not in payload(GenerateSounds(prompt="rain", sound_key="Any"))
    assert payload(GenerateSounds(prompt="rain", sound_key="F#m", sound_tempo=90))["soundKey"] == "F#m"


def test_the_credit_path_is_the_gateways() -> None:
    assert (KIE.path(GetCredits), SUNOAPI.path(GetCredits)) == ("/api/v1/chat/credit", "/api/v1/generate/credit")


def test_an_update_is_the_same_value_however_it_was_spelt() -> None:
    assert isinstance(read(DONE).result, Music)
    assert read(DONE) == read(DONE)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, envelope({"taskId": "t1"})), (504, envelope(None, code=504, msg="Gateway Timeout"))],
    ids=["500 that says accepted", "gateway timeout in json"],
)
def test_a_5xx_that_does_not_prove_a_refusal_is_uncertain(status: int, body: bytes) -> None:
    with pytest.raises(SunoError) as caught:
        envelope_module.accepted(Reply(status, body), KIE, GenerateMusic)
    assert not envelope_module.created_nothing(caught.value)


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


def test_a_null_beside_the_answer_to_a_call_is_nothing() -> None:
    answered = reply({"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}, None], "waveformData": None})
    assert [word.word for word in envelope_module.result(answered, GetTimestampedLyrics, KIE).words] == ["la"]


def test_a_null_among_tracks_is_no_track() -> None:
    body = envelope({"taskId": "t1", "status": "SUCCESS", "response": {"sunoData": [None, track(1)]}})
    assert [one.id for one in tracks(read(body))] == [track(1)["id"]]


def test_a_voice_that_failed_tells_the_reason_inside() -> None:
    """The outer code of its callback is 400 whatever happened (NOTES §5)."""
    data = {"taskId": "t1", "voiceId": "", "status": "fail", "errorCode": 500, "errorMessage": "no voice in it"}
    update = callbacks.update(parse_callback(envelope(data, code=400, msg="failed")), GenerateVoice)
    assert (update.stage, update.code, update.message) == (Stage.FAILED, 500, "no voice in it")
    quiet = envelope(data | {"errorCode": 0, "errorMessage": ""}, code=400, msg="failed")
    assert callbacks.update(parse_callback(quiet), GenerateVoice).code == 400
    said = envelope(data, code=200)
    assert callbacks.update(parse_callback(said), GenerateVoice).stage is Stage.FAILED


def test_an_error_of_the_recovery_page_is_not_the_end_of_the_recovery() -> None:
    """Code 500 ends it only where the page speaks of the task (NOTES §4)."""
    ended = b'{"code":500,"msg":"all failed","task_id":"t1","data":null}'
    assert read(ended, RecoverAudio).stage is Stage.FAILED
    with pytest.raises(ServerError):
        read(b'{"code":500,"msg":"Server error","data":null}', RecoverAudio)
