"""One argument switches the gateway: what differs between them is told, sent and read as each wants it."""

from typing import Any, cast

import msgspec
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    BoostStyle,
    ConfigurationError,
    ExtendMusic,
    GenerateMusic,
    GetDownloadUrl,
    InvalidJob,
    Mashup,
    Provider,
    RateLimited,
    ReplaceSection,
    SeparateStems,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskNotFound,
    UploadCover,
    wire,
)
from suno_async.endpoints import Request
from suno_async.errors import InsufficientCredits, ResponseLost
from suno_async.wire import Reply

from .conftest import now
from .doubles import Script, envelope, reply

URL = "https://e.example/a.mp3"


@pytest.mark.parametrize("provider", [KIE, KIE_JOBS, SUNOAPI, APIKLEY], ids=lambda provider: provider.name)
async def test_a_gateway_goes_by_its_name_and_by_the_environment(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNO_PROVIDER", provider.name)
    async with SunoClient(api_key="k") as named, SunoClient(api_key="k", provider=provider) as given:
        assert named.provider == given.provider == provider
        assert named.model == provider.model == ("V5" if provider is APIKLEY else "V6")
        assert named._base == provider.api


async def test_an_own_gateway_is_a_changed_value() -> None:
    own = msgspec.structs.replace(KIE, name="mine", api="https://suno.example", model="V4_5")
    script = Script()
    async with SunoClient(api_key="k", provider=own, transport=script) as suno:
        await suno.generate_music(prompt="x")
    assert script.sent[0][2] == "https://suno.example/api/v1/generate"
    assert script.posted[0]["model"] == "V4_5"


REPLACE: dict[str, Any] = {"lyrics": "la", "style": "pop", "title": "La", "start": 10, "end": 20}
ADDED: dict[str, Any] = {"upload_url": URL, "title": "La", "style": "pop", "negative_tags": ""}


@pytest.mark.parametrize(
    ("provider", "request_", "says"),
    [
        (SUNOAPI, GetDownloadUrl(url=URL), "endpoint is not offered by sunoapi, got '/api/v1/common/download-url'"),
        (APIKLEY, GetDownloadUrl(url=URL), "endpoint is not offered by apikley, got '/api/v1/common/download-url'"),
        (SUNOAPI, ExtendMusic(audio_id="a", instrumental=True), "instrumental is not known at sunoapi, got True"),
        (SUNOAPI, SeparateStems(audio_url=URL), f"audio_url is not known at sunoapi, got '{URL}'"),
        (KIE, UploadCover(upload_url=URL, prompt="x", image_urls=(URL,)), "image_urls is not known at kie"),
        (SUNOAPI, ReplaceSection(task_id="t", audio_id="a", **REPLACE), "full_lyrics must be given at sunoapi"),
        (KIE_JOBS, ReplaceSection(task_id="t", audio_id="a", **REPLACE), "full_lyrics must be given at kie-jobs"),
        (KIE_JOBS, Mashup(upload_url_list=(URL, URL), prompt="x"), "style must be given at kie-jobs"),
        (KIE_JOBS, AddInstrumental(lyrics="la", model="V6", **ADDED), "lyrics is not known at kie-jobs, got 'la'"),
        (KIE_JOBS, AddVocals(variety=2, model="V6", **ADDED), "variety is not known at kie-jobs, got 2"),
        (
            KIE_JOBS,
            AddVocals(prompt="a", lyrics="b", model="V6", **ADDED),
            "prompt is the lyrics with V6: give one of prompt and lyrics, got 'a'",
        ),
    ],
)
def test_what_a_gateway_would_drop_or_refuse_is_said_before(
    provider: Provider, request_: Request[Any], says: str
) -> None:
    with pytest.raises(InvalidJob) as caught:
        wire.check(request_, provider)
    assert str(caught.value.problems[0]).startswith(says)
    if provider is KIE_JOBS and "must be given" not in says:
        wire.check(request_, KIE)  # which has these fields


async def test_validation_can_be_left_to_the_service() -> None:
    """What is wrong is sent as it is; only what no JSON can hold is not."""
    script = Script()
    async with SunoClient(api_key="k", transport=script, validate=False, provider="sunoapi") as suno:
        await suno.generate_music(prompt="x" * 9000, style_weight=7.0, model="V5")
        await suno.extend_music(instrumental=True)
        assert script.posted[0]["styleWeight"] == 7.0
        assert script.posted[1]["instrumental"] is True
        for odd in ({"prompt": object()}, {"prompt": "\ud800"}, {"prompt": {1: {2}}}, {"style": "x", "lyrics": 1j}):
            with pytest.raises(InvalidJob, match="must be JSON"):
                await suno.generate_music(**cast(Any, odd))
        assert len(script.posted) == 2


# ---- KIE's jobs route ------------------------------------------------------------------------------------------------


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
    assert script.posted[0]["callBackUrl"] == "https://me.example/cb"
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
    from suno_async import GeneratePersona

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


def test_the_cover_page_of_sunoapi_speaks_kies_codes() -> None:
    """It lists 402 for credits, so its 429 is the rate (x-codes of the description)."""
    assert SUNOAPI.refusal(429, "", "/api/v1/suno/cover/generate") is RateLimited
    assert SUNOAPI.refusal(429, "", "/api/v1/generate/generate-persona") is RateLimited
    assert SUNOAPI.refusal(429, "", "/api/v1/wav/generate") is InsufficientCredits
    assert APIKLEY.refusal(429, "", "/api/v1/generate/mashup") is InsufficientCredits


async def test_a_class_of_ones_own_is_an_endpoint() -> None:
    """What ships tomorrow can be used today: one class, no other line."""
    from suno_async import Job, Stage, Wav

    class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
        path = "/api/v1/flac/generate"
        details = "/api/v1/flac/record-info"
        result = Wav
        statuses = {"SUCCESS": Stage.COMPLETE}
        audio_id: str

    done = reply({"successFlag": "SUCCESS", "response": {"audioWavUrl": "https://f.example/a.flac"}})
    script = Script(done)
    async with SunoClient(api_key="k", transport=script) as suno:
        flac = await suno.run(ConvertToFlac(audio_id="a"))
    assert flac.audio_url == "https://f.example/a.flac"
    assert script.posted[0] == {"audioId": "a", "callBackUrl": "https://suno-async.invalid/callback"}
    assert GenerateMusic.path not in script.sent[0][2]
