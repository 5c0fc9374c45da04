"""The emulator as its users meet it: over HTTP, through the client, with time in hand."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import av
import pytest
from aiohttp import web

from suno_async import (
    KIE,
    SUNOAPI,
    ConfigurationError,
    ContentRejected,
    GenerateLyrics,
    GenerateMusic,
    InsufficientCredits,
    Provider,
    RateLimited,
    Source,
    Stage,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskTimeout,
    Unauthorized,
)
from suno_async.emulator import Emulator, Fault, media

from .conftest import now

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
    assert emulator._posting == set()


async def test_callbacks_make_a_waiting_client_look(emulator: Emulator) -> None:
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
    assert sources[Stage.COMPLETE] is Source.CONFIRMED
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
