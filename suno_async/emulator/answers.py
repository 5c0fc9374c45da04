"""What goes out, in the service's envelopes."""

from typing import Any

import msgspec
from aiohttp import web

from ..api.requests import UploadBase64, UploadFromUrl, UploadStream
from .requests import Refused

__all__ = ["answer", "broken", "gateway_page", "json", "refusal", "spoilt"]

UPLOADS = {kind.path for kind in (UploadBase64, UploadFromUrl, UploadStream)}


def json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", status=status)


def answer(code: int, message: str, data: Any = None, *, status: int = 200) -> web.Response:
    """The usual envelope; a wrong key gets no `data`."""
    return json({"code": code, "msg": message} | ({} if status == 401 else {"data": data}), status)


def refusal(request: web.Request, exc: Refused) -> web.Response:
    """A refusal; the upload host has an envelope of its own (NOTES §11)."""
    if request.path in UPLOADS:
        return json({"success": False, "code": exc.code, "msg": exc.message}, exc.status)
    return answer(exc.code, exc.message, exc.data, status=exc.status)


def gateway_page() -> web.Response:
    """What something in front of the service says when it has fallen over."""
    return web.Response(text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html", status=502)


def broken(request: web.Request) -> web.Response:
    """Break the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def spoilt(good: web.Response) -> web.Response:
    """The same answer, cut short."""
    good.body = bytes(good.body)[:-10]  # type: ignore[arg-type]
    return good
