"""What to do with a callback, by how far it is verified: one table."""

import enum

from ..api.updates import COMPLETE, FAILED, Stage
from .verification import TOKEN, Proof

__all__ = ["Decision", "decide"]


class Decision(enum.Enum):
    """What to do with a callback."""

    FEED = enum.auto()
    """Believe it."""
    CONFIRM = enum.auto()
    """Poll the task, and believe that."""
    WAKE = enum.auto()
    """Poll the task now, if somebody has an interest in it; believe nothing."""
    WAIT = enum.auto()
    """Wait for the submission under way that may have become this task."""
    IGNORE = enum.auto()
    """It changes nothing."""
    REFUSE = enum.auto()
    """Answer 401; it changes nothing."""


FEED, CONFIRM, REFUSE = Decision.FEED, Decision.CONFIRM, Decision.REFUSE


def decide(proof: Proof, stage: Stage, known: bool, confirm: bool = False) -> Decision:
    """What to do with a callback of a stage, for a task that we know or not; `confirm`: take nothing at its word."""
    if proof is TOKEN and known and not confirm:
        # What was posted must not end a paid task that a poll would show alive.
        return FEED if stage is not FAILED else CONFIRM
    match proof:
        case Proof.WRONG:
            return Decision.REFUSE
        case Proof.NONE:
            return Decision.WAKE if known else Decision.IGNORE
        case _ if not known:
            return Decision.WAIT
        case Proof.SIGNATURE if not confirm:  # a captured one fits any body of the same task, so an end is confirmed
            return FEED if stage < COMPLETE else CONFIRM
        case _:
            return CONFIRM
