"""The receiver as an ASGI application, called as a server calls it."""

import copy
from collections.abc import MutableMapping, Sequence
from typing import Any

import msgspec
import pytest

from suno_async import Receiver
from suno_async.webhooks.asgi import CallbackApplication
from suno_async.webhooks.verdict import LIMIT
from suno_async.webhooks.verification import Proofs
from suno_async.wire import tokens

from ...callbacks import KEY, signature
from ...doubles import called
from .support import REF, Sink

Message = MutableMapping[str, Any]
SECRET = b"secret"
TOKEN = tokens.issue(SECRET, 1, REF)
BODY = called("text")


def chunk(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Server:
    """Calls an application with the messages of one request, and notes what it sends."""

    def __init__(self, sink: Sink, proofs: Proofs = Proofs()) -> None:  # noqa: B008  a value
        self.application = CallbackApplication(Receiver(sink, proofs))
        self.sent: list[Message] = []

    async def call(self, scope: Message, *messages: Message) -> None:
        waiting = list(messages)

        async def receive() -> Message:
            assert waiting, "it asks for more than there is"
            return waiting.pop(0)

        async def send(message: Message) -> None:
            self.sent.append(message)

        await self.application(scope, receive, send)

    async def request(
        self,
        *messages: Message,
        method: str = "POST",
        path: str = "/suno",
        query: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> int | None:
        """Post a body in these messages; the status, None if nothing was answered."""
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": list(headers)}
        await self.call(scope, *messages)
        if not self.sent:
            return None
        start, body = self.sent
        assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
        assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        assert msgspec.json.decode(body["body"])["msg"]
        status: int = start["status"]
        return status


@pytest.mark.parametrize("cut", [0, 1, 50, len(BODY)])
async def test_a_body_in_any_number_of_messages(cut: int) -> None:
    sink = Sink()
    assert await Server(sink).request(chunk(BODY[:cut], more=True), chunk(BODY[cut:])) == 200
    assert [delivery.callback.body for delivery in sink.deliveries] == [BODY]


async def test_the_query_the_path_and_the_headers_go_along() -> None:
    proofs = Proofs((SECRET,), (KEY,))
    signed = [(name.encode(), value.encode()) for name, value in signature("t1").items()]
    for path, query in (("/suno", f"a=1&suno={TOKEN}&suno=other".encode()), (f"/suno/{TOKEN}", b"")):
        assert await Server(Sink(), proofs).request(chunk(BODY), path=path, query=query, headers=signed) == 200
        assert await Server(Sink(), proofs).request(chunk(BODY), path=path, query=query) == 401
        assert await Server(Sink(), proofs).request(chunk(BODY), headers=signed) == 401


async def test_other_methods_than_post_are_refused_before_a_body_is_read() -> None:
    server = Server(Sink())
    assert await server.request(method="GET") == 405
    assert (b"allow", b"POST") in server.sent[0]["headers"]


@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 5000])
async def test_what_is_announced_too_large_is_not_read(length: str) -> None:
    assert await Server(Sink()).request(headers=[(b"content-length", length.encode())]) == 413


@pytest.mark.parametrize("length", [b"", b"-1", b"many", "٣".encode()])
async def test_an_odd_length_is_no_reason_to_refuse(length: bytes) -> None:
    assert await Server(Sink()).request(chunk(BODY), headers=[(b"content-length", length)]) == 200


async def test_reading_ends_soon_after_the_limit() -> None:
    """Whatever was announced: the last message is never asked for."""
    assert await Server(Sink()).request(chunk(b"x" * LIMIT, more=True), chunk(b"x", more=True)) == 413


async def test_a_sender_that_hangs_up_is_answered_nothing() -> None:
    sink = Sink()
    assert await Server(sink).request(chunk(BODY[:9], more=True), {"type": "http.disconnect"}) is None
    assert sink.deliveries == []


async def test_the_start_and_the_end_of_a_server_are_acknowledged() -> None:
    server = Server(Sink())
    await server.call({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_closed() -> None:
    server = Server(Sink())
    await server.call({"type": "websocket", "path": "/suno"}, {"type": "websocket.connect"})
    assert server.sent == [{"type": "websocket.close"}]


def test_copies_are_the_same_object() -> None:
    """Litestar copies its handlers, and callbacks must come to the client that waits for them."""
    application = Receiver(Sink(), Proofs()).asgi
    assert copy.deepcopy(application) is application
