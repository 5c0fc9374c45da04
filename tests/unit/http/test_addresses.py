"""Addresses of media: byte for byte, and which are asked."""

import pytest
from yarl import URL

from suno_async.http.addresses import UnusableAddress, check_address, check_redirect, exact, redirected

SIGNED = "/a%2Fb%40c%27d%2Be+f/Song%20%281%29.mp3?X-Sig=%2B%2f%3D&x=a%20b+c;d&e=%e4&&f=(')!*,@:$~[]|\\^`{}\"<>"


@pytest.mark.parametrize("target", [SIGNED, "/", "/a//b/../c"])
def test_an_address_goes_out_byte_for_byte(target: str) -> None:
    url = exact(f"https://f.example{target}")
    assert str(url).removeprefix("https://f.example") == target
    assert url.raw_path_qs == target


def test_what_http_cannot_carry_is_encoded() -> None:
    assert str(exact("https://f.example/a b/ä.mp3?q=雨#part")) == "https://f.example/a%20b/%C3%A4.mp3?q=%E9%9B%A8"


@pytest.mark.parametrize("url", ["", "//x", "ftp://x/", "http://", "http://[x/", "data:,x", "http://h:0/", "x" * 9000])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnusableAddress):
        exact(url)


@pytest.mark.parametrize(
    ("to", "leads"),
    [
        ("https://g.example" + SIGNED, "https://g.example" + SIGNED),
        ("/x%2Fy?z=%40", "https://f.example/x%2Fy?z=%40"),
        ("x%27.mp3", "https://f.example/a/x%27.mp3"),
        ("//g.example/x", "https://g.example/x"),
        ("/next?to=http://g.example/%2F", "https://f.example/next?to=http://g.example/%2F"),
        ("?x=%2B", "https://f.example/a/b?x=%2B"),
    ],
)
def test_redirects_lead_where_they_say(to: str, leads: str) -> None:
    assert str(redirected(exact("https://f.example/a/b?c=%2F"), to)) == leads


PRIVATE = [
    *("127.0.0.1", "localhost", "api.localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]"),
    *("127.1", "2130706433", "0x7f000001", "0.0.0.0", "100.64.0.1", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]"),
    *("172.16.0.1", "224.0.0.1", "[fe80::1]"),
]


@pytest.mark.parametrize("host", PRIVATE)
async def test_a_media_host_leads_into_no_private_network(host: str) -> None:
    with pytest.raises(UnusableAddress, match="private"):
        await check_redirect(URL("https://f.example/a"), URL(f"http://{host}/x"), ("api.example",))


async def test_other_hosts_and_the_providers_own_may_be_led_to() -> None:
    async def check(to: str, *trusted: str, start: str = "https://f.example/a") -> None:
        await check_redirect(exact(start), exact(to), trusted, look_up=False)

    await check("https://8.8.8.8/x")
    await check("https://g.example/x")
    await check("http://10.0.0.1/x", "10.0.0.1")
    await check("http://127.0.0.1:9/x", "localhost")
    await check("http://localhost:9/x", "127.0.0.1")
    await check("http://127.0.0.1:9/y", start="http://127.0.0.1:9/x")  # it is there already
    with pytest.raises(UnusableAddress):
        await check("http://10.0.0.2/x", "10.0.0.1")
    with pytest.raises(UnusableAddress):
        await check("http://127.0.0.1:8/y", start="http://127.0.0.1:9/x")


@pytest.mark.parametrize("host", PRIVATE)
async def test_a_public_gateway_gives_no_private_address(host: str) -> None:
    with pytest.raises(UnusableAddress, match="private"):
        await check_address(URL(f"http://{host}/x"), ("8.8.8.8",))


async def test_files_may_be_private_where_their_gateway_is() -> None:
    await check_address(URL("https://9.9.9.9/x"), ("8.8.8.8",))
    await check_address(URL("http://10.0.0.2/x"), ("8.8.8.8", "10.0.0.1"))
    await check_address(URL("http://127.0.0.1:9/x"), ("localhost",))
    await check_address(URL("http://gateway/x"), ("gateway",), look_up=False)
