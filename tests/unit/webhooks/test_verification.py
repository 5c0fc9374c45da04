"""How far callbacks are verified: signatures, tokens, and whose a token is."""

from typing import Any

import pytest

from suno_async.webhooks.verification import Proof, Proofs, bind, prove, signed
from suno_async.wire import tokens
from suno_async.wire.tokens import Token

KEY = "whk_test_0123456789abcdef"
ID = "5c79a1b2c3d4e5f60718293a4b5cbe8e"
STAMP = 1_769_670_760
VECTORS = [  # docs/service.md#callbacks
    (KEY, ID, STAMP, "aq7W4tYnh9qyMrn4QKFhY9+9VGUERzHHxDhYvvy/e0A="),
    (KEY, "ee9c2715375b7837f8bb51d641ff5863", STAMP, "goPY9MrAzqXvRfg0zXI6K0G2MvykTfrHVldnN23i1Fo="),
    ("секрет-ключ", "65e563474bd7b6485dfb229eb92324a8", 1_758_044_664, "d+Ee145dxxFRTiesol+7ZqkKEhQ47uySS5ytFLwVxAo="),
]


def headers(signature: str = VECTORS[0][3], stamp: object = STAMP) -> dict[str, str]:
    return {"X-Webhook-Timestamp": str(stamp), "X-Webhook-Signature": signature}


@pytest.mark.parametrize(("key", "task_id", "stamp", "signature"), VECTORS)
def test_kies_signatures(key: str, task_id: str, stamp: int, signature: str) -> None:
    assert signed(task_id, headers(signature, stamp), ("another", key), 300, stamp)
    assert not signed(task_id, headers(signature, stamp), ("another",), 300, stamp)
    assert not signed(task_id + "x", headers(signature, stamp), (key,), 300, stamp)


@pytest.mark.parametrize(("away", "fresh"), [(0, True), (300, True), (-300, True), (300.5, False), (-301, False)])
def test_a_signature_is_fresh_for_five_minutes_in_both_directions(away: float, fresh: bool) -> None:
    assert signed(ID, headers(), (KEY,), 300, STAMP + away) is fresh


@pytest.mark.parametrize("spelt", [str.lower, str.upper, str.title, str])
def test_headers_in_any_case(spelt: Any) -> None:
    assert signed(ID, {spelt(name): value for name, value in headers().items()}, (KEY,), 300, STAMP)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"X-Webhook-Timestamp": str(STAMP)},
        {"X-Webhook-Signature": VECTORS[0][3]},
        headers(stamp=""),
        headers(stamp="-1"),
        headers(stamp="1e9"),
        headers(stamp=f"{STAMP}.0"),
        headers(stamp="٣" * 10),
        headers(stamp="9" * 5000),
        headers(signature=""),
        headers(signature="é" * 44),
        headers(signature="\ud800"),
        headers(signature=VECTORS[0][3][:-1]),
    ],
)
def test_odd_headers_prove_nothing(odd: dict[str, str]) -> None:
    assert not signed(ID, odd, (KEY,), 300, STAMP)


# ---- proofs ----------------------------------------------------------------------------------------------------------

SECRET = b"secret"
REF, OTHER = "AAECAwQFBgcICQoL", "AAAAAAAAAAAAAAAA"
TOKEN = tokens.issue(SECRET, 1, REF)
WRONG_TOKEN = tokens.issue(b"guessed", 1, REF)


@pytest.mark.parametrize(
    ("tokens_", "keys", "token", "signature", "proof"),
    [
        (False, False, "", "", Proof.NONE),
        (False, False, TOKEN, "right", Proof.NONE),  # nobody checks what is not configured
        (True, False, TOKEN, "", Proof.UNBOUND),
        (True, False, WRONG_TOKEN, "", Proof.WRONG),
        (True, False, "", "", Proof.WRONG),
        (True, False, "", "right", Proof.WRONG),
        (False, True, "", "right", Proof.SIGNATURE),
        (False, True, TOKEN, "right", Proof.SIGNATURE),
        (False, True, "", "wrong", Proof.WRONG),
        (False, True, "", "", Proof.WRONG),
        (True, True, TOKEN, "right", Proof.UNBOUND),
        (True, True, "", "right", Proof.WRONG),
        (True, True, WRONG_TOKEN, "right", Proof.WRONG),
        (True, True, TOKEN, "wrong", Proof.WRONG),
        (True, True, TOKEN, "", Proof.WRONG),
        (True, True, "", "", Proof.WRONG),
    ],
)
def test_every_proof_that_is_configured_must_hold(
    tokens_: bool, keys: bool, token: str, signature: str, proof: Proof
) -> None:
    proofs = Proofs((SECRET,) if tokens_ else (), (KEY,) if keys else ())
    said = {"right": headers(), "wrong": headers("x" * 44), "": {}}[signature]
    found, read = prove(ID, ["A" * 40, token], said, proofs, STAMP)
    assert found is proof
    assert read == (Token(1, REF) if proof is Proof.UNBOUND else None)


@pytest.mark.parametrize(
    ("ref", "owner", "proof"),
    [
        ("", ID, Proof.TOKEN),
        (REF, None, Proof.TOKEN),
        (REF, ID, Proof.TOKEN),
        ("", "", Proof.TOKEN),  # its submit is under way, or its answer was lost
        ("", None, Proof.UNBOUND),  # of a process with another store, or of long ago
        (OTHER, None, Proof.WRONG),  # this task was made by another submission
        (OTHER, "", Proof.WRONG),
        (OTHER, ID, Proof.WRONG),
        ("", "another task", Proof.WRONG),  # that submission made another task
        (REF, "another task", Proof.WRONG),
    ],
)
def test_a_token_speaks_for_its_own_task_alone(ref: str, owner: str | None, proof: Proof) -> None:
    assert bind(Token(1, REF), ID, ref, owner) is proof


def test_secrets_are_not_shown() -> None:
    assert repr(Proofs((b"hidden",), ("hidden",))) == "<Proofs 1 secrets, 1 keys>"
