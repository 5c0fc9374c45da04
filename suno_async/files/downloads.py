"""Media to disk: streamed to a part file, checked, and renamed when whole."""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import anyio

from ..api.results import File, Result
from ..errors import DownloadFailed, SunoError, TransportError
from ..http.retry import retry
from ..http.transport import Download, Transport

__all__ = ["file_name", "save"]

ATTEMPTS = 4
SUFFIXES = {".mp3", ".m4a", ".wav", ".flac", ".ogg", ".jpeg", ".jpg", ".png", ".webp", ".mp4", ".mid"}


class Links(Protocol):
    """Where fresh addresses come from."""

    async def get(self) -> Sequence[File]:
        """Return the files as they are addressed now; none if that is not known."""
        ...


class _DeadLink(SunoError):
    """The address serves no file any more; a fresh one may."""


async def save(
    result: Result, folder: str | os.PathLike[str], transport: Transport, links: Links, *, at_once: int = 4
) -> list[Path]:
    """Save every file of a result, in its order. One that fails leaves the others alone (DownloadFailed at the end)."""
    files = list(result.files())
    target = Path(folder)
    try:
        await anyio.Path(target).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise DownloadFailed([], [(file.url, str(exc)) for file in files]) from exc
    paths: list[Path | None] = [None] * len(files)
    failed: list[tuple[str, str]] = []
    gate = anyio.Semaphore(at_once)

    async def one(place: int) -> None:
        file = files[place]
        async with gate:
            try:
                paths[place] = await _save_one(file, target, transport, links)
            except (SunoError, OSError) as exc:
                failed.append((file.url, str(exc)))

    async with anyio.create_task_group() as group:
        for place in range(len(files)):
            group.start_soon(one, place)
    saved = [path for path in paths if path is not None]
    if failed:
        raise DownloadFailed(saved, failed)
    return saved


async def _save_one(file: File, folder: Path, transport: Transport, links: Links) -> Path:
    target = folder / file_name(file)
    url, dead = file.url, False

    async def fetch() -> None:
        nonlocal url, dead
        if dead:
            url = await _fresh(file, links) or url
        try:
            await _stream(url, target, transport)
        except _DeadLink:
            dead = True
            raise

    await retry(fetch, on=(TransportError, _DeadLink), attempts=ATTEMPTS, cap=10)
    return target


async def _fresh(file: File, links: Links) -> str | None:
    """The same file's address by a new poll."""
    same = [new for new in await links.get() if (new.id, new.suffix) == (file.id, file.suffix)]
    return same[0].url if same else None


async def _stream(url: str, target: Path, transport: Transport) -> None:
    part = anyio.Path(target.with_name(f"{target.name}.{secrets.token_hex(4)}.part"))
    try:
        async with transport.fetch(url) as answer:
            if answer.status != 200:
                raise _DeadLink(f"HTTP {answer.status}")
            size = 0
            async with await anyio.open_file(part, "wb") as out:
                async for chunk in answer.chunks:
                    size += await out.write(chunk)
            expected = _expected_size(answer)
        if size == 0 or (expected is not None and size != expected):
            raise _DeadLink(f"{size} of {expected if expected is not None else 'unknown'} bytes")
        await part.replace(target)
    finally:
        with anyio.CancelScope(shield=True):
            await part.unlink(missing_ok=True)


def _expected_size(answer: Download) -> int | None:
    """The bytes that were announced. What was compressed all the same has another size once it is read."""
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in answer.headers else None


def file_name(file: File) -> str:
    """A name that is safe on every system, readable, and the same file's alone.

    The title, cut to 80 bytes and rid of what a path or a shell could trip over, and eight digits made from the id and
    the kind of file, so that two tracks of one title never share a file and one track always has the same.
    """
    title = "".join(c if _plain(c) else " " for c in unicodedata.normalize("NFC", file.title))
    title = " ".join(title.split()).encode()[:80].decode(errors="ignore").lstrip(" .-~").rstrip(" .")
    mark = hashlib.sha256(f"{file.id or file.url} {file.suffix}".encode(errors="replace")).hexdigest()[:8]
    suffix = os.path.splitext(_path(file.url))[1].lower()
    return f"{title or 'untitled'} {mark}{suffix if suffix in SUFFIXES else file.suffix}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # no address at all, which fetching it will tell
        return ""


def _plain(char: str) -> bool:
    return char not in '<>:"/\\|?*' and unicodedata.category(char)[0] != "C"
