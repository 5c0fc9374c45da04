"""One program, every endpoint, each gateway: all that goes over the wire is judged by the service's description."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from suno_async import (
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
    GetDownloadUrl,
    GetTimestampedLyrics,
    Mashup,
    Provider,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    SeparateStems,
    SunoClient,
    SunoError,
    Track,
    UploadCover,
    UploadExtend,
    ValidateVoice,
    parse_callback,
)
from suno_async.api import providers
from suno_async.api.providers import PROVIDERS
from suno_async.api.requests import TABLE, Request
from suno_async.emulator import Emulator, Fail, Fault
from suno_async.http.base import Form
from suno_async.http.transport import HTTP
from suno_async.wire.envelope import Reply

from ..document import OPERATIONS, callback_schema, job_schemas, judge

pytestmark = pytest.mark.usefixtures("threads")
EVERYWHERE = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
MODEL = "V5"


class Judged(HTTP):
    """The real transport, which checks each body against the description."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.seen: set[tuple[str, str]] = set()
        """What was asked: a path, or an operation of the jobs API."""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        path = path_of(url)
        if body:
            sent = msgspec.json.decode(body)
            if path == providers.CREATE:
                judge(sent, {"$ref": job_schemas()[sent["model"]]})
                self.seen.add((method, sent["model"]))
            else:
                content = OPERATIONS[method, path]["requestBody"]["content"]
                judge(sent, content["application/json"]["schema"])
        return self._judged(method, path, await super().send(method, url, body, fresh=fresh))

    async def upload(self, url: str, form: Form) -> Reply:
        return self._judged("POST", path_of(url), await super().upload(url, form))

    def _judged(self, method: str, path: str, reply: Reply) -> Reply:
        self.seen.add((method, path))
        answered = msgspec.json.decode(reply.body)
        if reply.status >= 400 or answered["code"] != 200:
            judge(answered, {"$ref": "#/components/schemas/ErrorEnvelope"})
        elif not sent_at_once(method, path, answered):
            content = OPERATIONS[method, path]["responses"]["200"]["content"]
            judge(answered, content["application/json"]["schema"])
        return reply


def path_of(url: str) -> str:
    return "/" + url.split("?", 1)[0].split("/", 3)[3]


def sent_at_once(method: str, path: str, answered: Any) -> bool:
    """Timestamped lyrics on the jobs API: documented with the answer of the older path (x-result-json)."""
    if path != providers.CREATE or "alignedWords" not in answered["data"]:
        return False
    content = OPERATIONS["POST", GetTimestampedLyrics.path]["responses"]["200"]["content"]
    judge(answered, content["application/json"]["schema"])
    return True


@asynccontextmanager
async def opened(
    provider: Provider, *, called_back: bool = False
) -> AsyncGenerator[tuple[SunoClient, Emulator, Judged]]:
    """A client, its gateway and its transport; callbacks are checked, too, if there are to be some."""
    async with Emulator(provider=provider, seed=1, credits=10_000, media_seconds=6) as emulator:

        async def judge_callback(request: web.Request) -> web.Response:
            body = await request.read()
            kind = emulator.runs[parse_callback(body).task_id].kind
            judge(msgspec.json.decode(body), callback_schema(kind, provider))
            judged.add(kind)
            return await receiver.aiohttp(request)

        judged: set[type] = set()
        app = web.Application()
        app.router.add_post("/cb", judge_callback)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/cb" if called_back else None
        transport = Judged(emulator.api_key)
        async with SunoClient(
            api_key=emulator.api_key,
            base_url=emulator.url,
            provider=provider,
            transport=transport,
            callback_url=url,
            model=MODEL,
        ) as suno:
            receiver = suno.receiver()
            yield suno, emulator, transport
            if called_back:
                await asyncio.sleep(300)
                assert judged == {run.kind for run in emulator.runs.values()}
        await runner.cleanup()


def section(track: Track) -> ReplaceSection:
    """Of a track by its ids: a song of the emulator, whose length a track tells, is shorter than any section."""
    text: dict[str, Any] = {"lyrics": "la", "style": "pop", "title": "La", "full_lyrics": "la la"}
    return ReplaceSection(task_id=track.task_id, audio_id=track.id, start=2, end=12, **text)


async def program(suno: SunoClient) -> None:
    """Everything the API can do, in the order in which one thing leads to another."""
    url = await suno.upload("https://e.example/take.wav")
    song = await suno.upload(b"RIFF a song", name="song.wav")
    music = await suno.run(GenerateMusic(prompt="rain over Lisbon"))
    track = music.tracks[0]
    made = await asyncio.gather(
        suno.run(ExtendMusic(track, continue_at=5)),
        suno.run(UploadCover(upload_url=song, style="pop", title="La", lyrics="la la")),
        suno.run(UploadExtend(upload_url=song, continue_at=5, prompt="go on")),
        suno.run(AddInstrumental(upload_url=song, style="pop", title="La", negative_tags="rock")),
        suno.run(AddVocals(upload_url=song, style="pop", title="La", negative_tags="rock", prompt="la")),
        suno.run(Mashup(upload_url_list=(song, url), style="pop", title="La", lyrics="la")),
        suno.run(section(track)),
        suno.run(GenerateSounds(prompt="a door", sound_key="Any")),
    )
    assert {len(one.tracks) for one in made} == {2}
    assert (await suno.run(GenerateLyrics(prompt="rain"))).variants[0].text
    assert (await suno.run(BoostStyle(content="pop"))).text
    assert (await suno.run(GetTimestampedLyrics(track))).words
    assert (await suno.run(ConvertToWav(track))).audio_url
    assert (await suno.run(CreateMusicVideo(track, author="me"))).video_url
    assert (await suno.run(GenerateCover(music))).images
    assert (await suno.run(RecoverAudio(music))).tracks[0].audio_url
    stems = await suno.run(SeparateStems(track))
    assert stems.vocal_url
    assert len((await suno.run(SeparateStems(track, type="split_stem"))).urls) > 5
    assert (await suno.run(SeparateStems(track, stem_name="Piano"))).stems[0].name
    assert (await suno.run(GenerateMidi(stems))).instruments
    persona = await suno.run(GeneratePersona(track, name="Ann", description="alto"))
    await suno.run(GenerateMusic(style="fado", lyrics="la", title="La", persona_id=persona.persona_id))
    phrase = await suno.run(ValidateVoice(voice_url=song, vocal_start=0, vocal_end=10, language="pt"))
    phrase = await suno.run(RegeneratePhrase(phrase))
    assert phrase.phrase
    voice = await suno.run(GenerateVoice(phrase, verify_url=song, singer_skill_level="advanced"))
    assert voice.voice_id
    assert (await suno.run(CheckVoice(voice))).is_available
    assert await suno.get_credits() < 10_000
    if GetDownloadUrl.path not in suno.provider.unsupported_endpoints:
        assert (await suno.run(GetDownloadUrl(url=str(track.audio_url)))).startswith("http")


@EVERYWHERE
async def test_the_same_program_passes_at_every_gateway(provider: Provider, tmp_path: Path) -> None:
    """And uses every endpoint that there is."""
    async with opened(provider) as (suno, _, transport):
        await program(suno)
        (tmp_path / "song.mp3").write_bytes(b"a song")
        await suno.upload(tmp_path / "song.mp3")
        for kind in TABLE:
            if kind.path not in provider.unsupported_endpoints:
                by_jobs = provider.uses_jobs_api(kind)
                assert (
                    kind.method,
                    providers.PREFIX + kind.operation if by_jobs else provider.path(kind),
                ) in transport.seen


@EVERYWHERE
async def test_every_callback_on_the_way_is_as_documented(provider: Provider) -> None:
    async with opened(provider, called_back=True) as (suno, _, _):
        await program(suno)


@EVERYWHERE
@pytest.mark.parametrize("fault", [Fail(), Fail("SENSITIVE_WORD_ERROR")], ids=repr)
@pytest.mark.parametrize("called_back", [False, True], ids=["polled", "called back"])
async def test_every_failure_is_as_documented(provider: Provider, fault: Fault, called_back: bool) -> None:
    async with opened(provider, called_back=called_back) as (suno, emulator, _):
        music = await suno.run(GenerateMusic(prompt="rain"))
        track = music.tracks[0]
        stems = await suno.run(SeparateStems(track))
        phrase = await suno.run(ValidateVoice(voice_url="https://e.example/v", vocal_start=0, vocal_end=10))
        requests: list[Request[Any]] = [
            GenerateMusic(prompt="rain"),
            GenerateLyrics(prompt="rain"),
            ConvertToWav(track),
            CreateMusicVideo(track),
            SeparateStems(track),
            GenerateMidi(stems),
            GenerateCover(music),
            RecoverAudio(music),
            ValidateVoice(voice_url="https://e.example/v", vocal_start=0, vocal_end=10),
            RegeneratePhrase(phrase),
            GenerateVoice(phrase, verify_url="https://e.example/v"),
            BoostStyle(content="pop"),
        ]
        for request in requests:
            emulator.script(None, [fault])
            with pytest.raises(SunoError) as caught:
                await suno.run(request)
            assert str(caught.value)
