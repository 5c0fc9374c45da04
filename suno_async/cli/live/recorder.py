"""A transport that notes what is sent and answered, and the recording that is made of it."""

from contextlib import AbstractAsyncContextManager
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from ...http.base import Download, Form, Transport
from ...wire.envelope import Reply
from .redaction import Redaction

__all__ = ["Exchange", "Recorder", "Recording"]

START = 1000.0
"""The balance that recordings begin with."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and its answer, redacted."""

    method: str
    path: str
    """Path and query."""
    sent: Any = None
    status: int = 200
    body: Any = None
    """The answer as JSON."""
    text: str = ""
    """The answer if it was none."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered, as a file holds it."""

    question: str
    gateway: str
    month: str
    """When it was made: year and month."""
    answer: str
    exchanges: list[Exchange]


class Recorder:
    """Sends through another transport and notes every exchange with the API.

    Args:
        inner: The transport.
        credit_path: The path of the balance, which is shifted so that only differences are told.
    """

    # State, all of it: exchanges, since the last question; the redaction; by how much balances are shifted.

    def __init__(self, inner: Transport, credit_path: str) -> None:
        self._inner = inner
        self._credit_path = credit_path
        self._shift: float | None = None
        self.redaction = Redaction()
        self.exchanges: list[Exchange] = []

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        reply = await self._inner.send(method, url, body, fresh=fresh)
        parts = urlsplit(url)
        path = parts.path + (f"?{self.redaction.text(parts.query)}" if parts.query else "")
        sent = self.redaction.value(msgspec.json.decode(body)) if body else None
        answered: dict[str, Any] = {}
        try:
            answered["body"] = self._of_balance(parts.path, self.redaction.value(msgspec.json.decode(reply.body)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answered["text"] = self.redaction.text(reply.body[:2000].decode(errors="replace"))
        self.exchanges.append(Exchange(method=method, path=path, sent=sent, status=reply.status, **answered))
        return reply

    def _of_balance(self, path: str, body: Any) -> Any:
        said: dict[str, Any] = cast(Any, body) if isinstance(body, dict) else {}
        balance: Any = said.get("data")
        if path != self._credit_path or not isinstance(balance, int | float):
            return cast(Any, body)
        if self._shift is None:
            self._shift = START - balance
        return said | {"data": round(balance + self._shift, 6)}

    async def upload(self, url: str, form: Form) -> Reply:
        return await self._inner.upload(url, form)

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AbstractAsyncContextManager[Download]:
        return self._inner.fetch(url, start=start, validator=validator)

    async def aclose(self) -> None:
        """Nothing: both clients share it, and whoever made the inner one closes it."""
