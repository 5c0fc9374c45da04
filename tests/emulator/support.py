"""What the tests of the emulator share: requests of every kind, clients, a callback address."""

import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    BoostStyle,
    CheckVoice,
    ConvertToWav,
    CreateMusicVideo,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    GenerateVoice,
    GetCredits,
    GetDownloadUrl,
    GetTimestampedLyrics,
    Job,
    Mashup,
    Provider,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    SeparateStems,
    SunoClient,
    Task,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadFromUrl,
    UploadStream,
    ValidateVoice,
)
from suno_async.api.requests import TABLE, Request
from suno_async.api.results import Result
from suno_async.emulator import Emulator

EVERYWHERE = [KIE, KIE_JOBS, SUNOAPI, APIKLEY]

SECONDS = 4.0
"""How long tunes are in most tests."""

URL = "https://e.example/a.mp3"


class Recorder:
    """A callback address that records what is posted, and answers with given statuses."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def open_recorder() -> AsyncGenerator[tuple[Recorder, str]]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_post("/cb", recorder.__call__)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield recorder, f"http://127.0.0.1:{runner.addresses[0][1]}/cb"
    await runner.cleanup()


@asynccontextmanager
async def receiving_client(emulator: Emulator, **settings: Any) -> AsyncGenerator[SunoClient]:
    """A client whose receiver is served at its callback address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/suno"
        async with calling(emulator, url, **settings) as suno:
            app = web.Application()
            app.router.add_post("/suno", suno.receiver().aiohttp)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.SockSite(runner, server).start()
            yield suno
            await runner.cleanup()


def calling(emulator: Emulator, url: str, **settings: Any) -> SunoClient:
    """A client with a callback address."""
    address: Any = {"api_key": emulator.api_key, "base_url": emulator.url, "provider": emulator.provider}
    return SunoClient(**address, callback_url=url, model="V5", **settings)


MADE_AT_ONCE: dict[type[Request[Any]], Callable[[], Request[Any]]] = {
    GenerateMusic: lambda: GenerateMusic(prompt="rain in Lisbon"),
    ExtendMusic: lambda: ExtendMusic(audio_id="made-up"),  # the service does not check it
    UploadCover: lambda: UploadCover(upload_url=URL, style="pop", title="La", prompt="la"),
    UploadExtend: lambda: UploadExtend(upload_url=URL, continue_at=5, prompt="go on"),
    AddInstrumental: lambda: AddInstrumental(upload_url=URL, title="La", style="pop", negative_tags="rock"),
    AddVocals: lambda: AddVocals(upload_url=URL, title="La", style="pop", negative_tags="rock", prompt="la"),
    Mashup: lambda: Mashup(upload_url_list=(URL, URL), style="pop", title="La", prompt="la"),
    ReplaceSection: lambda: ReplaceSection(
        task_id="t", audio_id="a", prompt="la", style="pop", title="La", start=10, end=30, full_lyrics="la la"
    ),
    GenerateSounds: lambda: GenerateSounds(prompt="rain"),
    GenerateLyrics: lambda: GenerateLyrics(prompt="rain in Lisbon"),
    BoostStyle: lambda: BoostStyle(content="pop"),
    RecoverAudio: lambda: RecoverAudio(task_id="a task of last year"),
    ValidateVoice: lambda: ValidateVoice(voice_url=URL, vocal_start=0, vocal_end=15),
    GetCredits: GetCredits,
    UploadBase64: lambda: UploadBase64(base64_data="SUQz", file_name="a.mp3"),
    UploadFromUrl: lambda: UploadFromUrl(file_url=URL),
    UploadStream: lambda: UploadStream(file=b"ID3"),
}


async def example_of(kind: type[Request[Any]], suno: SunoClient) -> Request[Any]:
    """A request of that kind, after what it needs was made."""
    if kind in MADE_AT_ONCE:
        return MADE_AT_ONCE[kind]()
    if kind in (RegeneratePhrase, GenerateVoice, CheckVoice):
        phrase = await suno.run(MADE_AT_ONCE[ValidateVoice]())
        if kind is RegeneratePhrase:
            return RegeneratePhrase(phrase)
        voicing = GenerateVoice(phrase, verify_url=URL)
        if kind is GenerateVoice:
            return voicing
        voice = await suno.run(voicing)
        return CheckVoice(voice)
    music = await suno.run(GenerateMusic(prompt="rain in Lisbon"))
    (track, _) = music.tracks
    if kind is GenerateMidi:
        stems = await suno.run(SeparateStems(track))
        return GenerateMidi(stems)
    made: dict[type[Request[Any]], Callable[[], Request[Any]]] = {
        GetTimestampedLyrics: lambda: GetTimestampedLyrics(track),
        ConvertToWav: lambda: ConvertToWav(track),
        CreateMusicVideo: lambda: CreateMusicVideo(track, author="me"),
        SeparateStems: lambda: SeparateStems(track),
        GenerateCover: lambda: GenerateCover(music),
        GeneratePersona: lambda: GeneratePersona(track, name="Dock Singer", description="low and dry"),
        GetDownloadUrl: lambda: GetDownloadUrl(url=track.audio_url or ""),
    }
    return made[kind]()


def offered(kinds: list[type[Request[Any]]]) -> list[Any]:
    """Kinds of requests, each at every provider that has it."""
    return [
        pytest.param(provider, kind, id=f"{kind.__name__}-{provider.name}")
        for kind in kinds
        for provider in EVERYWHERE
        if kind.path not in provider.unsupported_endpoints
    ]


def answered_by_task(provider: Provider, kind: type[Request[Any]]) -> bool:
    """Whether a request is answered by a task at a provider."""
    return issubclass(kind, Job) or (provider.uses_jobs_api(kind) and kind is not GetTimestampedLyrics)


TASKS = [param for param in offered(list(TABLE)) if answered_by_task(*param.values)]


@asynccontextmanager
async def service(
    provider: Provider, *, speed: float = 1.0, **settings: Any
) -> AsyncGenerator[tuple[Emulator, SunoClient]]:
    async with (
        Emulator(provider=provider, seed=1, speed=speed, media_seconds=SECONDS) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=provider, model="V5", **settings) as suno,
    ):
        yield emulator, suno


async def submitted(suno: SunoClient, request: Any) -> Task[Any]:
    task: Task[Any] = await suno.submit(request)
    return task


def is_complete(result: Any) -> bool:
    return isinstance(result, Result) and result.complete


WORDS: dict[Any, tuple[list[Any], Any]] = {
    GenerateMusic: (["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"], "GENERATE_AUDIO_FAILED"),
    GenerateLyrics: (["PENDING", "SUCCESS"], "GENERATE_LYRICS_FAILED"),
    ConvertToWav: (["PENDING", "SUCCESS"], "GENERATE_WAV_FAILED"),
    CreateMusicVideo: (["PENDING", "SUCCESS"], "GENERATE_MP4_FAILED"),
    SeparateStems: (["PENDING", "SUCCESS"], "GENERATE_AUDIO_FAILED"),
    GenerateMidi: ([0, 1], 3),
    GenerateCover: ([0, 2, 1], 3),
    RecoverAudio: ([201, 200], 500),
    ValidateVoice: (["wait_processing", "processing_validate", "wait_validating"], "processing_validate_fail"),
    GenerateVoice: (["wait_processing", "processing_validate", "wait_validating", "success"], "fail"),
}


async def answered(emulator: Emulator, path: str, body: Any) -> tuple[int, Any]:
    key = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession(emulator.url) as session,
        session.post(path, data=json.dumps(body), headers=key) as answer,
    ):
        return answer.status, json.loads(await answer.read())
