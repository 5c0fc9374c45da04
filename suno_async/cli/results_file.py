"""The results of a batch, a line for each row as it ends, so that it can be stopped and run again."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

import msgspec

from ..errors import ConfigurationError
from ..files.part_file import is_at, lock

__all__ = ["ResultsFile"]


class ResultsFile:
    """What came of the rows of a batch.

    Rows that ended well stay. Failed ones are left out when it is opened, since they are tried again, and so is a line
    that was cut off when the process was killed.

    Args:
        path: The file.
        saved: Whether rows count only if their files were saved.
    """

    # State, all of it: done, the lines of rows that ended well, by key; the open file; the lock.

    def __init__(self, path: Path, *, saved: bool) -> None:
        self._path = path
        self._saved = saved
        self.done: dict[str, dict[str, Any]] = {}
        self._file: TextIO | None = None
        self._locked: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self._lock()
            for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
                self._take(line)
            whole = self._path.with_name(self._path.name + ".new")
            whole.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in self.done.values()))
            os.replace(whole, self._path)
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as exc:
            self._unlock()
            raise ConfigurationError(f"--results: {self._path}: {exc.strerror or exc}") from exc
        return self

    def _lock(self) -> None:
        """Keep others away: each would write the file anew, and the lines of the other be lost."""
        at = self._path.with_name(self._path.name + ".lock")
        self._locked = at.open("a+b")
        if not lock(self._locked) or not is_at(self._locked, at):
            self._locked.close()
            raise ConfigurationError(f"--results: another run writes {self._path}")

    def _unlock(self) -> None:
        if self._locked is not None:
            with suppress(OSError):  # Windows removes no open file
                os.unlink(self._locked.name)
            self._locked.close()

    def has(self, key: str, digest: str) -> bool:
        """Return whether a row ended well with the same values."""
        said = self.done.get(key)
        return said is not None and said.get("digest", digest) == digest

    def _take(self, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        well = said.get("error") is None and (not self._saved or said.get("folder") is not None)
        if well and isinstance(key := said.get("key"), str):
            self.done[key] = said

    def add(self, line: dict[str, Any]) -> None:
        """Write what came of a row. It is there if the process is killed after that."""
        assert self._file is not None
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()

    @property
    def credits(self) -> float:
        """What the rows that ended well have cost, as far as that is known."""
        return sum(one.get("credits") or 0.0 for one in self.done.values())

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._unlock()
