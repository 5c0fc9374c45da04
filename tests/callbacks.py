"""For stories about callbacks: a client on a scripted network, and what the service posts to it."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from suno_async import Receiver, Stage, SunoClient, Update
from suno_async.stores.record import Record

from .doubles import Answer, Script, called, track

URL = "https://bot.example/suno"
KEY = "whk_test"
"""Of KIE's signatures."""
GOOD_URL = "https://files.example.com/1.mp3"
"""Of the audio of `track(1)`."""
FORGED_URL = "https://evil.example/x.mp3"
FORGED = track(1) | {"audioUrl": FORGED_URL}
"""A track as a forger would have it."""


@asynccontextmanager
async def opened(
    *polls: Answer, submits: Sequence[Answer] | None = None, delay: float = 0.0, **settings: Any
) -> AsyncGenerator[tuple[SunoClient, Script]]:
    """A client that has a callback address unless the settings say otherwise, and its network."""
    script = Script(*polls, submits=submits, delay=delay)
    settings.setdefault("callback_url", URL)
    async with SunoClient(api_key="k", transport=script, **settings) as suno:
        yield suno, script


def query_of(script: Script) -> dict[str, str]:
    """The query of the address that the last submit named."""
    address = str(script.posted[-1]["callBackUrl"])
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def signature(task_id: str, *, age: float = 0) -> dict[str, str]:
    """The headers by which KIE signs a callback of a task."""
    stamp = str(int(time.time() - age))
    mac = hmac.digest(KEY.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256)
    return {"x-webhook-timestamp": stamp, "x-webhook-signature": base64.b64encode(mac).decode()}


def as_posted(one: dict[str, Any]) -> dict[str, Any]:
    """A track with the field names of callbacks."""
    spelt: dict[str, Any] = msgspec.json.decode(called("text", one))["data"]["data"][0]
    return spelt


class Observed(NamedTuple):
    """One call of an observer."""

    task_id: str
    stage: Stage
    kind: str
    ref: str


def observed(suno: SunoClient) -> tuple[Receiver, list[Observed]]:
    """A receiver whose observer takes a second for each call, and the calls."""
    calls: list[Observed] = []

    async def observer(update: Update[Any], record: Record) -> None:
        await asyncio.sleep(1)
        assert (record.task_id, record.stage) == (update.task_id, update.stage)
        calls.append(Observed(update.task_id, update.stage, record.kind, record.ref))

    return suno.receiver(on_update=observer), calls


def stages_in(calls: list[Observed]) -> list[Stage]:
    """The stages that an observer was called for."""
    return [call.stage for call in calls]
