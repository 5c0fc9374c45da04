"""The files of results, generated when they are requested."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from aiohttp import web

from . import media
from .faults import Fault
from .registry import RunRegistry

__all__ = ["MediaFiles"]


class MediaFiles:
    """Serves the files that results link to."""

    # State: none of its own.

    def __init__(self, registry: RunRegistry) -> None:
        self._registry = registry

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        for folder in ("/files", "/files/new"):
            yield web.get(f"{folder}/{{run:[0-9a-f]{{32}}}}/{{name}}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        run, name = self._registry.runs.get(request.match_info["run"]), PurePosixPath(request.match_info["name"])
        suffix = name.suffix or media.audio()  # the URLs of streams have none
        dead = run is not None and run.fault is Fault.DEAD_LINK and "/new/" not in request.path
        if run is None or dead or suffix not in media.TYPES:
            raise web.HTTPNotFound
        body = media.make(run.family.seed(run, name.stem), suffix)
        return web.Response(body=body, content_type=media.TYPES[suffix])
