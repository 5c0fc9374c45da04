"""KIE's two APIs: each request goes by the one whose pages list its model, and its task is polled there."""

from typing import Any

import msgspec
import pytest

from suno_async import ExtendMusic, GenerateLyrics, GenerateMusic, InvalidJob, Stage, SunoClient
from suno_async.stores.memory import MemoryStore
from suno_async.wire.envelope import Reply

from ..doubles import DONE, PENDING, Script, envelope, page, reply, track

pytestmark = pytest.mark.anyio

UNKNOWN = Reply(200, envelope(code=422, msg="recordInfo is null"))
JOB: dict[str, Any] = {
    "taskId": "t1",
    "model": "ai-music-api/generate",
    "param": "{}",
    "failCode": None,
    "failMsg": None,
}
TRACK = {"id": "a", "audio_url": "https://f.example/1.mp3", "title": "La", "duration": 120.0}
SUCCESS = reply(JOB | {"state": "success", "resultJson": msgspec.json.encode({"data": [TRACK]}).decode()})
WAITING = reply(JOB | {"state": "waiting", "resultJson": ""})


def kie(script: Script, **settings: Any) -> SunoClient:
    return SunoClient(api_key="k", provider="kie", transport=script, **settings)


def urls(script: Script) -> list[str]:
    return [url.removeprefix("https://api.kie.ai/api/v1/") for _, _, url, _ in script.sent]


async def test_the_default_model_goes_by_the_jobs_api_and_is_polled_there() -> None:
    script = Script(WAITING, SUCCESS)
    async with kie(script) as suno:
        task = await suno.generate_music(prompt="rain")
        assert (task.api, task.model) == ("kie-jobs", "V6")
        music = await task
    assert music.tracks[0].id == "a"
    assert urls(script) == ["jobs/createTask", *["jobs/recordInfo?taskId=t1"] * 2]


async def test_a_model_of_the_legacy_pages_goes_by_the_legacy_api() -> None:
    script = Script(page("FIRST_SUCCESS", track(1), track(2, audio=False)), DONE)
    async with kie(script) as suno:
        task = await suno.generate_music(prompt="rain", model="V5")
        assert task.api == "kie"
        assert [update.stage async for update in task] == [Stage.FIRST, Stage.COMPLETE]
    assert urls(script) == ["generate", *["generate/record-info?taskId=t1"] * 2]


async def test_a_request_without_a_model_goes_by_the_legacy_api() -> None:
    script = Script()
    async with kie(script) as suno:
        await suno.submit(GenerateLyrics(prompt="rain"))
    assert urls(script) == ["lyrics"]


@pytest.mark.parametrize(("provider", "path"), [("kie-jobs", "jobs/createTask"), ("kie-legacy", "generate")])
async def test_one_api_can_be_forced(provider: str, path: str) -> None:
    script = Script()
    async with SunoClient(api_key="k", provider=provider, transport=script) as suno:
        await suno.generate_music(prompt="rain", model="V5")
        if provider == "kie-legacy":
            with pytest.raises(InvalidJob, match="model must be one of V5_5, V5"):
                await suno.generate_music(prompt="rain", model="V6")
    assert urls(script) == [path]


@pytest.mark.parametrize(("model", "api"), [("V6", "kie-jobs"), ("V5", "kie")])
async def test_a_record_knows_which_api_its_task_was_made_by(model: str, api: str) -> None:
    store = MemoryStore()
    async with kie(Script(), store=store) as suno:
        task = await suno.generate_music(prompt="rain", model=model)
        record = await store.get(task_id=task.id)
        assert record is not None
        assert record.provider == api
    script = Script(SUCCESS if model == "V6" else DONE)
    async with kie(script, store=store) as suno:
        async for again in suno.resume():
            assert again.api == api
            assert (await again).tracks
    assert len(script.sent) == 1


async def test_a_task_that_one_page_does_not_know_is_asked_of_the_other() -> None:
    """And from then on of that one alone."""
    script = Script(reply(None), WAITING, SUCCESS)
    async with kie(script) as suno:
        task = suno.attach(GenerateMusic, "t1")
        assert task.api == ""
        await task
        assert task.api == "kie-jobs"
    legacy, jobs = "generate/record-info?taskId=t1", "jobs/recordInfo?taskId=t1"
    assert urls(script) == [legacy, jobs, jobs]


async def test_a_task_that_the_legacy_page_knows_is_asked_there_alone() -> None:
    script = Script(PENDING, DONE)
    async with kie(script) as suno:
        await suno.attach(GenerateMusic, "t1")
    assert urls(script) == ["generate/record-info?taskId=t1"] * 2


async def test_a_continuation_goes_by_the_api_of_its_tracks_model() -> None:
    script = Script(SUCCESS)
    async with kie(script) as suno:
        music = await (await suno.generate_music(prompt="rain"))
        await suno.submit(ExtendMusic(music.tracks[0], continue_at=60, lyrics="la", style="pop", title="La"))
    assert urls(script)[-1] == "jobs/createTask"
    assert script.posted[-1]["input"]["model"] == "V6"
