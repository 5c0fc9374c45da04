"""Records of KIE's jobs API: what they mean."""

from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GetTimestampedLyrics,
    SeparateStems,
    Stage,
    parse_callback,
)
from suno_async.api.updates import Provisional
from suno_async.wire import callbacks, details
from suno_async.wire import envelope as envelope_module
from suno_async.wire.envelope import Reply

from ...doubles import envelope, reply

TRACK = {"id": "a", "audio_url": "https://f.example/a.mp3"}


def done(**said: Any) -> Reply:
    """A finished task."""
    return Reply(200, envelope({"taskId": "t1", "state": "success"} | said))


def text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@pytest.mark.parametrize(
    ("kind", "held", "there"),
    [
        (SeparateStems, {"vocalUrl": "v", "instrumentalUrl": "i", "originUrl": None, "originData": None}, "vocal_url"),
        (SeparateStems, {"vocal_url": "v", "instrumental_url": "i", "origin_data": None}, "vocal_url"),
        (GenerateLyrics, {"resultObject": {"data": None, "lyricsData": [{"text": "la", "title": "La"}]}}, "variants"),
        (
            GetTimestampedLyrics,
            {"alignedWords": [{"word": "la", "startS": 1, "endS": 2}], "waveformData": None},
            "words",
        ),
        (GenerateMusic, {"data": [TRACK | {"id": None}]}, "tracks"),
    ],
)
def test_a_null_in_a_result_of_the_jobs_route_does_not_empty_it(kind: Any, held: Any, there: str) -> None:
    """The legacy API reads all of these, too; originData is documented as array or null."""
    update = details.update(done(resultJson=text(held)), kind, KIE_JOBS, "t1")
    assert getattr(update.result, there)
    assert (update.stage, update.provisional) == (Stage.COMPLETE, Provisional.NONE)


def test_words_that_are_answered_at_once_survive_a_null_beside_them() -> None:
    answered = reply({"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}], "waveformData": None})
    assert envelope_module.result(answered, GetTimestampedLyrics, KIE).words
    update: Any = envelope_module.accepted(answered, KIE_JOBS, GetTimestampedLyrics)
    assert update.result.words


@pytest.mark.parametrize("empty", ["{}", '{"resultUrls":["https://f.example/a.mp3"]}', '"done"'])
def test_the_parsed_response_is_read_where_the_text_beside_it_says_nothing(empty: str) -> None:
    update = details.update(done(resultJson=empty, response={"data": [TRACK]}), GenerateMusic, KIE_JOBS, "t1")
    assert update.stage is Stage.COMPLETE
    assert update.result is not None
    assert update.result.tracks


@pytest.mark.parametrize("name", ["vocal_separation_info", "vocal_removal_info"])
def test_stems_of_the_jobs_route_are_read_in_the_shape_of_callbacks_too(name: str) -> None:
    """Music's resultJson is the callback's data; the stems' docstring says the older shapes (plural) are read."""
    held = {name: {"vocal_url": "https://f.example/v.mp3"}}
    update = details.update(done(resultJson=text(held)), SeparateStems, KIE_JOBS, "t1")
    assert update.result is not None
    assert update.result.urls == {"vocal": "https://f.example/v.mp3"}


@pytest.mark.parametrize(
    "odd",
    [
        {"createTime": "2025-01-01 00:00:00"},
        {"completeTime": "2025-01-01T00:00:00Z"},
        {"costTime": 1234.5},
        {"progress": "100%"},
        {"creditsConsumed": "n/a"},
        {"taskId": None},
        {"model": {"name": "ai-music-api/generate"}},
        {"param": {"model": "ai-music-api/generate"}},
        {"failCode": 0.5},
        {"failMsg": []},
        {"resultJson": {"data": [TRACK]}},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_nothing_beside_the_result_of_a_record_hides_the_song(odd: Any) -> None:
    """Times come as text or numbers (docs/service.md#types-of-times); the older page doesn't even look at them."""
    update = details.update(done(**({"resultJson": text({"data": [TRACK]})} | odd)), GenerateMusic, KIE_JOBS, "t1")
    assert update.stage is Stage.COMPLETE


@pytest.mark.parametrize("kind", [GenerateMidi, GetTimestampedLyrics])
@pytest.mark.parametrize(
    "data",
    [
        {"state": "FAIL", "failCode": "500"},
        {"state": "fail", "failCode": "500", "createTime": "2025-01-01 00:00:00"},
        {"state": "running"},
        {"state": "generating", "costTime": 1.5},
    ],
    ids=lambda data: f"{data['state']}-{len(data)}",
)
def test_a_record_that_is_posted_is_not_taken_for_a_finished_empty_result(kind: Any, data: Any) -> None:
    """Unknown words mean "still going" (docs/architecture.md#law-7), and a failure is none the less one in capitals."""
    body = envelope({"taskId": "t1", "resultJson": "", **data})
    update = callbacks.update(parse_callback(body), kind)
    assert update.stage is not Stage.COMPLETE


@pytest.mark.parametrize(
    ("state", "stage"), [("FAIL", Stage.FAILED), ("Success", Stage.COMPLETE), ("Generating", Stage.PENDING)]
)
def test_the_words_of_a_record_in_any_case(state: str, stage: Stage) -> None:
    told = done(state=state, resultJson=text({"data": [TRACK]}))
    assert details.update(told, GenerateMusic, KIE_JOBS, "t1").stage is stage
