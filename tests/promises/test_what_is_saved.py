"""What can be handed to `download`, `read` and `stream`, and what is told meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    ConfigurationError,
    DownloadFailed,
    File,
    Lyrics,
    Music,
    Stem,
    Stems,
    SunoClient,
    Track,
    UploadedFile,
    Wav,
)

from ..cdn import AUDIO, Cdn, cdn
from ..doubles import track

pytestmark = pytest.mark.usefixtures("threads")

JPEG = b"\xff\xd8\xff\xe0" + bytes(1000)


@pytest.fixture
async def host() -> AsyncIterator[Cdn]:
    async with cdn() as one:
        one.served = {f"/{name}.mp3": [AUDIO + name.encode()] for name in "ab"}
        one.served |= {f"/{name}.jpeg": [JPEG + name.encode()] for name in "ab"}
        yield one


@pytest.fixture
async def suno(host: Cdn) -> AsyncIterator[SunoClient]:
    async with SunoClient(api_key="k", base_url=host.url) as one:
        yield one


def music(host: Cdn) -> Music:
    return Music(task_id="t1", tracks=tuple(host.track(n, image_url=f"{host.url}/{n}.jpeg") for n in "ab"))


@pytest.mark.parametrize(("only", "suffixes"), [("audio", [".mp3"] * 2), ("image", [".jpeg"] * 2), ("video", [])])
async def test_one_kind_of_files_can_be_asked_for(
    only: str, suffixes: list[str], suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    paths = await suno.download(music(host), tmp_path, only=only)
    assert [path.suffix for path in paths] == suffixes
    every = await suno.download(music(host), tmp_path)
    assert set(paths) <= set(every)


async def test_takes_keep_their_order_by_name(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    one, two = await suno.download(music(host), tmp_path, only="audio")
    assert sorted(tmp_path.iterdir()) == [one, two]
    assert one.name.startswith("La (1) ")
    assert two.name.startswith("La (2) ")


async def test_parts_of_results_can_be_saved_and_read(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    url = f"{host.url}/a.mp3"
    for part in (
        Track(id="a", audio_url=url),
        Stem(id="a", name="Vocals", audio_url=url),
        Stems(task_id="t2", vocal_url=url),
        File(url, "La", "a", ".mp3"),
        Wav(audio_url=url),
        UploadedFile(download_url=url, file_name="x.mp3"),
    ):
        (path,) = await suno.download(part, tmp_path)
        assert path.read_bytes() == AUDIO + b"a"
        assert await suno.read(part) == AUDIO + b"a"


@pytest.mark.parametrize("what", [7, None, "https://f.example/a.mp3", b"x"])
async def test_what_is_no_result_is_refused(what: Any, suno: SunoClient, tmp_path: Path) -> None:
    for call in (suno.download(what, tmp_path), suno.read(what)):
        with pytest.raises(ConfigurationError, match="result must be what awaiting a task returns"):
            await call


async def test_an_unknown_kind_is_refused(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="only must be one of audio, image"):
        await suno.download(music(host), tmp_path, only="mp3")


async def test_where_several_files_are_meant_one_is_to_be_named(suno: SunoClient, host: Cdn) -> None:
    with pytest.raises(ConfigurationError, match="this Music has 2 files: name one of its parts"):
        await suno.read(music(host))
    with pytest.raises(ConfigurationError, match="this Lyrics has no file"):
        await suno.read(Lyrics())
    assert await suno.read(music(host).tracks[1]) == AUDIO + b"b"


async def test_progress_is_told_of_all_files_together(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    await suno.download(music(host), tmp_path, progress=lambda got, total: seen.append((got, total)))
    size = 2 * (len(AUDIO) + len(JPEG) + 2)
    assert seen[-1] == (size, size)
    assert [got for got, _ in seen] == sorted(got for got, _ in seen)

    def bar(got: int, total: int | None) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await suno.download(music(host), tmp_path / "other", progress=bar)


async def test_a_track_that_is_not_ready_is_played_from_its_stream(suno: SunoClient, host: Cdn) -> None:
    host.served["/live"] = [AUDIO]
    song = Track(id="a", task_id="t1", stream_audio_url=f"{host.url}/live")
    assert b"".join([chunk async for chunk in suno.stream(song)]) == AUDIO
    assert await suno.read(song) == AUDIO


async def test_a_stream_that_serves_nothing_gives_way_to_the_file(suno: SunoClient, host: Cdn) -> None:
    """docs/service.md#observed-differences: a stream may have no bytes, even after SUCCESS."""
    host.served["/live"] = [b""]
    song = Track(id="a", task_id="t1", stream_audio_url=f"{host.url}/live")
    with pytest.raises(DownloadFailed, match="0 of 0 bytes"):
        await suno.read(song)
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/a.mp3"}]
    assert await suno.read(song) == AUDIO + b"a"
