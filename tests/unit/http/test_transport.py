"""aiohttp as our transport: its errors, limits and connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from aiohttp.abc import AbstractResolver

from suno_async import ConnectError, ResponseLost, SunoError
from suno_async.http.answers import LONGEST_ANSWER
from suno_async.http.transport import HTTP

from ...conftest import now, stand_still
from ...doubles import RawServer, http


class NoNames(AbstractResolver):
    """Names are looked up for five seconds, in vain; nothing leaves the machine."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    async def resolve(self, *args: Any, **kwargs: Any) -> Any:
        await anyio.sleep(5)
        raise OSError("no such host")

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.connector.DefaultResolver", NoNames)


@pytest.fixture
async def transport() -> AsyncIterator[HTTP]:
    one = HTTP("secret-key", trusted=("http://127.0.0.1",))
    yield one
    await one.aclose()


class Connections:
    """A server that counts its connections and what each is asked."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    async def __aenter__(self) -> "Connections":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.requests)
        self.requests.append(0)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests[number] += 1
                writer.write(http(b"{}"))
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()


async def test_polls_share_a_connection_and_fresh_requests_have_their_own(transport: HTTP) -> None:
    """A used connection may have been closed by the other side, and what is paid must not be sent twice."""
    async with Connections() as server:
        for _ in range(3):
            await transport.send("GET", server.url)
        for _ in range(3):
            await transport.send("POST", server.url, fresh=True)
        await transport.send("GET", server.url)
        await transport.aclose()
    assert server.requests == [4, 1, 1, 1]


@pytest.mark.parametrize(("method", "seconds"), [("GET", 20), ("POST", 60)])
async def test_a_read_that_is_not_answered_is_given_up_sooner_than_a_submit(
    transport: HTTP, method: str, seconds: float
) -> None:
    async with RawServer(None) as server:
        with pytest.raises(ResponseLost):
            await transport.send(method, server.url)
    assert now() == pytest.approx(seconds, abs=1.1)  # aiohttp rounds up


async def test_an_answer_that_came_while_the_process_stood_still_is_not_lost(transport: HTTP) -> None:
    """A paid task would be uncertain although its id is there to read."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"{}"))
        stand_still(300)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert (await transport.send("POST", address, fresh=True)).body == b"{}"


async def test_the_same_transport_with_other_limits_of_time(transport: HTTP) -> None:
    async with RawServer(None) as server:
        with pytest.raises(ResponseLost):
            await transport.within(3).send("GET", server.url)
    assert now() == pytest.approx(3, abs=1.1)
    await transport.aclose()
    with pytest.raises(ConnectError, match="closed"):
        await transport.within(3).send("GET", server.url)


async def test_a_reply_has_status_body_and_the_wait_that_was_asked_for(transport: HTTP) -> None:
    async with RawServer(http(b"slow down", 429, "Retry-After: 7")) as server:
        assert await transport.send("GET", server.url) == (429, b"slow down", 7.0)


@pytest.mark.parametrize("said", ["²", "-5", "soon", "9" * 400, "Wed, 99 Oct 2025 07:28:00 GMT", ""])
async def test_an_odd_retry_after_is_no_crash(transport: HTTP, said: str) -> None:
    async with RawServer(http(b"", 429, f"Retry-After: {said}")) as server:
        with contextlib.suppress(ResponseLost):
            assert (await transport.send("GET", server.url)).status == 429


async def test_a_connection_that_is_refused_was_never_made(transport: HTTP, refused: str) -> None:
    with pytest.raises(ConnectError):
        await transport.send("POST", refused, fresh=True)


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", http(b"{}", length=500)])
async def test_an_answer_that_breaks_off_is_lost(transport: HTTP, answer: bytes) -> None:
    class Breaking(RawServer):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

    async with Breaking() as server:
        with pytest.raises(ResponseLost):
            await transport.send("POST", server.url, fresh=True)


async def test_an_answer_without_end_is_given_up(transport: HTTP) -> None:
    async with RawServer(http(b" " * (LONGEST_ANSWER + 1))) as server:
        with pytest.raises(ResponseLost, match="more than"):
            await transport.send("GET", server.url)


async def test_the_key_goes_to_the_api_and_never_with_a_download(transport: HTTP) -> None:
    async with RawServer(http(b"song")) as server:
        await transport.send("GET", server.url)
        await transport.send("POST", server.url, b"{}", fresh=True)
        async with transport.fetch(server.url) as download:
            assert b"".join([chunk async for chunk in download.chunks]) == b"song"
    keys = [got.headers.get("authorization") for got in server.got]
    assert keys == ["Bearer secret-key", "Bearer secret-key", None]
    assert all(got.headers["user-agent"].startswith("suno-async/") for got in server.got)
    assert "secret-key" not in repr(transport)


async def test_a_download_has_status_and_headers_by_any_spelling(transport: HTTP) -> None:
    async with RawServer(http(b"gone", 404, "X-Why: old")) as server, transport.fetch(server.url) as download:
        assert (download.status, download.headers["x-why"], download.headers["X-WHY"]) == (404, "old", "old")


async def test_the_rest_of_a_file_is_asked_for_if_it_has_not_changed(transport: HTTP) -> None:
    async with RawServer(http(b"ng", 206, "Content-Range: bytes 2-3/4")) as server:
        for more in ({"start": 2, "validator": '"one"'}, {"start": 2}, {}):
            options: Any = more
            async with transport.fetch(server.url, **options) as download:
                assert (download.status, [chunk async for chunk in download.chunks]) == (206, [b"ng"])
    asked = [(got.headers.get("range"), got.headers.get("if-range")) for got in server.got]
    assert asked == [("bytes=2-", '"one"'), ("bytes=2-", None), (None, None)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_downloads_follow_redirects_byte_for_byte(status: int, transport: HTTP) -> None:
    signed = "/a%2Fb%40.mp3?X=%2B%2f&y=a%20b+c"
    async with (
        RawServer(http(b"", status, f"Location: {signed}"), http(b"song")) as server,
        transport.fetch(f"{server.url}/%27?%2F") as download,
    ):
        assert b"".join([chunk async for chunk in download.chunks]) == b"song"
    assert [got.target for got in server.got] == ["/%27?%2F", signed]
    assert "authorization" not in server.got[1].headers


async def test_a_redirect_into_a_private_network_is_followed_only_to_the_provider() -> None:
    async with RawServer(http(b"inside")) as inside, RawServer(http(b"", 302, f"Location: {inside.url}/x")) as server:
        for trusted, reached in (((), 0), (("https://api.example",), 0), ((inside.url,), 1)):
            one = HTTP("k", trusted=trusted)
            try:
                async with one.fetch(server.url) as download:
                    assert download.status == 200
            except ConnectError as exc:
                assert "private" in str(exc)
            await one.aclose()
            assert len(inside.got) == reached


async def test_a_closed_transport_opens_nothing(transport: HTTP) -> None:
    await transport.aclose()
    for fresh in (False, True):
        with pytest.raises(ConnectError, match="closed"):
            await transport.send("GET", "http://127.0.0.1:1/", fresh=fresh)
    with pytest.raises(ConnectError, match="closed"):
        async with transport.fetch("http://127.0.0.1:1/"):
            pass


async def test_closing_while_a_name_is_looked_up_is_no_cancellation(transport: HTTP) -> None:
    """aiohttp cancels the look-up, and with it a task that nobody cancelled."""
    sending = asyncio.create_task(transport.send("GET", "http://api.example/"))
    await anyio.sleep(1)
    await transport.aclose()
    with pytest.raises(ConnectError):
        await sending


# ---- odd addresses ---------------------------------------------------------------------------------------------------


ODD = [
    *("", "//x", "http://[::1", "http://h:99999/", "http://\x00/", "ftp://x/", "http://a b/", "http:///p", "data:,x"),
    *("http://" + "a" * 70 + "/", "http://127.0.0.1:0/", "http://.../", "http://%/", "http://xn--/", "http://\u2028/"),
    *("http://a%3Ab:c@127.0.0.1:1/", "http://127.0.0.1:1/\r\nX: y", "http://①②③.example/", "x" * 70_000),
]


@pytest.mark.parametrize("url", ODD, ids=range(len(ODD)))
async def test_an_odd_address_is_one_of_our_errors(url: str) -> None:
    transport = HTTP("k")
    with pytest.raises(SunoError):
        async with transport.fetch(url):
            pass
    await transport.aclose()


@pytest.mark.parametrize("to", ["http://a%3Ab:c@127.0.0.1:1/", "http://[::1", "ftp://x", "http://h:99999/", "\udcff"])
async def test_an_odd_redirect_is_one_of_our_errors(to: str) -> None:
    answer = http(b"", 302, "Location: HERE").replace(b"HERE", to.encode(errors="surrogateescape"))
    transport = HTTP("k")
    async with RawServer(answer) as server:
        with pytest.raises(SunoError):
            async with transport.fetch(server.url):
                pass
    await transport.aclose()
