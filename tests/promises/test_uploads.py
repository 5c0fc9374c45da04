"""Files handed in: the right call for each kind, streamed, retried, and only ever to the upload host."""

import asyncio
import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import msgspec
import pytest
from aiohttp import BodyPartReader, web

from suno_async import (
    KIE,
    ConnectError,
    InvalidJob,
    InvalidRequest,
    ResponseLost,
    SunoClient,
    UploadStream,
)
from suno_async.http.timeouts import Timeouts
from suno_async.http.transport import HTTP

from ..doubles import RawServer, Script, http, reply

URL = "https://up.example/a.mp3"


class Host:
    """An upload host that notes what it gets and answers as documented."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.statuses: list[int] = []

    async def __aenter__(self) -> "Host":
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/api/file-stream-upload", self._form)
        app.router.add_post("/api/file-base64-upload", self._json)
        app.router.add_post("/api/file-url-upload", self._json)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _json(self, request: web.Request) -> web.Response:
        return self._answer(request, await request.json())

    async def _form(self, request: web.Request) -> web.Response:
        noted: dict[str, Any] = {"length": request.content_length}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            assert part.name
            body = await part.read()
            noted[part.name] = body if part.filename else body.decode()
            if part.filename:
                noted["called"], noted["type"] = part.filename, part.headers["Content-Type"]
        return self._answer(request, noted)

    def _answer(self, request: web.Request, noted: dict[str, Any]) -> web.Response:
        self.got.append(noted | {"path": request.path, "key": request.headers.get("Authorization")})
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return web.json_response({"success": False, "code": status, "msg": "no"}, status=200)
        name = noted.get("fileName") or "f"
        data = {"success": True, "fileName": name, "filePath": "kieai/1/x", "fileSize": 1, "mimeType": "audio/mpeg"}
        data |= {"downloadUrl": f"https://up.example/{name}", "uploadedAt": "2026-11-20T00:00:00Z"}
        return web.json_response({"success": True, "code": 200, "msg": "ok", "data": data})


@pytest.fixture
async def host(threads: None) -> AsyncIterator[Host]:
    async with Host() as host:
        yield host


@pytest.fixture
async def suno(host: Host) -> AsyncIterator[SunoClient]:
    own = msgspec.structs.replace(KIE, uploads=host.url, api="http://127.0.0.1:9")
    async with SunoClient(api_key="k", provider=own) as suno:
        yield suno


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_streamed_with_its_name_size_and_kind(suno: SunoClient, host: Host, tmp_path: Path) -> None:
    song = tmp_path / "my song.mp3"
    song.write_bytes(b"tune" * 100_000)
    seen: list[tuple[int, int | None]] = []
    url = await suno.upload(song, progress=lambda sent, total: seen.append((sent, total)))
    (got,) = host.got
    assert (got["file"], got["uploadPath"], got["type"]) == (b"tune" * 100_000, "suno-async", "audio/mpeg")
    assert got["fileName"] == unquote(got["called"])
    assert got["fileName"].startswith("my song-")
    assert got["fileName"].endswith(".mp3")
    assert got["length"] > 400_000  # announced, not chunked
    assert got["key"] == "Bearer k"
    assert url == f"https://up.example/{got['fileName']}"
    assert seen == [(262_144, 400_000), (400_000, 400_000)]
    assert await suno.upload(song, name="x.mp3", folder="a/b") == "https://up.example/x.mp3"
    assert host.got[1]["uploadPath"] == "a/b"


async def test_two_files_of_one_name_do_not_overwrite_each_other(suno: SunoClient, host: Host, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "song.mp3").write_bytes(folder.encode())
        await suno.upload(tmp_path / folder / "song.mp3")
    assert len({got["fileName"] for got in host.got}) == 2


async def test_bytes_go_as_text_and_large_ones_as_a_stream(suno: SunoClient, host: Host) -> None:
    await suno.upload(b"abc", name="x.wav")
    assert base64.b64decode(host.got[0]["base64Data"]) == b"abc"
    assert (host.got[0]["path"], host.got[0]["fileName"]) == ("/api/file-base64-upload", "x.wav")
    await suno.upload(b"y" * 10_000_000)
    assert len(base64.b64decode(host.got[1]["base64Data"])) == 10_000_000
    await suno.upload(b"x" * 10_000_001)
    assert host.got[2]["path"] == "/api/file-stream-upload"
    assert len(host.got[2]["file"]) == 10_000_001


async def test_an_address_is_fetched_by_the_service(suno: SunoClient, host: Host) -> None:
    await suno.upload("https://e.example/a.mp3")
    assert host.got[0]["path"] == "/api/file-url-upload"
    assert host.got[0]["fileUrl"] == "https://e.example/a.mp3"


async def test_an_iterator_is_streamed_as_it_comes(suno: SunoClient, host: Host) -> None:
    seen: list[tuple[int, int | None]] = []
    await suno.upload(chunks(b"ab", b"c"), name="x.mp3", progress=lambda sent, total: seen.append((sent, total)))
    assert (host.got[0]["file"], host.got[0]["length"]) == (b"abc", None)
    assert seen == [(2, None), (3, None)]


async def test_a_file_is_sent_again_after_a_failure_and_an_iterator_is_not(
    suno: SunoClient, host: Host, tmp_path: Path
) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(b"tune")
    host.statuses = [500, 455, 429]
    await suno.upload(song)
    assert [got["file"] for got in host.got] == [b"tune"] * 4
    host.statuses = [455]
    with pytest.raises(Exception, match="455"):
        await suno.upload(chunks(b"abc"))
    assert len(host.got) == 5


@pytest.mark.parametrize(
    ("handed", "says"),
    [
        (Path("nowhere/a.mp3"), "source must be a file that can be read"),
        ("nowhere.mp3", "source must be an http"),
        (Path(), "source must be a file that can be read"),
        (b"", "source must be an http"),
        ("", "source must be an http"),
        (7, "source must be an http"),
        (None, "source must be an http"),
        (Path("a\0b"), "source must be a file that can be read"),
        ("https://", "file_url must be an http"),
    ],
)
async def test_what_cannot_be_handed_in_is_said(suno: SunoClient, host: Host, handed: Any, says: str) -> None:
    with pytest.raises(InvalidJob, match=says):
        await suno.upload(handed)
    assert host.got == []


async def test_an_empty_file_or_iterator_is_refused(suno: SunoClient, host: Host, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").touch()
    with pytest.raises(InvalidJob, match="source must be a file that is not empty"):
        await suno.upload(tmp_path / "a.mp3")
    with pytest.raises(InvalidJob, match="file must not be empty"):
        await suno.upload(chunks())
    assert [got for got in host.got if got.get("file")] == []


async def test_folders_have_no_slashes_at_their_ends(suno: SunoClient, host: Host) -> None:
    for folder in ("/a", "a/", "/", ""):
        with pytest.raises(InvalidJob, match="upload_path must be a folder without slashes at its ends"):
            await suno.upload(b"abc", folder=folder)
    assert host.got == []


async def test_what_an_iterator_or_a_progress_bar_raises_comes_out_as_it_is(suno: SunoClient) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"abc"
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await suno.upload(breaks())

    def bar(sent: int, total: int | None) -> None:
        raise LookupError("bar")

    with pytest.raises(LookupError, match="bar"):
        await suno.upload(chunks(b"abc"), progress=bar)


async def test_a_file_that_changes_while_it_is_sent_is_not_taken_for_whole(suno: SunoClient, tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(b"x" * 1_000_000)

    def cut(sent: int, total: int | None) -> None:
        with song.open("r+b") as file:
            file.truncate(sent)

    with pytest.raises(InvalidJob, match="must stay as it is while it is sent"):
        await suno.upload(song, progress=cut)


async def test_a_file_that_grows_while_it_is_sent_is_not_cut_off(suno: SunoClient, tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(b"x" * 1_000_000)

    def grow(sent: int, total: int | None) -> None:
        with song.open("ab") as file:
            file.write(b"y" * 1_000_000)

    with pytest.raises(InvalidJob, match="must stay as it is while it is sent"):
        await suno.upload(song, progress=grow)


async def test_a_pipe_is_no_file(suno: SunoClient, tmp_path: Path) -> None:
    """Opening one would wait for its other end, and the loop with it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidJob, match="no regular file"):
        await suno.upload(tmp_path / "pipe")


async def test_a_cancelled_upload_lets_go_of_its_source_at_once(threads: None) -> None:
    let_go = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            let_go.set()

    over = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        await reader.read()  # aiohttp before 3.14 logs an error if the connection is reset after the cancellation
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    own = msgspec.structs.replace(KIE, uploads=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with SunoClient(api_key="k", provider=own) as suno:
        with anyio.move_on_after(1):
            await suno.upload(source())
        assert let_go.is_set()
    over.set()
    await asyncio.sleep(0.1)
    server.close()


async def test_a_network_that_takes_nothing_is_given_up_on() -> None:
    """However long the file, and however slow its maker, who may take their time."""

    async def slow() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(3600)
        yield b"def"

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    own = msgspec.structs.replace(KIE, uploads=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with SunoClient(api_key="k", provider=own) as suno:
        with pytest.raises(ResponseLost, match="no byte was sent or received for 120 s"):
            await suno.run(UploadStream(file=slow()))
    server.close()
    assert asyncio.get_running_loop().time() == pytest.approx(3600 + Timeouts().stalled, abs=1)


async def test_the_key_goes_to_the_upload_host_alone() -> None:
    """Not across a redirect, and with another address of the API not to the real host."""
    away = http(b"", 307, "Location: http://127.0.0.1:9/elsewhere")
    async with RawServer(away) as server:
        own = msgspec.structs.replace(KIE, uploads=server.url)
        async with SunoClient(api_key="secret", provider=own) as suno:
            with pytest.raises(Exception, match="307") as caught:
                await suno.run(UploadStream(file=b"abc"))
            assert "secret" not in repr(caught.value) + str(caught.value)
    assert {got.target for got in server.got} == {"/api/file-stream-upload"}
    script = Script(submits=[reply({"downloadUrl": URL})])
    async with SunoClient(api_key="k", base_url="http://127.0.0.1:9/x", transport=script) as suno:
        await suno.upload(b"abc")
    assert [url for _, _, url, _ in script.sent] == ["http://127.0.0.1:9/x/api/file-base64-upload"]


async def test_an_upload_the_service_refuses_is_an_error(suno: SunoClient, host: Host) -> None:
    host.statuses = [400]
    with pytest.raises(InvalidRequest, match="no"):
        await suno.upload(b"abc")


async def test_bytes_and_addresses_report_their_progress_too() -> None:
    """The docstring of `upload` promises it for everything, and a bar that never ends is a hang to its user."""
    seen: list[tuple[int, int | None]] = []
    async with SunoClient(api_key="k", transport=Script(submits=[reply({"downloadUrl": URL})])) as suno:
        await suno.upload(b"x" * 1000, progress=lambda sent, total: seen.append((sent, total)))
    assert seen
    assert seen[-1] == (1000, 1000)


async def test_what_an_iterator_raises_is_never_answered_with_half_a_file() -> None:
    """It may itself use this package, and raise ConnectError; the second try would begin in the middle."""

    class Flaky:
        left = [b"first ", ConnectError("its own source is gone"), b"second"]

        def __aiter__(self) -> "Flaky":
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            one = self.left.pop(0)
            if isinstance(one, Exception):
                raise one
            assert isinstance(one, bytes)
            return one

    script = Script(submits=[reply({"downloadUrl": URL}), reply({"downloadUrl": URL})])
    async with SunoClient(api_key="k", transport=script) as suno:
        with pytest.raises(ConnectError, match="its own source"):
            await suno.upload(Flaky())
    assert b"second" not in b"".join(body for *_, body in script.sent)


async def test_a_chunk_that_is_none_does_not_end_the_file() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first "
        yield None  # type: ignore[misc]  # pyright: ignore[reportReturnType]
        yield b"second"

    async with Host() as host:
        own = msgspec.structs.replace(KIE, uploads=host.url)
        async with SunoClient(api_key="k", provider=own) as suno:
            try:
                await suno.upload(chunks())
            except Exception:
                return
        assert host.got[-1]["file"] == b"first second"


@pytest.mark.parametrize(
    "call",
    [
        UploadStream(file=b"abc", upload_path=7),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        UploadStream(file=b"abc", file_name="\udcff.mp3"),
        UploadStream(file=7),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
    ids=["path", "name", "file"],
)
async def test_odd_uploads_raise_our_errors_without_validation_too(call: UploadStream) -> None:
    async with Host() as host:
        own = msgspec.structs.replace(KIE, uploads=host.url)
        async with SunoClient(api_key="k", provider=own, validate=False) as suno:
            with pytest.raises(InvalidJob):
                await suno.run(call)


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """200 MB within 30 MB, server included, measured in a process of its own."""
    song = tmp_path / "long.wav"
    with song.open("wb") as file:
        file.truncate(200_000_000)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(song)], capture_output=True, text=True, check=True, timeout=120
    )
    size, grown, digest = ran.stdout.split()
    assert int(size) == 200_000_000
    assert int(grown) < 30_000
    assert digest == hashlib.sha256(song.read_bytes()).hexdigest()


PROGRAM = """
import asyncio, hashlib, sys
from pathlib import Path
import msgspec
from aiohttp import BodyPartReader, web
from suno_async import KIE, SunoClient

def most_used():  # in KB; what getrusage tells may be the parent's
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

async def main():
    sizes, digest = [], hashlib.sha256()
    async def take(request):
        async for part in await request.multipart():
            if part.filename:
                size = 0
                while chunk := await part.read_chunk(1 << 16):
                    size += len(chunk)
                    digest.update(chunk)
                sizes.append(size)
        return web.json_response({"success": True, "code": 200, "data": {"downloadUrl": "https://up.example/x"}})
    app = web.Application()
    app.router.add_post("/api/file-stream-upload", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    own = msgspec.structs.replace(KIE, uploads=f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with SunoClient(api_key="k", provider=own) as suno:
        small = Path(sys.argv[1]).with_name("small.wav")
        small.write_bytes(b"x" * 1_000_000)
        await suno.upload(small)
        before = most_used()
        sizes.clear(); digest = hashlib.sha256()
        await suno.upload(Path(sys.argv[1]))
        grown = most_used() - before
    print(sizes[0], grown, digest.hexdigest())
    await runner.cleanup()

asyncio.run(main())
"""


def test_the_transport_shows_no_key() -> None:
    assert "secret" not in repr(HTTP("secret"))
