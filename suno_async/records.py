"""What is known of a submission, beside its task."""

from typing import NamedTuple

__all__ = ["Record"]


class Record(NamedTuple):
    """One submission, as a callback's proof or its task tells it."""

    task_id: str
    kind: str
    """The endpoint's class, as GenerateMusic."""
    ref: str = ""
    """Our own id of the submission; empty if it was made elsewhere."""
