"""Files handed in: kept on disk while the emulator runs, never whole in memory unless they came as text."""

import base64
import mimetypes
import posixpath
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from aiohttp import BodyPartReader, web

from ..api.providers import Provider
from ..api.requests import UploadBase64, UploadFromUrl
from . import media
from .requests import Refused, by_path

__all__ = ["Uploads"]

CHUNK = 1 << 18
AS_TEXT = 1 << 25
"""The longest body with base64 in it; the service advises files up to 10 MB."""


class Kept(NamedTuple):
    """One file."""

    path: Path
    size: int
    mime: str


class Uploads:
    """The upload host. `token` makes the names of files that come without one."""

    def __init__(self, provider: Provider, token: Callable[[], str]) -> None:
        self._provider = provider
        self._token = token
        self._folder = TemporaryDirectory(prefix="suno-emulator-", ignore_cleanup_errors=True)
        self._kept: dict[str, Kept] = {}

    def close(self) -> None:
        self._folder.cleanup()

    # ---- in ------------------------------------------------------------------------------------------------------

    async def base64(self, request: web.Request, url: str) -> web.Response:
        params = await self._params(request, UploadBase64)
        head, comma, text = str(params["base64_data"]).rpartition(",")
        mime = "".join(head.removeprefix("data:").partition(";")[0].split()) if comma else ""
        try:
            body = base64.b64decode(text, validate=True)
        except ValueError:
            raise Refused(400, "base64Data is not valid") from None
        return self._made(body, params, mime, mimetypes.guess_extension(mime) or "", url)

    async def from_url(self, request: web.Request, url: str) -> web.Response:
        """Nothing is fetched: whatever the address, a tune is kept."""
        params = await self._params(request, UploadFromUrl)
        address = str(params["file_url"])
        suffix = posixpath.splitext(urlsplit(address).path)[1]
        return self._made(media.tune(address), params, "", suffix or media.audio(), url)

    async def stream(self, request: web.Request, url: str) -> web.Response:
        if request.content_type != "multipart/form-data":
            raise Refused(400, "a multipart form is wanted")
        fields: dict[str, str] = {}
        try:
            with self._part() as (part, file):
                async for field in await request.multipart():
                    if isinstance(field, BodyPartReader):
                        fields |= await _read(field, file)
                params = _checked(fields)
        except ValueError as exc:
            raise Refused(400, f"not a form: {exc}") from None
        return self._keep(part, params, fields["mime"], posixpath.splitext(fields["file"])[1], url)

    async def _params(self, request: web.Request, kind: type[Any]) -> dict[str, Any]:
        try:
            return by_path(await request.clone(client_max_size=AS_TEXT).read(), kind, self._provider).params
        except Refused as exc:
            raise Refused(400, exc.message) from None

    @contextmanager
    def _part(self) -> Generator[tuple[Path, BinaryIO]]:
        """A new file, which is gone again if it comes to nothing."""
        path = Path(self._folder.name, self._token())
        try:
            with path.open("wb") as file:
                yield path, file
        except BaseException:
            path.unlink()
            raise

    def _made(self, body: bytes, params: dict[str, Any], mime: str, suffix: str, url: str) -> web.Response:
        with self._part() as (part, file):
            file.write(body)
        return self._keep(part, params, mime, suffix, url)

    def _keep(self, part: Path, params: dict[str, Any], mime: str, suffix: str, url: str) -> web.Response:
        """Give a file that is on disk its name, and say so; the same name overwrites."""
        name = posixpath.basename(str(params.get("file_name") or "")) or self._token() + suffix
        path = posixpath.normpath(f"/{params['upload_path']}/{name}").lstrip("/")
        kept = Kept(part, part.stat().st_size, mimetypes.guess_type(name)[0] or mime or "application/octet-stream")
        if before := self._kept.get(path):
            before.path.unlink(missing_ok=True)
        self._kept[path] = kept
        data = {
            "fileName": name,
            "filePath": path,
            "downloadUrl": f"{url}/uploads/{quote(path)}",
            "fileSize": kept.size,
            "mimeType": kept.mime,
            "uploadedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        answer = {"success": True, "code": 200, "msg": "File uploaded successfully", "data": data}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    # ---- out -----------------------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        kept = self._kept.get(request.match_info["path"])
        if kept is None:
            raise web.HTTPNotFound
        answer = web.StreamResponse(headers={"Content-Type": kept.mime})
        answer.content_length = kept.size
        await answer.prepare(request)
        for chunk in _chunks(kept.path):
            await answer.write(chunk)
        return answer


async def _read(field: BodyPartReader, file: BinaryIO) -> dict[str, str]:
    """A field of a form, the file straight to disk."""
    if field.name != "file":
        return {field.name or "": (await field.read()).decode()}
    while chunk := await field.read_chunk(CHUNK):
        file.write(chunk)
    return {"file": field.filename or "file", "mime": field.headers.get("Content-Type", "")}


def _checked(fields: dict[str, str]) -> dict[str, Any]:
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
