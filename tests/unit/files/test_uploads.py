"""Which call suits what is handed in, and the body of a streamed file, without a network."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from suno_async import Form, InvalidJob, UploadBase64, UploadFromUrl, UploadStream
from suno_async.files.uploads import AS_TEXT, call_for, form


async def parts(*some: bytes) -> AsyncIterator[bytes]:
    for one in some:
        yield one


async def read(body: Form) -> bytes:
    return b"".join([chunk async for chunk in body.chunks])


def test_an_address_is_left_to_the_service() -> None:
    assert call_for("https://e.example/a.mp3", None, "f") == UploadFromUrl(
        file_url="https://e.example/a.mp3", upload_path="f"
    )


def test_a_path_is_streamed_under_a_name_of_its_own() -> None:
    one, two = (call_for(Path("a/so\nng.mp3"), None, "f") for _ in range(2))
    assert isinstance(one, UploadStream)
    assert isinstance(two, UploadStream)
    assert one.file_name != two.file_name
    assert str(one.file_name).startswith("so_ng-")
    assert str(one.file_name).endswith(".mp3")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_few_bytes_are_sent_as_text(kind: type[bytes]) -> None:
    assert call_for(kind(b"abc"), "x.mp3", "f") == UploadBase64(
        base64_data=base64.b64encode(b"abc").decode(), upload_path="f", file_name="x.mp3"
    )


@pytest.mark.parametrize(("size", "call"), [(AS_TEXT, UploadBase64), (AS_TEXT + 1, UploadStream)])
def test_many_bytes_are_streamed(size: int, call: type[object]) -> None:
    assert type(call_for(bytes(size), None, "f")) is call


def test_text_is_no_path() -> None:
    with pytest.raises(InvalidJob, match="voice_url must be an http"):
        call_for("/etc/passwd", None, "f", "voice_url")


@pytest.mark.usefixtures("threads")
async def test_a_form_says_the_size_of_a_file_and_reads_it_anew_each_time(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(b"tune" * 100_000)
    call = UploadStream(file=song, upload_path="f", file_name="x.mp3")
    for _ in range(2):
        body = form(call)
        assert (body.name, body.file_name, body.content_type, body.size) == ("file", "x.mp3", "audio/mpeg", 400_000)
        assert body.fields == {"uploadPath": "f", "fileName": "x.mp3"}
        assert await read(body) == b"tune" * 100_000


async def test_a_form_of_an_iterator_has_no_size_and_counts_what_is_sent() -> None:
    seen: list[tuple[int, int | None]] = []
    body = form(UploadStream(file=parts(b"ab", b"c")), lambda sent, total: seen.append((sent, total)))
    assert body.size is None
    assert await read(body) == b"abc"
    assert seen == [(2, None), (3, None)]


def test_a_name_without_a_known_suffix_is_bytes() -> None:
    assert form(UploadStream(file=b"abc", file_name="x.qqq")).content_type == "application/octet-stream"


def test_what_cannot_be_read_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InvalidJob, match="upload_url must be a file that can be read"):
            form(UploadStream(file=path), field="upload_url")
