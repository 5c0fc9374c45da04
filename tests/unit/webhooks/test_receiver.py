"""The receiver: bodies in, verdicts out, for any framework."""

import time
from typing import Any

import pytest

from suno_async import GenerateMusic, Receiver, StoreError
from suno_async.webhooks.policy import Decision
from suno_async.webhooks.verdict import LIMIT, NOT_POSTED, TOO_LARGE, Verdict
from suno_async.webhooks.verification import FRESHNESS, Proof, Proofs
from suno_async.wire import tokens
from suno_async.wire.tokens import Token

from ...callbacks import KEY, signature
from ...doubles import called
from .support import REF, Sink

SECRET = b"secret"
TOKEN = tokens.issue(SECRET, GenerateMusic.token_id, REF)
WITH_TOKENS = Proofs((SECRET,))
WITH_KEY = Proofs((), (KEY,))
BODY = called("text")


async def test_a_callback_is_handed_on_with_its_proof_and_its_token() -> None:
    sink = Sink()
    verdict = await Receiver(sink, WITH_TOKENS).receive(BODY, {}, {"suno": TOKEN})
    (delivery,) = sink.deliveries
    assert (verdict.status, verdict.decision, verdict.callback) == (200, Decision.FEED, delivery.callback)
    assert (delivery.callback.task_id, delivery.callback.stage) == ("t1", "text")
    assert (delivery.proof, delivery.token, delivery.confirm) == (
        Proof.UNBOUND,
        Token(GenerateMusic.token_id, REF),
        False,
    )


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"suno": TOKEN}, ""),
        ({"suno": ["first", TOKEN]}, ""),  # as some frameworks give several of one name
        ({}, f"/callbacks/{TOKEN}"),
        ({"suno": ""}, f"/callbacks/{TOKEN}/more"),
        ({"suno": "A" * 40}, f"/{'B' * 40}/{TOKEN}"),
        (None, f"/{TOKEN}"),
        (None, TOKEN),  # as some frameworks give a part of the path
    ],
)
async def test_the_token_is_found_in_the_query_and_in_the_path(query: Any, path: str) -> None:
    assert (await Receiver(Sink(), WITH_TOKENS).receive(BODY, None, query, path)).status == 200


@pytest.mark.parametrize("query", [None, {}, {"suno": ""}, {"suno": None}, {"suno": 5 * [None]}, {"token": TOKEN}])
async def test_what_is_not_verified_is_refused_and_handed_to_nobody(query: Any) -> None:
    sink = Sink()
    verdict = await Receiver(sink, WITH_TOKENS).receive(BODY, {}, query)
    assert (verdict.status, verdict.decision, sink.deliveries) == (401, Decision.REFUSE, [])


async def test_a_signature_is_fresh_by_the_receivers_clock() -> None:
    stamped = signature("t1")
    for age, status in ((0, 200), (FRESHNESS - 2, 200), (FRESHNESS + 2, 401), (-FRESHNESS - 2, 401)):
        receiver = Receiver(Sink(), WITH_KEY, clock=lambda age=age: time.time() + age)  # type: ignore[misc]
        assert (await receiver.receive(BODY, stamped)).status == status
    longer = Receiver(Sink(), WITH_KEY, freshness=7200, clock=lambda: time.time() + 7000)
    assert (await longer.receive(BODY, stamped)).status == 200


async def test_with_nothing_configured_all_is_handed_on_as_not_verified() -> None:
    sink = Sink(Decision.WAKE)
    verdict = await Receiver(sink, Proofs()).receive(BODY, {"x-any": "thing"}, {"q": "1"})
    assert (verdict.status, verdict.decision, sink.deliveries[0].proof) == (200, Decision.WAKE, Proof.NONE)


async def test_confirm_goes_along() -> None:
    sink = Sink(Decision.CONFIRM)
    await Receiver(sink, Proofs(), confirm=True).receive(BODY)
    assert sink.deliveries[0].confirm


@pytest.mark.parametrize(
    ("answer", "status"),
    [*((decision, 200) for decision in Decision if decision is not Decision.REFUSE), (Decision.REFUSE, 401)],
)
async def test_the_decision_becomes_the_status(answer: Decision, status: int) -> None:
    assert (await Receiver(Sink(answer), Proofs()).receive(BODY)).status == status


async def test_what_could_not_be_taken_is_to_be_sent_again() -> None:
    verdict = await Receiver(Sink(StoreError("the disk is full")), Proofs()).receive(BODY)
    assert (verdict.status, verdict.reason) == (503, "the disk is full")
    assert verdict.callback is not None


@pytest.mark.parametrize("body", [b"", b"?", b"{}", b"[]", b"\xff\xfe", b"[" * 50_000, b'{"code":200}'])
async def test_what_is_no_callback_is_refused(body: bytes) -> None:
    sink = Sink()
    assert (await Receiver(sink, Proofs()).receive(body)).status == 400
    assert sink.deliveries == []


@pytest.mark.parametrize(("limit", "over"), [(LIMIT, 0), (LIMIT, 1), (200, 0), (200, 1)])
async def test_a_body_may_have_so_many_bytes(limit: int, over: int) -> None:
    verdict = await Receiver(Sink(), Proofs(), limit=limit).receive(BODY.ljust(limit + over))
    assert verdict == TOO_LARGE if over else verdict.status == 200


async def test_refusals_are_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 1.0, 59.0, 60.0, 61.0])
    receiver = Receiver(Sink(), WITH_TOKENS, clock=lambda: next(times))
    for number in range(5):
        await receiver.receive(called("text", task_id=f"t{number}"))
    assert [line.getMessage().partition(":")[0] for line in caplog.records] == [
        "callbacks are refused, the last of task t0",
        "callbacks are refused, the last of task t3",
    ]


def test_verdicts_have_the_headers_of_their_status() -> None:
    assert NOT_POSTED.headers == {"Allow": "POST"}
    assert Verdict(200, "received").headers == {}
