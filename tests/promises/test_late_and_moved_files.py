"""Files that are late, moved, or replaced by a page: what the service made reaches its user."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from suno_async import DownloadFailed, Music, Pace, SunoClient, Track

from ..cdn import AUDIO, Answer, Cdn, cdn, moved, page, refused
from ..conftest import now
from ..doubles import track

pytestmark = pytest.mark.usefixtures("threads")


@pytest.fixture
async def host() -> AsyncIterator[Cdn]:
    async with cdn() as one:
        yield one


def client(host: Cdn, **options: Any) -> SunoClient:
    return SunoClient(api_key="k", base_url=host.url, **options)


async def reason(host: Cdn, tmp_path: Path, **options: Any) -> str:
    async with client(host) as suno:
        with pytest.raises(DownloadFailed) as caught:
            await suno.download(host.track(), tmp_path, **options)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


# ---- pages in the place of files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "instead",
    [
        page(b"<!DOCTYPE html><title>Sign in to the Wi-Fi</title>", "text/html"),
        page(b"<html>error</html>", "audio/mpeg"),
        page(b'{"code":404,"msg":"not found"}', "application/json"),
        page(b'<?xml version="1.0"?><Error/>', "application/xml"),
        page(b"error code: 1016", "text/plain"),
    ],
    ids=["portal", "html as mp3", "json", "xml", "text"],
)
async def test_a_page_is_no_song(instead: Answer, host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [instead]}
    assert "HTTP 200 with" in await reason(host, tmp_path)


async def test_a_page_is_replaced_by_the_file_when_it_comes(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [page(b"<html>", "text/html"), AUDIO]}
    async with client(host) as suno:
        (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO


# ---- late hosts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [403, 404, 500, 502, 503, b""])
async def test_a_host_that_is_late_is_waited_for(late: Answer, host: Cdn, tmp_path: Path) -> None:
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/a.mp3", "imageUrl": None}]
    host.served = {"/a.mp3": [late, late, late, late, late, AUDIO]}
    async with client(host) as suno:
        (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert 15 <= now() < 60


async def test_it_is_not_asked_before_the_time_that_it_names(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [refused(503, Retry_After="40"), AUDIO]}
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/a.mp3", "imageUrl": None}]
    async with client(host) as suno:
        await suno.download(host.track(), tmp_path)
    first, second = host.at("/a.mp3")
    assert second - first >= 40


async def test_a_time_beyond_the_minute_is_not_waited_for(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [refused(503, Retry_After="3600")]}
    assert "HTTP 503" in await reason(host, tmp_path)
    assert len(host.at("/a.mp3")) == 1


async def test_an_address_that_is_refused_for_an_hour_hides_no_other(host: Cdn, tmp_path: Path) -> None:
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/fresh.mp3", "imageUrl": None}]
    host.served = {"/a.mp3": [refused(503, Retry_After="3600")], "/fresh.mp3": [404, 404, AUDIO]}
    async with client(host) as suno:
        (path,) = await suno.download(host.track(), tmp_path)
    assert path.read_bytes() == AUDIO
    assert len(host.at("/a.mp3")) == 1


async def test_what_is_gone_is_not_waited_for(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [410]}
    assert "HTTP 410" in await reason(host, tmp_path)
    assert now() < 15


LONG_AGO = 1_700_000_000_000


@pytest.mark.parametrize("dead", [403, 404, b"", page(b"<html>", "text/html")], ids=["403", "404", "empty", "page"])
async def test_what_was_made_long_ago_is_not_late(dead: Answer, host: Cdn, tmp_path: Path) -> None:
    """Its other addresses are tried, and that is that."""
    song = host.track(created=LONG_AGO)
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/fresh.mp3", "imageUrl": None}]
    host.served = {"/a.mp3": [dead], "/fresh.mp3": [dead]}
    async with client(host) as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(song, tmp_path)
        assert host.asked == ["/a.mp3", "/fresh.mp3"]
        assert now() < 5
        with pytest.raises(DownloadFailed):
            await suno.read(song)
    assert now() < 10


async def test_a_host_that_is_busy_is_waited_for_whenever_the_song_was_made(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [503, 429, AUDIO]}
    async with client(host) as suno:
        (path,) = await suno.download(host.track(created=LONG_AGO), tmp_path)
    assert path.read_bytes() == AUDIO


async def test_what_was_made_just_now_is_late(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/a.mp3": [404, 404, AUDIO]}
    async with client(host, clock=lambda: LONG_AGO / 1000 + 1500) as suno:
        (path,) = await suno.download(host.track(created=LONG_AGO), tmp_path)
    assert path.read_bytes() == AUDIO


# ---- other addresses -------------------------------------------------------------------------------------------------


def elsewhere(host: Cdn) -> Track:
    """A track whose own address is dead; all others are there."""
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/fresh.mp3", "imageUrl": None}]
    host.direct = f"{host.url}/direct.mp3"
    return host.track(source_audio_url=f"{host.url}/source.mp3")


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("/fresh.mp3", ["/a.mp3", "/fresh.mp3"]),
        ("/source.mp3", ["/a.mp3", "/fresh.mp3", "/source.mp3"]),
        ("/direct.mp3", ["/a.mp3", "/fresh.mp3", "/source.mp3", "/direct.mp3"]),
    ],
)
async def test_addresses_are_tried_in_their_order(there: str, asked: list[str], host: Cdn, tmp_path: Path) -> None:
    song = elsewhere(host)
    host.served = {there: [AUDIO]}
    async with client(host) as suno:
        (path,) = await suno.download(song, tmp_path)
    assert path.read_bytes() == AUDIO
    assert host.asked == asked
    assert host.posted == ([("/api/v1/common/download-url", {"url": song.audio_url})] if "direct" in there else [])


@pytest.mark.parametrize("provider", ["sunoapi", "apikley"])
async def test_upstream_addresses_are_left_alone_where_the_pages_forbid_them(
    provider: str, host: Cdn, tmp_path: Path
) -> None:
    """docs/service.md#observed-differences."""
    song = elsewhere(host)
    host.served = {"/source.mp3": [AUDIO], "/direct.mp3": [AUDIO]}
    async with client(host, provider=provider) as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(song, tmp_path)
    assert set(host.asked) == {"/a.mp3", "/fresh.mp3"}
    assert host.posted == []


async def test_recovery_is_paid_for_only_when_it_is_asked_for(host: Cdn, tmp_path: Path) -> None:
    host.recovery = [{"id": name, "audio_url": f"{host.url}/{name}-new.m4a", "status": "success"} for name in "ab"]
    host.served = {"/a-new.m4a": [AUDIO], "/b-new.m4a": [AUDIO]}
    said = await reason(host, tmp_path)
    assert "recover=True" in said
    assert "price is not known" in said
    assert not [path for path, _ in host.posted if "recovery" in path]

    async with client(host, pace=Pace(first=2, growth=2, cap=15, patience=100)) as suno:
        paths = await suno.download(host.music("a", "b"), tmp_path, recover=True)
    assert [path.read_bytes() for path in paths] == [AUDIO] * 2
    assert [body["task_id"] for path, body in host.posted if "recovery" in path] == ["t1"]  # once for both


async def test_a_recovery_that_fails_is_told(host: Cdn, tmp_path: Path) -> None:
    host.recovery = []
    said = await reason(host, tmp_path, recover=True)
    assert "HTTP 404; recovery failed, too" in said


# ---- redirects -------------------------------------------------------------------------------------------------------

SIGNED = "/a%2Fb%40c%27d%2Be/song.mp3?X-Sig=%2B%2f%3D&x=a%20b+c"


async def test_signed_addresses_go_out_byte_for_byte_over_redirects_too(host: Cdn, tmp_path: Path) -> None:
    host.served = {"/to" + SIGNED: [moved(SIGNED)], SIGNED: [moved(f"{host.url}/next{SIGNED}", 307)]}
    host.served["/next" + SIGNED] = [AUDIO]
    async with client(host) as suno:
        (path,) = await suno.download(Track(id="a", audio_url=f"{host.url}/to{SIGNED}"), tmp_path)
    assert path.read_bytes() == AUDIO
    assert host.asked == ["/to" + SIGNED, SIGNED, "/next" + SIGNED]


async def test_ten_redirects_are_followed_and_no_more(host: Cdn, tmp_path: Path) -> None:
    host.served = {f"/{n}": [moved(f"/{n + 1}")] for n in range(20)}
    host.served["/10"] = [AUDIO]
    async with client(host) as suno:
        assert await suno.read(Track(id="a", audio_url=f"{host.url}/0")) == AUDIO
        host.served["/10"] = [moved("/11")]
        with pytest.raises(DownloadFailed, match="more than 10 redirects"):
            await suno.read(Track(id="b", audio_url=f"{host.url}/0"))


async def test_a_media_host_leads_nobody_into_a_private_network(host: Cdn, tmp_path: Path) -> None:
    """Neither by a redirect nor by its own address, unless the provider itself is there, as an emulator is."""
    async with cdn() as inside:
        inside.served = {"/secret.mp3": [AUDIO]}
        host.served = {"/a.mp3": [moved(f"{inside.url}/secret.mp3")], "/b.mp3": [moved("http://169.254.169.254/x")]}
        song = Track(id="a", audio_url=f"{host.url}/a.mp3")
        async with SunoClient(api_key="k", base_url="https://8.8.8.8") as suno:
            with pytest.raises(DownloadFailed, match="private address, which is not asked"):
                await suno.download(song, tmp_path)
        assert inside.asked == host.asked == []
        async with client(host) as suno:
            with pytest.raises(DownloadFailed, match="private address, is not followed"):
                await suno.download(Track(id="b", audio_url=f"{host.url}/b.mp3"), tmp_path)
        assert len(host.asked) == 1
        async with client(inside) as suno:
            assert await suno.read(song) == AUDIO


async def test_two_takes_of_one_id_get_their_own_fresh_links(host: Cdn, tmp_path: Path) -> None:
    host.page = [track() | {"id": "a", "audioUrl": f"{host.url}/{n}.mp3", "imageUrl": None} for n in (1, 2)]
    host.served = {"/1.mp3": [AUDIO + b"1"], "/2.mp3": [AUDIO + b"2"]}
    async with client(host) as suno:
        paths = await suno.download(Music(task_id="t1", tracks=(host.track(), host.track())), tmp_path)
    assert [path.read_bytes()[-1:] for path in paths] == [b"1", b"2"]
