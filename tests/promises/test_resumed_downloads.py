"""Transfers that break off are continued, within a call and by the next; what has changed is fetched anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from suno_async import DownloadFailed, SunoClient

from ..cdn import AUDIO, Cdn, cdn, ranges
from ..conftest import now

pytestmark = pytest.mark.usefixtures("threads")

CUT = 100_000
OTHER = b"ID3\x04" + bytes(reversed(range(256))) * 1000


@pytest.fixture
async def host() -> AsyncIterator[Cdn]:
    async with cdn() as one:
        yield one


@pytest.fixture
async def suno(host: Cdn) -> AsyncIterator[SunoClient]:
    async with SunoClient(api_key="k", base_url=host.url) as one:
        yield one


def wanted(host: Cdn) -> list[str]:
    return [headers.get("range", "") for _, _, headers in host.requests]


async def test_a_transfer_that_breaks_off_is_continued(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [ranges(AUDIO, cut=CUT)]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert wanted(host) == ["", "bytes=100000-", "bytes=200000-"]
    assert [headers.get("if-range") for _, _, headers in host.requests] == [None, '"one"', '"one"']
    assert list(tmp_path.iterdir()) == [path]


async def broken_off(suno: SunoClient, host: Cdn, folder: Path, etag: str = '"one"') -> None:
    """Cancelled in the middle, as by the end of a program."""
    host.served = {"/a.mp3": [ranges(AUDIO, cut=CUT, etag=etag), 503]}
    with anyio.move_on_after(20):
        await suno.download(host.track(), folder)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".part"]
    host.requests.clear()


async def test_the_next_call_goes_on_where_the_last_was_left(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    await broken_off(suno, host, tmp_path)
    host.served = {"/a.mp3": [ranges(AUDIO)]}
    async with SunoClient(api_key="k", base_url=host.url) as another:
        (path,) = await another.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert wanted(host) == ["bytes=100000-"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("heeds", [True, False], ids=["If-Range", "without If-Range"])
async def test_a_file_that_has_changed_is_fetched_anew(
    heeds: bool, suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    await broken_off(suno, host, tmp_path)
    host.served = {"/a.mp3": [ranges(OTHER, etag='"two"', heeds_if_range=heeds)]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == OTHER
    assert list(tmp_path.iterdir()) == [path]


async def test_without_an_etag_the_size_must_be_the_same(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    await broken_off(suno, host, tmp_path, etag="")
    host.served = {"/a.mp3": [ranges(AUDIO, etag="")]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert (path.read_bytes(), wanted(host)) == (AUDIO, ["bytes=100000-"])
    path.unlink()

    await broken_off(suno, host, tmp_path, etag="")
    host.served = {"/a.mp3": [ranges(OTHER + b"more", etag="")]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == OTHER + b"more"


@pytest.mark.parametrize("notes", [b"", b"{}", b"\xff", b'{"total":"x"}', b"[1,2,3,4]", b'[7,"\\"one\\"",true]'])
async def test_notes_that_make_no_sense_cost_a_new_start(
    notes: bytes, suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    await broken_off(suno, host, tmp_path)
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(notes)
    host.served = {"/a.mp3": [ranges(AUDIO)]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert list(tmp_path.iterdir()) == [path]


async def test_what_cannot_be_continued_is_not_kept(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(AUDIO))})
        await response.prepare(request)
        await response.write(AUDIO[:CUT])
        await asyncio.sleep(1000)
        return response

    host.served = {"/a.mp3": [cut]}
    with anyio.move_on_after(20):
        await suno.download(host.track(), tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_two_calls_at_once_do_not_mix_in_one_part(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [ranges(AUDIO, cut=CUT)]}
    await asyncio.gather(*(suno.download(host.track(), tmp_path) for _ in range(3)))
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == AUDIO


async def test_a_host_that_sends_nothing_for_a_minute_is_asked_again(
    suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    async def stalls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(AUDIO)), "ETag": '"one"'})
        await response.prepare(request)
        await response.write(AUDIO[:CUT])
        await asyncio.sleep(1000)
        return response

    host.served = {"/a.mp3": [stalls, ranges(AUDIO)]}
    (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert 60 <= now() < 70
    assert wanted(host) == ["", "bytes=100000-"]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_that_is_too_large_is_not_fetched(
    announced: bool, suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(AUDIO)

    host.served = {"/a.mp3": [AUDIO if announced else endless]}
    with pytest.raises(DownloadFailed, match="max_bytes is 200000"):
        await suno.download(host.track(), tmp_path, max_bytes=200_000)
    assert list(tmp_path.iterdir()) == []
    assert len(host.asked) == 1


# ---- in memory and as chunks -----------------------------------------------------------------------------------------


async def test_a_stream_goes_on_where_it_broke_off(suno: SunoClient, host: Cdn) -> None:
    host.served = {"/a.mp3": [ranges(AUDIO, cut=CUT)]}
    assert b"".join([chunk async for chunk in suno.stream(host.track())]) == AUDIO
    assert wanted(host) == ["", "bytes=100000-", "bytes=200000-"]
    assert await suno.read(host.track()) == AUDIO


async def test_a_stream_of_a_file_that_changes_ends_with_an_error(suno: SunoClient, host: Cdn) -> None:
    host.served = {"/a.mp3": [ranges(AUDIO, cut=CUT), ranges(OTHER, etag='"two"')]}
    got = b""
    with pytest.raises(DownloadFailed, match="broken off after 100000 bytes"):
        async for chunk in suno.stream(host.track()):
            got += chunk
    assert got == AUDIO[:CUT]


async def test_a_stream_that_is_left_closes_its_connection(suno: SunoClient, host: Cdn) -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(AUDIO)
        finally:
            left.set()

    host.served = {"/a.mp3": [endless]}
    async with aclosing(suno.stream(host.track())) as chunks:
        async for _ in chunks:
            break
    await asyncio.wait_for(left.wait(), 10)
