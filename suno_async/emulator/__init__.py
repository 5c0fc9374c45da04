"""The service on loopback: develop and test against it without a key, credits or waiting."""

from .faults import Fault
from .postman import Posted
from .service import Emulator, Seen

__all__ = ["Emulator", "Fault", "Posted", "Seen"]
