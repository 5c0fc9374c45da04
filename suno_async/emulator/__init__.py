"""The service on loopback: develop and test against it without a key, credits or waiting."""

from .callback_sender import Posted
from .faults import Fault
from .service import Emulator, Seen

__all__ = ["Emulator", "Fault", "Posted", "Seen"]
