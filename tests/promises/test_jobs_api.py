"""A client at KIE's jobs API."""

from typing import Any

import msgspec
import pytest

from suno_async import (
    BoostStyle,
    CheckVoice,
    ConfigurationError,
    GenerateMusic,
    GeneratePersona,
    ResponseLost,
    SeparateStems,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskNotFound,
)
from suno_async.wire.envelope import Reply

from ..conftest import now
from ..doubles import Script, envelope, reply

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


async def test_a_job_goes_through_the_one_path_and_is_polled_on_the_one_page() -> None:
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


async def test_a_call_that_is_answered_at_once_is_not_polled() -> None:
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
    async with SunoClient(api_key="k", provider="kie", transport=Script()) as legacy:
        with pytest.raises(ConfigurationError, match="GeneratePersona is answered at once at kie, without a task"):
            legacy.attach(GeneratePersona, "t1")


async def test_a_failure_has_its_reason() -> None:
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


@pytest.mark.parametrize("shape", [{"brand": "new"}, [1, 2], "text", 7])
async def test_a_result_of_an_unknown_form_is_no_empty_result(shape: Any) -> None:
    """The result of stems was not seen on this route (docs/service.md#not-established): what cannot be read typed is
    in the error, raw.
    """
    suno, _ = by_jobs(record("success", shape))
    task = await suno.separate_stems(task_id="t", audio_id="a")
    with pytest.raises(TaskFailed, match="success without files") as caught:
        await task
    assert msgspec.json.decode(caught.value.raw["data"]["resultJson"]) == shape
    await suno.aclose()


@pytest.mark.parametrize("held", ["not json", "[" * 10_000, ""])
async def test_a_success_without_a_result_is_a_failure_in_the_end(held: str) -> None:
    suno, _ = by_jobs(Reply(200, envelope({"taskId": "t1", "state": "success", "resultJson": held})))
    task = await suno.separate_stems(task_id="t", audio_id="a")
    with pytest.raises(TaskFailed, match="success without files"):
        await task
    await suno.aclose()


async def test_a_call_that_is_not_known_to_be_free_is_sent_once_by_both_apis() -> None:
    suno, script = by_jobs(submits=[ResponseLost("gone")])
    with pytest.raises(SubmissionUncertain):
        await suno.run(BoostStyle(content="pop"))
    assert len(script.posted) == 1
    await suno.aclose()
    for request in (BoostStyle(content="pop"), CheckVoice(task_id="t")):
        script = Script(submits=[ResponseLost("gone"), reply({"isAvailable": True, "result": "x"})])
        async with SunoClient(api_key="k", transport=script) as legacy:
            with pytest.raises(SubmissionUncertain):
                await legacy.run(request)
        assert len(script.posted) == 1


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
