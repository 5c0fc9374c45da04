"""Stand-ins for the network: answers by script, in virtual time or over a real socket."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, NoReturn

import msgspec

from suno_async.http.base import Download, Form
from suno_async.wire.envelope import Reply

Answer = Reply | Exception | Callable[[], Reply]


def method_of(kind: type[Any]) -> str:
    """The client's method for an endpoint."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("_")


CREATED = 1_758_044_664_461


def envelope(data: Any = None, *, code: int = 200, msg: str = "success") -> bytes:
    return msgspec.json.encode({"code": code, "msg": msg, "data": data})


def reply(data: Any = None, *, code: int = 200, status: int = 200) -> Reply:
    return Reply(status, envelope(data, code=code))


def track(place: int = 1, *, audio: bool = True) -> dict[str, Any]:
    """One track as live details pages list it."""
    return {
        "id": f"00000000-0000-4000-8000-00000000000{place}",
        "audioUrl": f"https://files.example.com/{place}.mp3" if audio else "",
        "streamAudioUrl": f"https://files.example.com/{place}",
        "imageUrl": f"https://files.example.com/{place}.jpeg",
        "prompt": "[Verse] sample",
        "modelName": "chirp-v5",
        "title": "Sample",
        "tags": "pop",
        "createTime": CREATED,
        "duration": 163.88 if audio else None,
    }


def page(status: str, *tracks: dict[str, Any], task_id: str = "t1", **more: Any) -> Reply:
    """A details page of a music task."""
    response = {"taskId": task_id, "sunoData": list(tracks)} if tracks else None
    return reply({"taskId": task_id, "status": status, "response": response, **more})


DONE = page("SUCCESS", track(1), track(2))
PENDING = page("PENDING")


def called(stage: str, *tracks: dict[str, Any], task_id: str = "t1", code: int = 200) -> bytes:
    """A callback of a music task."""
    spelt = {"audioUrl": "audio_url", "streamAudioUrl": "stream_audio_url", "imageUrl": "image_url"}
    spelt["modelName"] = "model_name"
    data = [{spelt.get(name, name): value for name, value in one.items()} for one in tracks]
    return envelope({"callbackType": stage, "task_id": task_id, "data": data or None}, code=code)


class Script:
    """A transport that answers by script, the last answer for good, and notes what was sent when."""

    def __init__(self, *polls: Answer, submits: Sequence[Answer] | None = None, delay: float = 0.0) -> None:
        self.polls: Sequence[Answer] = list(polls) or [PENDING]
        self.submits: Sequence[Answer] = submits or []
        self.delay = delay
        self.sent: list[tuple[float, str, str, bytes]] = []
        self.closed = False
        self.at_once = self.most_at_once = 0

    @property
    def polled_at(self) -> list[float]:
        return [at for at, method, url, _ in self.sent if method == "GET" and "record-info" in url]

    @property
    def posted(self) -> list[Any]:
        return [msgspec.json.decode(body) for _, method, _, body in self.sent if method == "POST"]

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        self.sent.append((asyncio.get_running_loop().time(), method, url, body))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        if method == "POST":
            answer, self.submits = self.submits[0] if self.submits else self._accepted(), self.submits[1:]
        else:
            answer, self.polls = self.polls[0], self.polls[1:] or self.polls
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _accepted(self) -> Reply:
        return reply({"taskId": f"t{sum(method == 'POST' for _, method, _, _ in self.sent)}"})

    async def upload(self, url: str, form: Form) -> Reply:
        return await self.send("POST", url, b"".join([chunk async for chunk in form.chunks]))

    @asynccontextmanager
    async def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AsyncGenerator[Download]:
        self.refuse(url)
        yield Download(200, {}, _nothing())

    @staticmethod
    def refuse(url: str) -> NoReturn:
        raise AssertionError(f"unexpected download of {url}")

    async def aclose(self) -> None:
        self.closed = True


class Got(NamedTuple):
    """One request as a server received it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class RawServer:
    """A server on loopback that writes bytes by script: one entry a request, the last for good.

    b"" breaks the connection, None never answers.
    """

    def __init__(
        self, *answers: bytes | None, keeps_alive: bool = True, tls: ssl.SSLContext | None = None, unix: str = ""
    ) -> None:
        """Make one.

        Args:
            answers: What it answers.
            keeps_alive: Without, it closes each connection after its answer, and says nothing of that.
            tls: Its certificate; with it, it speaks https.
            unix: The path of a Unix socket to listen at, in the place of a port.
        """
        self.answers: Sequence[bytes | None] = answers
        self._tls = tls
        self._unix = unix
        self.keeps_alive = keeps_alive
        self.got: list[Got] = []
        self.connections = 0

    async def __aenter__(self) -> "RawServer":
        if self._unix:
            self._server = await asyncio.start_unix_server(self._serve, self._unix)
            self.url = "http://api.example"
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
            self.port: int = self._server.sockets[0].getsockname()[1]
            self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"
        self._hanging: list[asyncio.StreamWriter] = []
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self._hanging:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hanging.append(writer)
        self.connections += 1
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers: dict[str, str] = {}
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.got.append(Got(method, target, headers, body))
                answer, self.answers = self.answers[0], self.answers[1:] or self.answers
                if answer is None:
                    continue
                if answer:
                    writer.write(answer)
                    await writer.drain()
                    if not self.keeps_alive:
                        return
                else:
                    writer.transport.abort()
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def http(body: bytes, status: int = 200, *headers: str, length: int | None = None) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield
