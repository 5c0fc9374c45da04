"""The service on loopback: develop and test against it without a key, credits or waiting."""

from .service import Emulator, Fault, Seen

__all__ = ["Emulator", "Fault", "Seen"]
