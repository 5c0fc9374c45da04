"""The emulator as its users meet it: over HTTP, through the client, with time in hand."""

import asyncio
import base64
import io
import json
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import av
import pytest
from aiohttp import web

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    AlreadyExists,
    BoostStyle,
    CheckVoice,
    ConfigurationError,
    ContentRejected,
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
    InsufficientCredits,
    InvalidRequest,
    Job,
    Mashup,
    Pace,
    Provider,
    RateLimited,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    SeparateStems,
    ServerError,
    Source,
    Stage,
    SubmissionUncertain,
    SunoClient,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    Unauthorized,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadFromUrl,
    UploadStream,
    ValidateVoice,
)
from suno_async.api import providers
from suno_async.api.requests import TABLE, Request
from suno_async.api.results import Result
from suno_async.emulator import Emulator, Fault, media
from suno_async.wire import callbacks, encoding

from ..conftest import now

pytestmark = pytest.mark.usefixtures("threads")


@pytest.fixture(params=[KIE, SUNOAPI], ids=lambda provider: provider.name)
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    async with Emulator(provider=request.param, seed=1) as emulator:
        yield emulator


@pytest.fixture
async def suno(emulator: Emulator) -> AsyncIterator[SunoClient]:
    async with SunoClient(
        api_key=emulator.api_key, base_url=emulator.url, provider=emulator.provider, model="V5"
    ) as suno:
        yield suno


async def test_a_song_goes_through_its_stages_in_the_services_time(suno: SunoClient, tmp_path: Path) -> None:
    task = await suno.generate_music(prompt="rain")
    stages = {update.stage: now() async for update in task}
    assert list(stages) == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
    assert 120 <= stages[Stage.COMPLETE] <= 200
    music = await task
    assert len(music.tracks) == 2
    paths = await suno.download(music, tmp_path)
    assert [path.suffix for path in paths] == [".mp3", ".jpeg"] * 2
    for path in paths:
        with av.open(str(path)) as opened:
            assert opened.streams[0].type == ("audio" if path.suffix == ".mp3" else "video")
            if path.suffix == ".mp3":
                assert opened.duration == pytest.approx(media.SECONDS * 1e6, rel=0.05)
    assert await suno.get_credits() == 988


async def test_lyrics_and_style_and_credits(suno: SunoClient) -> None:
    lyrics = await suno.run(GenerateLyrics(prompt="rain"))
    assert len(lyrics.variants) == 2
    assert "rain" in (lyrics.variants[0].text or "")
    style = await suno.boost_style(content="pop")
    assert (style.text or "").startswith("pop, ")
    assert await suno.get_credits() == style.credits_remaining == 999.2


async def test_tunes_differ_by_prompt_and_by_take_and_are_real_without_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len({media.tune(text) for text in ("0 rain", "1 rain", "0 sun")}) == 3
    monkeypatch.setattr(media, "ENCODES", False)
    media.tune.cache_clear()
    media.picture.cache_clear()
    with av.open(io.BytesIO(media.tune("0 rain"))) as opened:
        assert (opened.format.name, opened.streams[0].type) == ("wav", "audio")
    with av.open(io.BytesIO(media.picture("0 rain")), "r") as opened:
        assert next(opened.decode(video=0)).width == 256
    media.tune.cache_clear()
    media.picture.cache_clear()


async def test_a_wrong_key_is_refused(emulator: Emulator) -> None:
    async with SunoClient(api_key="wrong", base_url=emulator.url, provider=emulator.provider) as suno:
        with pytest.raises(Unauthorized):
            await suno.generate_music(prompt="rain")
        with pytest.raises(Unauthorized):
            await suno.attach(GenerateMusic, "t1")
        with pytest.raises(Unauthorized):
            await suno.get_credits()


async def test_credits_run_out(emulator: Emulator, suno: SunoClient) -> None:
    emulator.credits = 20
    await suno.generate_music(prompt="rain")
    with pytest.raises(InsufficientCredits):
        await suno.generate_music(prompt="rain")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not valid JSON"),
        ('{"prompt":"x","customMode":false,"instrumental":false,"model":"V5"}', "Please enter callBackUrl."),
        ('{"prompt":"x","customMode":false,"model":"V5","callBackUrl":"x"}', "instrumental cannot be null"),
        ('{"customMode":1,"instrumental":false,"model":"V5","callBackUrl":"x"}', "Expected `bool"),
        ('{"instrumental":false,"customMode":true,"model":"V5","styleWeight":3,"callBackUrl":"x"}', "<= 1.0"),
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


async def test_the_rate_limit_is_enforced_and_the_client_keeps_it(emulator: Emulator, suno: SunoClient) -> None:
    """A hundred submits from one client: none refused, and no slower than the limit asks."""
    await asyncio.gather(*(suno.generate_lyrics(prompt=f"rain {n}") for n in range(100)))
    assert {seen.status for seen in emulator.log} == {200}
    assert len(emulator.runs) == 100
    assert now() < 42

    async with aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        codes: list[int] = []
        for _ in range(25):
            async with session.post("/api/v1/lyrics", data="{}", headers=key) as answer:
                codes.append(json.loads(await answer.read())["code"])
    assert codes[-1] == (429 if emulator.provider is KIE else 430)


async def test_two_clients_of_one_account_get_through_in_the_end(emulator: Emulator, suno: SunoClient) -> None:
    """Neither knows of the other; refusals make both wait and nothing is paid twice."""
    async with SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=emulator.provider) as other:
        both = [client.generate_lyrics(prompt=f"{n}") for n in range(30) for client in (suno, other)]
        await asyncio.gather(*both)
    assert len(emulator.runs) == 60
    assert any(seen.status == 429 for seen in emulator.log) or emulator.provider is SUNOAPI


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.GARBLE, Fault.DROP, Fault.HTML])
async def test_an_uncertain_submit_is_reported_and_never_repeated(
    emulator: Emulator, suno: SunoClient, fault: Fault
) -> None:
    emulator.next(fault)
    with pytest.raises(SubmissionUncertain):
        await suno.generate_music(prompt="rain")
    await anyio.sleep(600)
    assert len(emulator.runs) == (fault in (Fault.LOSE_ANSWER, Fault.GARBLE))
    assert sum(seen.method == "POST" for seen in emulator.log) == 1


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.MAINTENANCE])
async def test_a_refused_submit_is_repeated_and_paid_once(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    emulator.next(fault, fault)
    await suno.generate_music(prompt="rain")
    assert len(emulator.runs) == 1
    assert sum(seen.method == "POST" for seen in emulator.log) == 3
    assert await suno.get_credits() == 988


async def test_every_way_a_job_can_go_wrong(emulator: Emulator, suno: SunoClient) -> None:
    async def ends(fault: Fault) -> Any:
        emulator.next(fault)
        try:
            return len((await (await suno.generate_music(prompt="rain"))).tracks)
        except Exception as exc:
            return type(exc)

    assert {fault: await ends(fault) for fault in Fault if fault not in BEFORE} == {
        Fault.FAIL: TaskFailed,
        Fault.REJECT: ContentRejected,
        Fault.INVISIBLE: 2,
        Fault.LATE_FILES: 2,
        Fault.UNDELIVERED: 2,
        Fault.SILENT: 2,
        Fault.DELAYED: 2,
        Fault.REORDERED: 2,
        Fault.DUPLICATED: 2,
        Fault.OVERTAKING: 2,
        Fault.STUCK: TaskTimeout,
        Fault.DEAD_LINK: 2,
    }


BEFORE = {Fault.DROP, Fault.LOSE_ANSWER, Fault.GARBLE, Fault.HTML, Fault.RATE_LIMIT, Fault.MAINTENANCE}


async def test_dead_links_are_replaced_on_download(emulator: Emulator, suno: SunoClient, tmp_path: Path) -> None:
    emulator.next(Fault.DEAD_LINK)
    music = await (await suno.generate_music(prompt="rain"))
    paths = await suno.download(music, tmp_path)
    assert [path.stat().st_size > 1000 for path in paths] == [True] * 4


class Door:
    """A callback address that notes what is posted and answers by script."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def open_door() -> AsyncGenerator[tuple[Door, str]]:
    door = Door()
    app = web.Application()
    app.router.add_post("/cb", door.__call__)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield door, f"http://127.0.0.1:{runner.addresses[0][1]}/cb"
    await runner.cleanup()


@pytest.fixture
async def door() -> AsyncIterator[tuple[Door, str]]:
    async with open_door() as opened:
        yield opened


def calling(emulator: Emulator, url: str) -> SunoClient:
    return SunoClient(
        api_key=emulator.api_key, base_url=emulator.url, provider=emulator.provider, callback_url=url, model="V5"
    )


async def test_callbacks_are_posted_stage_by_stage(emulator: Emulator, door: tuple[Door, str]) -> None:
    async with calling(emulator, door[1]) as suno:
        music = await suno.generate_music(prompt="rain")
        lyrics = await suno.generate_lyrics(prompt="rain")
        await anyio.sleep(300)
    told = [body["data"] for body in door[0].bodies]
    assert [data["callbackType"] for data in told if data.get("task_id") == music.id] == ["text", "first", "complete"]
    name = "task_id" if emulator.provider is KIE else "taskId"
    assert [data["callbackType"] for data in told if data.get(name) == lyrics.id] == ["complete"]


async def test_a_callback_that_is_not_taken_is_posted_three_times_more(
    emulator: Emulator, door: tuple[Door, str]
) -> None:
    door[0].statuses = [500, 503, 404, 200]
    async with calling(emulator, door[1]) as suno:
        await suno.generate_lyrics(prompt="rain")
        await anyio.sleep(60)
    assert len(door[0].bodies) == 4


async def test_an_address_that_never_answers_is_a_callback_exception_and_the_song_is_fine(
    emulator: Emulator, door: tuple[Door, str]
) -> None:
    door[0].statuses = [500] * 100
    async with calling(emulator, door[1]) as suno:
        task = await suno.generate_music(prompt="rain")
        assert len((await task).tracks) == 2
    assert task.last.status == "CALLBACK_EXCEPTION"


async def test_the_default_callback_address_is_never_called(suno: SunoClient, emulator: Emulator) -> None:
    assert suno.callback_url == "https://suno-async.invalid/callback"
    await (await suno.generate_music(prompt="rain"))
    assert not emulator.posted


async def test_callbacks_end_a_wait_without_a_look(emulator: Emulator) -> None:
    """From submit to result through a real receiver, faster than the pace of looks alone."""
    app = web.Application()
    runner = web.AppRunner(app)
    suno = calling(emulator, "http://127.0.0.1:1/replaced")
    app.router.add_post("/suno", suno.receiver().aiohttp)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    suno.callback_url = f"http://127.0.0.1:{runner.addresses[0][1]}/suno"
    task = await suno.generate_music(prompt="rain")
    sources = {update.stage: update.source async for update in task}
    assert sources[Stage.COMPLETE] is Source.CALLBACK
    assert not [seen for seen in emulator.log if seen.path.endswith("record-info")]
    assert now() == pytest.approx(emulator.runs[task.id].marks[Stage.COMPLETE], abs=0.5)
    await suno.aclose()
    await runner.cleanup()


async def test_time_runs_faster_or_by_hand() -> None:
    async with Emulator(speed=100) as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
        await suno.generate_music(prompt="rain")
        (run,) = emulator.runs.values()
        assert run.stage(emulator.now()) is Stage.PENDING
        await anyio.sleep(0.4)
        assert run.stage(emulator.now()) is Stage.FIRST
        emulator.advance(200)
        assert run.stage(emulator.now()) is Stage.COMPLETE


async def test_the_same_seed_makes_the_same_ids() -> None:
    ids: list[str] = []
    for _ in range(2):
        async with Emulator(seed=7) as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
            ids.append((await suno.generate_music(prompt="rain")).id)
    assert ids[0] == ids[1]
    assert len(ids[0]) == 32


async def test_an_own_gateway_is_a_changed_value() -> None:
    import msgspec

    own: Provider = msgspec.structs.replace(KIE, name="kie", api="http://127.0.0.1:9")
    with pytest.raises(ConfigurationError):
        SunoClient(api_key="k", provider="own")
    async with SunoClient(api_key="k", provider=own) as suno:
        assert suno._base == "http://127.0.0.1:9"


async def test_a_rate_refusal_says_so() -> None:
    async with Emulator() as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
        emulator.next(*[Fault.RATE_LIMIT] * 20)
        with pytest.raises(RateLimited):
            await suno.generate_music(prompt="rain")


async def told_by(emulator: Emulator, *faults: Fault) -> list[str]:
    """The stages that are posted of a song when time makes one step over all of them."""
    async with open_door() as (door, url), calling(emulator, url) as suno:
        emulator.next(*faults)
        await suno.generate_music(prompt="rain")
        emulator.advance(300)
        await anyio.sleep(30)
    return [body["data"]["callbackType"] for body in door.bodies]


async def test_a_step_over_all_stages_posts_each_of_them_once() -> None:
    async with Emulator() as emulator:
        assert await told_by(emulator) == ["text", "first", "complete"]


async def test_a_failure_is_posted_once() -> None:
    async with Emulator() as emulator:
        assert (await told_by(emulator, Fault.FAIL)).count("error") == 1


async def test_an_emulator_whose_clock_stands_is_stepped_by_hand() -> None:
    async with Emulator(speed=0) as emulator:
        assert await told_by(emulator) == ["text", "first", "complete"]


async def test_a_callback_address_that_is_none_is_no_crash_of_the_emulator() -> None:
    body = {"prompt": "x", "customMode": False, "instrumental": False, "model": "V5", "callBackUrl": "http://[x"}
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with session.post("/api/v1/generate", json=body, headers=key) as answer:
            assert answer.status == 200


async def test_the_emulator_enforces_three_looks_a_second() -> None:
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        statuses: list[Any] = []
        for _ in range(20):
            async with session.get("/api/v1/generate/record-info", params={"taskId": "x"}, headers=key) as answer:
                statuses.append((answer.status, (await answer.json())["code"]))
    assert any(429 in one for one in statuses)


# ---- the whole table, at every gateway -------------------------------------------------------------------------------

EVERYWHERE = [KIE, KIE_JOBS, SUNOAPI, APIKLEY]
URL = "https://e.example/a.mp3"
MADE_AT_ONCE: dict[type[Request[Any]], Callable[[], Request[Any]]] = {
    GenerateMusic: lambda: GenerateMusic(prompt="rain in Lisbon"),
    ExtendMusic: lambda: ExtendMusic(audio_id="made-up"),  # nobody checks it
    UploadCover: lambda: UploadCover(upload_url=URL, style="pop", title="La"),
    UploadExtend: lambda: UploadExtend(upload_url=URL, continue_at=5, prompt="go on"),
    AddInstrumental: lambda: AddInstrumental(upload_url=URL, title="La", style="pop", negative_tags="rock"),
    AddVocals: lambda: AddVocals(upload_url=URL, title="La", style="pop", negative_tags="rock", prompt="la"),
    Mashup: lambda: Mashup(upload_url_list=(URL, URL), style="pop", title="La"),
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
    """Kinds of requests, each at every gateway that has it."""
    return [
        pytest.param(provider, kind, id=f"{kind.__name__}-{provider.name}")
        for kind in kinds
        for provider in EVERYWHERE
        if kind.path not in provider.unsupported_endpoints
    ]


def by_task(provider: Provider, kind: type[Request[Any]]) -> bool:
    """Whether a request is answered by a task at a gateway."""
    return issubclass(kind, Job) or (provider.uses_jobs_api(kind) and kind is not GetTimestampedLyrics)


TASKS = [param for param in offered(list(TABLE)) if by_task(*param.values)]


@asynccontextmanager
async def service(
    provider: Provider, *, speed: float = 1.0, **settings: Any
) -> AsyncGenerator[tuple[Emulator, SunoClient]]:
    async with (
        Emulator(provider=provider, seed=1, speed=speed) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=provider, model="V5", **settings) as suno,
    ):
        yield emulator, suno


@pytest.mark.parametrize(("provider", "kind"), offered(list(TABLE)))
async def test_every_request_of_the_table_comes_to_its_result(provider: Provider, kind: type[Request[Any]]) -> None:
    async with service(provider, speed=30) as (emulator, suno):
        result = await suno.run(await example_of(kind, suno))
        assert isinstance(result, kind.result)
        if isinstance(result, Result):
            assert whole(result)
            for file in result.files():
                assert file.url.startswith(emulator.url)
        assert all(seen.status == 200 for seen in emulator.log)


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.REJECT])
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_task_can_fail_as_its_kind_does(provider: Provider, kind: type[Request[Any]], fault: Fault) -> None:
    async with service(provider, speed=30) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        with pytest.raises(TaskFailed) as raised:
            await suno.run(request)
        assert raised.value.message == fault.value
        assert raised.value.code in (400, 500, 501)
        assert isinstance(raised.value, ContentRejected) == (raised.value.code == 400)
        await suno.run(request)  # and may be tried again


async def submitted(suno: SunoClient, request: Any) -> Task[Any]:
    task: Task[Any] = await suno.submit(request)
    return task


def whole(result: Any) -> bool:
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


async def looks(emulator: Emulator, path: str, task_id: str) -> list[Any]:
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
        *[(kind, fault) for kind in WORDS for fault in (None, Fault.FAIL)],
        *[(kind, Fault.STUCK) for kind in (GenerateMusic, ValidateVoice, RecoverAudio)],
    ],
)
async def test_the_details_pages_speak_their_own_words(kind: Any, fault: Fault | None) -> None:
    async with service(SUNOAPI) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        task = await submitted(suno, request)
        said = await looks(emulator, kind.details, task.id)
    words = distinct(
        [
            body["code"] if kind.state_in_code else body["data"].get("status", body["data"].get("successFlag"))
            for body in said
        ]
    )
    going, failed = WORDS[kind]
    if fault is Fault.STUCK:
        assert words == going[: 2 if kind is GenerateMusic else -1]
    else:
        assert words == (going if fault is None else [*going[:-1], failed])


@pytest.mark.parametrize(("fault", "end"), [(None, "success"), (Fault.FAIL, "fail")])
async def test_the_record_of_the_jobs_route(fault: Fault | None, end: str) -> None:
    async with service(KIE_JOBS) as (emulator, suno):
        emulator.next(fault)
        task = await suno.generate_lyrics(prompt="rain")
        said = await looks(emulator, providers.RECORD, task.id)
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
            assert (last["resultJson"], last["failCode"], last["failMsg"]) == ("", "500", Fault.FAIL.value)
        assert (await looks(emulator, providers.RECORD, "unknown"))[0] == {
            "code": 422,
            "msg": "recordInfo is null",
            "data": None,
        }


# ---- callbacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, Fault.FAIL, Fault.REJECT])
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_callback_is_news_that_the_client_can_read(
    provider: Provider, kind: type[Request[Any]], fault: Fault | None, door: tuple[Door, str]
) -> None:
    async with service(provider, speed=30, callback_url=door[1]) as (emulator, suno):
        request = (await example_of(kind, suno)).with_model("V5")
        door[0].bodies.clear()
        emulator.next(fault)
        body = encoding.encode(request, provider, door[1])
        path, key = emulator.url + provider.path(kind), {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession() as session, session.post(path, data=body, headers=key) as answer:
            accepted = (await answer.json())["data"]
        await anyio.sleep(10)
    told = [callbacks.parse(json.dumps(body).encode()) for body in door[0].bodies]
    assert {callback.task_id for callback in told} == {accepted[provider.query(kind)]}
    updates = [callbacks.update(callback, kind) for callback in told]
    by_stages = isinstance(request, Job) and request.details == GenerateMusic.details and kind is not ReplaceSection
    end = Stage.COMPLETE if fault is None else Stage.FAILED
    # The text stage has nothing that could be read as a track.
    assert [update.stage for update in updates] == ([Stage.TEXT, Stage.FIRST] if by_stages else []) + [end]
    if fault is None:
        assert isinstance(updates[-1].result, kind.result)
        assert whole(updates[-1].result)
    else:
        assert (updates[-1].message, door[0].bodies[-1]["msg"]) == (fault.value, fault.value)
        assert updates[-1].code in (400, 500, 501)


async def posted(provider: Provider, kind: type[Job[Any]], fault: Fault | None = None) -> Any:
    """The last callback of a job."""
    async with open_door() as (door, url), service(provider, speed=30, callback_url=url) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        await submitted(suno, request)
        await anyio.sleep(10)
        return door.bodies[-1]


@pytest.mark.parametrize(("provider", "name"), [(KIE, "vocal_separation_info"), (SUNOAPI, "vocal_removal_info")])
async def test_callbacks_of_stems_are_spelt_as_each_gateway_does(provider: Provider, name: str) -> None:
    info = (await posted(provider, SeparateStems))["data"][name]
    assert {"vocal_url", "instrumental_url"} < info.keys()
    failed = await posted(provider, SeparateStems, Fault.FAIL)
    assert (failed["code"], failed["data"][name]) == (500, None)


async def test_other_callbacks_are_spelt_as_each_gateway_does() -> None:
    kie, sunoapi = await posted(KIE, GenerateMidi), await posted(SUNOAPI, GenerateMidi)
    assert kie["data"].keys() == {"taskId", "state", "instruments"}
    assert (sunoapi.keys(), sunoapi["data"].keys()) == (
        {"code", "msg", "task_id", "data"},
        {"state", "instruments"},
    )
    assert (await posted(SUNOAPI, GenerateMidi, Fault.FAIL))["data"] is None
    kie, sunoapi = await posted(KIE, GenerateLyrics), await posted(SUNOAPI, GenerateLyrics)
    assert "error_message" in kie["data"]["data"][0]
    assert "errorMessage" in sunoapi["data"]["data"][0]
    assert (await posted(KIE, ConvertToWav))["data"].keys() == {"task_id", "audioWavUrl"}
    failed = await posted(KIE, ValidateVoice, Fault.FAIL)
    assert (failed["code"], failed["data"]["status"], failed["data"]["validateInfo"]) == (
        *(400, "processing_validate_fail"),
        "",
    )
    failed = await posted(KIE, ReplaceSection, Fault.FAIL)
    assert failed["data"].keys() == {"callbackType", "task_id", "error"}
    by_jobs = await posted(KIE_JOBS, GenerateLyrics)
    assert by_jobs["data"]["state"] == "success"


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_what_is_made_once_is_refused_the_second_time(provider: Provider) -> None:
    async with service(provider) as (emulator, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        one, two = music.tracks
        cover = await suno.generate_cover(music)
        assert (await suno.generate_cover(music)).id == cover.id  # told by the refusal
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
        assert before - emulator.credits == (16 if provider is KIE_JOBS else 20)


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
        emulator.next(Fault.FAIL)
        failed = await suno.generate_voice(task_id=phrase.id, verify_url=URL)
        with pytest.raises(TaskFailed):
            await failed
        voice = await suno.generate_voice(task_id=phrase.id, verify_url=URL)
        assert not (await suno.check_voice(task_id=voice.id)).is_available
        assert (await suno.check_voice(await voice)).is_available


async def answered(emulator: Emulator, path: str, body: Any) -> tuple[int, Any]:
    key = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession(emulator.url) as session,
        session.post(path, data=json.dumps(body), headers=key) as answer,
    ):
        return answer.status, json.loads(await answer.read())


CALLED = {"callBackUrl": "https://me.invalid/cb"}
MASHED = {"uploadUrlList": [URL, URL], "model": "V6", **CALLED}
REPLACED = {"taskId": "t", "audioId": "a", "prompt": "l", "tags": "p", "title": "t", "infillStartS": 1, "infillEndS": 9}


@pytest.mark.parametrize(
    ("provider", "path", "body", "says"),
    [
        (SUNOAPI, Mashup.path, MASHED, ""),
        (SUNOAPI, Mashup.path, {"model": "V6"} | CALLED, "uploadUrlList cannot be null"),
        (SUNOAPI, Mashup.path, MASHED | {"customMode": False}, "customMode can only be True"),
        (SUNOAPI, Mashup.path, MASHED | {"model": "V5", "customMode": False}, ""),
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
async def test_each_gateway_wants_its_own_fields(provider: Provider, path: str, body: Any, says: str) -> None:
    async with Emulator(provider=provider) as emulator:
        status, answer = await answered(emulator, path, body)
        assert (status, answer["code"]) == (200, 422 if says else 200)
        assert answer["msg"] == (says or "success")
        assert len(emulator.runs) == (not says)


async def test_kie_serves_both_of_its_routes_and_ids_go_from_one_to_the_other() -> None:
    async with (
        service(KIE_JOBS) as (emulator, suno),
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=KIE, model="V5") as older,
    ):
        music = await older.run(GenerateMusic(prompt="rain"))
        assert (await suno.run(ConvertToWav(music.tracks[0]))).audio_url
        stems = await suno.run(SeparateStems(music.tracks[1]))
        assert (await older.run(GenerateMidi(stems))).instruments
        with pytest.raises(TaskNotFound):
            await suno.attach(GenerateMusic, music.task_id)  # its page is the older one
        assert {seen.path for seen in emulator.log if seen.method == "GET"} == {
            *(GenerateMusic.details, GenerateMidi.details, providers.RECORD),
        }


async def test_what_a_gateway_has_not_is_not_found() -> None:
    async with Emulator(provider=SUNOAPI) as emulator:
        assert (await answered(emulator, GetDownloadUrl.path, {"url": URL}))[0] == 404
        assert (await answered(emulator, providers.CREATE, {}))[0] == 404
    async with Emulator() as emulator:
        status, answer = await answered(emulator, "/api/v1/get-credits", {})
        assert (status, answer["code"]) == (404, 404)


async def test_direct_links_are_given_for_its_own_files_only() -> None:
    async with service(KIE) as (_, suno), aiohttp.ClientSession() as session:
        music = await suno.run(GenerateMusic(prompt="rain"))
        link = await suno.get_download_url(url=music.tracks[0].audio_url or "")
        async with session.get(link) as answer:
            assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        with pytest.raises(InvalidRequest, match="url is wrong"):
            await suno.get_download_url(url=URL)


async def test_calls_fail_as_they_do() -> None:
    async with service(SUNOAPI) as (emulator, suno):
        emulator.next(Fault.FAIL)
        with pytest.raises(TaskFailed, match=Fault.FAIL.value):
            await suno.boost_style(content="pop")
        persona = await example_of(GeneratePersona, suno)
        emulator.next(Fault.FAIL, Fault.REJECT)
        with pytest.raises(ServerError):
            await suno.run(persona)
        with pytest.raises(InvalidRequest):
            await suno.run(persona)
        assert await suno.run(persona)
        emulator.next(Fault.FAIL, of=GetCredits)
        assert await suno.get_credits() == emulator.credits  # asked again
        emulator.next(*[Fault.FAIL] * 20, of=GetCredits)
        with pytest.raises(ServerError):
            await suno.get_credits()


async def test_credits_of_failed_songs_come_back_when_they_have_failed() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.next(Fault.FAIL)
        task = await suno.generate_music(prompt="rain")
        assert await suno.get_credits() == 988
        with pytest.raises(TaskFailed):
            await task
        assert await suno.get_credits() == emulator.credits == 1000


# ---- files -----------------------------------------------------------------------------------------------------------

FILED: list[type[Request[Any]]] = [
    GenerateMusic,
    ConvertToWav,
    CreateMusicVideo,
    SeparateStems,
    GenerateCover,
    RecoverAudio,
]


@pytest.mark.parametrize(("provider", "kind"), [(provider, kind) for provider in (KIE_JOBS, SUNOAPI) for kind in FILED])
async def test_every_file_is_what_its_name_says_and_dead_links_are_replaced(
    provider: Provider, kind: type[Job[Any]], tmp_path: Path
) -> None:
    async with service(provider, pace=Pace(first=30)) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(Fault.DEAD_LINK)
        paths = await suno.download(await suno.run(request), tmp_path)
    assert len(paths) >= (1 if kind in (ConvertToWav, CreateMusicVideo) else 2)
    for path in paths:
        form, streams = FORMATS[path.suffix]
        with av.open(io.BytesIO(path.read_bytes()), "r") as opened:
            assert form in opened.format.name
            assert {stream.type for stream in opened.streams} == streams
            if "audio" in streams:
                assert (opened.duration or 0) / 1e6 == pytest.approx(media.SECONDS, rel=0.05)
            assert {type(frame).__name__ for frame in opened.decode()} == {f"{kind.title()}Frame" for kind in streams}


FORMATS = {
    ".mp3": ("mp3", {"audio"}),
    ".wav": ("wav", {"audio"}),
    ".m4a": ("m4a", {"audio"}),
    ".mp4": ("mp4", {"audio", "video"}),
    ".jpeg": ("jpeg", {"video"}),
    ".png": ("png", {"video"}),
}


async def test_the_wav_and_the_video_are_of_the_same_tune() -> None:
    async with service(KIE) as (emulator, suno), aiohttp.ClientSession() as session:
        music = await suno.run(GenerateMusic(prompt="rain"))
        wavs = [await suno.run(ConvertToWav(track)) for track in music.tracks]
        bodies: list[bytes] = []
        for wav in wavs:
            async with session.get(wav.audio_url or "") as answer:
                bodies.append(await answer.read())
        run = emulator.runs[music.task_id]
        assert bodies == [media.make(run.family.seed(run, str(place)), ".wav") for place in (0, 1)]
        assert bodies[0] != bodies[1]


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(media, "ENCODES", False)
        media.tune.cache_clear()
        media.picture.cache_clear()
        yield
    media.tune.cache_clear()
    media.picture.cache_clear()


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_without_the_extra_there_is_everything_but_videos(
    provider: Provider, without_the_extra: None, tmp_path: Path
) -> None:
    async with service(provider) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        with pytest.raises(ServerError, match=r"suno-async\[emulator\]") as refused:
            await suno.create_music_video(music.tracks[0])
        assert refused.value.code == 505
        stems = await suno.run(SeparateStems(music.tracks[0]))
        recovery = await suno.run(RecoverAudio(music))
        found: list[Result] = [music, stems, recovery]
        suffixes = [path.suffix for result in found for path in await suno.download(result, tmp_path)]
        assert suffixes == [".wav", ".png"] * 2 + [".wav"] * 4


async def test_each_type_of_separation_gives_its_stems_and_any_of_them_becomes_notes() -> None:
    async with service(SUNOAPI) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        two = await suno.run(SeparateStems(music.tracks[0]))
        many = await suno.run(SeparateStems(music.tracks[0], type="split_stem"))
        pair = await suno.run(SeparateStems(music.tracks[0], stem_name="Flute"))
        assert list(two.urls) == ["vocal", "instrumental"]
        assert len(many.urls) == len(many.stems) == 8
        assert list(pair.urls) == ["Flute", "Without Flute"]
        for stems in (two, many, pair):
            notes = await suno.run(GenerateMidi(stems, audio_id=stems.stems[-1].id))
            assert [note.start for note in notes.instruments[0].notes] == [0, 0.5, 1, 1.5]


# ---- uploads ---------------------------------------------------------------------------------------------------------


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for place in range(count):
        yield bytes([place % 251]) * size


@pytest.mark.parametrize("provider", EVERYWHERE, ids=lambda provider: provider.name)
async def test_what_is_handed_in_is_read_back_byte_for_byte(provider: Provider, tmp_path: Path) -> None:
    song = bytes(range(256)) * 2500
    path = tmp_path / "my song?.mp3"
    path.write_bytes(song)
    async with service(provider) as (emulator, suno), aiohttp.ClientSession() as session:
        as_text = await suno.upload_base64(
            base64_data="data:audio/mpeg;base64," + base64.b64encode(song).decode(), upload_path="a/b"
        )
        streamed = await suno.upload_stream(file=path, file_name="my song?.mp3")
        flowing = await suno.upload_stream(file=pieces(5, 256_000), file_name="x.wav")
        for file in (as_text, streamed, flowing):
            assert (file.download_url or "").startswith(emulator.url)
            async with session.get(file.download_url or "") as answer:
                body = await answer.read()
                assert (answer.status, answer.content_type, len(body)) == (200, file.mime_type, file.file_size)
                assert body == (song if file is not flowing else b"".join([bytes([n]) * 256_000 for n in range(5)]))
        assert (as_text.file_path or "").startswith("a/b/")
        assert (as_text.file_name or "").endswith(".mp3")
        again = await suno.upload_stream(file=b"new", file_name="x.wav")
        async with session.get(flowing.download_url or "") as answer:
            assert (again.download_url, await answer.read()) == (flowing.download_url, b"new")
        fetched = await suno.upload_from_url(file_url="https://nowhere.invalid/song.mp3", file_name="song.mp3")
        async with session.get(fetched.download_url or "") as answer:
            assert await answer.read() == media.tune("https://nowhere.invalid/song.mp3")
        async with session.get(f"{emulator.url}/uploads/unknown.mp3") as answer:
            assert answer.status == 404


async def test_a_big_upload_does_not_fill_the_memory() -> None:
    async with service(KIE) as (_, suno):
        await suno.upload(pieces(1, 1000), name="warm.mp3")
        tracemalloc.start()
        try:
            file = await suno.upload_stream(file=pieces(400, 100_000), file_name="big.wav")
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
        assert file.file_size == 40_000_000


async def test_uploads_are_refused_in_the_upload_hosts_own_envelope() -> None:
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        for path, body, code in (
            (UploadBase64.path, {"base64Data": "SUQz"}, 400),
            (UploadBase64.path, {"base64Data": "§", "uploadPath": "a"}, 400),
            (UploadFromUrl.path, {"fileUrl": "ftp://x", "uploadPath": "a"}, 400),
            (UploadFromUrl.path, {"fileUrl": URL, "uploadPath": "/a"}, 400),
            (UploadStream.path, {}, 400),
        ):
            status, answer = await answered(emulator, path, body)
            assert (status, answer["success"], answer["code"]) == (200, False, code)
        async with session.post(UploadStream.path, data={"file": io.BytesIO(b"x")}, headers=key) as refused:
            assert await refused.json() == {"success": False, "code": 400, "msg": "uploadPath is missing"}
        async with session.post(UploadStream.path) as refused:
            assert (refused.status, (await refused.json())["code"]) == (401, 401)
        async with session.get(UploadStream.path, headers=key) as refused:
            assert (refused.status, (await refused.json())["success"]) == (405, False)


# ---- what goes wrong -------------------------------------------------------------------------------------------------


SURVIVED = [
    *[(SUNOAPI, kind, fault) for kind in WORDS for fault in (Fault.INVISIBLE, Fault.LATE_FILES, Fault.UNDELIVERED)],
    *[
        (KIE_JOBS, kind, fault)
        for kind in (*WORDS, BoostStyle, GeneratePersona, CheckVoice)
        for fault in (Fault.INVISIBLE, Fault.LATE_FILES)
    ],
]


@pytest.mark.parametrize(("provider", "kind", "fault"), SURVIVED)
async def test_every_task_survives_what_can_be_survived(
    provider: Provider, kind: type[Request[Any]], fault: Fault
) -> None:
    async with service(provider) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        assert whole(await suno.run(request))


async def test_faults_can_be_meant_for_one_endpoint() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.next(Fault.FAIL, of=GenerateLyrics)
        emulator.next(Fault.REJECT)
        with pytest.raises(ContentRejected):
            await suno.run(GenerateMusic(prompt="rain"))
        with pytest.raises(TaskFailed):
            await suno.run(GenerateLyrics(prompt="rain"))
        emulator.next(Fault.LOSE_ANSWER, of=UploadStream)
        emulator.next(Fault.GARBLE, Fault.DROP, of=UploadBase64)
        assert await suno.upload(b"ID3")  # sent again: that costs nothing
