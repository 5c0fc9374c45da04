"""Every answer of the emulator, held against the service's own description: each endpoint at each gateway and API."""

import json
from typing import Any

import aiohttp
import anyio
import pytest

from suno_async import (
    BoostStyle,
    GetTimestampedLyrics,
    Provider,
    UploadStream,
)
from suno_async.api import providers
from suno_async.api.pricing import list_price
from suno_async.api.requests import TABLE, Request
from suno_async.emulator import Fail, Fault, Refuse
from suno_async.wire import encoding

from ..document import OPERATIONS, callback_schema, judge
from .support import TASKS, Recorder, answered_by_task, example_of, offered, service

pytestmark = pytest.mark.usefixtures("threads")

CALLS = [param for param in offered(list(TABLE)) if not answered_by_task(*param.values)]


def judge_answer(method: str, path: str, body: Any) -> None:
    content = OPERATIONS[method, path]["responses"]["200"]["content"]
    judge(body, content["application/json"]["schema"])


async def asked(session: aiohttp.ClientSession, provider: Provider, request: Request[Any], url: str) -> Any:
    """The answer to a request that the emulator gets as the client would send it; it must be as documented."""
    kind = type(request)
    path = provider.path(kind)
    body = encoding.encode(request, provider, url) if kind.method == "POST" else None
    async with session.request(kind.method, path, data=body) as answer:
        said = json.loads(await answer.read())
    assert (answer.status, said["code"]) == (200, 200), said
    at_once = path == providers.CREATE and kind is GetTimestampedLyrics  # documented with the answer of the legacy path
    judge_answer(kind.method, kind.path if at_once else path, said)
    return said


@pytest.mark.parametrize("fault", [None, Fail(), Fail("SENSITIVE_WORD_ERROR")], ids=repr)
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_stage_of_every_task(
    provider: Provider, kind: type[Request[Any]], fault: Fault | None, recorder: tuple[Recorder, str]
) -> None:
    """The answer to the submit, the details page in the course of time, and each callback."""
    async with service(provider) as (emulator, suno):
        request = (await example_of(kind, suno)).with_model("V5")
        recorder[0].bodies.clear()
        emulator.script(None, [fault])
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession(emulator.url, headers=key) as session:
            said = await asked(session, provider, request, recorder[1])
            page, name = provider.details(kind), provider.query(kind)
            for _ in range(20):
                async with session.get(page, params={name: said["data"][name]}) as answer:
                    judge_answer("GET", page, json.loads(await answer.read()))
                await anyio.sleep(10)
            if page != providers.RECORD:  # unknown tasks have the envelope of errors there
                async with session.get(page, params={name: "unknown"}) as answer:
                    judge_answer("GET", page, json.loads(await answer.read()))
    assert recorder[0].bodies
    for body in recorder[0].bodies:
        judge(body, callback_schema(kind, provider))


@pytest.mark.parametrize(("provider", "kind"), CALLS)
async def test_every_call(provider: Provider, kind: type[Request[Any]]) -> None:
    async with service(provider) as (emulator, suno):
        request = await example_of(kind, suno)
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession(emulator.url, headers=key) as session:
            if kind is UploadStream:
                form = aiohttp.FormData({"uploadPath": "a", "fileName": "x.mp3"})
                form.add_field("file", b"ID3", filename="x.mp3")
                async with session.post(kind.path, data=form) as answer:
                    judge_answer("POST", kind.path, json.loads(await answer.read()))
            else:
                await asked(session, provider, request, "")
            if kind is BoostStyle:
                emulator.script(None, [Fail()])
                async with session.post(kind.path, data=encoding.encode(request, provider)) as answer:
                    judge_answer("POST", kind.path, json.loads(await answer.read()))


@pytest.mark.parametrize(("provider", "kind"), offered([kind for kind in TABLE if kind.method == "POST"]))
async def test_every_refusal(provider: Provider, kind: type[Request[Any]]) -> None:
    """A wrong key, broken JSON, missing fields, too many requests, no credits, maintenance."""
    async with service(provider) as (emulator, suno):
        path, body = provider.path(kind), json.dumps({"model": f"{providers.PREFIX}{kind.operation}", "input": {}})
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        refused: list[tuple[int, Any]] = []

        async def ask(data: Any, headers: dict[str, str]) -> None:
            async with session.post(path, data=data, headers=headers) as answer:
                refused.append((answer.status, json.loads(await answer.read())))

        async with aiohttp.ClientSession(emulator.url) as session:
            await ask(body, {})
            await ask("{", key)
            await ask(body, key)
            if not kind.path.startswith("/api/file"):
                emulator.script(kind, [Refuse(455)])
                request = (await example_of(kind, suno)).with_model("V5")
                encoded = encoding.encode(request, provider, "https://me.invalid/cb")
                await ask(encoded, key)
                emulator.script(kind, [Refuse()])
                await ask(encoded, key)
                if list_price(kind, request.payload()):
                    emulator.credits = 0
                    await ask(encoded, key)
    for status, said in refused:
        assert said["code"] != 200
        assert status == 200 or status == said["code"]
        name = "UploadResponse" if kind.path.startswith("/api/file") else "ErrorEnvelope"
        judge(said, {"$ref": f"#/components/schemas/{name}"})
