"""The CPU of a callback: verified, decoded and fed, against a typed decode and an HMAC of the same bytes."""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from suno_async import GenerateMusic, Music, Pace, SunoClient, Task
from suno_async.wire.shapes import as_in_callbacks, at

from .bodies import RESPONSE
from .rounds import Series, alternate
from .songs import UNLIMITED
from .table import Row, row
from .waiting import Idle

SNAKE = {
    "audioUrl": "audio_url",
    "sourceAudioUrl": "source_audio_url",
    "streamAudioUrl": "stream_audio_url",
    "imageUrl": "image_url",
    "modelName": "model_name",
}


KEY = "whk_bench"
"""Of the service's signatures."""


def posted(task_id: str, stage: str = "complete") -> bytes:
    """A callback of a song, with both tracks."""
    listed: Any = RESPONSE["sunoData"]
    tracks = [{SNAKE.get(name, name): value for name, value in one.items()} for one in listed]
    data = {"callbackType": stage, "task_id": task_id, "data": tracks}
    return json.dumps({"code": 200, "msg": "All generated successfully.", "data": data}).encode()


def signed(task_id: str) -> dict[str, str]:
    """The headers by which the service signs a callback of a task."""
    stamp = str(int(time.time()))
    mac = hmac.digest(KEY.encode(), f"{task_id}.{stamp}".encode(), "sha256")
    return {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": b64encode(mac).decode()}


class Addressed(Idle):
    """A network that notes the callback address of the last submit."""

    callback_url = ""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Any:
        if body:
            self.callback_url = str(msgspec.json.decode(body)["callBackUrl"])
        return await super().send(method, url, body, fresh=fresh)


def client(network: Addressed, **options: Any) -> SunoClient:
    """A client whose tasks are not polled while they are measured."""
    pace = Pace(first=1e6, growth=1, cap=1e6, patience=1e9)
    url = "https://b.example/suno"
    return SunoClient(api_key="k", provider=UNLIMITED, transport=network, callback_url=url, pace=pace, **options)


async def ours(count: int) -> tuple[float, float]:
    """µs of CPU of callbacks that complete their tasks, and of the same once more."""
    network = Addressed()
    async with client(network) as suno:
        receiver = suno.receiver()
        tasks, calls = list[Task[Music]](), list[tuple[bytes, dict[str, str], dict[str, str]]]()
        for _ in range(count):
            tasks.append(await suno.submit(GenerateMusic(prompt="x")))
            query = dict(parse_qsl(urlsplit(network.callback_url).query))
            calls.append((posted(tasks[-1].id), {}, query))
        times = [time.process_time()]
        for _ in range(2):
            for call in calls:
                await receiver.receive(*call)
            times.append(time.process_time())
        assert all(len(task.result().tracks) == 2 for task in tasks)
    return (times[1] - times[0]) / count * 1e6, (times[2] - times[1]) / count * 1e6


def bare(count: int) -> tuple[float, float]:
    """A typed decode of the same bytes and an HMAC over them, without which no receiver works."""
    bodies = [posted(f"{number:032x}") for number in range(count)]
    read: Callable[[bytes], object] = at(("data",), as_in_callbacks(Music))
    began = time.process_time()
    for body in bodies:
        read(body)
        hmac.digest(b"k" * 32, body, "sha256")
    taken = (time.process_time() - began) / count * 1e6
    return taken, taken


def suite(quick: bool) -> list[Row]:
    count, rounds = (500, 1) if quick else (2000, 5)
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "ours": lambda: asyncio.run(ours(count)),
        "bare": lambda: bare(count),
    }
    alternate(ways, 1)  # what is loaded and made once
    taken = alternate(ways, rounds)
    new, again = (Series(tuple(one[n] for one in taken["ours"])) for n in range(2))
    floor = Series(tuple(one for one, _ in taken["bare"]))
    return [
        row(
            "receive",
            "a callback through receive(), which completes a task",
            "µs CPU",
            new,
            "≤ 3",
            against=("ours / bare", floor),
        ),
        row(
            "receive.again",
            "a callback through receive(), which changes nothing",
            "µs CPU",
            again,
            "≤ 3",
            against=("ours / bare", floor),
        ),
        row("receive.bare", "a callback, bare: a typed decode (msgspec) and an HMAC", "µs CPU", floor),
    ]
