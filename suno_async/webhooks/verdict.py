"""What to answer a callback."""

from typing import NamedTuple

import msgspec

from ..wire.callbacks import Callback
from .policy import Decision

__all__ = ["LIMIT", "NOT_POSTED", "RECEIVED", "TOO_LARGE", "Verdict", "answer_to"]

LIMIT = 1 << 20
"""Bytes a callback may have; the largest documented ones are a few thousand."""


class Verdict(NamedTuple):
    """What to answer.

    Attributes:
        status: The HTTP status.
        reason: Why, for people.
        callback: The callback, if it was one.
        decision: What was done with it.
    """

    status: int
    reason: str
    callback: Callback | None = None
    decision: Decision | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        return {"Allow": "POST"} if self.status == 405 else {}


RECEIVED = "received"
"""Why a callback is answered 200."""


def answer_to(verdict: Verdict) -> bytes:
    """Return the body of the answer: JSON with the reason."""
    return _RECEIVED if verdict.reason is RECEIVED else msgspec.json.encode({"msg": verdict.reason})


_RECEIVED = msgspec.json.encode({"msg": RECEIVED})
TOO_LARGE = Verdict(413, "too large")
NOT_POSTED = Verdict(405, "callbacks are posted")
