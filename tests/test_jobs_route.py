"""KIE's jobs route: the same classes through one path, read from one page, whatever shape a result has there."""

from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    BoostStyle,
    ConfigurationError,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GetTimestampedLyrics,
    ResponseLost,
    SeparateStems,
    Stage,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskNotFound,
    parse_callback,
)
from suno_async.api.updates import Provisional
from suno_async.wire import callbacks, details
from suno_async.wire import envelope as envelope_module
from suno_async.wire.envelope import Reply

from .conftest import now
from .doubles import Script, envelope, reply

TRACK = {"id": "a", "audio_url": "https://f.example/a.mp3"}


def done(**said: Any) -> Reply:
    """A finished task."""
    return Reply(200, envelope({"taskId": "t1", "state": "success"} | said))


def text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def record(state: str, result: Any = None, **more: Any) -> Reply:
    held = "" if result is None else msgspec.json.encode(result).decode()
    return Reply(200, envelope({"taskId": "t1", "state": state, "resultJson": held, **more}))


TRACKS = {"data": [{"id": "a", "audio_url": "https://f.example/a.mp3", "title": "La"}]}


def by_jobs(*looks: Any, **settings: Any) -> tuple[SunoClient, Script]:
    submits = settings.pop("submits", None)
    script = Script(*looks, submits=submits)
    return SunoClient(api_key="k", provider="kie-jobs", transport=script, **settings), script


async def test_a_job_goes_through_the_one_path_and_is_looked_at_on_the_one_page() -> None:
    suno, script = by_jobs(record("waiting"), record("generating"), record("success", TRACKS))
    task = await suno.generate_music(prompt="x", model="V5")
    assert [update.stage.name async for update in task] == ["COMPLETE"]
    assert (await task).tracks[0].model == "V5"
    assert [url for _, _, url, _ in script.sent] == [
        "https://api.kie.ai/api/v1/jobs/createTask",
        *["https://api.kie.ai/api/v1/jobs/recordInfo?taskId=t1"] * 3,
    ]
    assert script.posted[0] == {
        "model": "ai-music-api/generate",
        "input": {"prompt": "x", "model": "V5", "custom_mode": False, "instrumental": False},
    }
    await suno.aclose()


async def test_a_callback_address_is_sent_only_if_there_is_one() -> None:
    suno, script = by_jobs(callback_url="https://me.example/cb")
    await suno.generate_music(prompt="x", model="V5")
    assert script.posted[0]["callBackUrl"].startswith("https://me.example/cb?suno=")
    await suno.aclose()


async def test_what_is_not_on_the_jobs_route_goes_where_it_always_goes() -> None:
    suno, script = by_jobs(reply(5.5))
    assert await suno.get_credits() == 5.5
    assert script.sent[0][2].endswith("/api/v1/chat/credit")
    await suno.aclose()


async def test_a_call_is_a_task_there_and_reads_the_same() -> None:
    suno, script = by_jobs(record("generating"), record("success", {"result": "warm pop"}))
    assert (await suno.boost_style(content="pop")).text == "warm pop"
    assert script.posted[0] == {"model": "ai-music-api/boost-music-style", "input": {"content": "pop"}}
    await suno.aclose()


async def test_a_call_that_is_answered_at_once_is_not_looked_at() -> None:
    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    suno, script = by_jobs(submits=[reply(words)])
    timed = await suno.get_timestamped_lyrics(task_id="t", audio_id="a")
    assert (timed.words[0].word, timed.raw) == ("la", words)
    assert len(script.sent) == 1
    await suno.aclose()


async def test_a_call_can_be_attached_to_there_and_nowhere_else() -> None:
    suno, _ = by_jobs(record("success", {"personaId": "p1"}))
    assert (await suno.attach(GeneratePersona, "t1")).persona_id == "p1"
    await suno.aclose()
    async with SunoClient(api_key="k", transport=Script()) as legacy:
        with pytest.raises(ConfigurationError, match="GeneratePersona is answered at once at kie, without a task"):
            legacy.attach(GeneratePersona, "t1")


async def test_a_failure_tells_its_reason() -> None:
    suno, _ = by_jobs(record("fail", failCode="501", failMsg="no luck"))
    task = await suno.generate_music(prompt="x")
    with pytest.raises(TaskFailed) as caught:
        await task
    assert (caught.value.code, caught.value.message, caught.value.status) == (501, "no luck", "fail")
    await suno.aclose()


async def test_an_unknown_task_is_waited_for_and_then_not_found() -> None:
    """`recordInfo is null` with code 422 is what a task that is not visible yet looks like, too."""
    suno, _ = by_jobs(Reply(200, envelope(None, code=422, msg="recordInfo is null")))
    task = await suno.generate_music(prompt="x")
    with pytest.raises(TaskNotFound):
        await task
    assert now() >= 90
    await suno.aclose()


@pytest.mark.parametrize("shape", [{"resultUrls": ["https://f.example/v.mp3"]}, {"brand": "new"}, [1, 2], "text", 7])
async def test_a_result_of_a_shape_nobody_told_us_is_not_lost(shape: Any) -> None:
    """The result of stems was not seen on this route (NOTES §16): what cannot be read typed is there raw."""
    suno, _ = by_jobs(record("success", shape))
    stems = await suno.separate_stems(task_id="t", audio_id="a")
    task = await stems
    assert task.raw == shape
    assert task.urls == {}
    await suno.aclose()


@pytest.mark.parametrize("held", ["not json", "[" * 10_000, ""])
async def test_a_success_without_a_result_is_a_failure_in_the_end(held: str) -> None:
    suno, _ = by_jobs(Reply(200, envelope({"taskId": "t1", "state": "success", "resultJson": held})))
    task = await suno.separate_stems(task_id="t", audio_id="a")
    with pytest.raises(TaskFailed, match="success but has no result"):
        await task
    await suno.aclose()


async def test_the_answer_to_a_call_that_was_lost_is_uncertain_there_and_asked_again_elsewhere_if_free() -> None:
    suno, script = by_jobs(submits=[ResponseLost("gone")])
    with pytest.raises(SubmissionUncertain):
        await suno.run(BoostStyle(content="pop"))
    assert len(script.posted) == 1
    await suno.aclose()
    for ask, sends in (("check_voice", 2), ("boost_style", 1)):
        script = Script(submits=[ResponseLost("gone"), reply({"isAvailable": True, "result": "x"})])
        async with SunoClient(api_key="k", transport=script) as legacy:
            try:
                await getattr(legacy, ask)(**({"content": "x"} if ask == "boost_style" else {"task_id": "t"}))
            except ResponseLost:
                assert ask == "boost_style"
        assert len(script.posted) == sends


# ---- results that are there ------------------------------------------------------------------------------------------


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
    """The older route reads all of these (envelope_module._without_nulls); originData is documented as array or null."""
    update = details.update(done(resultJson=text(held)), kind, KIE_JOBS, "t1")
    assert getattr(update.result, there)
    assert (update.stage, update.provisional) == (Stage.COMPLETE, Provisional.NONE)


def test_words_that_are_answered_at_once_survive_a_null_beside_them() -> None:
    answered = reply({"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}], "waveformData": None})
    assert envelope_module.result(answered, GetTimestampedLyrics, KIE).words
    update: Any = envelope_module.accepted(answered, KIE_JOBS, GetTimestampedLyrics)
    assert update.result.words


async def test_paid_stems_of_the_jobs_route_reach_their_user() -> None:
    held = {"vocalUrl": "https://f.example/v.mp3", "instrumentalUrl": "https://f.example/i.mp3", "originData": None}
    script = Script(done(resultJson=text(held), response=held))
    async with SunoClient(api_key="k", provider="kie-jobs", transport=script) as suno:
        stems = await suno.run(SeparateStems(task_id="t", audio_id="a"))
    assert stems.urls


async def test_an_odd_time_in_a_record_does_not_cost_the_song() -> None:
    script = Script(done(resultJson=text({"data": [TRACK]}), createTime="2025-01-01 00:00:00"))
    async with SunoClient(api_key="k", provider="kie-jobs", transport=script) as suno:
        assert (await suno.run(GenerateMusic(prompt="x"))).tracks


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
    """Times come as text or numbers (NOTES §14.16); the older page doesn't even look at them."""
    update = details.update(done(**({"resultJson": text({"data": [TRACK]})} | odd)), GenerateMusic, KIE_JOBS, "t1")
    assert update.stage is Stage.COMPLETE


# ---- callbacks -------------------------------------------------------------------------------------------------------


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
    """Unknown words mean "still going" (law 7), and a failure is none the less one in capitals."""
    body = envelope({"taskId": "t1", "resultJson": "", **data})
    update = callbacks.update(parse_callback(body), kind)
    assert update.stage is not Stage.COMPLETE


@pytest.mark.parametrize(
    ("state", "stage"), [("FAIL", Stage.FAILED), ("Success", Stage.COMPLETE), ("Generating", Stage.PENDING)]
)
def test_the_words_of_a_record_in_any_case(state: str, stage: Stage) -> None:
    told = done(state=state, resultJson=text({"data": [TRACK]}))
    assert details.update(told, GenerateMusic, KIE_JOBS, "t1").stage is stage
