"""The archive: tasks in, folders out, a few files at a time."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from ..api.export import plain_data
from ..api.requests import Request
from ..api.results import Lyrics, Music
from ..errors import ConfigurationError, DownloadFailed, StoreError, SunoError
from ..files.links import FreshLinks, Gateway, Requests
from ..files.names import marked, safe_title
from ..files.uploads import Progress
from ..lifecycle import Lifecycle
from ..log import log
from ..settings import Settings
from ..submissions.codec import job_of
from ..tasks.task import Task
from .contents import ArchivedFile, Contents, raw_of
from .targets import Target, target_at

__all__ = ["Archive", "ArchivedTask"]


class ArchivedTask(Struct, frozen=True, kw_only=True):
    """What came of one task."""

    task_id: str
    folder: str = ""
    """Path or address of its folder; empty if it has none, as its task failed."""
    files: tuple[ArchivedFile, ...] = ()
    """The files that are there and whole, beside `task.json`."""
    written: int = 0
    """How many of them this call has written; the others were there."""
    error: SunoError | None = None
    """Why something is not there: a DownloadFailed, or what ended the task; None if all is."""

    @property
    def duplicates(self) -> tuple[ArchivedFile, ...]:
        """The takes of which the same bytes were served as of another one."""
        return tuple(one for one in self.files if one.duplicate_of)


class ArchiveSettings(NamedTuple):
    """How files are fetched."""

    concurrency: int
    timed_lyrics: bool
    max_bytes: int
    recover: bool


class Archive:
    """Keeps finished tasks, each in a folder that is complete on its own; made by `SunoClient.archive`.

    A folder has the audio with tags, covers, stems or videos of its task, the lyrics as text and as `.lrc`, and
    `task.json`. See docs/archive.md.
    """

    # State: none.

    def __init__(
        self,
        folder: str | os.PathLike[str],
        lifecycle: Lifecycle,
        settings: Settings,
        requests: Requests,
        options: ArchiveSettings,
    ) -> None:
        try:
            import_module("mutagen")
        except ModuleNotFoundError as exc:
            raise ConfigurationError("an archive needs `pip install 'suno-async[archive]'`") from exc
        for name, what in (("concurrency", "files"), ("max_bytes", "bytes")):
            value: Any = getattr(options, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"{name} must be a number of {what}, at least 1, got {value!r}")
        self._target: Target = target_at(folder)
        self._lifecycle = lifecycle
        self._settings = settings
        self._requests = requests
        self._options = options

    async def save(self, task: Task[Any], *, progress: Progress | None = None) -> ArchivedTask:
        """Wait for a task and save it. What is there already is checked against its checksums and kept.

        Args:
            task: The task.
            progress: Called with the bytes saved so far and, once that is known, all there are.

        Raises:
            DownloadFailed: Some files could not be saved; the others are, and `task.json` names both.
            SunoError: What awaiting the task raises.
            ConfigurationError: It is no task.
        """
        saved = await self._save(task, asyncio.Semaphore(self._options.concurrency), progress)
        if saved.error is not None:
            raise saved.error
        return saved

    async def save_all(self, tasks: Iterable[Task[Any]] | AsyncIterable[Task[Any]]) -> AsyncGenerator[ArchivedTask]:
        """Save many tasks and yield what came of each, as they finish; one that fails stops no other.

        Tasks are taken only when there is room, so there may be any number: `archive.save_all(suno.expiring())`. Leave
        it with `aclosing` if you do not read to the end.

        Args:
            tasks: The tasks, finished or not.
        """
        gate = asyncio.Semaphore(self._options.concurrency)
        running: set[asyncio.Task[ArchivedTask]] = set()
        try:
            async for task in _each(tasks):
                running.add(asyncio.create_task(self._outcome(task, gate)))
                while len(running) >= self._options.concurrency:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for one in done:
                        yield one.result()
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _outcome(self, task: Task[Any], gate: asyncio.Semaphore) -> ArchivedTask:
        try:
            return await self._save(task, gate, None)
        except SunoError as exc:
            return ArchivedTask(task_id=task.id, error=exc)

    async def _save(self, task: Task[Any], gate: asyncio.Semaphore, progress: Progress | None) -> ArchivedTask:
        if not isinstance(task, Task):
            raise ConfigurationError(f"task must be a Task, as submit and attach give it, got {task!r}")
        from .folder import TaskFolder
        from .saving import Fetches, Saving  # loads mutagen
        from .words import Timed

        result: Any = await task
        runtime = self._lifecycle.current()
        job = await self._job_of(task)
        name = marked(safe_title(_title_of(result, job, task)), task.id)
        contents = Contents(
            task_id=task.id,
            kind=task.kind.__name__,
            model=task.model,
            api=task.api,
            job=_fields_of(job),
            result=plain_data(result),
            raw=raw_of(result),
        )
        fetches = Fetches(
            runtime.transport,
            FreshLinks(result, self._lifecycle.registry),
            Gateway(self._settings.provider, self._requests, recover=self._options.recover),
            self._options.max_bytes,
            self._settings.max_retries,
            self._settings.clock,
            gate,
            progress,
        )
        folder = TaskFolder(self._target, name, contents)
        where = self._target.address(name)
        async with self._lifecycle.downloading(result) as done:
            with runtime.downloads:
                try:
                    await Saving(folder, fetches).save(result, job, Timed(self._requests, self._options.timed_lyrics))
                except OSError as exc:
                    raise DownloadFailed([], [(where, str(exc))]) from exc
            done.files = len(folder.files)
        error = None
        if folder.failed:
            paths = [Path(self._target.address(name, one.name)) for one in folder.files]
            error = DownloadFailed(paths, folder.failed)
        return ArchivedTask(task_id=task.id, folder=where, files=folder.files, written=folder.written, error=error)

    async def _job_of(self, task: Task[Any]) -> Request[Any] | None:
        """What was asked for, if the store knows it."""
        try:
            store = self._lifecycle.current().journal.store
            record = await (store.get(ref=task.ref) if task.ref else store.get(task_id=task.id))
            return None if record is None else job_of(record)
        except StoreError as exc:  # the songs are worth more
            log.warning("the job of task %s is not archived: %s", task.id, exc)
            return None


def _title_of(result: Any, job: Request[Any] | None, task: Task[Any]) -> str:
    parts: Any = ()
    if isinstance(result, Music):
        parts = result.tracks
    elif isinstance(result, Lyrics):
        parts = result.variants
    titles = [getattr(one, "title", None) for one in (*parts, job)]
    return next((title for title in titles if title), task.kind.__name__)


def _fields_of(job: Request[Any] | None) -> dict[str, Any] | None:
    if job is None:
        return None
    values = {name: getattr(job, name) for name in job.__struct_fields__}
    return {name: plain_data(value) for name, value in values.items() if value is not None}


async def _each(tasks: Iterable[Task[Any]] | AsyncIterable[Task[Any]]) -> AsyncGenerator[Task[Any]]:
    if isinstance(tasks, AsyncIterable):
        async for task in tasks:
            yield task
    else:
        for task in tasks:
            yield task
