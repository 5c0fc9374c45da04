"""Files to the gateway's upload host: which call suits what, and a body that streams."""

import base64
import io
import mimetypes
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from ..api.requests import Call
from ..api.requests.account import UploadBase64, UploadCall, UploadFromUrl, UploadStream
from ..errors import InvalidJob, Problem
from ..http.base import Form
from .file_objects import FileObject, Readable, own_name

__all__ = ["FOLDER", "Progress", "UploadSource", "call_for", "form", "rereadable", "size_of"]

UploadSource = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable | AsyncIterable[bytes]
"""What can be handed in: an http(s) address, a Path, bytes, an open file or what can be read like one (`UploadFile`, a
Discord attachment), or bytes as they come. Text is never taken for a path: whoever hands on what a stranger typed would
hand out files."""
Progress = Callable[[int, int | None], object]
"""Called with the bytes sent so far, and with all there are if that is known."""

FOLDER = "suno-async"
AS_TEXT = 10_000_000
"""Bytes that go as base64; the service advises no more (docs/service.md#uploads)."""
CHUNK = 1 << 18


def call_for(source: UploadSource, name: str | None, folder: str, field: str = "source") -> UploadCall:
    """The call that suits what is handed in. InvalidJob if that is nothing which can be sent."""
    match source:
        case str() if _is_address(source):
            return UploadFromUrl(file_url=source, upload_path=folder, file_name=name)
        case os.PathLike():
            path = Path(source)
            return UploadStream(file=path, upload_path=folder, file_name=name or _own_name(path.name))
        case bytes() | bytearray() | memoryview() if len(source):
            body = bytes(source)
            if len(body) > AS_TEXT:
                return UploadStream(file=body, upload_path=folder, file_name=name)
            return UploadBase64(base64_data=base64.b64encode(body).decode(), upload_path=folder, file_name=name)
        case io.BytesIO():
            own = own_name(source)
            if not (rest := source.getvalue()[source.tell() :]):
                raise InvalidJob("upload", [Problem(field, "must not be read to its end: seek(0) first", source)])
            return call_for(rest, name or (own and _own_name(own)) or None, folder, field)
        case Readable():
            own = own_name(source)
            file = FileObject(source)
            return UploadStream(file=file, upload_path=folder, file_name=name or (own and _own_name(own)) or None)
        case AsyncIterable():
            return UploadStream(file=source, upload_path=folder, file_name=name)
        case _:
            wanted = (
                "must be an http(s) address, a pathlib.Path, some bytes, an open file, or an async iterator of bytes"
            )
            raise InvalidJob("upload", [Problem(field, wanted, source)])


def rereadable(call: Call[Any]) -> bool:
    """Whether the file of a call can be sent again; what was read of an iterator is gone."""
    file = getattr(call, "file", None)
    return file.rereadable if isinstance(file, FileObject) else not isinstance(file, AsyncIterable)


def size_of(call: UploadBase64) -> int:
    """Bytes of a file that is sent as Base64."""
    return len(call.base64_data) // 4 * 3 - call.base64_data[-2:].count("=")


def form(call: UploadStream, progress: Progress | None = None, field: str = "file") -> Form:
    """The multipart body of a stream upload, made anew for every attempt. InvalidJob if a file can't be read."""
    name = call.file_name or secrets.token_hex(8)
    fields = {"uploadPath": call.upload_path} | ({"fileName": name} if call.file_name else {})
    for what, value in (("upload_path", call.upload_path), ("file_name", name)):
        if not isinstance(value, str) or not value.isprintable():
            raise InvalidJob("upload", [Problem(what, "must be text that can be sent", value)])
    size: int | None = None
    chunks: AsyncIterable[bytes]
    match call.file:
        case os.PathLike() as path:
            size = _size(path, field)
            chunks = _from_disk(path)
        case bytes() as body:
            size = len(body)
            chunks = _from_memory(body)
        case FileObject() as file:
            size = file.size
            chunks = file
        case stream:
            if not isinstance(stream, AsyncIterable):
                wanted = "must be a Path, bytes or an async iterator of bytes"
                raise InvalidJob("upload", [Problem(field, wanted, stream)])
            chunks = stream
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Form(fields, "file", name, kind, size, _counted(chunks, size, progress))


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme.lower() in ("http", "https")
    except ValueError:
        return False


def _own_name(name: str) -> str:
    """The file's name made its own: at the service the same name overwrites, and caches lag."""
    stem, suffix = os.path.splitext("".join(char if char.isprintable() else "_" for char in name))
    return f"{stem}-{secrets.token_hex(4)}{suffix}"


def _size(path: os.PathLike[str], field: str) -> int:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for its other end
            raise OSError("no regular file")
        with open(path, "rb") as file:  # what cannot be opened is refused now, not in the middle of a request
            size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as exc:
        raise InvalidJob("upload", [Problem(field, f"must be a file that can be read ({exc})", path)]) from exc
    if not size:
        raise InvalidJob("upload", [Problem(field, "must be a file that is not empty", path)])
    return size


async def _from_disk(path: os.PathLike[str]) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK):
            yield chunk


async def _from_memory(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]


async def _counted(chunks: AsyncIterable[bytes], size: int | None, progress: Progress | None) -> AsyncIterator[bytes]:
    """The same chunks; says how far it is, and stops when there turn out to be fewer or more than announced."""
    sent = 0
    try:
        async for chunk in chunks:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise InvalidJob("upload", [Problem("file", "must be made of bytes", chunk)])
            sent += len(chunk)
            if size is not None and sent > size:
                break
            yield bytes(chunk)
            if progress is not None:
                progress(sent, size)
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    if size is not None and sent != size:
        raise InvalidJob("upload", [Problem("file", f"must stay as it is while it is sent, {size} bytes", sent)])
    if not sent:
        raise InvalidJob("upload", [Problem("file", "must not be empty", b"")])
