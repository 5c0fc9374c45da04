"""A file that is not whole yet, kept beside its place until it is."""

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

import anyio
import anyio.to_thread
import msgspec

from .fetching import Begin, Known

__all__ = ["PartFile", "is_at", "lock"]

R = TypeVar("R")


class PartFile:
    """`name.part` with what is known of it in `name.part.json`, under a lock while it is written.

    Whoever finds it locked writes another, which is not kept. It takes the name of the file when it is whole.
    """

    # State, all of it: _file, _path, _known and _have, what is in it.

    def __init__(self, target: Path) -> None:
        self._target = target
        self._kept = target.with_name(f"{target.name}.part")
        self._notes = target.with_name(f"{target.name}.part.json")
        self._path = self._kept
        self._file: BinaryIO | None = None
        self._known = Known()
        self._have = 0

    async def open(self) -> tuple[int, Known]:
        """Open it; return how many bytes an earlier call left in it, and of what. OSError."""
        await _in_thread(self._open)
        return self._have, self._known

    async def begin(self, begin: Begin) -> None:
        """Drop what is in it from a byte on, and go on there. OSError."""
        await _in_thread(lambda: self._begin(begin))

    async def write(self, chunk: bytes) -> None:
        """Append a chunk. OSError."""
        await _in_thread(lambda: self._write(chunk))

    async def finish(self, prepare: Callable[[Path], object] | None = None) -> None:
        """Give it the name of the file, in place of what is there. OSError.

        Args:
            prepare: Called before, in a thread, with where it is now: it may change what is in it.
        """
        await _in_thread(lambda: self._finish(prepare))

    async def aclose(self) -> None:
        """Let go of it. What can be continued later is kept."""
        with anyio.CancelScope(shield=True):
            await _in_thread(self._close)

    # ---- in a thread ---------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._file = open(self._kept, "a+b")  # noqa: SIM115
        if lock(self._file) and is_at(self._file, self._kept):
            size = self._file.seek(0, os.SEEK_END)
            self._known = self._read_notes() if size else Known()
            self._have = size if self._known.resumable else 0
            return
        self._file.close()
        self._path = self._target.with_name(f"{self._target.name}.{secrets.token_hex(4)}.part")
        self._file = open(self._path, "xb")  # noqa: SIM115

    def _begin(self, begin: Begin) -> None:
        assert self._file is not None
        self._file.flush()
        self._file.truncate(begin.at)
        self._file.seek(begin.at)
        self._have, self._known = begin.at, begin.known
        if self._path == self._kept and begin.known.resumable:
            self._notes.write_bytes(msgspec.json.encode(begin.known))
        elif self._path == self._kept:
            self._notes.unlink(missing_ok=True)

    def _write(self, chunk: bytes) -> None:
        assert self._file is not None
        self._file.write(chunk)
        self._file.flush()  # a process that is killed leaves what it has
        self._have += len(chunk)

    def _finish(self, prepare: Callable[[Path], object] | None) -> None:
        assert self._file is not None
        self._file.flush()
        if prepare is not None:
            if self._path == self._kept:
                self._notes.unlink(missing_ok=True)  # what is about to change cannot be continued
            self._known = Known()
            prepare(self._path)
        if sys.platform == "win32":  # which renames no open file
            self._file.close()
        os.replace(self._path, self._target)
        if self._path == self._kept:
            self._notes.unlink(missing_ok=True)
        self._file.close()
        self._file = None

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            keep = self._path == self._kept and self._have > 0 and self._known.resumable
            if sys.platform == "win32":
                self._file.close()
            if not keep and (sys.platform == "win32" or is_at(self._file, self._path)):
                self._path.unlink(missing_ok=True)
                if self._path == self._kept:
                    self._notes.unlink(missing_ok=True)
        finally:
            self._file.close()
            self._file = None

    def _read_notes(self) -> Known:
        try:
            return msgspec.json.decode(self._notes.read_bytes(), type=Known)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return Known()


async def _in_thread(work: Callable[[], R]) -> R:
    return await anyio.to_thread.run_sync(work)


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file still has this name: another call may have given it its final one meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def lock(file: BinaryIO) -> bool:
        """Lock a file against other calls and processes until it is closed. False if it is locked."""
        file.seek(1 << 40)  # beyond what is written
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock(file: BinaryIO) -> bool:
        """Lock a file against other calls and processes until it is closed. False if it is locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
