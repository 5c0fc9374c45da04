"""An emulator for the examples, as those of frameworks have it."""

from ..frameworks.conftest import emulator as emulator

__all__ = ["emulator"]
