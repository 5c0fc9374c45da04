"""The page at the emulator's root: tasks, their callbacks and their files, live."""

from .routes import Page

__all__ = ["Page"]
