"""The state of an emulator in a file: tasks, credits and uploads survive a restart."""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import anyio.to_thread
import msgspec
from msgspec import Struct

from ..api.requests import Request
from ..api.updates import Stage
from ..errors import ConfigurationError
from ..log import log
from ..wire.shapes import UNREADABLE
from .billing import Billing
from .callback_sender import CallbackSender
from .clock import Clock
from .endpoints import Endpoints
from .faults import Fault
from .ids import Ids
from .registry import RunRegistry
from .requests import Asked
from .runs import Run
from .uploads import Stored, Uploads

__all__ = ["Parts", "StateFile", "uploads_folder"]

VERSION = 2
EVERY = 1.0
"""Seconds between two writes while something goes on."""


class SavedRun(Struct, omit_defaults=True):
    """One run in the file. Its duration is in `marks`, the rest of it follows from its request."""

    id: str
    path: str
    """`path` of the request class."""
    jobs_api: bool
    task: bool
    params: dict[str, Any]
    body: dict[str, Any]
    callback: str
    born: float
    created: int
    files: str
    marks: dict[str, float]
    credits_left: float
    source: str = ""
    fault: Fault | None = None
    polls: int = 0


class SavedUpload(Struct):
    """One uploaded file, by its path at the upload host."""

    file: str
    """Its name in the folder of uploads."""
    size: int
    mime: str
    until: float


class Saved(Struct):
    """The file."""

    version: int
    provider: str
    url: str
    now: float
    """The emulator's clock."""
    wall: float
    """Unix seconds at that time."""
    ids: int
    credits: float
    refundable: list[str]
    followed: list[str]
    """The tasks whose callbacks are not all posted."""
    uploads: dict[str, SavedUpload]
    runs: list[SavedRun]


class Parts(NamedTuple):
    """The parts of an emulator whose state is kept."""

    endpoints: Endpoints
    clock: Clock
    ids: Ids
    registry: RunRegistry
    billing: Billing
    callbacks: CallbackSender
    uploads: Uploads


def uploads_folder(path: Path) -> Path:
    """Where uploads are kept, beside the file."""
    return path.with_name(f"{path.name}.uploads")


class StateFile:
    """Reads the file at the start, and writes it a second after a change and at the end.

    A process that is killed loses what happened in its last second. The file holds callback addresses, which may have
    tokens in them, so that only its owner can read it.

    Args:
        path: The file.
        parts: What is read and written.
    """

    # State, all of it: _changed, whether something happened since the last write; _writing, the asyncio task that
    # writes, and _stopping, which ends it.

    def __init__(self, path: Path, parts: Parts) -> None:
        self._path = path
        self._parts = parts
        self._changed = False
        self._writing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def changed(self) -> None:
        """Note that something happened."""
        self._changed = True

    def start(self, url: str) -> None:
        """Resume from the file if there is one, and write it from now on.

        Args:
            url: Base URL of the emulator.

        Raises:
            ConfigurationError: If the file cannot be read or written, or is of another kind of emulator.
        """
        try:
            if self._path.exists():
                self._resume(_decoded(self._path.read_bytes(), self._path), url)
            self._write(self._snapshot(url))  # a file that cannot be written is found out now
        except OSError as exc:
            raise ConfigurationError(f"state {self._path} cannot be used: {exc.strerror}") from exc
        self._stopping = asyncio.Event()
        self._writing = asyncio.create_task(self._keep_writing(url))

    async def aclose(self, url: str) -> None:
        """Write it for the last time; nothing if it was not started."""
        if self._writing is not None:
            self._stopping.set()
            await self._writing  # not cancelled: the thread of a write under way would go on beside the last write
            self._writing = None
            self._write(self._snapshot(url))

    async def _keep_writing(self, url: str) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), EVERY)
            if self._changed or self._parts.callbacks.followed:
                self._changed = False
                try:
                    await anyio.to_thread.run_sync(self._write, self._snapshot(url))
                except OSError as exc:
                    log.warning("state %s was not written: %s", self._path, exc)
                    self._changed = True

    def _write(self, content: Saved) -> None:
        """Replace the file at once, so that a crash leaves the old one or the new one."""
        part = self._path.with_name(f"{self._path.name}.part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(content))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._path)

    # ---- from the parts and into them ----------------------------------------------------------------------------

    def _snapshot(self, url: str) -> Saved:
        endpoints, clock, ids, registry, billing, callbacks, uploads = self._parts
        return Saved(
            version=VERSION,
            provider=endpoints.provider.name,
            url=url,
            now=clock.now(),
            wall=time.time(),
            ids=ids.made,
            credits=billing.credits,
            refundable=[run.id for run in billing.refundable],
            followed=[run.id for run in callbacks.followed],
            uploads={
                name: SavedUpload(one.path.name, one.size, one.mime, one.until) for name, one in uploads.stored.items()
            },
            runs=[_saved(run, task=run.id in registry.runs) for run in registry.kept],
        )

    def _resume(self, saved: Saved, url: str) -> None:
        endpoints, clock, ids, registry, billing, callbacks, uploads = self._parts
        if (saved.version, saved.provider) != (VERSION, endpoints.provider.name):
            raise ConfigurationError(
                f"state {self._path} is of provider {saved.provider}, version {saved.version}, and this is an emulator "
                f"of {endpoints.provider.name}, version {VERSION}: take another file"
            )
        kinds = {kind.path: kind for kind in endpoints}
        if missing := {run.path for run in saved.runs} - {*kinds}:
            raise ConfigurationError(
                f"state {self._path} has tasks of {min(missing)}, which is not served: give the class in endpoints="
            )
        if damage := _damage(saved):
            raise ConfigurationError(f"state {self._path} is damaged: {damage}")
        registry.clear()
        runs: dict[str, Run] = {}
        for one in saved.runs:
            one.files = one.files.replace(saved.url, url, 1)
            runs[one.id] = _run(one, kinds[one.path], self._parts, runs)
            registry.keep(runs[one.id], task=one.task)
        # Time went on meanwhile, as it does for the service.
        clock.resume(saved.now + max(0.0, time.time() - saved.wall) * clock.rate)
        ids.resume(saved.ids)
        billing.resume(saved.credits, [runs[id] for id in saved.refundable])
        folder = uploads_folder(self._path)
        uploads.resume(
            {name: Stored(folder / one.file, one.size, one.mime, one.until) for name, one in saved.uploads.items()}
        )
        for id in saved.followed:
            callbacks.resume(runs[id], saved.now)


def _decoded(content: bytes, path: Path) -> Saved:
    try:
        return msgspec.json.decode(content, type=Saved)
    except UNREADABLE as exc:
        raise ConfigurationError(f"{path} is not the state of an emulator: {exc}") from None


def _damage(saved: Saved) -> str:
    """What does not fit together in a file; empty if everything does."""
    known: set[str] = set()
    for run in saved.runs:
        if run.id in known:
            return f"it has task {run.id} twice"
        if unknown := {*run.marks} - {*Stage.__members__}:
            return f"task {run.id} has a stage {min(unknown)}"
        if Stage.COMPLETE.name not in run.marks:
            return f"task {run.id} has no stage {Stage.COMPLETE.name}"
        known.add(run.id)
    if lost := {*saved.refundable, *saved.followed} - known:
        return f"it has no task {min(lost)}"
    outside = [name for name, one in saved.uploads.items() if Path(one.file).name != one.file]
    return f"the upload {outside[0]} is not in its folder" if outside else ""


def _saved(run: Run, *, task: bool) -> SavedRun:
    return SavedRun(
        id=run.id,
        path=run.kind.path,
        jobs_api=run.asked.jobs_api,
        task=task,
        params=run.params,
        body=run.asked.body,
        callback=run.asked.callback,
        born=run.born,
        created=run.created,
        files=run.files,
        marks={stage.name: mark for stage, mark in run.marks.items()},
        credits_left=run.credits_left,
        source=run.source.id if run.source else "",
        fault=run.fault,
        polls=run.polls,
    )


def _run(saved: SavedRun, kind: type[Request[Any]], parts: Parts, earlier: Mapping[str, Run]) -> Run:
    endpoints = parts.endpoints
    provider = endpoints.jobs if saved.jobs_api and endpoints.jobs is not None else endpoints.legacy
    run = Run(
        saved.id,
        Asked(kind, provider, saved.params, saved.body, saved.callback),
        endpoints.family(kind),
        born=saved.born,
        files=saved.files,
        source=earlier.get(saved.source),
        fault=saved.fault,
        composer=parts.registry.composer,
    )
    marks = {Stage[name]: mark for name, mark in saved.marks.items()}
    run.resume(created=saved.created, marks=marks, credits_left=saved.credits_left, polls=saved.polls)
    return run
