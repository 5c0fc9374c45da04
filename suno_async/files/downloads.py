"""Media to disk, to memory or as chunks."""

import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import anyio

from ..errors import DownloadFailed, SunoError
from ..http.base import Transport
from ..http.retry import MAX_RETRIES
from ..log import fields, log
from .fetching import MAX_BYTES, Begin, Fetching, Known
from .links import Addresses, Gateway, Links
from .names import file_names
from .part_file import PartFile
from .uploads import Progress
from .wanted import Saveable, Wanted, is_kind, wanted

__all__ = ["Total", "fetch_to", "save", "stream"]

RECOVER = "download(…, recover=True) asks the service to restore audio; that is a submission whose price is not known"


class Total:
    """How far several files are, together."""

    # State, all of it: _received and _totals, by file.

    def __init__(self, files: int, progress: Progress | None) -> None:
        self._received = [0] * files
        self._totals: list[int | None] = [None] * files
        self._progress = progress

    def begin(self, place: int, begin: Begin) -> None:
        self._received[place], self._totals[place] = begin.at, begin.known.total

    def add(self, place: int, size: int) -> None:
        self._received[place] += size
        if self._progress is not None:
            known = [total for total in self._totals if total is not None]
            self._progress(sum(self._received), sum(known) if len(known) == len(self._totals) else None)


async def save(
    what: Saveable,
    folder: str | os.PathLike[str],
    transport: Transport,
    links: Links,
    *,
    gateway: Gateway | None = None,
    only: str | None = None,
    progress: Progress | None = None,
    max_bytes: int = MAX_BYTES,
    max_retries: int = MAX_RETRIES,
    at_once: int = 4,
    clock: Callable[[], float] = time.time,
) -> list[Path]:
    """Save every file of a result, in its order. One that fails leaves the others alone (DownloadFailed at the end)."""
    each = wanted(what)
    named = [(one, name) for one, name in zip(each, file_names(each), strict=True) if is_kind(one, only)]
    target = Path(folder)
    try:
        await anyio.Path(target).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise DownloadFailed([], [(one.file.url, str(exc)) for one, _ in named]) from exc
    paths: list[Path | None] = [None] * len(named)
    failed: dict[int, str] = {}
    raised: list[Exception] = []
    recoverable = False
    gate = anyio.Semaphore(at_once)
    far = Total(len(named), progress)

    async def save_one(place: int) -> None:
        nonlocal recoverable
        one, name = named[place]
        addresses = Addresses(one, links, gateway)
        async with gate:
            try:
                new = one.is_new(clock())
                fetching = Fetching(one, addresses, transport, max_bytes, max_retries=max_retries, new=new)
                await fetch_to(target / name, fetching, far, place)
                paths[place] = target / name
                _log_saved(one, target / name)
            except (SunoError, OSError) as exc:
                failed[place] = str(exc)
                recoverable = recoverable or addresses.recoverable
            except Exception as exc:  # of the caller's progress function
                raised.append(exc)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place in range(len(named)):
            group.start_soon(save_one, place)
    if raised:
        raise raised[0]
    saved = [path for path in paths if path is not None]
    if failed:
        untried = recoverable and gateway is not None and not gateway.recovers
        reasons = [(named[place][0].file.url, failed[place]) for place in sorted(failed)]
        raise DownloadFailed(saved, reasons, hint=RECOVER if untried else "")
    return saved


def _log_saved(one: Wanted, path: Path) -> None:
    if log.isEnabledFor(logging.INFO):
        log.info("saved %s of task %s", path, one.task_id, extra=fields("saved", one.task_id, file=str(path)))


async def fetch_to(
    target: Path, fetching: Fetching, far: Total, place: int, prepare: Callable[[Path], object] | None = None
) -> None:
    """Fetch one file to its place. SunoError and OSError; what can be continued by another call is kept.

    Args:
        target: Its place.
        fetching: What fetches it.
        far: Where it is told how far it is.
        place: Its number there.
        prepare: Called in a thread with the whole file before it takes its place.
    """
    part = PartFile(target)
    try:
        have, known = await part.open()
        async with aclosing(fetching.pieces(have, known)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Begin):
                    await part.begin(piece)
                    far.begin(place, piece)
                else:
                    await part.write(piece)
                    far.add(place, len(piece))
        await part.finish(prepare)
    finally:
        await part.aclose()


async def stream(
    one: Wanted,
    transport: Transport,
    links: Links,
    *,
    gateway: Gateway | None = None,
    progress: Progress | None = None,
    max_bytes: int = MAX_BYTES,
    max_retries: int = MAX_RETRIES,
    clock: Callable[[], float] = time.time,
) -> AsyncGenerator[bytes]:
    """Yield one file as it arrives. DownloadFailed if it cannot be fetched, or not be continued where it broke off."""
    given, at, known = 0, 0, Known()
    far = Total(1, progress)
    addresses = Addresses(one, links, gateway)
    new = one.is_new(clock())
    fetching = Fetching(one, addresses, transport, max_bytes, max_retries=max_retries, new=new)
    try:
        async with aclosing(fetching.pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Begin):
                    if given > piece.at and not _same(known, piece.known):
                        raise _BrokenOff(f"broken off after {given} bytes; what is served now may be another file")
                    at, known = piece.at, piece.known
                    far.begin(0, piece)
                    continue
                seen = min(max(given - at, 0), len(piece))
                at += len(piece)
                far.add(0, len(piece))
                if chunk := piece[seen:]:
                    given += len(chunk)
                    yield chunk
    except SunoError as exc:
        raise DownloadFailed([], [(one.file.url, str(exc))]) from exc


class _BrokenOff(SunoError):
    """What was handed on cannot be continued."""


def _same(one: Known, two: Known) -> bool:
    """Whether two answers are known to be of the same file."""
    if one.validator and two.validator:
        return one.validator == two.validator
    return one.total is not None and one.total == two.total
