"""A callback on its way from a receiver to the dispatcher."""

from typing import NamedTuple

from ..wire.callbacks import Callback
from ..wire.tokens import Token
from .verification import Proof

__all__ = ["CallbackDelivery"]


class CallbackDelivery(NamedTuple):
    """A callback, how far it is verified, and what its receiver wants done with such."""

    callback: Callback
    proof: Proof
    token: Token | None = None
    confirm: bool = False
