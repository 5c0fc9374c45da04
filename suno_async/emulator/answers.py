"""HTTP answers in the service's envelopes, and broken ones."""

import http
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from aiohttp import web

from ..api.requests import UploadBase64, UploadFromUrl, UploadStream
from .requests import Refused

__all__ = [
    "Broken",
    "answer",
    "body_of",
    "break_connection",
    "gateway_error",
    "half_of",
    "json",
    "refusal",
    "truncated",
    "with_odd_types",
]

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


def body_of(complete: web.Response) -> bytes:
    """The bytes of an answer; aiohttp also has answers without any, or with something that is made while it is sent."""
    return complete.body if isinstance(complete.body, bytes) else b""


def truncated(complete: web.Response) -> web.Response:
    """The same answer without the last bytes of its body."""
    complete.body = body_of(complete)[:-10]
    return complete


async def half_of(request: web.Request, complete: web.Response) -> Broken:
    """Send the first half of an answer, and close the connection."""
    body = body_of(complete)
    answer = web.StreamResponse(status=complete.status, headers={"Content-Type": complete.headers["Content-Type"]})
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return Broken()


def with_odd_types(complete: web.Response) -> web.Response:
    """The same answer with other types in `data`; as it is if it is not JSON."""
    if complete.content_type != "application/json":
        return complete
    body = msgspec.json.decode(body_of(complete), type=dict[str, Any])
    complete.body = msgspec.json.encode(body | {"data": _odd(body.get("data"))})
    return complete


def _odd(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _odd(one) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_odd(one) for one in cast("Iterable[Any]", value)]
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, int | float) else value
