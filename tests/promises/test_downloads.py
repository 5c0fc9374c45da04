"""Songs on disk: whole, under safe names, without the key."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from suno_async import DownloadFailed, GenerateMusic, Lyrics, Music, SunoClient, Track

from ..conftest import now
from ..doubles import DONE, RawServer, envelope, http, track

pytestmark = pytest.mark.usefixtures("threads")

AUDIO = bytes(range(256)) * 1000


class Media:
    """A media host with an API beside it; counts what came in."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[web.Request] = []
        self.page: list[dict[str, Any]] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path.endswith("record-info"):
            data = {"taskId": "t1", "status": "SUCCESS", "response": {"sunoData": self.page}}
            return web.Response(body=envelope(data), content_type="application/json")
        if request.path not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[request.path])

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@pytest.fixture
async def media() -> AsyncIterator[tuple[Media, SunoClient, str]]:
    host = Media()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with SunoClient(api_key="secret-key", base_url=url) as suno:
        yield host, suno, url
    await runner.cleanup()


def song(url: str, *names: str, title: str = "La") -> Music:
    tracks = [
        Track(id=name, title=title, audio_url=f"{url}/{name}.mp3", image_url=f"{url}/{name}.jpeg", task_id="t1")
        for name in names
    ]
    return Music(task_id="t1", tracks=tuple(tracks))


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


async def test_every_track_and_cover_is_saved_in_order(media: tuple[Media, SunoClient, str], tmp_path: Path) -> None:
    host, suno, url = media
    host.files = {"/a.mp3": AUDIO, "/a.jpeg": b"a", "/b.mp3": AUDIO[::-1], "/b.jpeg": b"b"}
    paths = await suno.download(song(url, "a", "b"), tmp_path / "new" / "folder")
    assert [path.read_bytes() for path in paths] == [AUDIO, b"a", AUDIO[::-1], b"b"]
    assert [path.suffix for path in paths] == [".mp3", ".jpeg"] * 2
    assert all(path.name.startswith("La ") for path in paths)
    assert left_over(tmp_path / "new" / "folder") == []


async def test_the_key_never_reaches_a_media_host(media: tuple[Media, SunoClient, str], tmp_path: Path) -> None:
    """Even when that is the API's own address, and although polls from the same client carry it."""
    host, suno, url = media
    host.files = {"/a.mp3": AUDIO, "/a.jpeg": b"a"}
    host.page = [track()]
    await suno.attach(GenerateMusic, "t1")
    await suno.download(song(url, "a"), tmp_path)
    keyed = {request.path: "Authorization" in request.headers for request in host.requests}
    assert keyed == {"/api/v1/generate/record-info": True, "/a.mp3": False, "/a.jpeg": False}
    assert not [request for request in host.requests if "secret" in str(request.url)]


async def test_a_dead_link_is_replaced_by_a_fresh_one(media: tuple[Media, SunoClient, str], tmp_path: Path) -> None:
    host, suno, url = media
    host.files = {"/fresh.mp3": AUDIO, "/a.jpeg": b"a"}
    host.page = [track() | {"id": "a", "audioUrl": f"{url}/fresh.mp3", "imageUrl": f"{url}/a.jpeg"}]
    paths = await suno.download(song(url, "a"), tmp_path)
    assert paths[0].read_bytes() == AUDIO
    assert host.paths.count("/a.mp3") == 1


async def test_one_track_can_be_saved_by_a_fresh_link(media: tuple[Media, SunoClient, str], tmp_path: Path) -> None:
    host, suno, url = media
    host.files = {"/fresh.mp3": AUDIO}
    host.page = [track() | {"id": "a", "audioUrl": f"{url}/fresh.mp3", "imageUrl": None}]
    (path,) = await suno.download(Track(id="a", audio_url=f"{url}/a.mp3", task_id="t1"), tmp_path)
    assert path.read_bytes() == AUDIO


async def test_what_cannot_be_saved_is_told_and_the_rest_is_saved(
    media: tuple[Media, SunoClient, str], tmp_path: Path
) -> None:
    host, suno, url = media
    host.files = {"/a.mp3": AUDIO, "/b.mp3": b"", "/b.jpeg": b"b"}
    with pytest.raises(DownloadFailed) as caught:
        await suno.download(song(url, "a", "b"), tmp_path)
    assert [path.suffix for path in caught.value.saved] == [".mp3", ".jpeg"]
    assert dict(caught.value.failed) == {f"{url}/a.jpeg": "HTTP 404", f"{url}/b.mp3": "0 of 0 bytes"}
    assert 60 <= now() < 75
    assert host.paths.count("/a.jpeg") >= 4
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("broken", [http(AUDIO[:1000], length=5000), b""], ids=["short", "broken"])
async def test_a_file_cut_short_is_fetched_again_and_never_kept(broken: bytes, tmp_path: Path) -> None:
    async with RawServer(broken, broken, http(AUDIO)) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        result = Track(id="a", title="La", audio_url=f"{server.url}/a.mp3")
        (path,) = await suno.download(result, tmp_path)
    assert path.read_bytes() == AUDIO
    assert len(server.got) == 3

    async with RawServer(broken) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(Track(id="b", title="Lo", audio_url=f"{server.url}/b.mp3"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


async def test_bytes_beyond_the_announced_ones_are_refused_and_not_quoted_at_length(tmp_path: Path) -> None:
    """aiohttp repeats all that it could not read, which would be in the error and in the log."""
    broken = http(AUDIO, 200, "Connection: close", length=100)
    async with RawServer(broken) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(DownloadFailed) as caught:
            await suno.download(Track(id="a", title="La", audio_url=f"{server.url}/a.mp3"), tmp_path)
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


async def test_a_host_that_compresses_all_the_same(tmp_path: Path) -> None:
    body = gzip.compress(AUDIO)
    async with (
        RawServer(http(body, 200, "Content-Encoding: gzip")) as server,
        SunoClient(api_key="k", base_url=server.url) as suno,
    ):
        (path,) = await suno.download(Track(id="a", audio_url=f"{server.url}/a.mp3"), tmp_path)
    assert path.read_bytes() == AUDIO


async def test_a_cancelled_download_leaves_no_part(tmp_path: Path) -> None:
    async with (
        RawServer(http(AUDIO[:1000], length=5000) + b"") as server,
        SunoClient(api_key="k", base_url=server.url) as suno,
    ):
        server.answers = [None]
        downloading = asyncio.create_task(
            suno.download(Track(id="a", title="La", audio_url=f"{server.url}/a.mp3"), tmp_path)
        )
        while not server.got:
            await anyio.sleep(0.01)
        downloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await downloading
    assert list(tmp_path.iterdir()) == []


async def test_two_downloads_of_one_track_at_once_do_not_mix(
    media: tuple[Media, SunoClient, str], tmp_path: Path
) -> None:
    host, suno, url = media
    host.files = {"/a.mp3": AUDIO, "/a.jpeg": b"a"}
    one, two = await asyncio.gather(*(suno.download(song(url, "a"), tmp_path) for _ in range(2)))
    assert one == two
    assert one[0].read_bytes() == AUDIO


async def test_a_folder_that_cannot_be_is_one_of_our_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with SunoClient(api_key="k") as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(Track(id="a", audio_url="http://127.0.0.1:1/a.mp3"), tmp_path / "file")


async def test_nothing_to_save_saves_nothing(tmp_path: Path) -> None:
    async with SunoClient(api_key="k") as suno:
        assert await suno.download(Lyrics(), tmp_path) == []
        assert await suno.download(Music(), tmp_path) == []


@pytest.mark.parametrize(
    "bad", ["http://[x/b.jpeg", "http://x\uff0fy.com/b.jpeg", "http://" + "a" * 64 + ".example/b.jpeg"]
)
async def test_an_address_that_is_none_is_told_and_the_rest_is_saved(bad: str, tmp_path: Path) -> None:
    """ExceptionGroup(ValueError / UnicodeError), and the other files of the result are cancelled."""
    async with RawServer(http(b"audio")) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(DownloadFailed) as caught:
            await suno.download(Track(id="a", title="La", audio_url=f"{server.url}/a.mp3", image_url=bad), tmp_path)
    assert len(caught.value.saved) == 1


async def test_audio_and_cover_of_one_suffix_do_not_share_a_name(tmp_path: Path) -> None:
    async with (
        RawServer(http(b"audio"), http(b"cover")) as server,
        SunoClient(api_key="k", base_url=server.url) as suno,
    ):
        song = Track(id="a", title="La", audio_url=f"{server.url}/a.mp4", image_url=f"{server.url}/cover.mp4")
        paths = await suno.download(song, tmp_path)
    assert len(set(paths)) == 2


async def test_two_takes_without_id_on_one_file_are_counted_right(tmp_path: Path) -> None:
    """`failed` has an entry for each file, although two have one address (docs/service.md#observed-differences)."""
    async with RawServer(http(b"", 404)) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        takes = tuple(Track(id=name, audio_url=f"{server.url}/same.mp3") for name in "ab")
        with pytest.raises(DownloadFailed) as caught:
            await suno.download(Music(tracks=takes), tmp_path)
    assert str(caught.value).startswith("2 of 2")


async def test_dead_links_keep_to_three_polls_a_second(tmp_path: Path) -> None:
    polls: list[float] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("record-info"):
            polls.append(now())
            return web.Response(body=DONE.body, content_type="application/json")
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with SunoClient(api_key="k", base_url=url) as suno:
        takes = tuple(
            Track(id=name, audio_url=f"{url}/{name}.mp3", image_url=f"{url}/{name}.jpeg", task_id="t1") for name in "ab"
        )
        with pytest.raises(DownloadFailed):
            await suno.download(Music(task_id="t1", tracks=takes), tmp_path)
    await runner.cleanup()
    assert max(sum(start <= at < start + 1 for at in polls) for start in polls) <= 3
