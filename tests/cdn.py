"""A media host on loopback with an API beside it: late, moved, cut off, with ranges or without."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from suno_async import Music, Track

from .conftest import now
from .doubles import envelope

AUDIO = b"ID3\x04" + bytes(range(256)) * 1000

Answer = bytes | int | Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cdn:
    """Serves each path by a list of answers, the last for good: bytes, a status, or a handler. What is none is 404."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.served: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, float, dict[str, str]]] = []
        self.page: list[dict[str, Any]] = []
        self.direct = ""
        self.recovery: list[dict[str, Any]] = []
        self.posted: list[tuple[str, Any]] = []

    @property
    def asked(self) -> list[str]:
        """The targets of all requests for media, as they came in."""
        return [target for target, _, _ in self.requests]

    def at(self, target: str) -> list[float]:
        """When a target was asked for."""
        return [round(at) for asked, at, _ in self.requests if asked == target]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            return await self._api(request)
        self.requests.append((request.raw_path, now(), {k.lower(): v for k, v in request.headers.items()}))
        answers = self.served.get(request.raw_path, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(body=answer) if isinstance(answer, bytes) else await answer(request)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.posted.append((request.path, await request.json()))
        if request.path.endswith("download-url"):
            return web.Response(body=envelope(self.direct) if self.direct else envelope(None, code=422))
        if request.path.endswith("suno/recovery"):
            return web.Response(body=envelope({"taskId": "r1"}))
        if "recovery/record-info" in request.path:
            return web.Response(body=envelope(self.recovery))
        if not self.page:
            return web.Response(body=envelope({"taskId": "t1", "status": "PENDING", "response": None}))
        data = {"taskId": "t1", "status": "SUCCESS", "response": {"sunoData": self.page}}
        return web.Response(body=envelope(data))

    def track(self, name: str = "a", **more: Any) -> Track:
        return Track(id=name, title="La", audio_url=f"{self.url}/{name}.mp3", task_id="t1", **more)

    def music(self, *names: str) -> Music:
        return Music(task_id="t1", tracks=tuple(self.track(name) for name in names))


@asynccontextmanager
async def cdn() -> AsyncGenerator[Cdn]:
    """A host that is served."""
    host = Cdn()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.serve)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield host
    finally:
        await runner.cleanup()


def refused(status: int, **headers: str) -> Answer:
    """An answer that refuses, with headers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): said for name, said in headers.items()})

    return answer


def page(body: bytes, content_type: str) -> Answer:
    """An answer with a type of its own."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type)

    return answer


def moved(to: str, status: int = 302) -> Answer:
    """A redirect."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": to})

    return answer


def ranges(body: bytes, *, cut: int | None = None, etag: str = '"one"', heeds_if_range: bool = True) -> Answer:
    """A file by ranges; with `cut`, the connection breaks after so many bytes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        start, status = 0, 200
        asked = request.headers.get("Range", "")
        same = not heeds_if_range or request.headers.get("If-Range", etag) == etag
        if asked and same:
            start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
        headers = {"Content-Length": str(len(body) - start), "Accept-Ranges": "bytes"}
        if etag:
            headers["ETag"] = etag
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        end = len(body) if cut is None else min(start + cut, len(body))
        await response.write(body[start:end])
        if end < len(body):
            await asyncio.sleep(0.1)
            assert request.transport is not None
            request.transport.close()
        return response

    return answer
