"""The emulator over HTTP, through the client, in virtual time."""

import gc
import math
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import av
import msgspec
import pytest
from aiohttp import web

import suno_async.emulator
from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConfigurationError,
    ConvertToWav,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GetDownloadUrl,
    Provider,
    SeparateStems,
    Stage,
    SunoClient,
    TaskNotFound,
    Unauthorized,
)
from suno_async.api import providers
from suno_async.api.requests import TABLE, Request
from suno_async.api.results import Result
from suno_async.emulator import Emulator

from ..conftest import now
from .support import SECONDS, URL, answered, example_of, is_complete, offered, service

pytestmark = pytest.mark.usefixtures("threads")


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
                assert opened.duration == pytest.approx(SECONDS * 1e6, rel=0.05)
    assert await suno.get_credits() == 988


async def test_lyrics_and_style_and_credits(suno: SunoClient) -> None:
    lyrics = await suno.run(GenerateLyrics(prompt="rain"))
    assert len(lyrics.variants) == 2
    assert "rain" in (lyrics.variants[0].text or "")
    style = await suno.boost_style(content="pop")
    assert (style.text or "").startswith("pop, ")
    assert await suno.get_credits() == style.credits_remaining == 999.2


async def test_a_wrong_key_is_refused(emulator: Emulator) -> None:
    async with SunoClient(api_key="wrong", base_url=emulator.url, provider=emulator.provider) as suno:
        with pytest.raises(Unauthorized):
            await suno.generate_music(prompt="rain")
        with pytest.raises(Unauthorized):
            await suno.attach(GenerateMusic, "t1")
        with pytest.raises(Unauthorized):
            await suno.get_credits()


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


async def test_a_provider_of_ones_own_is_a_changed_value() -> None:
    with pytest.raises(ConfigurationError):
        SunoClient(api_key="k", provider="own")
    async with Emulator() as emulator:
        own: Provider = msgspec.structs.replace(KIE, api=emulator.url)
        async with SunoClient(api_key=emulator.api_key, provider=own) as suno:
            assert await suno.get_credits() == 1000


@pytest.mark.parametrize(("provider", "kind"), offered(list(TABLE)))
async def test_every_request_comes_to_its_result(provider: Provider, kind: type[Request[Any]]) -> None:
    async with service(provider, speed=30) as (emulator, suno):
        result = await suno.run(await example_of(kind, suno))
        assert isinstance(result, kind.result)
        if isinstance(result, Result):
            assert is_complete(result)
            for file in result.files():
                assert file.url.startswith(emulator.url)
        assert all(seen.status == 200 for seen in emulator.log)


async def test_kie_serves_both_of_its_apis_and_ids_go_from_one_to_the_other() -> None:
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


async def test_what_a_provider_does_not_have_is_not_found() -> None:
    async with Emulator(provider=SUNOAPI) as emulator:
        assert (await answered(emulator, GetDownloadUrl.path, {"url": URL}))[0] == 404
        assert (await answered(emulator, providers.CREATE, {}))[0] == 404
    async with Emulator() as emulator:
        status, answer = await answered(emulator, "/api/v1/get-credits", {})
        assert (status, answer["code"]) == (404, 404)


async def test_it_can_be_started_again_and_keeps_what_it_has() -> None:
    emulator = Emulator(credits=5)
    for _ in range(2):
        async with emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
            assert await suno.get_credits() == 5
            await suno.upload(b"ID3")
    assert len(emulator.log) == 4


async def test_a_middleware_surrounds_every_endpoint() -> None:
    @web.middleware
    async def slow(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        await anyio.sleep(3)
        return await handler(request)

    async with (
        Emulator(middlewares=[slow]) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno,
    ):
        began = now()
        await suno.get_credits()
        assert now() - began == pytest.approx(3, abs=0.1)


async def test_what_it_has_no_route_for_is_refused_logged_and_counted() -> None:
    async with Emulator() as emulator:
        assert await answered(emulator, "/api/v1/nothing", {}) == (404, {"code": 404, "msg": "Not Found", "data": None})
        assert await answered(emulator, "/api/v1/generate/record-info", {}) == (
            405,
            {"code": 405, "msg": "Method Not Allowed", "data": None},
        )
    assert [(seen.path, seen.status) for seen in emulator.log] == [
        ("/api/v1/nothing", 404),
        ("/api/v1/generate/record-info", 405),
    ]
    assert emulator.stats.requests == {"POST unknown path": 2}


async def test_nothing_is_kept_of_one_that_was_stopped() -> None:
    async with (
        Emulator() as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno,
    ):
        await suno.get_credits()
    kept = weakref.ref(emulator)
    del emulator, suno
    await anyio.sleep(1)
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"speed": -1}, "speed must not be negative, got -1"),
        ({"speed": math.nan}, "speed must not be negative, got nan"),
        ({"media_seconds": 0}, "media_seconds must be more than 0, got 0"),
        ({"media_seconds": math.nan}, "media_seconds must be more than 0, got nan"),
        ({"credits": math.nan}, "credits must be a finite number, got nan"),
        ({"credits": math.inf}, "credits must be a finite number, got inf"),
        ({"api_key": ""}, "api_key must be printable ASCII without spaces, and not empty"),
        ({"api_key": "two words"}, "api_key must be printable ASCII without spaces"),
        ({"api_key": "a\n"}, "api_key must be printable ASCII without spaces"),
        ({"port": 70000}, "port must be from 0 to 65535, got 70000"),
        ({"state": ""}, "state must name a file, got '.'"),
    ],
)
async def test_what_it_was_given_is_checked_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Emulator(**options)


async def test_public_names_are_documented() -> None:
    package: Any = suno_async.emulator
    assert all(getattr(package, name).__doc__ for name in package.__all__)
