"""Tokens in callback addresses: a fixed format, and nothing else is read as one."""

import hmac
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suno_async import ConfigurationError, SunoClient
from suno_async.wire import tokens

from ...cases import every

REF = "AAECAwQFBgcICQoL"  # the bytes 0 to 11


SECRET = tokens.secret_of("test-key")


VECTORS = [
    # api key, number, ref, token
    ("test-key", 1, "AAECAwQFBgcICQoL", "AQEAAQIDBAUGBwgJCgsm8zsKdVhOpXO2p-GuCsNK"),
    ("test-key", 23, "________________", "ARf_______________9b68ozELpgfC-SL3YyQnU7"),
    ("ключ", 0, "AAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAADXfhsEHoOK2SHorrj92kTl"),
]


@pytest.mark.parametrize(("key", "number", "ref", "token"), VECTORS)
def test_the_format_is_fixed(key: str, number: int, ref: str, token: str) -> None:
    """Version, number, ref, and half of HMAC-SHA256 over them; another program can make and read them."""
    made = tokens.issue(tokens.secret_of(key), number, ref)
    assert made == token
    assert tokens.read(token, [tokens.secret_of(key)]) == (number, ref)


def test_the_derived_secret_does_not_give_away_the_key() -> None:
    assert tokens.secret_of("test-key").hex() == "5ede82289b8a2668d0d1fc99d2cc6f262ffe19efc9bc37eadf4bd5b6f3516564"
    assert tokens.secret_of("a") != tokens.secret_of("b")


def test_a_secret_is_replaced_without_losing_a_callback() -> None:
    """The first of several makes, all are accepted; one that was dropped is not."""
    old, new = b"old", b"new"
    token = tokens.issue(old, 1, REF)
    assert tokens.read(token, [new, old]) == (1, REF)
    assert tokens.read(token, [new]) is None


@every("place", range(40))
def test_no_character_of_a_token_can_be_changed(place: int) -> None:
    token = tokens.issue(SECRET, 7, REF)
    for char in "Ab_-9":
        changed = token[:place] + char + token[place + 1 :]
        assert changed == token or tokens.read(changed, [SECRET]) is None


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{38,42}", fullmatch=True))
def test_what_is_no_token_is_none(text: str) -> None:
    assert tokens.read(text, [SECRET]) is None


@given(st.binary(min_size=1), st.integers(0, 255), st.binary(min_size=12, max_size=12))
def test_what_was_made_is_read(secret: bytes, number: int, raw: bytes) -> None:
    from base64 import urlsafe_b64encode

    ref = urlsafe_b64encode(raw).decode()
    token = tokens.issue(secret, number, ref)
    assert len(token) == 40
    assert tokens.read(token, [b"other", secret]) == (number, ref)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://bot.example/suno", "https://bot.example/suno?suno=T"),
        ("https://bot.example/suno?a=1&b=%20", "https://bot.example/suno?a=1&b=%20&suno=T"),
        ("https://bot.example/suno#part", "https://bot.example/suno?suno=T#part"),
        ("https://bot.example/suno/{token}", "https://bot.example/suno/T"),
        ("https://bot.example/{token}/suno?a=1", "https://bot.example/T/suno?a=1"),
        ("https://bot.example", "https://bot.example?suno=T"),
    ],
)
def test_where_a_token_stands(url: str, there: str) -> None:
    assert tokens.addressed(url, "T") == there


def test_a_token_is_found_again() -> None:
    token = tokens.issue(SECRET, 1, REF)
    query = parse_qs(urlsplit(tokens.addressed("https://bot.example/suno?x=1", token)).query)
    assert query == {"x": ["1"], "suno": [token]}
    own = "f" * 40  # a segment that only looks like one
    path = urlsplit(tokens.addressed(f"https://bot.example/{own}/{{token}}/b", token)).path
    assert tokens.found_in(path) == [own, token]
    assert tokens.found_in("/suno/hooks") == []


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://b.example/suno", True),
        ("https://b.example/{token}", True),
        ("https://b.example/a/{token}/b?x=1", True),
        ("https://b.example/suno-{token}", False),
        ("https://b.example/{token}.json", False),
        ("https://b.example/a?t={token}", False),
        ("https://b.example/a#{token}", False),
        ("https://b.example/{token}/{token}", False),
        ("https://b.example/{token}?t={token}", False),
        ("https://b.example/a?suno=1", False),
        ("https://b.example/a?suno=", False),
    ],
)
def test_an_address_has_room_for_a_token_in_known_places_only(url: str, there: bool) -> None:
    assert tokens.placed(url) is there
    if not there:
        with pytest.raises(ConfigurationError, match="callback_url must have"):
            SunoClient(api_key="k", callback_url=url)


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_a_mac_is_the_one_of_the_standard_library(length: int) -> None:
    """Keys of one block and longer ones, contents of none and many."""
    secret = bytes(range(200))[:length]
    for content in (b"", b"x" * 14, b"x" * 1000):
        assert tokens.mac(secret, content) == hmac.digest(secret, content, "sha256")
