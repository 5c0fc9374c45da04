"""The upload host. Files are kept on disk while the emulator runs, and in memory only if they come as base64 text."""

import base64
import mimetypes
import posixpath
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ..api.providers import Provider
from ..api.requests import UploadBase64, UploadFromUrl
from . import media
from .clock import Clock
from .ids import Ids
from .media import Content
from .media.songs import Composer
from .media_files import MediaCache
from .requests import Refused, origin, parse

__all__ = ["Stored", "Uploads"]

CHUNK = 1 << 18
KEPT = 3 * 24 * 3600
"""How long uploads are kept, in seconds (docs/service.md#retention)."""
MAX_TEXT = 1 << 25
"""Maximum size of a body with base64 in it, in bytes; the service advises files up to 10 MB."""


class Stored(NamedTuple):
    """One uploaded file on disk."""

    path: Path
    size: int
    mime: str
    until: float
    """When it is deleted, in seconds of the emulator's clock."""


class Uploads:
    """Takes files in and serves them.

    Args:
        provider: The provider whose field names the requests use.
        ids: Makes the names of files that come without one.
        clock: Says when files are deleted.
        composer: Makes the songs that stand for files that would be fetched.
        cache: Makes these files.
        folder: Where files are kept over a restart (default: None, in a temporary folder).
    """

    # State, all of it: _folder, the temporary folder, made for the first file; stored, the files by their path.

    def __init__(
        self,
        provider: Provider,
        ids: Ids,
        clock: Clock,
        composer: Composer,
        cache: MediaCache,
        folder: Path | None = None,
    ) -> None:
        self._provider = provider
        self._ids = ids
        self._clock = clock
        self._composer = composer
        self._cache = cache
        self._kept = folder
        self._folder: TemporaryDirectory[str] | None = None
        self.stored: dict[str, Stored] = {}

    def close(self) -> None:
        """Delete the files that are not to be kept."""
        if self._kept is None:
            self.stored.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def resume(self, stored: Mapping[str, Stored]) -> None:
        """Go on with the files of before a restart."""
        self.stored = {path: one for path, one in stored.items() if one.path.exists()}

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes of the stored files; those that take files in belong to `Account`."""
        yield web.get("/uploads/{path:.+}", self._serve)

    # ---- uploads -------------------------------------------------------------------------------------------------

    async def base64(self, request: web.Request) -> web.Response:
        """Store a file that comes as base64 text."""
        params = await self._params(request, UploadBase64)
        head, comma, text = str(params["base64_data"]).rpartition(",")
        mime = "".join(head.removeprefix("data:").partition(";")[0].split()) if comma else ""
        try:
            body = base64.b64decode(text, validate=True)
        except ValueError:
            raise Refused(400, "base64Data is not valid") from None
        return self._write(body, params, mime, mimetypes.guess_extension(mime) or "", request)

    async def from_url(self, request: web.Request) -> web.Response:
        """Store a generated song. Nothing is fetched from the URL."""
        params = await self._params(request, UploadFromUrl)
        try:
            suffix = posixpath.splitext(urlsplit(str(params["file_url"])).path)[1]
        except ValueError:
            raise Refused(400, "fileUrl is not valid") from None
        params["file_name"] = self._name(params, suffix or ".mp3")
        song = self._composer.uploaded(_url(request, _path(params, params["file_name"])))
        type = posixpath.splitext(params["file_name"])[1]
        made = await self._cache.get(Content(song, params["file_name"]), type if type in media.TYPES else ".mp3")
        return self._write(made.body, params, "", "", request)

    async def stream(self, request: web.Request) -> web.Response:
        """Store a file that comes in a multipart form."""
        if request.content_type != "multipart/form-data":
            raise Refused(400, "a multipart form is required")
        fields: dict[str, str] = {}
        try:
            with self._new_file() as (part, file):
                async for field in await request.multipart():
                    if isinstance(field, BodyPartReader):
                        fields |= await _read(field, file)
                params = _checked(fields)
        except (ValueError, HttpProcessingError) as exc:
            raise Refused(400, f"not a form: {' '.join(str(exc).split())}") from None
        return self._store(part, params, fields["mime"], posixpath.splitext(fields["file"])[1], request)

    async def _params(self, request: web.Request, kind: type[Any]) -> dict[str, Any]:
        try:
            return parse(await request.clone(client_max_size=MAX_TEXT).read(), kind, self._provider).params
        except Refused as exc:
            raise Refused(400, exc.message) from None

    @contextmanager
    def _new_file(self) -> Generator[tuple[Path, BinaryIO]]:
        """A new file, deleted again if the block raises."""
        path = self._place() / self._ids.new()
        try:
            with path.open("wb") as file:
                yield path, file
        except BaseException:
            path.unlink()
            raise

    def _place(self) -> Path:
        if self._kept is not None:
            self._kept.mkdir(exist_ok=True)
            return self._kept
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="suno-emulator-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def _write(self, body: bytes, params: dict[str, Any], mime: str, suffix: str, request: web.Request) -> web.Response:
        with self._new_file() as (part, file):
            file.write(body)
        return self._store(part, params, mime, suffix, request)

    def _store(self, part: Path, params: dict[str, Any], mime: str, suffix: str, request: web.Request) -> web.Response:
        """Give a file on disk its name, and answer with its URL. A file of the same name is replaced."""
        name = self._name(params, suffix)
        path, mime = _path(params, name), mimetypes.guess_type(name)[0] or mime or "application/octet-stream"
        stored = Stored(part, part.stat().st_size, mime, self._clock.now() + KEPT)
        if before := self.stored.get(path):
            before.path.unlink(missing_ok=True)
        self.stored[path] = stored
        data = {
            "fileName": name,
            "filePath": path,
            "downloadUrl": _url(request, path),
            "fileSize": stored.size,
            "mimeType": stored.mime,
            "uploadedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        answer = {"success": True, "code": 200, "msg": "File uploaded successfully", "data": data}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    def _name(self, params: dict[str, Any], suffix: str) -> str:
        return posixpath.basename(str(params.get("file_name") or "")) or self._ids.new() + suffix

    # ---- downloads -----------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Serve an uploaded file."""
        stored = self.stored.get(request.match_info["path"])
        if stored is None or self._clock.now() > stored.until:
            raise web.HTTPNotFound
        answer = web.StreamResponse(headers={"Content-Type": stored.mime})
        answer.content_length = stored.size
        await answer.prepare(request)
        for chunk in _chunks(stored.path):
            await answer.write(chunk)
        return answer


def _path(params: dict[str, Any], name: str) -> str:
    return posixpath.normpath(f"/{params['upload_path']}/{name}").lstrip("/")


def _url(request: web.Request, path: str) -> str:
    return f"{origin(request)}/uploads/{quote(path)}"


async def _read(field: BodyPartReader, file: BinaryIO) -> dict[str, str]:
    """Read a field of a form; the file is written to disk piece by piece."""
    if field.name != "file":
        return {field.name or "": (await field.read()).decode()}
    while chunk := await field.read_chunk(CHUNK):
        file.write(chunk)
    return {"file": field.filename or "file", "mime": field.headers.get("Content-Type", "")}


def _checked(fields: dict[str, str]) -> dict[str, Any]:
    """The fields of a form by our names. Refused if one is missing or wrong."""
    for name in ("file", "uploadPath"):
        if not fields.get(name):
            raise Refused(400, f"{name} is missing")
    if fields["uploadPath"] != fields["uploadPath"].strip("/"):
        raise Refused(400, "uploadPath must not begin or end with a slash")
    return {"upload_path": fields["uploadPath"], "file_name": fields.get("fileName")}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
