"""Prepared GETs: whatever the other side does, they get what the session of aiohttp gets, at less CPU."""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from unittest import mock

import aiohttp
import anyio
import pytest
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler

from suno_async import ConnectError, ResponseLost, TransportError
from suno_async.http.answers import LONGEST_ANSWER
from suno_async.http.network import Network
from suno_async.http.transport import HTTP

from ...conftest import now
from ...doubles import RawServer, http

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"code": 200}'
PLAIN = http(BODY)


@asynccontextmanager
async def transport(way: str = "prepared", **options: Any) -> AsyncGenerator[HTTP]:
    """Ours, or the same that asks a session, as with one that was given."""
    one = HTTP("k", Network(session=aiohttp.ClientSession if way == "session" else None, **options))
    try:
        yield one
    finally:
        await one.aclose()


# ---- odd servers -----------------------------------------------------------------------------------------------------


def chunked(body: bytes, *headers: str, trailer: bytes = b"") -> bytes:
    head = "".join(f"{header}\r\n" for header in ("Transfer-Encoding: chunked", *headers))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:]))
    return OK + head.encode() + b"\r\n" + chunks + b"0\r\n" + trailer + b"\r\n"


class Answers(NamedTuple):
    """What a server does. A session keeps the connection if what is too long has come whole; ours never does."""

    each: tuple[bytes | None, ...]
    keeps_alive: bool = True
    as_many_connections: bool = True


LOST = b""
GZIP = ("Content-Encoding: gzip",)
SERVERS: dict[str, Answers] = {
    "plain": Answers((PLAIN,)),
    "it closes after each answer and says nothing of that": Answers((PLAIN,), keeps_alive=False),
    "it says that it closes": Answers((http(BODY, 200, "Connection: close"),), keeps_alive=False),
    "it has closed the connection that was used": Answers((PLAIN, LOST, PLAIN)),
    "it never answers but closes": Answers((LOST,)),
    "never": Answers((None,)),
    "it breaks off in the head": Answers((OK + b"Content-Le",), keeps_alive=False),
    "it breaks off in the body": Answers((http(BODY, length=500),), keeps_alive=False),
    "it stops in the body": Answers((http(BODY, length=500),)),
    "it breaks off in a chunk": Answers((chunked(BODY)[:-9],), keeps_alive=False),
    "HTTP/1.0 without length": Answers((b"HTTP/1.0 200 OK\r\n\r\n" + BODY,), keeps_alive=False),
    "until the end": Answers((OK + b"\r\n" + BODY,), keeps_alive=False),
    "chunks": Answers((chunked(BODY),)),
    "chunks and a trailer": Answers((chunked(BODY, trailer=b"X-Sum: 1\r\n"),)),
    "gzip": Answers((http(gzip.compress(BODY), 200, *GZIP),)),
    "gzip in chunks": Answers((chunked(gzip.compress(BODY), *GZIP),)),
    "deflate": Answers((http(zlib.compress(BODY), 200, "Content-Encoding: deflate"),)),
    "broken gzip": Answers((http(b"not gzip", 200, *GZIP),)),
    "a bomb": Answers((http(gzip.compress(bytes(LONGEST_ANSWER + 1)), 200, *GZIP),), as_many_connections=False),
    "too much": Answers((http(bytes(LONGEST_ANSWER + 1)),), as_many_connections=False),
    "large": Answers((http(b'"' + b"x" * 300_000 + b'"'),)),
    "nothing": Answers((http(b""),)),
    "204": Answers((b"HTTP/1.1 204 No Content\r\n\r\n",)),
    "304": Answers((b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",)),
    "100, then the answer": Answers((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: 1\r\n\r\n" + PLAIN,)),
    "a redirect": Answers((http(b"", 302, "Location: /elsewhere"),)),
    "429": Answers((http(b"slow down", 429, "Retry-After: 7"),)),
    "500": Answers((http(b"<html>", 500),)),
    "a cookie": Answers((http(BODY, 200, "Set-Cookie: a=1"),)),
    "garbage": Answers((b"\x16\x03\x01garbage\r\n\r\n",)),
    "an unknown protocol": Answers((b"HTTX/1.1 200 OK\r\n\r\n",)),
    "two lengths": Answers((http(BODY, 200, "Content-Length: 2"),)),
    "a length and chunks": Answers((chunked(BODY, "Content-Length: 2"),)),
    "an endless header": Answers((OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",)),
    "more than one answer": Answers((PLAIN + http(b"what nobody has asked"),)),
}


async def seen(way: str, server: Answers) -> dict[str, Any]:
    """What three requests get, and what the server saw of them."""
    ends: list[object] = []
    async with (
        RawServer(*server.each, keeps_alive=server.keeps_alive) as raw,
        transport(way, timeout=aiohttp.ClientTimeout(total=9, sock_connect=5)) as one,
    ):
        for number in range(3):
            try:
                ends.append(await one.send("GET", f"{raw.url}/api/page?id={number}&x=%2Fy"))
            except TransportError as exc:
                ends.append((type(exc), getattr(exc, "permanent", None)))
            await anyio.sleep(1)
        asked = [(got.method, got.target, list(got.headers.items()), got.body) for got in raw.got]
        asked = [
            (method, target, [(k, v) for k, v in more if k != "host"], body) for method, target, more, body in asked
        ]
        return {"ends": ends, "asked": asked, "connections": raw.connections if server.as_many_connections else None}


@pytest.mark.parametrize("name", SERVERS)
async def test_they_get_and_send_what_a_session_of_aiohttp_does(name: str) -> None:
    assert await seen("prepared", SERVERS[name]) == await seen("session", SERVERS[name])


async def test_they_do_not_go_through_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp.ClientSession, "request", None)
    async with RawServer(chunked(gzip.compress(BODY), *GZIP)) as server, transport(headers={"X-Team": "a b"}) as one:
        for path in ("/page?id=1", "/page?id=2", "/page", "?x"):
            assert (await one.send("GET", server.url + path)).body == BODY
    assert [got.target for got in server.got] == ["/page?id=1", "/page?id=2", "/page", "/?x"]
    assert server.connections == 1
    assert server.got[0].headers["x-team"] == "a b"
    assert server.got[0].headers["host"] == server.url.removeprefix("http://")


# ---- time and connections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["prepared", "session"])
@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (aiohttp.ClientTimeout(total=4), 4),
        (aiohttp.ClientTimeout(sock_read=3), 3),
        (aiohttp.ClientTimeout(total=30, sock_read=3), 3),
    ],
)
@pytest.mark.parametrize("answer", [None, http(BODY, length=500)])
async def test_limits_of_time_hold(
    way: str, limit: aiohttp.ClientTimeout, seconds: float, answer: bytes | None
) -> None:
    async with RawServer(answer) as server, transport(way, timeout=limit) as one:
        with pytest.raises(ResponseLost):
            await one.send("GET", server.url)
    assert now() == pytest.approx(seconds, abs=1.1)


@pytest.mark.parametrize("way", ["prepared", "session"])
async def test_limits_of_connections_hold_and_waiting_for_one_has_its_own_limit_of_time(way: str) -> None:
    def few() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=2)

    options: Any = (
        {"connector": few} if way == "prepared" else {"session": lambda: aiohttp.ClientSession(connector=few())}
    )
    timeout = aiohttp.ClientTimeout(total=20, connect=5)
    one = HTTP("k", Network(timeout=timeout, **options))
    async with RawServer(*[PLAIN] * 10, None) as server:
        url = server.url
        assert len(await asyncio.gather(*(one.send("GET", url) for _ in range(10)))) == 10
        assert server.connections == 2
        hanging = [asyncio.ensure_future(one.send("GET", url)) for _ in range(2)]
        await anyio.sleep(1)
        with pytest.raises(ConnectError):
            await one.send("GET", url)
        assert now() == pytest.approx(6, abs=1.1)
        await one.aclose()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_cancelled_request_takes_its_connection_along() -> None:
    """Its late answer must not become that of the next."""
    async with RawServer(PLAIN, None, http(b"fresh")) as server, transport() as one:
        await one.send("GET", server.url)
        with anyio.move_on_after(3) as scope:
            await one.send("GET", server.url)
        assert scope.cancelled_caught
        assert (await one.send("GET", server.url)).body == b"fresh"
    assert server.connections == 2


async def test_closing_ends_what_is_under_way() -> None:
    async with RawServer(PLAIN, None) as server, transport() as one:
        await one.send("GET", server.url)
        sending = asyncio.ensure_future(one.send("GET", server.url))
        await anyio.sleep(1)
        await one.aclose()
        with pytest.raises(TransportError):
            await sending
        with pytest.raises(ConnectError, match="closed"):
            await one.send("GET", server.url)
    assert now() == pytest.approx(1)
    assert (len(server.got), server.connections) == (2, 1)


async def test_a_connection_that_cannot_be_made_is_tried_once() -> None:
    class NoNames(AbstractResolver):
        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            await anyio.sleep(5)
            raise OSError("no such host")

        async def close(self) -> None:
            pass

    async with transport(connector=lambda: aiohttp.TCPConnector(resolver=NoNames())) as one:
        with pytest.raises(ConnectError):
            await one.send("GET", "http://api.example/")
    assert now() == 5


async def test_a_connection_that_is_lost_before_it_is_used_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, lost = aiohttp.TCPConnector.connect, list[aiohttp.connector.Connection]()

    async def once(self: aiohttp.TCPConnector, *args: Any) -> aiohttp.connector.Connection:
        connection = await connect(self, *args)
        if not lost and connection.transport is not None:
            lost.append(connection)
            connection.transport.abort()
            await asyncio.sleep(0)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", once)
    monkeypatch.setattr(aiohttp.ClientSession, "request", None)
    async with RawServer(PLAIN) as server, transport() as one:
        assert (await one.send("GET", server.url)).body == BODY
    assert len(server.got) == len(lost) == 1


# ---- what is left to the session -------------------------------------------------------------------------------------


async def test_a_session_that_was_given_is_asked_with_its_cookies() -> None:
    def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async with RawServer(SERVERS["a cookie"].each[0]) as server:
        one = HTTP("k", Network(session=make))
        for _ in range(2):
            await one.send("GET", server.url)
        await one.aclose()
    assert [got.headers.get("cookie") for got in server.got] == [None, "a=1"]


async def test_libraries_that_replace_the_requests_of_all_sessions_see_polls() -> None:
    """As aioresponses does, with which people test."""
    async with RawServer(PLAIN) as server, transport() as one:
        await one.send("GET", server.url)
        with (
            mock.patch("aiohttp.client.ClientSession._request", side_effect=OSError("mocked"), autospec=True),
            pytest.raises(ResponseLost, match="mocked"),
        ):
            await one.send("GET", server.url)
        await one.send("GET", server.url)
    assert len(server.got) == 2


async def test_a_connector_that_keeps_no_connection_says_so() -> None:
    def make() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(force_close=True)

    asked: list[dict[str, str]] = []
    for network in (Network(connector=make), Network(session=lambda: aiohttp.ClientSession(connector=make()))):
        async with RawServer(PLAIN) as server:
            one = HTTP("k", network)
            for _ in range(2):
                await one.send("GET", server.url)
            await one.aclose()
            asked.append(server.got[1].headers | {"host": ""})
        assert server.connections == 2
    assert asked[0] == asked[1]


@pytest.mark.parametrize("target", ["/a b?x=1", "/?x=a b", "/?x=\xe9", "/?x=1#y", "#y", "/\x00", "/%zz?%"])
async def test_an_odd_address_is_sent_as_the_session_sends_it(target: str) -> None:
    ends: list[object] = []
    for way in ("prepared", "session"):
        async with RawServer(PLAIN) as server, transport(way) as one:
            with contextlib.suppress(TransportError):
                ends.append(await one.send("GET", server.url + target))
            ends.append([(got.target, got.headers | {"host": ""}) for got in server.got])
    assert ends[: len(ends) // 2] == ends[len(ends) // 2 :]


async def test_an_aiohttp_of_other_names_is_asked_in_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ResponseHandler.set_response_params

    def changed(self: ResponseHandler, *, timer: Any, **more: Any) -> None:
        usual(self, timer=timer, **more)

    monkeypatch.setattr(ResponseHandler, "set_response_params", changed)
    async with RawServer(PLAIN) as server, transport() as one:
        for _ in range(2):
            assert (await one.send("GET", server.url)).body == BODY
    assert len(server.got) == 2


async def test_polls_are_seen_by_what_wraps_the_requests_of_all_sessions() -> None:
    """A tracer's wrapper, as wrapt makes them, says of itself all that the function in it says."""
    seen: list[str] = []
    original: Any = aiohttp.ClientSession._request

    class Wrapper:
        __code__ = original.__code__

        def __get__(self, session: Any, owner: Any = None) -> Any:
            if session is None:
                return self

            def request(method: str, url: Any, **options: Any) -> Any:
                seen.append(method)
                return original(session, method, url, **options)

            return request

    async with RawServer(PLAIN) as server, transport() as ours:
        with mock.patch.object(aiohttp.ClientSession, "_request", Wrapper()):
            assert (await ours.send("GET", f"{server.url}/x?taskId=1")).status == 200
    assert seen == ["GET"]


@pytest.mark.parametrize("way", ["prepared", "session"])
async def test_closing_ends_a_request_whose_answer_is_half_there(way: str) -> None:
    """aiohttp wakes nobody who reads the body of an answer when its connector is closed."""
    async with RawServer(OK + b"Content-Length: 50\r\n\r\n{") as server, transport(way) as one:
        asking = asyncio.create_task(one.send("GET", f"{server.url}/x?taskId=1"))
        await anyio.sleep(0.1)
        await one.aclose()
        with pytest.raises(ResponseLost):
            async with asyncio.timeout(1000):
                await asking
