"""Sessions and connectors of the user's: a private CA, a Unix socket, a slow name server, functions that make them."""

import asyncio
import socket
import ssl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
import trustme
from aiohttp.abc import AbstractResolver
from aiohttp_socks import ProxyConnector

from suno_async import (
    ConfigurationError,
    ConnectError,
    GenerateMusic,
    InsufficientCredits,
    SubmissionUncertain,
    SunoClient,
    Track,
    TransportError,
)

from ..conftest import now
from ..doubles import DONE, RawServer, envelope, http
from ..proxies import Socks

ACCEPTED = http(envelope({"taskId": "t1"}))
FINISHED = http(DONE.body)
SONG = http(b"ID3" + b"\0" * 2000, 200, "Content-Type: audio/mpeg")


class Resolver(AbstractResolver):
    """A name server that takes its time."""

    def __init__(self, port: int, seconds: float) -> None:
        self.port, self.seconds = port, seconds

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> Any:
        await anyio.sleep(self.seconds)
        found = {"host": "127.0.0.1", "port": self.port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [found | {"hostname": host}]

    async def close(self) -> None:
        pass


async def buy(suno: SunoClient) -> None:
    await suno.attach(GenerateMusic, (await suno.generate_music(prompt="rain")).id)


async def test_a_private_ca_is_trusted_by_paid_requests_too(served: ssl.SSLContext, trusted: ssl.SSLContext) -> None:
    async with (
        RawServer(ACCEPTED, FINISHED, tls=served) as server,
        SunoClient(api_key="k", base_url=server.url, ssl=trusted) as suno,
    ):
        await buy(suno)
    assert [got.method for got in server.got] == ["POST", "GET"]


async def test_openssl_finds_a_private_ca_by_its_own_variable(
    ca: trustme.CA, served: ssl.SSLContext, tmp_path: Path
) -> None:
    """As a real process: OpenSSL reads it once."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    program = "import asyncio, suno_async; print(asyncio.run(suno_async.SunoClient().get_credits()))"
    async with RawServer(http(envelope(7)), tls=served) as server:
        told = {"SUNO_API_KEY": "k", "SUNO_BASE_URL": server.url, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        told |= {"PYTHONPATH": str(Path(__file__).parents[2])}

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run([sys.executable, "-c", program], env=told, capture_output=True, text=True, timeout=60)

        ran = await anyio.to_thread.run_sync(run)
    assert (ran.stdout, ran.returncode) == ("7.0\n", 0), ran.stderr


@pytest.mark.parametrize("given", ["connector", "function", "session"])
async def test_a_unix_socket_is_the_only_way_for_everything(given: str, tmp_path: Path) -> None:
    path = str(tmp_path / "api.sock")
    async with RawServer(ACCEPTED, FINISHED, unix=path) as server:
        connector = aiohttp.UnixConnector(path)
        options: Any = {"connector": connector}
        if given == "function":
            options = {"connector": lambda: aiohttp.UnixConnector(path)}
        elif given == "session":
            options = {"session": aiohttp.ClientSession(connector=connector)}
        async with SunoClient(api_key="k", base_url=server.url, **options) as suno:
            await buy(suno)
        assert connector.closed is False
        await connector.close()
        if given == "session":
            await options["session"].close()
    assert [got.method for got in server.got] == ["POST", "GET"]


async def test_a_unix_socket_that_is_missing_is_no_lost_answer(tmp_path: Path) -> None:
    connector = aiohttp.UnixConnector(str(tmp_path / "none.sock"))
    async with SunoClient(api_key="k", base_url="http://api.example", connector=connector) as suno:
        with pytest.raises(ConnectError):
            await suno.generate_music(prompt="rain")
    await connector.close()


async def test_a_slow_name_server_is_waited_for() -> None:
    async with RawServer(ACCEPTED, FINISHED) as server:
        options: Any = {"connector": lambda: aiohttp.TCPConnector(resolver=Resolver(server.port, 12))}
        async with SunoClient(api_key="k", base_url="http://api.example", **options) as suno:
            await buy(suno)
    assert len(server.got) == 2
    assert now() >= 24


async def test_a_name_server_that_hangs_takes_the_users_time_and_loses_nothing() -> None:
    options: Any = {"connector": lambda: aiohttp.TCPConnector(resolver=Resolver(1, 10_000)), "timeout": 4}
    async with SunoClient(api_key="k", base_url="http://api.example", max_retries=1, **options) as suno:
        with pytest.raises(ConnectError):
            await suno.generate_music(prompt="rain")
    assert 8 <= now() <= 11


@pytest.mark.parametrize("given", ["function", "connector"])
async def test_nothing_goes_around_a_socks_proxy(given: str) -> None:
    """Names are looked up by the proxy. What it refuses has not left."""
    async with (
        RawServer(ACCEPTED, FINISHED) as api,
        RawServer(SONG) as media,
        Socks({"api.example": api.port, "media.example": media.port}) as proxy,
    ):

        def make() -> ProxyConnector:
            return ProxyConnector.from_url(proxy.url, rdns=True)

        options: Any = {"connector": make if given == "function" else make(), "max_retries": 0}
        async with SunoClient(api_key="k", base_url="http://api.example", **options) as suno:
            await buy(suno)
            assert await suno.read(Track(id="a", audio_url="http://media.example/a.mp3"))
        assert set(proxy.asked) == {"api.example:80", "media.example:80"}
        assert len(proxy.asked) == (3 if given == "function" else 2)  # of one connector, connections are shared
        async with SunoClient(api_key="k", base_url="http://other.example", **options) as suno:
            with pytest.raises(ConnectError):
                await suno.generate_music(prompt="rain")
            with pytest.raises(TransportError):
                await suno.get_credits()
        if given == "connector":
            await options["connector"].close()


@pytest.mark.parametrize("option", ["session", "connector"])
async def test_what_a_function_makes_is_used_for_paid_requests_each_on_a_connection_of_its_own(option: str) -> None:
    """The server closes idle connections, and says nothing of that."""
    made: list[Any] = []

    def make() -> Any:
        made.append(aiohttp.ClientSession() if option == "session" else aiohttp.TCPConnector())
        return made[-1]

    options: Any = {option: make}
    async with RawServer(ACCEPTED) as server:
        async with SunoClient(api_key="secret-key", base_url=server.url, **options) as suno:
            for _ in range(4):
                await suno.generate_music(prompt="rain")
                await anyio.sleep(30)
        assert {got.headers["connection"] for got in server.got} == {"close"}
    assert len(server.got) == 4
    assert [one.closed for one in made] == [True]


async def test_a_session_that_a_function_makes_tells_lost_from_never_left() -> None:
    options: Any = {"session": aiohttp.ClientSession, "timeout": 3}
    async with RawServer(b"") as server, SunoClient(api_key="k", base_url=server.url, **options) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts in the kernel, and says nothing
        base = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with SunoClient(api_key="k", base_url=base, max_retries=0, **options) as suno:
            with pytest.raises(ConnectError):
                await suno.generate_music(prompt="rain")


async def test_a_users_traces_do_not_hide_that_a_request_has_left() -> None:
    """Whether it has is known by a trace of our own; a session of the user's has only theirs."""
    trace = aiohttp.TraceConfig()
    async with RawServer(b"") as server, aiohttp.ClientSession(trace_configs=[trace]) as session:
        options: Any = {"session": session, "paid_through_session": True}
        async with SunoClient(api_key="k", base_url=server.url, **options) as suno:
            with pytest.raises(SubmissionUncertain):
                await suno.generate_music(prompt="rain")
        assert not session.closed
    assert len(server.got) == 1


async def test_a_session_that_would_read_netrc_is_refused() -> None:
    async with aiohttp.ClientSession(trust_env=True) as session:
        with pytest.raises(ConfigurationError, match=r"session must not have trust_env=True: .*netrc"):
            SunoClient(api_key="k", session=session)

    async with SunoClient(api_key="k", session=lambda: aiohttp.ClientSession(trust_env=True)) as suno:
        for asked in (suno.get_credits(), suno.generate_music(prompt="rain")):
            with pytest.raises(ConnectError, match="session must not have trust_env=True"):
                await asked
    assert now() == 0


async def test_a_session_stays_as_it_was() -> None:
    async with RawServer(ACCEPTED, FINISHED) as server, aiohttp.ClientSession() as session:
        async with SunoClient(api_key="secret-key", base_url=server.url, session=session) as suno:
            await buy(suno)
        assert not session.closed
        assert (list(session.headers), session.trace_configs, len(session.cookie_jar)) == ([], [], 0)
        async with session.get(server.url):
            pass
    assert "authorization" not in server.got[-1].headers


async def test_a_session_that_raises_for_status_hides_no_refusal() -> None:
    """A refusal that is taken for a lost answer would be uncertain, and never be sent again."""
    refused = http(envelope(None, code=402), 402)
    async with RawServer(refused) as server:

        def make() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(raise_for_status=True)

        async with SunoClient(api_key="k", base_url=server.url, session=make) as suno:
            with pytest.raises(InsufficientCredits):
                await suno.generate_music(prompt="rain")
            with pytest.raises(InsufficientCredits):
                await suno.get_credits()


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def _fails() -> Any:
    raise OSError("no password")


FAULTY: list[dict[str, Any]] = [
    {"session": _fails},
    {"connector": _fails},
    {"session": _session},
    {"session": lambda: None},
    {"connector": dict},
]


@pytest.mark.parametrize("options", FAULTY, ids=["raises", "raises", "coroutine", "None", "dict"])
async def test_a_function_that_fails_has_sent_nothing(options: dict[str, Any]) -> None:
    [name] = options
    async with RawServer(ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url, **options) as suno:
        for ask in (lambda: suno.generate_music(prompt="rain"), suno.get_credits):
            with pytest.raises(ConnectError, match=f"the function given as {name}=") as caught:
                await ask()
            assert caught.value.permanent
    assert server.got == []


@pytest.mark.parametrize("given", ["session", "connector"])
async def test_a_function_that_makes_the_same_twice_is_told_so(given: str) -> None:
    """A paid request would meet a connection that was used before, and be uncertain if that was closed."""
    connector = aiohttp.TCPConnector()
    session = aiohttp.ClientSession(connector=connector)
    options: dict[str, Any] = {given: lambda: session if given == "session" else connector}
    async with RawServer(http(envelope(7))) as server, SunoClient(api_key="k", base_url=server.url, **options) as suno:
        assert await suno.get_credits() == 7
        with pytest.raises(ConnectError, match="a new one at each call"):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1
    await session.close()


async def test_a_session_that_is_closed_during_a_look_up_leaves_nobody_waiting() -> None:
    """aiohttp cancels the look-up, and with it the requests that wait for it. Nobody has cancelled those."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Resolver(1, 1000)))
    options: dict[str, Any] = {"session": session, "paid_through_session": True}
    async with SunoClient(api_key="k", base_url="http://api.example", max_retries=0, **options) as suno:
        asking = [
            asyncio.create_task(one)
            for one in (suno.attach(GenerateMusic, "t1").get(), suno.generate_music(prompt="rain"))
        ]
        await anyio.sleep(5)
        await session.close()
        with anyio.fail_after(1300):
            ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in ended] == [ConnectError, SubmissionUncertain]


async def test_nothing_is_paid_for_when_the_session_for_polls_is_closed() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with RawServer(ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url, session=session) as suno:
        for ask in (lambda: suno.generate_music(prompt="rain"), suno.get_credits):
            with pytest.raises(ConnectError, match="that was given is closed"):
                await ask()
    assert (server.got, now()) == ([], 0)


@pytest.mark.parametrize("given", ["session", "connector"])
def test_what_was_made_in_another_loop_is_refused_at_once(given: str) -> None:
    async def make() -> Any:
        return aiohttp.ClientSession() if given == "session" else aiohttp.TCPConnector()

    async def close() -> None:
        await made.close()  # of a connector no coroutine before aiohttp 3.12

    async def submit(**options: Any) -> None:
        async with SunoClient(api_key="k", base_url="http://127.0.0.1:1", **options) as suno:
            with pytest.raises(ConfigurationError, match="belongs to another event loop"):
                await suno.generate_music(prompt="rain")

    with asyncio.Runner() as one:
        made = one.run(make())
        asyncio.run(submit(**{given: made}))
        one.run(close())


async def test_a_session_that_cannot_read_compressed_answers_is_refused() -> None:
    def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(auto_decompress=False)

    async with make() as session:
        with pytest.raises(ConfigurationError, match="auto_decompress"):
            SunoClient(api_key="k", session=session)
    async with SunoClient(api_key="k", base_url="http://127.0.0.1:1", session=make) as suno:
        with pytest.raises(ConnectError, match="auto_decompress"):
            await suno.generate_music(prompt="rain")


async def test_a_session_with_a_password_is_refused() -> None:
    """aiohttp would refuse each request, since it has a key, and send the password to media hosts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer releases of aiohttp warn of it
        session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "pa55"))
    with pytest.raises(ConfigurationError, match="must not have auth="):
        SunoClient(api_key="k", session=session)
    await session.close()


@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")
async def test_a_session_that_hides_what_has_left_repeats_nothing() -> None:
    """A class of one's own may put its own context in the place of ours. Then nobody knows that the request left."""

    class Traced(aiohttp.ClientSession):
        async def _request(self, *args: Any, **options: Any) -> Any:
            return await super()._request(*args, **options | {"trace_request_ctx": {"mine": 1}})

    async with RawServer(b"") as server, SunoClient(api_key="k", base_url=server.url, session=Traced) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1


async def test_a_trace_that_fails_after_the_answer_repeats_nothing() -> None:
    async def fail(*args: object) -> None:
        raise UnicodeError("as a name of a host that is none")

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(fail)
    async with (
        RawServer(ACCEPTED) as server,
        SunoClient(api_key="k", base_url=server.url, trace_configs=[trace]) as suno,
    ):
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1
