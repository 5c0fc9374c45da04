"""Files as bots and web back ends have them: open files, form uploads, attachments."""

import asyncio
import base64
import io
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.datastructures import Headers, UploadFile

from suno_async import InvalidJob, SunoClient

from .test_uploads import Host
from .test_uploads import host as host
from .test_uploads import suno as suno

pytestmark = [
    pytest.mark.usefixtures("threads"),
    pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning"),  # of aiohttp's server
]

SONG = b"ID3" + b"tune" * 200_000


class Attachment:
    """As discord.Attachment: all at once, by a request of its own, without a size."""

    filename = "my song.mp3"
    size = len(SONG)
    reads = 0

    async def read(self, *, use_cached: bool = False) -> bytes:
        self.reads += 1
        return SONG


class Unnamed:
    """A body that can be read once, as of a response."""

    def __init__(self) -> None:
        self.left = SONG

    def read(self, size: int = -1) -> bytes:
        chunk, self.left = self.left[:size], self.left[size:]
        return chunk


def form_upload(large: bool) -> UploadFile:
    file: Any = tempfile.SpooledTemporaryFile(max_size=1 if large else 10_000_000)  # noqa: SIM115
    file.write(SONG)  # and is at its end, as after a check of the file
    return UploadFile(file, size=len(SONG), filename="my song.mp3", headers=Headers({"content-type": "audio/mpeg"}))


def named_bytes() -> io.BytesIO:
    file = io.BytesIO(SONG)
    file.name = "my song.mp3"
    return file


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    path = tmp_path / "my song.mp3"
    path.write_bytes(SONG)
    return path


def sent(host: Host) -> tuple[bytes, str]:
    (got,) = host.got
    body = got["file"] if "file" in got else base64.b64decode(got["base64Data"])
    return body, str(got.get("fileName", ""))


@pytest.mark.parametrize("source", [Attachment(), named_bytes()], ids=["discord", "BytesIO"])
async def test_attachments_are_uploaded_under_their_names(source: Any, suno: SunoClient, host: Host) -> None:
    assert (await suno.upload(source)).startswith("https://up.example/my song-")
    body, name = sent(host)
    assert body == SONG
    assert name.startswith("my song-")
    assert name.endswith(".mp3")


@pytest.mark.parametrize("large", [False, True], ids=["in memory", "on disk"])
async def test_form_uploads_are_sent_whole_wherever_they_stand(large: bool, suno: SunoClient, host: Host) -> None:
    file = form_upload(large)
    seen: list[tuple[int, int | None]] = []
    await suno.upload(file, progress=lambda got, total: seen.append((got, total)))
    assert sent(host)[0] == SONG
    assert sent(host)[1].startswith("my song-")
    assert host.got[0]["length"] > len(SONG)  # announced, not chunked
    assert seen[-1] == (len(SONG), len(SONG))
    await file.close()


async def test_open_files_are_sent_from_where_they_stand(suno: SunoClient, host: Host, on_disk: Path) -> None:
    with on_disk.open("rb") as file:
        file.seek(3)
        await suno.upload(file)
    assert sent(host)[0] == SONG[3:]
    assert sent(host)[1].startswith("my song-")
    host.got.clear()
    async with await anyio.open_file(on_disk, "rb") as opened:
        await suno.upload(opened)
    assert sent(host)[0] == SONG


async def test_what_can_be_rewound_is_sent_again_after_a_failure(suno: SunoClient, host: Host, on_disk: Path) -> None:
    with on_disk.open("rb") as file:
        uploaded = form_upload(False)
        for source in (file, Attachment(), uploaded):
            host.got.clear()
            host.statuses = [500, 455]
            await suno.upload(source)
            assert [got["file"] for got in host.got] == [SONG] * 3
        await uploaded.close()


async def test_what_cannot_be_rewound_is_sent_once(suno: SunoClient, host: Host) -> None:
    await suno.upload(Unnamed(), name="x.mp3")
    assert sent(host) == (SONG, "x.mp3")
    host.statuses = [455]
    with pytest.raises(Exception, match="455"):
        await suno.upload(Unnamed())
    assert len(host.got) == 2


async def test_a_pipe_is_read_to_its_end(suno: SunoClient, host: Host) -> None:
    out, into = os.pipe()
    os.write(into, b"ID3 little")
    os.close(into)
    with os.fdopen(out, "rb") as reader:
        await suno.upload(reader)
    assert sent(host)[0] == b"ID3 little"


async def test_a_buffer_that_was_not_rewound_is_told(suno: SunoClient, host: Host) -> None:
    file = io.BytesIO()
    file.write(SONG)
    with pytest.raises(InvalidJob, match=r"seek\(0\) first"):
        await suno.upload(file)
    file.seek(0)
    await suno.upload(file)
    assert sent(host)[0] == SONG


async def test_text_and_empty_files_are_refused(suno: SunoClient, host: Host, on_disk: Path) -> None:
    with on_disk.open("r", encoding="latin-1") as text, pytest.raises(InvalidJob, match="made of bytes"):
        await suno.upload(text)
    with pytest.raises(InvalidJob, match="must not be empty"):
        await suno.upload(UploadFile(io.BytesIO(b""), filename="a.mp3"))


async def test_names_with_folders_keep_their_last_part(suno: SunoClient, host: Host) -> None:
    for name in ("../../etc/song.mp3", "C:\\songs\\song.mp3"):
        host.got.clear()
        file = io.BytesIO(SONG)
        file.name = name
        await suno.upload(file)
        assert sent(host)[1].startswith("song-")


async def test_a_file_that_ends_early_is_not_taken_for_whole(suno: SunoClient) -> None:
    with pytest.raises(InvalidJob, match="must stay as it is"):
        await suno.upload(UploadFile(io.BytesIO(b"abc"), size=10, filename="a.mp3"))


async def test_what_reading_raises_comes_out_as_it_is(suno: SunoClient) -> None:
    class Gone(Attachment):
        async def read(self, *, use_cached: bool = False) -> bytes:
            raise LookupError("the message is deleted")

    with pytest.raises(LookupError, match="deleted"):
        await suno.upload(Gone())


async def chunks() -> AsyncIterator[bytes]:
    await asyncio.sleep(0)
    yield SONG


async def test_iterators_are_still_taken(suno: SunoClient, host: Host) -> None:
    await suno.upload(chunks())
    assert sent(host)[0] == SONG
