"""The receiver as a handler of aiohttp.web."""

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
    verdict = await _verdict(receiver, request)
    headers = {**JSON, **verdict.headers} if verdict.status == 405 else JSON
    return web.Response(body=answer_to(verdict), status=verdict.status, headers=headers)


async def _verdict(receiver: "Receiver", request: web.Request) -> Verdict:
    if request.method != "POST":
        return NOT_POSTED
    if (request.content_length or 0) > receiver.limit:
        return TOO_LARGE
    body = bytearray()
    try:
        while len(body) <= receiver.limit and (chunk := await request.content.readany()):
            body += chunk
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
        # not what its headers promise, or the sender has hung up
        return Verdict(400, "unreadable")
    return await receiver.receive(bytes(body), request.headers, request.query, request.path)
