"""Tokens in callback addresses: proof of whom we told an address, and for which submission.

base64url, without padding, of 30 bytes: a version (1), the endpoint's number, the 12 bytes of the ref, and the first 16
of HMAC-SHA256 over those 14. So a token always has 40 characters.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

__all__ = ["NAME", "PLACE", "Token", "addressed", "found_in", "issue", "placed", "read", "secret_of"]

VERSION = 1
LABEL = b"suno_async callback token"
NAME = "suno"
"""The token's name in a query."""
PLACE = "{token}"
"""Where it goes in an address that has it elsewhere."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40}")


class Token(NamedTuple):
    """What a genuine token tells."""

    token_id: int
    """The endpoint's; 0 for a class of the user's own."""
    ref: str


def secret_of(api_key: str) -> bytes:
    """The secret of those who set none: every process with the key has the same, and it does not give away the key."""
    return hmac.digest(api_key.encode(), LABEL, hashlib.sha256)


def issue(secret: bytes, number: int, ref: str) -> str:
    """The token of a submission; `ref` is base64url of 12 bytes."""
    told = bytes((VERSION, number)) + urlsafe_b64decode(ref)
    return urlsafe_b64encode(told + _mac(secret, told)).decode()


def read(token: str, secrets: Sequence[bytes]) -> Token | None:
    """What a token tells if it was made with one of the secrets; each is compared in constant time."""
    if not _TOKEN.fullmatch(token):
        return None
    held = urlsafe_b64decode(token)
    told, mac = held[:14], held[14:]
    genuine = [hmac.compare_digest(mac, _mac(secret, told)) for secret in secrets]
    if not any(genuine) or told[0] != VERSION:
        return None
    return Token(told[1], urlsafe_b64encode(told[2:]).decode())


def _mac(secret: bytes, told: bytes) -> bytes:
    return hmac.digest(secret, told, hashlib.sha256)[:16]


def addressed(url: str, token: str) -> str:
    """The callback address of one submission: the token where `{token}` stands, else in the query."""
    if PLACE in url:
        return url.replace(PLACE, token)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{NAME}={token}".lstrip("&")))


def found_in(path: str) -> list[str]:
    """What may be a token in the path of an address."""
    return [part for part in path.split("/") if _TOKEN.fullmatch(part)]


def placed(url: str) -> bool:
    """Whether an address has room for a token: `{token}` is a segment of its path, or is not there."""
    parts = urlsplit(url)
    inside = parts.path.split("/").count(PLACE)
    return url.count(PLACE) == inside <= 1 and NAME not in dict(parse_qsl(parts.query, keep_blank_values=True))
