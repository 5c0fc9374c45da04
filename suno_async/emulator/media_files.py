"""The files of results: made when they are first requested, in a thread, and served whole or in parts."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import anyio.to_thread
from aiohttp import web

from ..api.requests import ExtendMusic, UploadCover
from ..api.updates import Stage
from ..log import log
from . import media
from .answers import half_of
from .clock import Clock
from .faults import DeadLinks, HtmlMedia, LateMedia, TruncateMedia
from .media import Content
from .registry import RunRegistry
from .requests import Refused
from .runs import Run

__all__ = ["EXPIRES", "Made", "MediaCache", "MediaFiles"]

EXPIRES = "expires"
"""The query parameter of links that work for a while: until when, in seconds of the emulator's clock."""
DAY = 24 * 3600
MOST = 64 << 20
"""How much is kept of what was made, in bytes."""
MISSING_EXTRA = "media files need the extra of the emulator: pip install 'suno-async[emulator]'"


class Made(NamedTuple):
    """A file that was made."""

    body: bytes
    etag: str


class MediaCache:
    """Makes files in threads, one at a time for each, and keeps the last ones."""

    # State, all of it: _made, the last files, the last used one at the end; _making, those that are being made.

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Content, str], Made] = OrderedDict()
        self._making: dict[tuple[Content, str], asyncio.Lock] = {}

    async def get(self, content: Content, suffix: str) -> Made:
        """A file of some content, of the type that a suffix names. Refused if what makes it is not installed."""
        key = (content, suffix)
        async with self._making.setdefault(key, asyncio.Lock()):
            try:
                if key not in self._made:
                    self._made[key] = await anyio.to_thread.run_sync(_make, content, suffix)
            except ImportError:
                log.error(MISSING_EXTRA)
                raise Refused(505, MISSING_EXTRA, status=501) from None
            finally:
                self._making.pop(key, None)
        made = self._made[key]
        self._made.move_to_end(key)
        self._forget()
        return made

    def _forget(self) -> None:
        size = sum(len(made.body) for made in self._made.values())
        while size > MOST and len(self._made) > 1:
            size -= len(self._made.popitem(last=False)[1].body)


def _make(content: Content, suffix: str) -> Made:
    body = media.make(content, suffix)
    return Made(body, media.etag_of(body))


class MediaFiles:
    """Serves the files that results link to, as long as the service keeps them."""

    # State: none of its own.

    def __init__(self, registry: RunRegistry, clock: Clock, cache: MediaCache) -> None:
        self._registry = registry
        self._clock = clock
        self._cache = cache

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        for folder in ("/files", "/files/new"):
            yield web.get(f"{folder}/{{run:[0-9a-f]{{32}}}}/{{name}}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        run, name = self._registry.runs.get(request.match_info["run"]), PurePosixPath(request.match_info["name"])
        suffix = name.suffix or ".mp3"  # the URLs of streams have none
        if run is None or suffix not in media.TYPES or self._is_gone(run, request):
            raise web.HTTPNotFound
        if isinstance(run.fault, HtmlMedia):
            return web.Response(text="<html><h1>Please wait</h1></html>", content_type="text/html")
        made = await self._cache.get(run.family.content(run, name.stem), suffix)
        answered = _answer(request, made, media.TYPES[suffix])
        return await half_of(request, answered) if isinstance(run.fault, TruncateMedia) else answered

    def _is_gone(self, run: Run, request: web.Request) -> bool:
        """Whether a link is dead or has expired."""
        if isinstance(run.fault, DeadLinks) and "/new/" not in request.path:
            return True
        if isinstance(run.fault, LateMedia) and run.stage(self._clock.now() - run.fault.seconds) is not Stage.COMPLETE:
            return True
        try:
            until = float(request.query.get(EXPIRES, "inf"))
        except ValueError:
            return True
        return self._clock.now() > min(until, run.born + max(run.marks.values(), default=0) + _kept(run))


def _kept(run: Run) -> float:
    """How long the files of a run are kept, in seconds (docs/service.md#retention)."""
    longer = issubclass(run.kind, UploadCover) or (
        issubclass(run.kind, ExtendMusic) and run.asked.provider.rules == "sunoapi"
    )
    return (15 if longer else 14) * DAY


def _answer(request: web.Request, made: Made, content_type: str) -> web.Response:
    """The file, or the part of it that is asked for, or that it has not changed."""
    size, tag = len(made.body), f'"{made.etag}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes"}
    known = request.if_none_match
    if known is not None and any(one.value in ("*", made.etag) for one in known):
        return web.Response(status=304, headers=headers)
    part = _part(request, tag, size)
    if part is None:
        return web.Response(body=made.body, content_type=content_type, headers=headers)
    if part.start >= part.stop:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return web.Response(status=206, body=made.body[part.start : part.stop], content_type=content_type, headers=headers)


def _part(request: web.Request, tag: str, size: int) -> range | None:
    """The bytes that are asked for, none of them if there are no such; None stands for the whole file."""
    if request.headers.get("If-Range", tag) != tag:
        return None
    try:
        asked = request.http_range
    except ValueError:  # several parts, or no range at all: the whole file is the answer
        return None
    if asked.start is None and asked.stop is None:
        return None
    return range(*slice(asked.start, asked.stop).indices(size)[:2])
