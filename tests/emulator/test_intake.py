"""Requests that are refused, and why."""

import json
from typing import Any

import aiohttp
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    AlreadyExists,
    CheckVoice,
    ConvertToWav,
    CreateMusicVideo,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateVoice,
    GetTimestampedLyrics,
    InvalidRequest,
    Mashup,
    Provider,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    SeparateStems,
    TaskFailed,
    ValidateVoice,
)
from suno_async.api import providers
from suno_async.api.requests import Request
from suno_async.emulator import Emulator, Fail

from .support import EVERYWHERE, URL, answered, service

pytestmark = pytest.mark.usefixtures("threads")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not valid JSON"),
        ('{"prompt":"x","customMode":false,"instrumental":false,"model":"V5"}', "Please enter callBackUrl."),
        ('{"prompt":"x","customMode":false,"model":"V5","callBackUrl":"x"}', "instrumental cannot be null"),
        ('{"prompt":"x","customMode":1,"instrumental":false,"model":"V5","callBackUrl":"x"}', "Expected `bool"),
        ('{"prompt":"x","instrumental":false,"customMode":true,"model":"V5","styleWeight":3,"callBackUrl":"x"}', "1.0"),
    ],
)
async def test_it_refuses_what_the_service_refuses(body: str, says: str) -> None:
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with session.post("/api/v1/generate", data=body, headers=key) as answer:
            said = json.loads(await answer.read())
        assert (answer.status, said["data"]) == (200, None)
        assert said["code"] in (400, 422)
        assert says in said["msg"]
        assert emulator.runs == {}


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_what_is_made_once_is_refused_the_second_time(provider: Provider) -> None:
    async with service(provider) as (emulator, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        one, two = music.tracks
        cover = await suno.generate_cover(music)
        assert (await suno.generate_cover(music)).id == cover.id  # named by the refusal
        assert (await suno.run(GenerateCover(music))).images
        kinds: list[Any] = [ConvertToWav, CreateMusicVideo]
        for kind in kinds:
            await suno.submit(kind(one))
            with pytest.raises(AlreadyExists) as refused:
                await suno.submit(kind(one))
            assert refused.value.code == 409
            await suno.submit(kind(two))
        await suno.generate_persona(one, name="n", description="d")
        with pytest.raises(AlreadyExists):
            await suno.generate_persona(one, name="other", description="other")
        before = emulator.credits
        assert (await suno.separate_stems(one)).id != (await suno.separate_stems(one)).id
        assert before - emulator.credits == 20


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_made_up_ids_are_refused_where_the_service_checks_them(provider: Provider) -> None:
    async with service(provider) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        lyrics = await suno.generate_lyrics(prompt="rain")
        requests: list[Request[Any]] = [
            ConvertToWav(task_id="made-up", audio_id="a"),
            ConvertToWav(task_id=music.task_id, audio_id="made-up"),
            CreateMusicVideo(task_id="made-up", audio_id="a"),
            SeparateStems(task_id=lyrics.id, audio_id="a"),
            GenerateMidi(task_id=music.task_id),
            GetTimestampedLyrics(task_id="made-up", audio_id="a"),
            GeneratePersona(task_id="made-up", audio_id="a", name="n", description="d"),
            GenerateVoice(task_id=music.task_id, verify_url=URL),
            RegeneratePhrase(task_id="made-up"),
            CheckVoice(task_id="made-up"),
        ]
        for request in requests:
            with pytest.raises(InvalidRequest) as refused:
                await suno.run(request)
            assert refused.value.code == 422
        await suno.extend_music(audio_id="made-up")
        if provider is not SUNOAPI and provider is not APIKLEY:
            assert (await suno.run(SeparateStems(audio_url=URL))).urls


async def test_a_voice_needs_a_phrase_that_waits_for_it() -> None:
    async with service(KIE) as (emulator, suno):
        phrase = await suno.submit(ValidateVoice(voice_url=URL, vocal_start=0, vocal_end=15))
        with pytest.raises(InvalidRequest, match="not in valid status"):
            await suno.generate_voice(task_id=phrase.id, verify_url=URL)
        await phrase
        emulator.script(None, [Fail()])
        failed = await suno.generate_voice(task_id=phrase.id, verify_url=URL)
        with pytest.raises(TaskFailed):
            await failed
        voice = await suno.generate_voice(task_id=phrase.id, verify_url=URL)
        assert not (await suno.check_voice(task_id=voice.id)).is_available
        assert (await suno.check_voice(await voice)).is_available


CALLED = {"callBackUrl": "https://me.invalid/cb"}

MASHED = {"uploadUrlList": [URL, URL], "model": "V6", **CALLED}

REPLACED = {"taskId": "t", "audioId": "a", "prompt": "l", "tags": "p", "title": "t", "infillStartS": 1, "infillEndS": 9}


@pytest.mark.parametrize(
    ("provider", "path", "body", "says"),
    [
        (SUNOAPI, Mashup.path, MASHED, ""),
        (SUNOAPI, Mashup.path, {"model": "V6"} | CALLED, "uploadUrlList cannot be null"),
        (SUNOAPI, Mashup.path, MASHED | {"customMode": False}, "customMode can only be True"),
        (SUNOAPI, Mashup.path, MASHED | {"model": "V5", "customMode": False, "prompt": "x"}, ""),
        (SUNOAPI, Mashup.path, MASHED | {"model": "V5", "customMode": False}, "prompt cannot be null"),
        (KIE, ReplaceSection.path, REPLACED | CALLED, ""),
        (SUNOAPI, ReplaceSection.path, REPLACED | CALLED, "fullLyrics cannot be null"),
        (SUNOAPI, SeparateStems.path, {"audioUrl": URL} | CALLED, "audioUrl is not supported"),
        (KIE, RecoverAudio.path, {"task_id": "t"} | CALLED, ""),
        (SUNOAPI, RecoverAudio.path, {"task_id": "t"} | CALLED, "sunoTaskId cannot be null"),
        (APIKLEY, RecoverAudio.path, {"sunoTaskId": "t"} | CALLED, ""),
        (KIE, GenerateLyrics.path, {"prompt": "x"}, "Please enter callBackUrl."),
        (KIE, ValidateVoice.path, {"voiceUrl": URL, "vocalStartS": 0, "vocalEndS": 9}, ""),
        (KIE, RegeneratePhrase.path, {"taskId": "t"} | CALLED, "Please enter callBackUrl."),
        (KIE_JOBS, GenerateLyrics.path, {"prompt": "x"} | CALLED, ""),
        (KIE_JOBS, providers.CREATE, {"model": "ai-music-api/generate-lyrics", "input": {"prompt": "x"}}, ""),
        (KIE_JOBS, providers.CREATE, {"model": "ai-music-api/generate-lyrics"}, "input cannot be null"),
        (KIE_JOBS, providers.CREATE, {"model": "ai-music-api/generate-lyrics", "input": {}}, "prompt cannot be null"),
        (KIE_JOBS, providers.CREATE, {"model": "V6", "input": {"prompt": "x"}}, "model V6 is not supported"),
        (KIE_JOBS, providers.CREATE, {"model": "ai-music-api/x", "input": {}}, "model ai-music-api/x is not supported"),
        (
            KIE_JOBS,
            providers.CREATE,
            {"model": "ai-music-api/mashup", "input": {"upload_url_list": [URL, URL], "model": "V6"}},
            "style cannot be null",
        ),
    ],
)
async def test_each_provider_wants_its_own_fields(provider: Provider, path: str, body: Any, says: str) -> None:
    async with Emulator(provider=provider) as emulator:
        status, answer = await answered(emulator, path, body)
        assert (status, answer["code"]) == (200, 422 if says else 200)
        assert answer["msg"] == (says or "success")
        assert len(emulator.runs) == (not says)


async def test_a_callback_address_that_is_no_url_does_not_break_the_emulator() -> None:
    body = {"prompt": "x", "customMode": False, "instrumental": False, "model": "V5", "callBackUrl": "http://[x"}
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with session.post("/api/v1/generate", json=body, headers=key) as answer:
            assert answer.status == 200
