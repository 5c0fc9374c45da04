"""Finished tasks kept on disk or elsewhere, each in a folder that is complete on its own (docs/archive.md)."""

from .archive import Archive as Archive
from .archive import ArchivedTask as ArchivedTask
from .contents import ArchivedFile as ArchivedFile

__all__ = ["Archive", "ArchivedFile", "ArchivedTask"]
