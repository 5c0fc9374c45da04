"""What is done with a callback: the whole table of decisions."""

from itertools import product

from suno_async import Stage
from suno_async.webhooks.policy import Decision, decide
from suno_async.webhooks.verification import Proof


def test_the_whole_table_of_decisions() -> None:
    early, ends = (Stage.PENDING, Stage.TEXT, Stage.FIRST), (Stage.COMPLETE, Stage.FAILED)
    table = {
        **dict.fromkeys(product([Proof.WRONG], Stage, [True, False]), Decision.REFUSE),
        **dict.fromkeys(product([Proof.NONE], Stage, [True]), Decision.WAKE),
        **dict.fromkeys(product([Proof.NONE], Stage, [False]), Decision.IGNORE),
        **dict.fromkeys(product([Proof.TOKEN], Stage, [True]), Decision.FEED),
        (Proof.TOKEN, Stage.FAILED, True): Decision.CONFIRM,  # a poll may show it alive
        **dict.fromkeys(product([Proof.SIGNATURE], early, [True]), Decision.FEED),
        **dict.fromkeys(product([Proof.SIGNATURE], ends, [True]), Decision.CONFIRM),
        **dict.fromkeys(product([Proof.UNBOUND], Stage, [True]), Decision.CONFIRM),
        **dict.fromkeys(product([Proof.TOKEN, Proof.SIGNATURE, Proof.UNBOUND], Stage, [False]), Decision.WAIT),
    }
    assert table == {
        (proof, stage, known): decide(proof, stage, known)
        for proof, stage, known in product(Proof, Stage, [True, False])
    }
    assert len(table) == 50


def test_who_wants_confirmation_believes_nothing_and_refuses_the_same() -> None:
    for proof, stage, known in product(Proof, Stage, [True, False]):
        before = decide(proof, stage, known)
        expected = Decision.CONFIRM if before is Decision.FEED else before
        assert decide(proof, stage, known, confirm=True) is expected
