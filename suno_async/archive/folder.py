"""The folder of one task: what is whole in it, what is missing, and its `task.json`."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from msgspec.structs import replace

from ..api.results import AlignedWord
from ..files.fetching import Begin, Known
from ..files.part_file import PartFile
from ..log import fields, log
from .contents import NAME, ArchivedFile, Contents, Missing, decode, encode
from .targets import CHUNK, Target, checksum

__all__ = ["TaskFolder", "sum_of"]

R = TypeVar("R")

LARGEST_CONTENTS = 64 << 20
"""Bytes of a `task.json` that is read."""


class TaskFolder:
    """Writes files whole or not at all, and notes each in `task.json` at once."""

    # State, all of it: _contents, what task.json says, and _said, its bytes as they are; _before and _files, which are
    # said to be there and which are whole, by name; _failed, by name; written, how many were; and staging.

    def __init__(self, target: Target, name: str, contents: Contents) -> None:
        """Make the folder of one task.

        Args:
            target: Where the archive is.
            name: Name of the folder.
            contents: What `task.json` shall say, but for the files.
        """
        self._target = target
        self._name = name
        self._contents = contents
        self._said: bytes | None = None
        self._before: dict[str, ArchivedFile] = {}
        self._files: dict[str, ArchivedFile] = {}
        self._failed: dict[str, Missing] = {}
        self._writing = asyncio.Lock()
        self.written = 0
        self.staging = Path()
        """Where on this machine files are made; while it is open."""

    @property
    def contents(self) -> Contents:
        """What `task.json` says, but for the files."""
        return self._contents

    @property
    def files(self) -> tuple[ArchivedFile, ...]:
        """The files that are whole, in the order of their names."""
        return tuple(self._files[name] for name in sorted(self._files))

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Addresses, or names of what has none, and why they could not be saved."""
        return [(one.url or one.name, one.reason) for one in self._failed.values()]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Read what is there, and write down at the end what is there then. OSError."""
        made = self._target.staging(self._name)
        self.staging = await in_thread(made.__enter__)
        try:
            await self._read_contents()
            yield
            self._note_duplicates()
            await self._write_contents()
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(lambda: made.__exit__(None, None, None))

    def fail(self, name: str, reason: str, url: str = "") -> None:
        """Note what could not be saved."""
        self._failed[name] = Missing(url=url, name=name, reason=reason)

    def get(self, name: str) -> ArchivedFile | None:
        """Return a file that is whole."""
        return self._files.get(name)

    def keep(self, file: ArchivedFile) -> None:
        """Note that a file is whole as it was written before."""
        self._files[file.name] = replace(file, duplicate_of="")

    async def whole(self, name: str) -> ArchivedFile | None:
        """Return what `task.json` says of a file, if the file is there as it was written. OSError."""
        said = self._before.get(name)
        if said is None:
            return None

        def check() -> bool:
            if not said.size or self._target.size(self._name, name) != said.size:
                return False
            with self._target.open(self._name, name) as file:
                return checksum(file) == said.sha256

        if await in_thread(check):
            return said
        log.warning("%s is missing or damaged: it is saved anew", self._target.address(self._name, name))
        return None

    async def read(self, name: str, limit: int) -> bytes:
        """Return the first bytes of a file. OSError."""

        def read() -> bytes:
            with self._target.open(self._name, name) as file:
                return file.read(limit)

        return await in_thread(read)

    async def copy(self, name: str, prepare: Callable[[Path], object]) -> None:
        """Make a file anew from itself, where it is staged. OSError."""
        part = PartFile(self.staging / name)
        try:
            await part.open()
            await part.begin(Begin(0, Known()))
            file = await in_thread(lambda: self._target.open(self._name, name))
            try:
                while chunk := await in_thread(lambda: file.read(CHUNK)):
                    await part.write(chunk)
            finally:
                await in_thread(file.close)
            await part.finish(prepare)
        finally:
            await part.aclose()

    async def publish(self, made: ArchivedFile) -> None:
        """Put a file that is staged in its place, and note it. OSError."""
        await in_thread(lambda: self._target.publish(self.staging / made.name, self._name))
        self._files[made.name] = made
        self.written += 1
        if log.isEnabledFor(logging.INFO):
            where, task_id = self._target.address(self._name, made.name), self._contents.task_id
            log.info("saved %s of task %s", where, task_id, extra=fields("saved", task_id, file=where))
        await self._write_contents()

    async def write_text(self, name: str, text: str, kind: str) -> None:
        """Write a text, if the file does not say it already; what fails is noted."""
        body = text.encode(errors="replace")
        made = ArchivedFile(name=name, kind=kind, size=len(body), sha256=hashlib.sha256(body).hexdigest())
        try:
            if await self.whole(name) == made:
                self._files[name] = made
            else:
                await self._stage(name, body)
                await self.publish(made)
        except OSError as exc:
            self.fail(name, str(exc))

    async def note_words(self, track_id: str, words: tuple[AlignedWord, ...]) -> None:
        """Note the words of a track at once: asking for them may have cost credits. OSError."""
        self._contents = replace(self._contents, timed_lyrics={**self._contents.timed_lyrics, track_id: words})
        await self._write_contents()

    async def _stage(self, name: str, body: bytes) -> None:
        part = PartFile(self.staging / name)
        try:
            await part.open()
            await part.begin(Begin(0, Known()))
            await part.write(body)
            await part.finish()
        finally:
            await part.aclose()

    async def _read_contents(self) -> None:
        try:
            self._said = await self.read(NAME, LARGEST_CONTENTS)
        except FileNotFoundError:
            return
        if (before := decode(self._said)) is not None:
            self._before = {one.name: one for one in before.files}
            self._contents = replace(self._contents, timed_lyrics=before.timed_lyrics)

    async def _write_contents(self) -> None:
        """Write `task.json`, if it says something else now. What is not looked at yet is said as before."""
        async with self._writing:
            known = {**self._before, **self._files}
            files = tuple(known[name] for name in sorted(known) if name not in self._failed)
            missing = tuple(self._failed[name] for name in sorted(self._failed))
            body = encode(replace(self._contents, files=files, missing=missing))
            if body != self._said:
                await self._stage(NAME, body)
                await in_thread(lambda: self._target.publish(self.staging / NAME, self._name))
                self._said = body

    def _note_duplicates(self) -> None:
        first: dict[str, str] = {}
        for one in self.files:
            if one.kind != "audio" or not one.received_sha256:
                continue
            same = first.setdefault(one.received_sha256, one.name)
            if same != one.name:
                self._files[one.name] = replace(one, duplicate_of=same)
                task_id = self._contents.task_id
                extra = fields("duplicate", task_id, file=one.name)
                log.warning("%s of task %s is the same file as %s", one.name, task_id, same, extra=extra)


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file of this machine."""
    with path.open("rb") as file:
        return checksum(file)


async def in_thread(work: Callable[[], R]) -> R:
    """Do blocking work in a thread."""
    return await anyio.to_thread.run_sync(work)
