"""HTTP answers in the service's envelopes, and broken ones."""

import http
from typing import Any

import msgspec
from aiohttp import web

from ..api.requests import UploadBase64, UploadFromUrl, UploadStream
from .requests import Refused

__all__ = ["Broken", "answer", "break_connection", "gateway_error", "json", "refusal", "truncated"]

UPLOADS = {kind.path for kind in (UploadBase64, UploadFromUrl, UploadStream)}


def json(body: dict[str, Any], status: int = 200) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", status=status)


def answer(code: int, message: str, data: Any = None, *, status: int = 200) -> web.Response:
    """An answer in the API's envelope; one with status 401 has no `data`."""
    return json({"code": code, "msg": message} | ({} if status == 401 else {"data": data}), status)


def refusal(request: web.Request, exc: Refused) -> web.Response:
    """The answer to a refused request; the upload host has its own envelope (docs/service.md#uploads)."""
    if request.path in UPLOADS:
        return json({"success": False, "code": exc.code, "msg": exc.message}, exc.status)
    return answer(exc.code, exc.message, exc.data, status=exc.status)


def gateway_error(status: int) -> web.Response:
    """The error page of a proxy in front of the service."""
    reason = http.HTTPStatus(status).phrase if status in {*http.HTTPStatus} else "Server Error"
    return web.Response(text=f"<html><h1>{status} {reason}</h1></html>", content_type="text/html", status=status)


class Broken(web.Response):
    """Stands for an answer that was never sent, because the connection was broken."""


def break_connection(request: web.Request) -> Broken:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return Broken()


def truncated(complete: web.Response) -> web.Response:
    """The same answer without the last bytes of its body."""
    complete.body = bytes(complete.body)[:-10]  # type: ignore[arg-type]
    return complete
