"""Through the proxies of companies: given or by the environment, HTTP and CONNECT, with and without a password."""

import base64
import ssl
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from suno_async import ConnectError, DownloadFailed, GenerateMusic, Music, SunoClient, Track

from ..conftest import now
from ..doubles import DONE, RawServer, envelope, http
from ..proxies import Proxy
from ..unit.http.test_transport import no_names as no_names

ACCEPTED = http(envelope({"taskId": "t1"}))
FINISHED = http(DONE.body)
SONG = http(b"ID3" + b"\0" * 2000, 200, "Content-Type: audio/mpeg")
BASIC = "Basic " + base64.b64encode(b"me:pa55").decode()


class Company:
    """The hosts that only the proxy can reach, and the proxy."""

    def __init__(self, api: RawServer, media: RawServer, proxy: Proxy, scheme: str) -> None:
        self.api, self.media, self.proxy, self.scheme = api, media, proxy, scheme

    async def buy(self, folder: Path, **options: Any) -> None:
        """Submit, wait, download, and upload nothing."""
        async with SunoClient(api_key="secret-key", base_url=f"{self.scheme}://api.example", **options) as suno:
            await suno.attach(GenerateMusic, (await suno.generate_music(prompt="rain")).id)
            track = Track(id="a", audio_url=f"{self.scheme}://media.example/a.mp3")
            await suno.download(Music(tracks=(track,)), folder)


@pytest.fixture(params=["http", "https"])
async def company(request: pytest.FixtureRequest, served: ssl.SSLContext) -> AsyncIterator[Company]:
    scheme: str = request.param
    tls = served if scheme == "https" else None
    async with (
        RawServer(ACCEPTED, FINISHED, tls=tls) as api,
        RawServer(SONG, tls=tls) as media,
        Proxy({"api.example": api.port, "media.example": media.port}) as proxy,
    ):
        yield Company(api, media, proxy, scheme)


def through(company: Company) -> None:
    """All of it went through the proxy; only the API saw the key, and the proxy only of what is not encrypted."""
    if company.scheme == "https":
        assert company.proxy.asked == ["CONNECT api.example:443"] * 2 + ["CONNECT media.example:443"]
        assert not [one for one in company.proxy.headers if "authorization" in one]
    else:
        assert [one.split("/api/")[0] for one in company.proxy.asked] == [
            *("POST http://api.example", "GET http://api.example", "GET http://media.example/a.mp3"),
        ]
    assert [got.headers["authorization"] for got in company.api.got] == ["Bearer secret-key"] * 2
    assert "authorization" not in company.media.got[0].headers


@pytest.mark.usefixtures("threads")
async def test_everything_goes_through_a_proxy_that_is_given(
    company: Company, trusted: ssl.SSLContext, tmp_path: Path
) -> None:
    await company.buy(tmp_path, proxy=company.proxy.url, ssl=trusted)
    through(company)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("variable", ["{}_PROXY", "{}_proxy", "ALL_PROXY", "SUNO_PROXY"])
async def test_proxies_of_the_environment_are_used_by_default(
    company: Company, trusted: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    spelt = variable.format(company.scheme if "proxy" in variable else company.scheme.upper())
    monkeypatch.setenv(spelt, company.proxy.url)
    await company.buy(tmp_path, ssl=trusted)
    through(company)


@pytest.mark.usefixtures("threads")
async def test_a_proxy_may_be_named_without_its_scheme(
    company: Company, trusted: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{company.scheme.upper()}_PROXY", company.proxy.address)
    await company.buy(tmp_path, ssl=trusted)
    through(company)


async def test_netrc_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp's own trust_env would put its password in the place of the key, and send it to media hosts."""
    (tmp_path / ".netrc").write_text("default login me password pa55\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with RawServer(http(envelope(7))) as api, SunoClient(api_key="secret-key", base_url=api.url) as suno:
        assert await suno.get_credits() == 7
    assert api.got[0].headers["authorization"] == "Bearer secret-key"


@pytest.mark.parametrize("told", ["argument", "SUNO_TRUST_ENV", "NO_PROXY", "loopback"])
async def test_the_proxy_can_be_left_aside(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is never asked for through a proxy, which would look on its own machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    options: dict[str, Any] = {}
    if told == "argument":
        options["trust_env"] = False
    elif told != "loopback":
        monkeypatch.setenv(told, "no" if told == "SUNO_TRUST_ENV" else "127.0.0.1")
    async with RawServer(http(envelope(7))) as api, SunoClient(api_key="k", base_url=api.url, **options) as suno:
        assert await suno.get_credits() == 7


@pytest.mark.usefixtures("no_names")
async def test_names_that_need_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(http(envelope(7))) as api, Proxy({"api.example": api.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", ".example")
        async with SunoClient(api_key="k", base_url="http://api.example", max_retries=0) as suno:
            with pytest.raises(ConnectError):  # asked for directly, and there is no such name
                await suno.get_credits()
    assert proxy.asked == []


async def test_a_proxy_wants_its_password(trusted: ssl.SSLContext, served: ssl.SSLContext) -> None:
    async with RawServer(http(envelope(7)), tls=served) as api, Proxy({"api.example": api.port}, BASIC) as proxy:
        url = proxy.url.replace("//", "//me:pa55@")
        options: Any = {"api_key": "secret-key", "base_url": "https://api.example", "ssl": trusted}
        async with SunoClient(proxy=url, **options) as suno:
            assert await suno.get_credits() == 7
        for wrong in (proxy.url, proxy.url.replace("//", "//me:wr0ng@")):
            async with SunoClient(proxy=wrong, **options) as suno:
                for ask in (suno.get_credits, lambda suno=suno: suno.generate_music(prompt="rain")):
                    with pytest.raises(ConnectError, match="the proxy answered 407") as caught:
                        await ask()
                    assert (caught.value.permanent, caught.value.__cause__, now()) == (True, None, 0)
    assert len(proxy.asked) == 5  # each at its first try
    assert len(api.got) == 1


async def test_a_proxy_that_is_away_is_no_lost_answer(refused: str) -> None:
    async with SunoClient(api_key="k", base_url="https://api.example", proxy=refused) as suno:
        with pytest.raises(ConnectError):
            await suno.generate_music(prompt="rain")
    assert now() < 15


async def test_no_error_shows_the_password_of_a_proxy(served: ssl.SSLContext) -> None:
    """Not in the chain, and not in a traceback with local variables: the host behind the tunnel is not trusted."""
    errors: list[Any] = []
    async with (
        RawServer(tls=served) as api,
        Proxy({"api.example": api.port}) as proxy,
        SunoClient(
            api_key="secret-key", base_url="https://api.example", proxy=proxy.url.replace("//", "//me:pa55@")
        ) as suno,
    ):
        for ask in (suno.get_credits, lambda: suno.generate_music(prompt="rain")):
            with pytest.raises(ConnectError) as caught:
                await ask()
            errors.append(caught.value)
        with pytest.raises(DownloadFailed) as failed:
            await suno.read(Track(id="a", audio_url="https://api.example/a.mp3"))
        errors.append(failed.value.__cause__)
    for error in errors:
        assert isinstance(error, ConnectError)
        assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
        said = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert error.permanent
        said = "\n".join(line for line in said.splitlines() if "base_url=" not in line)  # a line of this file
        assert "pa55" not in said + repr(error.__cause__) + repr(error.__context__)
        assert "secret-key" not in said
