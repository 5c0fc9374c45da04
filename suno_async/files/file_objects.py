"""Open files and what bots have in their place: anything with `read`, sync or async."""

import inspect
import io
import os
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol, runtime_checkable

import anyio.to_thread

from ..errors import InvalidJob, Problem

__all__ = ["FileObject", "Readable", "own_name"]

CHUNK = 1 << 18


@runtime_checkable
class Readable(Protocol):
    """An open file, or what can be read like one: `read`, with or without a size, sync or async, returns bytes."""

    @property
    def read(self) -> Any:
        """Return the next bytes, or all of them."""
        ...


def own_name(source: object) -> str:
    """Return the file name that an object has; empty if it has none."""
    for attribute in ("filename", "name"):
        name = getattr(source, attribute, None)
        if isinstance(name, str | os.PathLike):
            return re.split(r"[/\\]", os.fspath(name))[-1] if isinstance(os.fspath(name), str) else ""
    return ""


class FileObject:
    """An open file as chunks: from where it stands, and from there again for each attempt if it can be rewound.

    One that does not tell where it stands, as an `UploadFile`, is taken from its start; one whose `read` takes no size,
    as a Discord attachment, is read as a whole.
    """

    # State, all of it: where the source stood at first, its size, and whether it was begun. They do not change but
    # for the last.

    def __init__(self, source: Readable) -> None:
        self._source: Any = source
        self._in_chunks = _takes_size(source.read)
        self._start, self.size = _measure(self._source)
        self._begun = False

    @property
    def rereadable(self) -> bool:
        """Whether the same bytes can be read again."""
        return self._start is not None or not self._in_chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun and not self.rereadable:
            raise InvalidJob("upload", [Problem("file", "must not be read twice, since it cannot be rewound", self)])
        self._begun = True
        if self._start is not None:
            await _called(self._source.seek, self._start)
        while chunk := await _called(self._source.read, *((CHUNK,) if self._in_chunks else ())):
            yield chunk
            if not self._in_chunks:
                return

    def __repr__(self) -> str:
        return f"<{type(self._source).__name__}>"


def _takes_size(read: Any) -> bool:
    try:
        inspect.signature(read).bind(CHUNK)
    except TypeError:
        return False
    except ValueError:  # compiled functions may not tell
        return True
    return True


def _measure(source: Any) -> tuple[int | None, int | None]:
    """Where an object stands and how many bytes follow, each None if that is not known or it cannot be rewound."""
    seek, tell = getattr(source, "seek", None), getattr(source, "tell", None)
    if not callable(seek):
        return None, None
    if inspect.iscoroutinefunction(seek):
        size = getattr(source, "size", None)
        return (0, size if isinstance(size, int) and size > 0 else None)
    try:
        if not callable(tell):
            return 0, None
        start, end = tell(), seek(0, os.SEEK_END)
        seek(start)
    except (OSError, TypeError, ValueError, io.UnsupportedOperation):  # a pipe
        return None, None
    return (start, end - start) if isinstance(start, int) and isinstance(end, int) else (None, None)


async def _called(method: Any, *args: Any) -> Any:
    """The result of a method that is sync, and then called in a thread, or async."""
    if inspect.iscoroutinefunction(method):
        return await method(*args)
    found = await anyio.to_thread.run_sync(method, *args)
    return await found if inspect.isawaitable(found) else found
