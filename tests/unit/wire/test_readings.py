"""Results under every wrapper and in every spelling, for every kind; and never an empty one."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    BoostStyle,
    CheckVoice,
    ConvertToWav,
    CreateMusicVideo,
    DecodeError,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateVoice,
    GetTimestampedLyrics,
    SeparateStems,
    Stage,
    TaskFailed,
    ValidateVoice,
)
from suno_async.api.requests import Job, Request
from suno_async.api.updates import Provisional
from suno_async.wire import callbacks, details
from suno_async.wire import envelope as envelope_module
from suno_async.wire.envelope import Reply

from ...cases import every
from ...doubles import envelope, reply

URL = "https://f.example/a"
CAMEL: dict[type[Request[Any]], Any] = {
    GenerateMusic: {"sunoData": [{"id": "a", "audioUrl": URL}]},
    GenerateLyrics: {"data": [{"text": "la"}]},
    ConvertToWav: {"audioWavUrl": URL},
    CreateMusicVideo: {"videoUrl": URL},
    GenerateCover: {"images": [URL]},
    SeparateStems: {"vocalUrl": URL, "originData": []},
    GenerateMidi: {"state": "complete", "instruments": [{"name": "Drums"}]},
    GenerateVoice: {"voiceId": "v"},
    ValidateVoice: {"validateInfo": "say this"},
}
SNAKE: dict[type[Request[Any]], Any] = {
    GenerateMusic: {"data": [{"id": "a", "audio_url": URL}]},
    GenerateLyrics: {"lyrics_data": [{"text": "la"}]},
    ConvertToWav: {"audio_wav_url": URL},
    CreateMusicVideo: {"video_url": URL},
    GenerateCover: {"images": [URL]},
    SeparateStems: {"vocal_url": URL, "origin_data": []},
    GenerateMidi: {"state": "complete", "instruments": [{"name": "Drums"}]},
    GenerateVoice: {"voice_id": "v"},
    ValidateVoice: {"validate_info": "say this"},
}
CALLS: dict[type[Request[Any]], tuple[Any, Any]] = {
    BoostStyle: ({"result": "warm pop"}, {"result": "warm pop"}),
    GeneratePersona: ({"personaId": "p"}, {"persona_id": "p"}),
    CheckVoice: ({"isAvailable": False}, {"is_available": False}),
    GetTimestampedLyrics: (
        {"alignedWords": [{"word": "la", "startS": 1}]},
        {"aligned_words": [{"word": "la", "start_s": 1}]},
    ),
}
FILES: dict[type[Request[Any]], str] = dict.fromkeys(
    (GenerateMusic, ConvertToWav, CreateMusicVideo, GenerateCover, SeparateStems), URL
)


def bare(held: Any) -> Any:
    return held


def wrapped(name: str) -> Callable[[Any], Any]:
    return lambda held: {name: held}


NESTED = [bare, wrapped("resultObject"), wrapped("response"), wrapped("data")]


def text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def whole(update: Any) -> Any:
    assert (update.stage, update.provisional) == (Stage.COMPLETE, Provisional.NONE)
    assert update.result.complete
    return update.result


@every("kind", [*CAMEL, *CALLS])
@pytest.mark.parametrize("wrap", NESTED, ids=["bare", "resultObject", "response", "data"])
def test_the_jobs_api_in_every_form(kind: Any, wrap: Any) -> None:
    forms = CALLS[kind] if kind in CALLS else (CAMEL[kind], SNAKE[kind])
    results = [
        whole(details.update(reply({"taskId": "t1", "state": "success", **held}), kind, KIE_JOBS, "t1"))
        for form in forms
        for held in ({"resultJson": text(wrap(form))}, {"resultJson": "", "response": wrap(form)})
    ]
    assert all(result == results[0] for result in results)
    assert all(result.raw in forms for result in results)


@pytest.mark.parametrize("kind", FILES)
def test_bare_addresses_are_read_for_every_kind_with_files(kind: Any) -> None:
    for name in ("resultUrls", "result_urls"):
        told = {"taskId": "t1", "state": "success", "resultJson": text({name: [URL]})}
        assert [file.url for file in whole(details.update(reply(told), kind, KIE_JOBS, "t1")).files()] == [URL]


@every("kind", CAMEL)
@pytest.mark.parametrize("wrap", NESTED, ids=["bare", "resultObject", "response", "data"])
def test_the_details_page_in_every_form(kind: Any, wrap: Any) -> None:
    word = next(word for word, stage in kind.statuses.items() if stage is Stage.COMPLETE)
    for form in (CAMEL[kind], SNAKE[kind]):
        held = wrap(form)
        for step in reversed(kind.details_result_path[1:]):
            held = {step: held}
        told = reply({"taskId": "t1", "status" if isinstance(word, str) else "successFlag": word, **held})
        assert whole(details.update(told, kind, SUNOAPI, "t1")).raw.items() >= form.items()


def test_the_page_of_the_quick_start() -> None:
    """docs/service.md#observed-differences"""
    held = {"data": [{"id": "a", "audio_url": URL, "title": "La"}]}
    update: Any = details.update(
        reply({"taskId": "t1", "status": "SUCCESS", "response": held}), GenerateMusic, SUNOAPI, "t1"
    )
    assert whole(update).tracks[0].raw == held["data"][0]


@pytest.mark.parametrize("kind", CAMEL)
def test_callbacks_in_every_form(kind: Any) -> None:
    for form in (CAMEL[kind], SNAKE[kind]):
        posted = callbacks.parse(envelope({"task_id": "t1", **form}))
        assert whole(callbacks.update(posted, kind)).task_id == "t1"


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("wrap", NESTED, ids=["bare", "resultObject", "response", "data"])
def test_calls_in_every_form(kind: Any, wrap: Any) -> None:
    for form in CALLS[kind]:
        assert envelope_module.result(reply(wrap(form)), kind, KIE).raw == form


@pytest.mark.parametrize(
    "odd", [{"brand": "new"}, {}, [], [1], "done", 7, None, {"resultUrls": []}, {"resultObject": {}}]
)
@every("kind", [*CAMEL, *CALLS])
def test_what_cannot_be_read_is_no_empty_result(kind: type[Request[Any]], odd: Any) -> None:
    told = {"taskId": "t1", "state": "success", "resultJson": text(odd)}
    update = details.update(reply(told), kind, KIE_JOBS, "t1")
    assert (update.stage, update.provisional) == (Stage.PENDING, Provisional.LATE_FILES)
    posted = callbacks.update(callbacks.parse(envelope(told)), kind)
    assert (posted.stage, posted.provisional) == (Stage.PENDING, Provisional.LATE_FILES)
    if issubclass(kind, Job):
        name = kind.details_result_path[-1]
        word = next(word for word, stage in kind.statuses.items() if stage is Stage.COMPLETE)
        page = {"taskId": "t1", "status" if isinstance(word, str) else "successFlag": word}
        page |= {name: odd} if name != "data" else {"more": odd}
        update = details.update(reply(page), kind, KIE, "t1")
        assert (update.stage, update.provisional) == (Stage.PENDING, Provisional.LATE_FILES)
    else:
        call: Any = kind
        with pytest.raises((DecodeError, TaskFailed)) as caught:
            envelope_module.result(reply(odd), call, KIE)
        error: Any = caught.value
        assert error.raw["data"] == odd


def test_a_submit_is_accepted_whatever_odd_bytes_its_answer_has() -> None:
    for odd in (
        b'\xef\xbb\xbf{"code":200,"msg":"success","data":{"taskId":"t1"}}',
        b'{"code":200,"msg":"\\ud83d","data":{"taskId":"t1","cost":NaN}}',
        b'{"code":200,"msg":"a\nb","data":{"taskId":"t1","task_id":[]}}',
    ):
        assert envelope_module.accepted(Reply(200, odd), KIE, GenerateMusic) == "t1"
    assert envelope_module.accepted(Reply(200, b'{"code":200,"data":{"taskId":17}}'), KIE, GenerateMusic) == "17"


def test_what_is_repaired_can_be_read_raw_and_stored() -> None:
    song = b'{"id":"a","audioUrl":"u","tags":NaN}'
    body = b'{"code":200,"data":{"taskId":"t1","status":"SUCCESS","response":{"sunoData":[' + song + b"]}}}"
    update: Any = details.update(Reply(200, body), GenerateMusic, KIE, "t1")
    assert update.result.tracks[0].raw == {"id": "a", "audioUrl": "u", "tags": None}
    inner = '{"data":[{"id":"a","audio_url":"u","tags":NaN,"title":["x"]}]}'
    told = reply({"taskId": "t1", "state": "success", "resultJson": inner})
    update = details.update(told, GenerateMusic, KIE_JOBS, "t1")
    assert update.result.tracks[0].raw == {"id": "a", "audio_url": "u", "tags": None, "title": ["x"]}
