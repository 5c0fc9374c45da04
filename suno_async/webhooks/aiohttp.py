"""The receiver as a handler of aiohttp.web."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from .verdict import NOT_POSTED, TOO_LARGE, Verdict, answer_to

if TYPE_CHECKING:
    from .receiver import Receiver

__all__ = ["respond"]

JSON = {"Content-Type": "application/json; charset=utf-8"}
"""Made once: `web.json_response` makes the text and its type anew for each answer."""


async def respond(receiver: "Receiver", request: web.Request) -> web.Response:
    """Take a callback and return the answer to it."""
    if request.method != "POST":
        return _answer(NOT_POSTED, {**JSON, **NOT_POSTED.headers})
    if (request.content_length or 0) > receiver.limit:
        return _answer(TOO_LARGE)
    content = request.content
    try:
        body = await content.readany()
        if not content.at_eof():  # seldom
            collected = bytearray(body)
            while len(collected) <= receiver.limit and (chunk := await content.readany()):
                collected += chunk
            body = bytes(collected)
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
        # not what its headers promise, or the sender has hung up
        return _answer(Verdict(400, "unreadable"))
    return _answer(await receiver.receive(body, request.headers, request.query, request.path))


def _answer(verdict: Verdict, headers: Mapping[str, str] = JSON) -> web.Response:
    return web.Response(body=answer_to(verdict), status=verdict.status, headers=headers)
