"""Timeouts, headers, User-Agent and traces, by argument and by environment: seen from the other side."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from suno_async import (
    ConfigurationError,
    DownloadFailed,
    GenerateMusic,
    Music,
    ResponseLost,
    SubmissionUncertain,
    SunoClient,
    Track,
    __version__,
)

from ..conftest import now
from ..doubles import DONE, RawServer, Script, envelope, http

ACCEPTED = http(envelope({"taskId": "t1"}))
UPLOADED = http(envelope({"downloadUrl": "https://f.example/a", "success": True}))
FINISHED = http(DONE.body)
SONG = http(b"ID3" + b"\0" * 2000, 200, "Content-Type: audio/mpeg")


def song(url: str) -> Music:
    return Music(tracks=(Track(id="a", audio_url=f"{url}/a.mp3"),))


# ---- timeouts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["number", "ClientTimeout", "SUNO_TIMEOUT"])
async def test_a_request_takes_as_long_as_the_user_allows(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"max_retries": 0}
    if given == "SUNO_TIMEOUT":
        monkeypatch.setenv(given, "4")
    else:
        options["timeout"] = 4 if given == "number" else aiohttp.ClientTimeout(total=4)
    async with RawServer(None) as server, SunoClient(api_key="k", base_url=server.url, **options) as suno:
        with pytest.raises(ResponseLost):
            await suno.get_credits()
        assert now() == pytest.approx(4, abs=1.1)
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
        assert now() == pytest.approx(8, abs=2.2)
        with pytest.raises(ResponseLost):
            await suno.upload(b"a song", name="a.mp3")
        assert now() == pytest.approx(12, abs=3.3)
    assert len(server.got) == 3


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (200, 200),
        (aiohttp.ClientTimeout(total=5, sock_read=90), 90),
        (aiohttp.ClientTimeout(connect=5), 60),
        (None, 60),
    ],
)
async def test_a_download_may_stand_still_as_long_as_the_user_allows(
    given: Any, seconds: float, tmp_path: Path
) -> None:
    async with (
        RawServer(None) as media,
        SunoClient(api_key="k", base_url=media.url, timeout=given, max_retries=0) as suno,
    ):
        with pytest.raises(DownloadFailed):
            await suno.download(song(media.url), tmp_path)
    assert now() == pytest.approx(seconds, abs=1.1)


# ---- headers and names -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("by", ["arguments", "environment"])
async def test_headers_go_to_the_api_and_names_go_everywhere(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers may be secret, so media hosts do not get them, as they do not get the key."""
    options: dict[str, Any] = {}
    if by == "arguments":
        options = {"headers": {"X-Team": "two words", "X-Gate": "pa55=="}, "app_info": ("my-bot", "1.2")}
    else:
        monkeypatch.setenv("SUNO_HEADERS", "X-Team=two%20words, X-Gate=pa55==")
        monkeypatch.setenv("SUNO_APP_INFO", "my-bot/1.2")
    async with (
        RawServer(ACCEPTED, FINISHED, UPLOADED) as api,
        RawServer(SONG) as media,
        SunoClient(api_key="secret-key", base_url=api.url, **options) as suno,
    ):
        await suno.attach(GenerateMusic, (await suno.generate_music(prompt="rain")).id)
        await suno.upload(b"a song", name="a.mp3")
        await suno.download(song(media.url), tmp_path)
    for got in api.got:
        assert (got.headers["x-team"], got.headers["x-gate"]) == ("two words", "pa55==")
        assert got.headers["authorization"] == "Bearer secret-key"
    assert {got.headers["user-agent"] for got in api.got + media.got} == {f"suno-async/{__version__} my-bot/1.2"}
    assert not {"x-team", "x-gate", "authorization"} & set(media.got[0].headers)


async def test_traces_see_reads_paid_requests_and_downloads() -> None:
    seen: list[str] = []
    trace = aiohttp.TraceConfig()

    async def note(session: Any, context: Any, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.method)

    trace.on_request_start.append(note)
    async with (
        RawServer(ACCEPTED, FINISHED) as api,
        RawServer(SONG) as media,
        SunoClient(api_key="k", base_url=api.url, trace_configs=[trace]) as suno,
    ):
        await suno.attach(GenerateMusic, (await suno.generate_music(prompt="rain")).id)
        assert len(await suno.read(song(media.url).tracks[0])) == 2003
    assert seen == ["POST", "GET", "GET"]


@pytest.mark.parametrize("answer", [b"", None])
@pytest.mark.parametrize("through", [False, True])
async def test_a_lost_answer_is_uncertain_with_traces_too(answer: bytes | None, through: bool) -> None:
    options: Any = {"trace_configs": [aiohttp.TraceConfig()]}
    if through:
        options |= {"connector": aiohttp.TCPConnector, "paid_through_session": True}
    async with RawServer(answer) as server, SunoClient(api_key="k", base_url=server.url, **options) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1


# ---- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout": 0}, "timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got 0"),
        ({"timeout": True}, "timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got True"),
        ({"timeout": "5"}, "timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got '5'"),
        ({"max_retries": -1}, "max_retries must be a whole number of at least 0, got -1"),
        ({"max_retries": 1.5}, "max_retries must be a whole number of at least 0, got 1.5"),
        ({"trust_env": "no"}, "trust_env must be True or False, got 'no'"),
        (
            {"headers": {"Authorization": "x"}},
            "headers must not hold Authorization: the key and the proxy have options of their own",
        ),
        ({"session": "x"}, "session must be an aiohttp.ClientSession or a function that makes one, got 'x'"),
        ({"connector": 5}, "connector must be an aiohttp.BaseConnector or a function that makes one, got 5"),
        ({"ssl": "ca.pem"}, "ssl must be an ssl.SSLContext, an aiohttp.Fingerprint or a bool, got 'ca.pem'"),
        (
            {"paid_through_session": True},
            "paid_through_session=True needs session= or connector=: there is none to go through",
        ),
        ({"proxy": 5}, "proxy must be an http(s) address, got a int"),
        ({"transport": "x"}, "transport must be a Transport: 'x' has no send, upload, fetch, aclose"),
        (
            {"headers": {"Accept-Encoding": "br"}},
            "headers must not hold Accept-Encoding: an answer that cannot be read would be lost",
        ),
        ({"headers": {"user-agent": "x"}}, "headers must not hold user-agent: app_info is added to it"),
        ({"headers": {"X Y": "x"}}, "headers must have names of letters, digits and dashes, got 'X Y'"),
        ({"headers": {"X": "pa55\r\nY: z"}}, "headers must have printable ASCII values; that of X is not"),
        ({"headers": ["X"]}, "headers must map names to texts, got a list"),
        ({"headers": {"X": 1}}, "headers must map names to texts"),
        (
            {"app_info": ("my bot", "1")},
            "app_info must be a name and a version, such as ('my-bot', '1.2'), of letters, digits, dots and dashes, "
            "got ('my bot', '1')",
        ),
        ({"trace_configs": [None]}, "trace_configs must be aiohttp.TraceConfigs, got None"),
        ({"proxy": "proxy:3128"}, "proxy must be an http(s) address, got 'proxy:3128'"),
        (
            {"proxy": "socks5://me:pa55@proxy:1080"},
            "proxy must be an http(s) address: for SOCKS give connector=, as examples/socks_proxy.py does",
        ),
        (
            {"transport": Script(), "timeout": 3},
            "transport= replaces the network: leave out session, connector, proxy, ssl, timeout, headers and the other "
            "options of it",
        ),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SunoClient(api_key="k", **options)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SUNO_TIMEOUT", "soon", "SUNO_TIMEOUT must be seconds, got 'soon'"),
        ("SUNO_TIMEOUT", "inf", "timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got inf"),
        ("SUNO_MAX_RETRIES", "-1", "SUNO_MAX_RETRIES must be a whole number of at least 0, got -1"),
        ("SUNO_MAX_RETRIES", "x", "SUNO_MAX_RETRIES must be a whole number of at least 0, got 'x'"),
        ("SUNO_TRUST_ENV", "maybe", "SUNO_TRUST_ENV must be true or false, got 'maybe'"),
        (
            "SUNO_HEADERS",
            "pa55",
            "SUNO_HEADERS must be name=value pairs separated by commas, values percent-encoded",
        ),
        (
            "HTTPS_PROXY",
            "socks5h://me:pa55@proxy:1080",
            "HTTPS_PROXY must be an http(s) address: for SOCKS give connector=, as examples/socks_proxy.py does",
        ),
        ("ALL_PROXY", "http://me:pa55@:x", "ALL_PROXY must be an http(s) address, got 17 characters"),
    ],
)
def test_variables_that_cannot_be_used(variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        SunoClient(api_key="k")
    assert str(caught.value) == says


def test_variables_of_the_network_do_not_disturb_a_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SUNO_PROXY", "SUNO_TIMEOUT", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "5")
    SunoClient(api_key="k", transport=Script())


async def test_a_session_has_its_own_traces() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="session and trace_configs cannot both be given"):
            SunoClient(api_key="k", session=session, trace_configs=[aiohttp.TraceConfig()])
