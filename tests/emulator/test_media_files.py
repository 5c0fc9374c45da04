"""Files over HTTP: how they are asked for, when they are made, and how long they are there."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anyio.to_thread
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConvertToWav,
    ExtendMusic,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GenerateSounds,
    Music,
    Provider,
    ReplaceSection,
    SeparateStems,
    SunoClient,
    UploadCover,
    UploadExtend,
)
from suno_async.emulator import Emulator, media
from suno_async.emulator.media.scores import RATE

from .support import SECONDS, URL, service
from .test_music import loudness, sound_of

pytestmark = pytest.mark.usefixtures("threads")
DAY = 24 * 3600


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def fetched(session: aiohttp.ClientSession, url: str | None, **headers: str) -> tuple[int, Any, bytes]:
    assert url
    async with session.get(url, headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_parts_of_a_file_and_files_that_have_not_changed(session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        url = music.tracks[0].audio_url or ""
        status, headers, whole = await fetched(session, url)
        assert (status, headers["Content-Type"], headers["Accept-Ranges"]) == (200, "audio/mpeg", "bytes")
        tag, size = headers["ETag"], len(whole)
        for asked, start, stop in (("0-0", 0, 1), ("100-199", 100, 200), ("100-", 100, size), ("-7", size - 7, size)):
            status, headers, part = await fetched(session, url, Range=f"bytes={asked}")
            assert (status, part) == (206, whole[start:stop])
            assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
            assert headers["ETag"] == tag
        assert (await fetched(session, url, Range=f"bytes=5-{size + 9}"))[2] == whole[5:]
        status, headers, _ = await fetched(session, url, Range=f"bytes={size}-")
        assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
        for odd in ("bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=x"):
            assert (await fetched(session, url, Range=odd))[::2] == (200, whole)
        assert (await fetched(session, url, **{"Range": "bytes=5-", "If-Range": tag}))[0] == 206
        assert (await fetched(session, url, **{"Range": "bytes=5-", "If-Range": '"other"'}))[::2] == (200, whole)
        for known, status in ((tag, 304), (f'"x", {tag}', 304), ("*", 304), ('"x"', 200)):
            assert (await fetched(session, url, **{"If-None-Match": known}))[0] == status
        async with session.head(url) as answer:
            assert (answer.status, answer.content_length, answer.headers["ETag"]) == (200, size, tag)
        other = await fetched(session, music.tracks[1].audio_url)
        assert other[1]["ETag"] != tag


async def test_a_file_is_made_once_and_not_by_the_loop(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers: list[threading.Thread] = []

    def make(content: media.Content, suffix: str) -> bytes:
        makers.append(threading.current_thread())
        return b"file"

    async with service(KIE) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        assert makers == []
        monkeypatch.setattr(media, "make", make)
        answers = await asyncio.gather(*(fetched(session, music.tracks[0].audio_url) for _ in range(20)))
        assert {(status, body) for status, _, body in answers} == {(200, b"file")}
    assert len(makers) == 1
    assert threading.main_thread() not in makers


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)


async def test_what_makes_files_is_imported_when_the_first_is_fetched() -> None:
    program = """
import asyncio, sys, aiohttp
from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import Emulator

async def main():
    async with (
        Emulator(speed=10_000, media_seconds=1) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider="kie-legacy") as suno,
        aiohttp.ClientSession() as session,
    ):
        task = await suno.generate_music(prompt="rain")
        emulator.advance(200)
        url = emulator.runs[task.id].link(0, ".mp3")
        print(*({"av", "numpy"} & set(sys.modules)), "before")
        async with session.get(url) as answer:
            print(answer.status, *sorted({"av", "numpy"} & set(sys.modules)))

asyncio.run(main())
"""
    ran = await anyio.to_thread.run_sync(run_python, program)
    assert ran.stdout.split("\n")[:2] == ["before", "200 av numpy"]


async def test_without_the_extra_the_answer_says_what_to_install(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(KIE) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        for name in ("encoders", "sounds", "pictures"):
            monkeypatch.delattr(media, name, raising=False)
            monkeypatch.delitem(sys.modules, f"{media.__name__}.{name}", raising=False)
        monkeypatch.setitem(sys.modules, "av", None)
        status, _, body = await fetched(session, music.tracks[0].audio_url)
    assert status == 501
    assert b"pip install 'suno-async[emulator]'" in body
    assert "suno-async[emulator]" in caplog.text


@pytest.mark.parametrize(
    ("provider", "request_", "days"),
    [
        (KIE, GenerateMusic(prompt="rain"), 14),
        (KIE, UploadCover(upload_url=URL, style="pop", title="La", prompt="la"), 15),
        (KIE, ExtendMusic(audio_id="a", model="V5"), 14),
        (SUNOAPI, ExtendMusic(audio_id="a", model="V5"), 15),
    ],
)
async def test_links_expire_after_the_stated_days(
    provider: Provider, request_: Any, days: int, session: aiohttp.ClientSession
) -> None:
    async with service(provider) as (emulator, suno):
        music: Music = await suno.run(request_)
        urls = [music.tracks[1].audio_url, music.tracks[1].image_url]
        emulator.advance(days * DAY - 3600)
        assert [(await fetched(session, url))[0] for url in urls] == [200, 200]
        emulator.advance(2 * 3600)
        assert [(await fetched(session, url))[0] for url in urls] == [404, 404]
        recovered = await suno.recover_audio(task_id=music.task_id)
        assert (await fetched(session, (await recovered).tracks[1].audio_url))[0] == 200


async def test_direct_links_expire_after_twenty_minutes(session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (emulator, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        link = await suno.get_download_url(url=music.tracks[0].audio_url or "")
        emulator.advance(19 * 60)
        assert (await fetched(session, link))[0] == 200
        emulator.advance(2 * 60)
        assert (await fetched(session, link))[0] == 404
        assert (await fetched(session, music.tracks[0].audio_url))[0] == 200


async def test_songs_are_as_long_as_stated(session: aiohttp.ClientSession) -> None:
    """As asked for, or else as the service would make them; shorter if tunes are to be short."""
    async with (
        Emulator(seed=1, speed=1) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=KIE_JOBS, model="V6") as suno,
    ):
        asked = await suno.run(GenerateMusic(style="pop", title="La", lyrics="la la", duration=30))
        assert [track.duration for track in asked.tracks] == [30, 30]
        heard = sound_of((await fetched(session, asked.tracks[0].audio_url))[2])
        assert len(heard) / RATE == pytest.approx(30, abs=0.1)
        usual = await suno.run(GenerateMusic(prompt="rain"))
        assert all(120 <= (track.duration or 0) <= 240 for track in usual.tracks)
        sound = await suno.run(GenerateSounds(prompt="a door"))
        assert all(5 <= (track.duration or 0) <= 20 for track in sound.tracks)
    async with service(KIE) as (_, suno):
        short = await suno.run(GenerateMusic(prompt="rain"))
        assert [track.duration for track in short.tracks] == [SECONDS, SECONDS]


async def test_songs_that_continue_or_change_others_keep_the_rest_of_them(session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        track = music.tracks[1]
        extended = await suno.run(
            ExtendMusic(track, model="V5", style="pop", title="On", lyrics="on and on", continue_at=3)
        )
        further = await suno.run(ExtendMusic(extended.tracks[0], model="V5", prompt="and on"))
        linked = await suno.run(
            UploadExtend(upload_url=track.audio_url or "", continue_at=2, prompt="go on", instrumental=True)
        )
        original = sound_of((await fetched(session, track.audio_url))[2])
        for made, same, whole in ((extended, 3, 7), (further, 7, 11), (linked, 2, 6)):
            assert [one.duration for one in made.tracks] == [whole, whole]
            heard = sound_of((await fetched(session, made.tracks[0].audio_url))[2])
            assert len(heard) / RATE == pytest.approx(whole, abs=0.1)
            end = int((min(same, 3) - 0.2) * RATE)
            assert loudness(heard[:end] - original[:end]) < 0.15 * loudness(original[:end])


async def test_an_uploaded_song_is_the_one_that_is_continued(session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (_, suno):
        file = await suno.upload_from_url(file_url=URL)
        assert file.download_url
        extended = await suno.run(UploadExtend(upload_url=file.download_url, continue_at=3, prompt="go on"))
        heard = [
            sound_of((await fetched(session, url))[2]) for url in (file.download_url, extended.tracks[0].audio_url)
        ]
        end = int(2.8 * RATE)
        assert loudness(heard[0][:end] - heard[1][:end]) < 0.15 * loudness(heard[0][:end])


async def test_a_replaced_section_leaves_the_rest(session: aiohttp.ClientSession) -> None:
    async with (
        Emulator(seed=1) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=KIE_JOBS, model="V6") as suno,
    ):
        song = await suno.run(GenerateMusic(style="pop", title="La", lyrics="la la", duration=30))
        changed = await suno.run(
            ReplaceSection(song.tracks[0], prompt="lo", style="pop", title="Lo", start=10, end=20, full_lyrics="la lo")
        )
        assert changed.tracks[0].duration == 30
        heard = [sound_of((await fetched(session, one.tracks[0].audio_url))[2]) for one in (song, changed)]
        rate = RATE
        for start, end, same in ((0, 9.8, True), (10.2, 19.8, False), (20.2, 29.8, True)):
            one, other = (sound[int(start * rate) : int(end * rate)] for sound in heard)
            assert (loudness(one - other) < 0.15 * loudness(one)) is same


@pytest.mark.parametrize("kind", [{}, {"type": "split_stem"}, {"stem_name": "Flute"}])
async def test_stems_add_up_to_the_track(kind: Any, session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (_, suno):
        music = await suno.run(GenerateMusic(prompt="rain on the roof"))
        track = music.tracks[0]
        stems = await suno.run(SeparateStems(track, **kind))
        assert {stem.duration for stem in stems.stems} == {SECONDS}
        heard = sound_of((await fetched(session, track.audio_url))[2])
        heard_apart = [sound_of((await fetched(session, url))[2]) for url in stems.urls.values()]
        assert loudness(sum(heard_apart) - heard) < 0.15 * loudness(heard)


async def test_midi_and_lyrics_tell_when_the_track_sounds(session: aiohttp.ClientSession) -> None:
    async with service(KIE) as (emulator, suno):
        music = await suno.run(GenerateMusic(lyrics="[Verse]\nrain on the roof", style="pop", title="Rain"))
        track = music.tracks[0]
        timed = await suno.get_timestamped_lyrics(track)
        assert [word.word for word in timed.words] == ["[Verse]\nrain ", "on ", "the ", "roof "]
        stems = await suno.run(SeparateStems(track))
        voice = next(stem for stem in stems.stems if stem.name == "Vocals")
        midi = await suno.run(GenerateMidi(stems, audio_id=voice.id))
        notes = midi.instruments[0].notes
        for note, word in zip(notes, timed.words, strict=True):
            assert (note.start, note.end) == pytest.approx((word.start, word.end), abs=0.002)
        wav = await suno.run(ConvertToWav(track))
        assert loudness(sound_of((await fetched(session, wav.audio_url))[2])) > 0.02
        status, headers, body = await fetched(session, emulator.runs[midi.task_id].link(0, ".mid"))
        assert (status, headers["Content-Type"], body[:4]) == (200, "audio/midi", b"MThd")
        silent = await suno.run(GenerateMusic(prompt="rain", style="pop", title="Rain", instrumental=True))
        assert (await suno.get_timestamped_lyrics(silent.tracks[0])).words == ()
        lyrics = await suno.submit(GenerateLyrics(prompt="rain"))
        assert (await fetched(session, emulator.runs[lyrics.id].link(0, ".exe")))[0] == 404
