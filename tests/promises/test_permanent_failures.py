"""What would end the same at every try ends at the first; other failures after a few; a task is waited for longer."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from suno_async import (
    ConnectError,
    DownloadFailed,
    GenerateMusic,
    Music,
    Pace,
    RateLimited,
    ServerError,
    SubmissionUncertain,
    SunoClient,
    SunoError,
    TaskTimeout,
    Track,
)

from ..conftest import now
from ..doubles import RawServer, Script, envelope, http, reply

Ask = Callable[[SunoClient], Awaitable[Any]]


async def wait(suno: SunoClient) -> None:
    await suno.attach(GenerateMusic, "t1")


ASKS: dict[str, Ask] = {
    "call": lambda suno: suno.get_credits(),
    "submit": lambda suno: suno.generate_music(prompt="rain"),
    "paid call": lambda suno: suno.boost_style(content="pop"),
    "upload": lambda suno: suno.upload(b"a song", name="a.mp3"),
    "wait": wait,
}
asks = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
briefly = pytest.mark.parametrize("ask", [ask for name, ask in ASKS.items() if name != "wait"])


class Names:
    """A name server that fails, and counts."""

    def __init__(self, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.code = code
        self.asked = 0
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.look_up)
        monkeypatch.setattr("aiohttp.connector.DefaultResolver", aiohttp.ThreadedResolver)  # also beside aiodns

    async def look_up(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        raise socket.gaierror(self.code, "as the test wants it")


@asks
async def test_an_untrusted_certificate_ends_at_once(ask: Ask, served: ssl.SSLContext) -> None:
    async with RawServer(http(b"{}"), tls=served) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(ConnectError, match=r"(?i)certificate") as caught:
            await ask(suno)
    assert (caught.value.permanent, now(), server.got) == (True, 0, [])


@asks
async def test_a_certificate_with_another_fingerprint_ends_at_once(ask: Ask, served: ssl.SSLContext) -> None:
    pinned = aiohttp.Fingerprint(b"x" * 32)
    async with (
        RawServer(http(b"{}"), tls=served) as server,
        SunoClient(api_key="k", base_url=server.url, ssl=pinned) as suno,
    ):
        with pytest.raises(ConnectError) as caught:
            await ask(suno)
    assert (caught.value.permanent, now(), server.got) == (True, 0, [])


@asks
async def test_an_unknown_name_ends_at_once(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = Names(socket.EAI_NONAME, monkeypatch)
    async with SunoClient(api_key="k", base_url="https://api.example") as suno:
        with pytest.raises(ConnectError, match=r"api\.example") as caught:
            await ask(suno)
    assert (caught.value.permanent, names.asked, now()) == (True, 1, 0)
    assert "again" not in caplog.text


@briefly
async def test_a_name_server_that_is_away_is_asked_a_few_times(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(socket.EAI_AGAIN, monkeypatch)
    async with SunoClient(api_key="k", base_url="https://api.example") as suno:
        with pytest.raises(ConnectError) as caught:
            await ask(suno)
    assert (caught.value.permanent, names.asked) == (False, 4)
    assert now() < 15


async def test_an_unknown_media_host_ends_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    names = Names(socket.EAI_NONAME, monkeypatch)
    async with SunoClient(api_key="k") as suno:
        with pytest.raises(DownloadFailed):
            await suno.download(Music(tracks=(Track(id="a", audio_url="https://media.example/a.mp3"),)), tmp_path)
    assert (names.asked, now()) == (2, 0), "once for whether it is a private address"


@briefly
@pytest.mark.parametrize("retries", [None, 0, 2])
async def test_a_refused_port_ends_soon_and_says_each_retry(
    ask: Ask, retries: int | None, refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with SunoClient(api_key="secret-key", base_url=refused, max_retries=retries) as suno:
        with pytest.raises(ConnectError) as caught:
            await ask(suno)
    assert not caught.value.permanent
    assert now() < 15
    lines = [one for one in caplog.records if "trying again in" in one.message]
    assert len(lines) == (3 if retries is None else retries)
    assert {one.levelname for one in lines} <= {"WARNING"}
    assert "secret-key" not in caplog.text


@pytest.mark.parametrize("answer", [b"", http(b"bad gateway", 502), http(envelope(code=500))])
async def test_lost_connections_and_server_errors_end_soon(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_MAX_RETRIES", "2")
    async with RawServer(answer) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(SunoError):
            await suno.get_credits()
        before = len(server.got)
        with pytest.raises((SubmissionUncertain, ServerError)):
            await suno.generate_music(prompt="rain")  # paid, so never sent twice
    assert before >= 3
    assert len(server.got) == before + 1
    assert now() < 15


async def test_retries_are_counted_whatever_the_transport() -> None:
    network = Script(submits=[ConnectError("away")] * 9)
    async with SunoClient(api_key="k", transport=network, max_retries=1) as suno:
        with pytest.raises(ConnectError):
            await suno.generate_music(prompt="rain")
    assert len(network.posted) == 2


async def test_a_refusal_as_too_fast_waits_for_the_window_as_long_as_ever() -> None:
    network = Script(submits=[reply(code=430)] * 9)
    async with SunoClient(api_key="k", transport=network, max_retries=0) as suno:
        assert await suno.generate_music(prompt="rain")
        assert len(network.posted) == 10
        network.submits = [reply(code=430)] * 10
        with pytest.raises(RateLimited):
            await suno.generate_music(prompt="rain")


async def test_a_task_that_is_waited_for_goes_on_until_patience_ends(
    refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with SunoClient(api_key="k", base_url=refused, pace=Pace(patience=300)) as suno:
        with pytest.raises(TaskTimeout) as caught:
            await suno.attach(GenerateMusic, "t1")
    assert isinstance(caught.value.__cause__, ConnectError)
    assert now() == 300
    lines = [one for one in caplog.records if "polling again in" in one.message]
    assert len(lines) > 10
    assert {(one.levelname, vars(one)["task_id"]) for one in lines} == {("WARNING", "t1")}


async def test_an_outage_shorter_than_patience_is_only_a_warning(refused: str) -> None:
    async with SunoClient(api_key="k", base_url=refused, pace=Pace(patience=300)) as suno:
        waiting = asyncio.create_task(suno.attach(GenerateMusic, "t1").get())
        await asyncio.sleep(200)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
