"""Details pages, records of the jobs API, and callbacks of every kind of request."""

import json
from typing import Any

import aiohttp
import anyio
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConvertToWav,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    Job,
    Provider,
    RecoverAudio,
    ReplaceSection,
    SeparateStems,
    Stage,
    ValidateVoice,
)
from suno_async.api import providers
from suno_async.api.requests import Request
from suno_async.emulator import Emulator, Fail, Fault, Stuck
from suno_async.wire import callbacks, encoding

from .support import TASKS, WORDS, Recorder, example_of, is_complete, open_recorder, service, submitted

pytestmark = pytest.mark.usefixtures("threads")


async def poll_all(emulator: Emulator, path: str, task_id: str) -> list[Any]:
    """What a page says of a task in the course of time."""
    key = {"Authorization": f"Bearer {emulator.api_key}"}
    said: list[Any] = []
    async with aiohttp.ClientSession(emulator.url, headers=key) as session:
        for _ in range(70):
            async with session.get(path, params={"taskId": task_id, "task_id": task_id}) as answer:
                said.append(json.loads(await answer.read()))
            await anyio.sleep(3)
    return said


def distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *[(kind, fault) for kind in WORDS for fault in (None, Fail())],
        *[(kind, Stuck()) for kind in (GenerateMusic, ValidateVoice, RecoverAudio)],
    ],
)
async def test_the_details_pages_speak_their_own_words(kind: Any, fault: Fault | None) -> None:
    async with service(SUNOAPI) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.script(None, [fault])
        task = await submitted(suno, request)
        said = await poll_all(emulator, kind.details, task.id)
    words = distinct(
        [
            body["code"] if kind.state_in_code else body["data"].get("status", body["data"].get("successFlag"))
            for body in said
        ]
    )
    going, failed = WORDS[kind]
    if fault == Stuck():
        assert words == going[: 2 if kind is GenerateMusic else -1]
    else:
        assert words == (going if fault is None else [*going[:-1], failed])


@pytest.mark.parametrize(("fault", "end"), [(None, "success"), (Fail(), "fail")])
async def test_the_record_of_the_jobs_api(fault: Fault | None, end: str) -> None:
    async with service(KIE_JOBS) as (emulator, suno):
        emulator.script(None, [fault])
        task = await suno.generate_lyrics(prompt="rain")
        said = await poll_all(emulator, providers.RECORD, task.id)
        assert distinct([body["data"]["state"] for body in said]) == ["waiting", "queuing", "generating", end]
        first, last = said[0]["data"], said[-1]["data"]
        assert (first["resultJson"], first["response"], first["completeTime"]) == ("", None, None)
        assert last["completeTime"] - last["createTime"] == last["costTime"] > 0
        param = json.loads(last["param"])
        assert (last["model"], param["model"], param["input"]) == (
            *("ai-music-api/generate-lyrics",) * 2,
            {"prompt": "rain"},
        )
        if fault is None:
            assert json.loads(last["resultJson"]) == last["response"]
            assert len(last["response"]["resultObject"]["lyricsData"]) == 2
            assert (last["creditsConsumed"], last["failCode"]) == (0.4, None)
        else:
            assert (last["resultJson"], last["failCode"], last["failMsg"]) == ("", "500", Fail().message)
        assert (await poll_all(emulator, providers.RECORD, "unknown"))[0] == {
            "code": 422,
            "msg": "recordInfo is null",
            "data": None,
        }


@pytest.mark.parametrize("fault", [None, Fail(), Fail("SENSITIVE_WORD_ERROR")])
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_callback_is_an_update_that_the_client_can_read(
    provider: Provider, kind: type[Request[Any]], fault: Fail | None, recorder: tuple[Recorder, str]
) -> None:
    async with service(provider, speed=30, callback_url=recorder[1]) as (emulator, suno):
        request = (await example_of(kind, suno)).with_model("V5")
        recorder[0].bodies.clear()
        emulator.script(None, [fault])
        body = encoding.encode(request, provider, recorder[1])
        path, key = emulator.url + provider.path(kind), {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession() as session, session.post(path, data=body, headers=key) as answer:
            accepted = (await answer.json())["data"]
        await anyio.sleep(10)
    recorded = [callbacks.parse(json.dumps(body).encode()) for body in recorder[0].bodies]
    assert {callback.task_id for callback in recorded} == {accepted[provider.query(kind)]}
    updates = [callbacks.update(callback, kind) for callback in recorded]
    by_stages = isinstance(request, Job) and request.details == GenerateMusic.details and kind is not ReplaceSection
    end = Stage.COMPLETE if fault is None else Stage.FAILED
    # The text stage has nothing that could be read as a track.
    assert [update.stage for update in updates] == ([Stage.TEXT, Stage.FIRST] if by_stages else []) + [end]
    if fault is None:
        assert isinstance(updates[-1].result, kind.result)
        assert is_complete(updates[-1].result)
    else:
        assert (updates[-1].message, recorder[0].bodies[-1]["msg"]) == (fault.message, fault.message)
        assert updates[-1].code in (400, 500, 501)


async def posted(provider: Provider, kind: type[Job[Any]], fault: Fault | None = None) -> Any:
    """The last callback of a job."""
    async with open_recorder() as (recorder, url), service(provider, speed=30, callback_url=url) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.script(None, [fault])
        await submitted(suno, request)
        await anyio.sleep(10)
        return recorder.bodies[-1]


@pytest.mark.parametrize(("provider", "name"), [(KIE, "vocal_separation_info"), (SUNOAPI, "vocal_removal_info")])
async def test_callbacks_of_stems_are_spelled_as_each_provider_does(provider: Provider, name: str) -> None:
    info = (await posted(provider, SeparateStems))["data"][name]
    assert {"vocal_url", "instrumental_url"} < info.keys()
    failed = await posted(provider, SeparateStems, Fail())
    assert (failed["code"], failed["data"][name]) == (500, None)


async def test_other_callbacks_are_spelled_as_each_provider_does() -> None:
    kie, sunoapi = await posted(KIE, GenerateMidi), await posted(SUNOAPI, GenerateMidi)
    assert kie["data"].keys() == {"taskId", "state", "instruments"}
    assert (sunoapi.keys(), sunoapi["data"].keys()) == (
        {"code", "msg", "task_id", "data"},
        {"state", "instruments"},
    )
    assert (await posted(SUNOAPI, GenerateMidi, Fail()))["data"] is None
    kie, sunoapi = await posted(KIE, GenerateLyrics), await posted(SUNOAPI, GenerateLyrics)
    assert "error_message" in kie["data"]["data"][0]
    assert "errorMessage" in sunoapi["data"]["data"][0]
    assert (await posted(KIE, ConvertToWav))["data"].keys() == {"task_id", "audioWavUrl"}
    failed = await posted(KIE, ValidateVoice, Fail())
    assert (failed["code"], failed["data"]["status"], failed["data"]["validateInfo"]) == (
        *(400, "processing_validate_fail"),
        "",
    )
    failed = await posted(KIE, ReplaceSection, Fail())
    assert failed["data"].keys() == {"callbackType", "task_id", "error"}
    by_jobs = await posted(KIE_JOBS, GenerateLyrics)
    assert by_jobs["data"]["state"] == "success"
