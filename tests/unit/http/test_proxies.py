"""The proxies that the environment names."""

import pytest
from yarl import URL

from suno_async.http.proxies import EnvironmentProxies

A, B = "http://a.example:3128", "http://b.example:3128"


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.example", None),
        ({"HTTPS_PROXY": A, "HTTP_PROXY": B}, "https://api.example", A),
        ({"HTTPS_PROXY": A, "HTTP_PROXY": B}, "http://api.example", B),
        ({"https_proxy": A, "HTTPS_PROXY": B}, "https://api.example", A),
        ({"HTTPS_PROXY": A, "ALL_PROXY": B}, "https://api.example", A),
        ({"HTTPS_PROXY": A, "ALL_PROXY": B}, "http://api.example", B),
        ({"HTTPS_PROXY": "a.example:3128"}, "https://api.example", A),
        ({"HTTPS_PROXY": A}, "http://api.example", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "api.example"}, "https://api.example", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "x.example, .example"}, "https://api.example:8443", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "api.example:8443"}, "https://api.example:8443", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "api.example:8443"}, "https://api.example", A),
        ({"HTTPS_PROXY": A, "NO_PROXY": "*"}, "https://api.example", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "x.example, 10.0.0.0/8"}, "https://10.1.2.3", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "10.0.0.0/8,fd00::/8"}, "https://[fd00::1]", None),
        ({"HTTPS_PROXY": A, "NO_PROXY": "10.0.0.0/8,x/y"}, "https://11.1.2.3", A),
        ({"HTTPS_PROXY": A, "NO_PROXY": "10.0.0.0/8"}, "https://api.example", A),
        ({"HTTPS_PROXY": A, "NO_PROXY": "other.example"}, "https://api.example", A),
        *(
            ({"ALL_PROXY": A}, f"http://{host}/x", None)
            for host in ("127.0.0.1:80", "[::1]", "localhost", "a.localhost")
        ),
    ],
)
def test_which_request_has_which(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxies = EnvironmentProxies()
    assert (proxies.of(URL(url)), proxies.of(URL(url))) == (proxy, proxy)


def test_what_is_used_has_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", A)
    monkeypatch.setenv("FTP_PROXY", "ftp://x")
    assert EnvironmentProxies().addresses == {"HTTPS_PROXY": A}
    monkeypatch.setenv("ALL_PROXY", "socks5://b")
    assert EnvironmentProxies().addresses == {"HTTPS_PROXY": A, "ALL_PROXY": "socks5://b"}


def test_no_traceback_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "me:pa55@a.example:3128")
    proxies = EnvironmentProxies()
    assert "pa55" not in repr(vars(proxies)) + repr(proxies.of(URL("https://api.example")))
