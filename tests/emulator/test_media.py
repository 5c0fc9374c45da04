"""The files of results."""

import io
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConvertToWav,
    CreateMusicVideo,
    GenerateCover,
    GenerateMidi,
    GenerateMusic,
    InvalidRequest,
    Job,
    Pace,
    Provider,
    RecoverAudio,
    SeparateStems,
    SunoClient,
)
from suno_async.api.requests import Request
from suno_async.emulator import DeadLinks, Emulator, media

from .support import SECONDS, URL, example_of, service

pytestmark = pytest.mark.usefixtures("threads")


async def test_dead_links_are_replaced_on_download(emulator: Emulator, suno: SunoClient, tmp_path: Path) -> None:
    emulator.script(None, [DeadLinks()])
    music = await (await suno.generate_music(prompt="rain"))
    paths = await suno.download(music, tmp_path)
    assert [path.stat().st_size > 1000 for path in paths] == [True] * 4


async def test_direct_links_are_given_for_its_own_files_only() -> None:
    async with service(KIE) as (_, suno), aiohttp.ClientSession() as session:
        music = await suno.run(GenerateMusic(prompt="rain"))
        link = await suno.get_download_url(url=music.tracks[0].audio_url or "")
        async with session.get(link) as answer:
            assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        with pytest.raises(InvalidRequest, match="url is wrong"):
            await suno.get_download_url(url=URL)


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
        emulator.script(None, [DeadLinks()])
        paths = await suno.download(await suno.run(request), tmp_path)
    assert len(paths) >= (1 if kind in (ConvertToWav, CreateMusicVideo) else 2)
    for path in paths:
        form, streams = FORMATS[path.suffix]
        with av.open(io.BytesIO(path.read_bytes()), "r") as opened:
            assert form in opened.format.name
            assert {stream.type for stream in opened.streams} == streams
            if "audio" in streams:
                assert (opened.duration or 0) / 1e6 == pytest.approx(SECONDS, abs=0.1)
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
        assert bodies == [media.make(run.family.content(run, str(place)), ".wav") for place in (0, 1)]
        assert bodies[0] != bodies[1]


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
            assert notes.instruments[0].notes
