"""How far a callback is verified, by our tokens and KIE's signatures (docs/architecture.md#law-5)."""

import enum
import hmac
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..wire import tokens
from ..wire.tokens import Token

__all__ = ["FRESHNESS", "Proof", "Proofs", "bind", "prove", "signed"]


FRESHNESS = 300.0
"""Seconds by which a signature's time may differ from ours, in both directions. The service states no window."""


class Proof(enum.Enum):
    """How far a callback is verified."""

    NONE = "nothing is configured, so nothing is verified"
    SIGNATURE = "KIE's signature: the sender is known, the body is not covered"
    UNBOUND = "our own token, of a submission that nobody here knows: maybe another task's"
    TOKEN = "our own token, of the submission that made this task: only the service was given that address"
    WRONG = "it has no token or signature of ours, or one that is wrong, stale or another task's"


TOKEN, UNBOUND, WRONG = Proof.TOKEN, Proof.UNBOUND, Proof.WRONG


class Proofs(NamedTuple):
    """What callbacks are verified against. There may be several of each, so that one can be replaced by another."""

    secrets: tuple[bytes, ...] = ()
    """Of our tokens; empty if none are given out."""
    keys: tuple[str, ...] = ()
    """Of KIE's signatures: the account's webhook keys."""

    def __repr__(self) -> str:
        return f"<Proofs {len(self.secrets)} secrets, {len(self.keys)} keys>"


def prove(
    task_id: str,
    offered: Sequence[str],
    headers: Mapping[str, str],
    proofs: Proofs,
    now: float,
    freshness: float = FRESHNESS,
) -> tuple[Proof, Token | None]:
    """Return how far what a callback carries verifies it, and its token; whose token that is, `bind` decides.

    `offered`: what may be a token in the address. `now`: Unix seconds. Every proof that is configured must hold.
    """
    if proofs.keys and not signed(task_id, headers, proofs.keys, freshness, now):
        return Proof.WRONG, None
    if not proofs.secrets:
        return (Proof.SIGNATURE if proofs.keys else Proof.NONE), None
    for one in offered:
        if (token := tokens.read(one, proofs.secrets)) is not None:
            return UNBOUND, token
    return WRONG, None


def bind(token: Token, task_id: str, ref: str, owner: str | None) -> Proof:
    """Return how far a genuine token verifies a callback of this task.

    `ref`: the submission that made the task, empty if that is not known. `owner`: the task of the token's submission,
    empty while that is not known, None if the submission is not.
    """
    if (ref and token.ref != ref) or (owner and owner != task_id):
        return Proof.WRONG
    return Proof.TOKEN if ref or owner is not None else Proof.UNBOUND


def signed(task_id: str, headers: Mapping[str, str], keys: tuple[str, ...], freshness: float, now: float) -> bool:
    """Return whether KIE signed a callback of this task, and not long ago.

    Source: https://docs.kie.ai/common-api/webhook-verification
    """
    stamp, claimed = _header(headers, "X-Webhook-Timestamp"), _header(headers, "X-Webhook-Signature")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 15) or abs(now - int(stamp)) > freshness:
        return False
    message = f"{task_id}.{stamp}".encode(errors="surrogatepass")
    given = claimed.encode(errors="replace")
    right = False
    for key in keys:  # all of them, so that the time does not tell which
        right |= hmac.compare_digest(given, b2a_base64(tokens.mac(key.encode(), message), newline=False))
    return right


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header in whatever case a framework hands it over."""
    said = headers.get(name) or headers.get(name.lower())
    if said is None:
        said = next((value for one, value in headers.items() if one.lower() == name.lower()), "")
    return said.strip()
