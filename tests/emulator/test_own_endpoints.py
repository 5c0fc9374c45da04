"""`Emulator(endpoints=…)`: request classes of one's own are served like the built-in ones."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import anyio
import msgspec
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    Call,
    ContentRejected,
    GenerateMusic,
    Job,
    Music,
    NotFound,
    Pace,
    Provider,
    ServerError,
    Source,
    Stage,
    SunoClient,
    Task,
    TaskFailed,
    TaskTimeout,
    Wav,
)
from suno_async.api.requests import MusicJob
from suno_async.api.results import File, Result
from suno_async.emulator import CallbackException, DeadLinks, Emulator, Fail, Fault, Invisible, LateFiles, Stuck

from .support import SECONDS, answered, receiving_client

pytestmark = pytest.mark.usefixtures("threads")


class Remix(MusicJob, frozen=True, kw_only=True):
    """A new music endpoint: a path and fields."""

    path = "/api/v1/generate/remix"
    operation = "remix"
    upload_url: str
    strength: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    model: str | None = None


class Beat(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a result."""

    at_second: float = 0.0
    accent: bool = False


class Analysis(Result, frozen=True, kw_only=True, rename="camel"):
    """A result of one's own."""

    beats_per_minute: int = 0
    key_name: str | None = None
    beats: tuple[Beat, ...] = ()
    preview_url: str | None = None
    error_message: str | None = None
    made_at: datetime | None = None

    @property
    def complete(self) -> bool:
        return bool(self.beats_per_minute and self.preview_url)

    def files(self) -> Any:
        yield File(self.preview_url or "", self.key_name or "", "1", ".mp3")


class Analyze(Job[Analysis], frozen=True, kw_only=True):
    """A job of one's own, with a details page of its own."""

    path = "/api/v1/analysis/generate"
    operation = "analyze"
    details = "/api/v1/analysis/record-info"
    query = "analysisId"
    details_result_path = ("data", "analysis", "result")
    callback_result_paths = (("data", "analysis_info"),)
    statuses = {"QUEUED": Stage.PENDING, "RUNNING": Stage.PENDING, "DONE": Stage.COMPLETE, "BROKEN": Stage.FAILED}
    result = Analysis
    audio_url: str
    detail_level: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1


class Quota(msgspec.Struct, frozen=True, rename="camel"):
    """An answer of one's own that is no `Result`."""

    songs_left: int
    plan: str


class GetQuota(Call[Quota], frozen=True, kw_only=True):
    """A call of one's own."""

    path = "/api/v1/quota"
    operation = "get-quota"
    result = Quota
    month: str


class CountSongs(Call[int], frozen=True, kw_only=True):
    """A call of one's own by GET."""

    path = "/api/v1/songs/count"
    method = "GET"
    repeatable = True
    result = int


OWN = (Remix, Analyze, GetQuota, CountSongs)
everywhere = pytest.mark.parametrize("provider", [KIE, KIE_JOBS, SUNOAPI], ids=lambda provider: provider.name)


@asynccontextmanager
async def service(
    provider: Provider = KIE, endpoints: Any = OWN, **settings: Any
) -> AsyncGenerator[tuple[Emulator, SunoClient]]:
    async with (
        Emulator(provider=provider, seed=1, media_seconds=SECONDS, endpoints=endpoints) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=provider, model="V5", **settings) as suno,
    ):
        yield emulator, suno


REMIX = Remix(upload_url="https://e.example/a.mp3")
ANALYZE = Analyze(audio_url="https://e.example/a.mp3")


@everywhere
async def test_a_music_job_of_ones_own_gives_tracks_with_files(provider: Provider, tmp_path: Path) -> None:
    async with service(provider) as (emulator, suno):
        task: Task[Music] = await suno.submit(REMIX)
        stages = [update.stage async for update in task]
        music = await task
        assert stages == ([Stage.COMPLETE] if provider is KIE_JOBS else [Stage.TEXT, Stage.FIRST, Stage.COMPLETE])
        paths = await suno.download(music, tmp_path)
        assert [path.suffix for path in paths] == [".mp3", ".jpeg"] * 2
        assert emulator.runs[task.id].kind is Remix
        assert emulator.credits == 988  # at the price of the built-in ones


@everywhere
async def test_a_job_with_a_result_of_its_own_gives_a_sample_of_it(provider: Provider, tmp_path: Path) -> None:
    async with service(provider) as (emulator, suno):
        analysis = await suno.run(ANALYZE)
        assert (analysis.beats_per_minute, analysis.key_name) == (1, "Sample keyName")
        assert analysis.beats == (Beat(1.0, True), Beat(1.0, True))
        assert (analysis.preview_url or "").startswith(f"{emulator.url}/files/{analysis.task_id}/preview_url.")
        assert isinstance(analysis.made_at, datetime)
        assert analysis.error_message is None  # nothing has failed
        (path,) = await suno.download(analysis, tmp_path)
        assert path.stat().st_size > 1000


@everywhere
async def test_a_call_of_ones_own_is_answered(provider: Provider) -> None:
    async with service(provider) as (_, suno):
        assert await suno.run(GetQuota(month="May")) == Quota(songs_left=1, plan="Sample plan")
        assert await suno.run(CountSongs()) == 1


@everywhere
async def test_a_job_of_ones_own_can_fail_and_be_rejected(provider: Provider) -> None:
    async with service(provider) as (emulator, suno):
        for request in (REMIX, ANALYZE):
            emulator.script(None, [Fail(), Fail("SENSITIVE_WORD_ERROR")])
            with pytest.raises(TaskFailed, match=Fail().message):
                await suno.run(request)
            with pytest.raises(ContentRejected, match=Fail("SENSITIVE_WORD_ERROR").message):
                await suno.run(request)


async def test_a_call_of_ones_own_can_fail() -> None:
    async with service() as (emulator, suno):
        emulator.script(GetQuota, [Fail()])
        with pytest.raises(ServerError):
            await suno.run(GetQuota(month="May"))


@everywhere
@pytest.mark.parametrize("job", [REMIX, ANALYZE], ids=["Remix", "Analyze"])
async def test_a_callback_brings_the_same_result_as_a_poll(provider: Provider, job: Job[Any]) -> None:
    """The class states where each of the two has it."""
    async with service(provider) as (emulator, suno), receiving_client(emulator, pace=Pace(first=1000)) as receiving:
        task = await receiving.submit(job)
        called_back = await task
        assert task.last.source is Source.CALLBACK
        polled = await suno.attach(type(job), task.id)
        assert msgspec.to_builtins(called_back) == msgspec.to_builtins(polled)
        stages = [posted.stage for posted in emulator.posted]
        assert stages == ([Stage.TEXT, Stage.FIRST, Stage.COMPLETE] if job is REMIX else [Stage.COMPLETE])


async def test_a_callback_of_ones_own_can_report_a_failure() -> None:
    async with service() as (emulator, _), receiving_client(emulator, pace=Pace(first=1000)) as suno:
        emulator.script(None, [Fail()])
        with pytest.raises(TaskFailed, match=Fail().message):
            await suno.run(ANALYZE)


@everywhere
@pytest.mark.parametrize("fault", [Invisible(), LateFiles(), CallbackException(), DeadLinks()])
async def test_the_usual_faults_apply(provider: Provider, fault: Fault) -> None:
    async with service(provider) as (emulator, suno):
        emulator.script(None, [fault, fault])
        assert (await suno.run(REMIX)).complete
        assert (await suno.run(ANALYZE)).complete


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        (Remix.path, {"uploadUrl": "u", "callBackUrl": "c"}, ""),
        (Remix.path, {"callBackUrl": "c"}, "missing required field `uploadUrl`"),
        (Remix.path, {"uploadUrl": "u"}, "Please enter callBackUrl."),
        (Remix.path, {"uploadUrl": "u", "strength": 2, "callBackUrl": "c"}, "<= 1.0"),
        (Analyze.path, {"audioUrl": "u", "detailLevel": "high", "callBackUrl": "c"}, "Expected `int"),
        (GetQuota.path, {}, "missing required field `month`"),
    ],
)
async def test_requests_are_held_against_the_fields_of_the_class(path: str, body: Any, says: str) -> None:
    async with service() as (emulator, _):
        status, answer = await answered(emulator, path, body)
        assert (status, answer["code"]) == (200, 422 if says else 200)
        assert (says or "success") in answer["msg"]


async def test_a_details_page_says_the_words_of_the_class() -> None:
    async with service() as (emulator, suno), aiohttp.ClientSession(emulator.url) as session:
        task = await suno.submit(ANALYZE)
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        words: list[str] = []
        for _ in range(20):
            async with session.get(Analyze.details, params={"analysisId": task.id}, headers=key) as answer:
                words.append((await answer.json())["data"]["status"])
            await anyio.sleep(1)
    assert list(dict.fromkeys(words)) == ["QUEUED", "RUNNING", "DONE"]


class Sparse(Job[Analysis], frozen=True, kw_only=True):
    """A job that states no word for "still going"."""

    path = "/api/v1/sparse"
    details = "/api/v1/sparse/record-info"
    statuses = {"DONE": Stage.COMPLETE, "BROKEN": Stage.FAILED}
    result = Analysis


async def test_a_class_need_not_name_words_for_pending() -> None:
    async with service(endpoints=[Sparse]) as (emulator, suno):
        assert (await suno.run(Sparse())).complete
        emulator.script(None, [Stuck()])
        with pytest.raises(TaskTimeout):
            await suno.run(Sparse())


# ---- samples ---------------------------------------------------------------------------------------------------------


@everywhere
async def test_a_sample_may_be_given(provider: Provider) -> None:
    given = Analysis(beats_per_minute=120, preview_url="https://e.example/p.mp3", beats=(Beat(),))
    endpoints = {Analyze: given, GetQuota: {"songsLeft": 7, "plan": "free"}, CountSongs: 3, Remix: None}
    async with service(provider, endpoints) as (_, suno):
        analysis = await suno.run(ANALYZE)
        assert (analysis.beats_per_minute, analysis.beats) == (120, (Beat(),))
        assert analysis.preview_url == "https://e.example/p.mp3"
        assert await suno.run(GetQuota(month="May")) == Quota(songs_left=7, plan="free")
        assert await suno.run(CountSongs()) == 3
        assert (await suno.run(REMIX)).complete


class Never(Result, frozen=True, kw_only=True):
    """A result whose sample cannot be guessed."""

    code: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "ABC"


class GetNever(Call[Never], frozen=True, kw_only=True):
    """A call with a result that has to be given."""

    path = "/api/v1/never"
    result = Never


class Unfinished(Result, frozen=True, kw_only=True):
    """A result that is complete only with one certain text."""

    text: str = ""

    @property
    def complete(self) -> bool:
        return self.text == "finished"


class GetUnfinished(Call[Unfinished], frozen=True, kw_only=True):
    """A call whose built sample would never be complete."""

    path = "/api/v1/unfinished"
    result = Unfinished


async def test_a_sample_that_the_client_could_not_use_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"no usable sample of the result of GetNever .*endpoints=\{GetNever"):
        Emulator(endpoints=[GetNever])
    with pytest.raises(ValueError, match="result of GetUnfinished is not complete"):
        Emulator(endpoints=[GetUnfinished])
    async with service(endpoints={GetNever: Never(code="XYZ"), GetUnfinished: {"text": "finished"}}) as (_, suno):
        assert (await suno.run(GetNever())).code == "XYZ"
        assert (await suno.run(GetUnfinished())).text == "finished"


# ---- beside the built-in ones ----------------------------------------------------------------------------------------


async def test_without_being_named_a_class_is_not_served() -> None:
    async with service(endpoints=()) as (_, suno):
        with pytest.raises(NotFound):
            await suno.submit(REMIX)


async def test_a_family_is_not_an_endpoint() -> None:
    with pytest.raises(TypeError, match="MusicJob has no path"):
        Emulator(endpoints=[MusicJob])


class ExtendedGenerate(GenerateMusic, frozen=True, kw_only=True):
    """The built-in endpoint with a new field."""

    mood: str | None = None


async def test_a_class_with_the_path_of_a_built_in_one_replaces_it() -> None:
    async with service(endpoints=[ExtendedGenerate]) as (emulator, suno):
        task = await suno.submit(ExtendedGenerate(prompt="rain", mood="calm"))
        assert emulator.runs[task.id].params["mood"] == "calm"
        assert (await task).complete
        assert (await suno.run(GenerateMusic(prompt="rain"))).complete


class QuickWav(Job[Wav], frozen=True, kw_only=True):
    """A built-in result made from something else than a track."""

    path = "/api/v1/quick-wav"
    details = "/api/v1/quick-wav/record-info"
    statuses = {"SUCCESS": Stage.COMPLETE, "FAILED": Stage.FAILED}
    result = Wav
    audio_url: str


async def test_a_built_in_result_can_be_made_from_other_fields(tmp_path: Path) -> None:
    async with service(endpoints=[QuickWav]) as (_, suno):
        for _ in range(2):  # and more than once
            wav = await suno.run(QuickWav(audio_url="https://e.example/a.mp3"))
            (path,) = await suno.download(wav, tmp_path)
            assert path.read_bytes().startswith(b"RIFF")
