"""Callbacks from strangers: whatever they send, an answer of ours and no effect. `make fuzz` tries many times more."""

import asyncio
import json
import os
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suno_async import CallbackError, GenerateMusic, Stage, SunoClient, parse_callback
from suno_async.api.requests import TABLE
from suno_async.api.updates import Update
from suno_async.webhooks.receiver import Receiver
from suno_async.wire import callbacks, tokens

from ..doubles import Script
from ..sampled import listed

CASES = int(os.environ.get("FUZZ", "300"))
"""For each test."""
often = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES == 300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    database=None,
)

NAMES = [
    *("code", "msg", "data", "task_id", "taskId", "callbackType", "status", "state", "error", "errorCode"),
    *("errorMessage", "resultJson", "response", "failCode", "images", "instruments", "id", "audio_url", "createTime"),
    *("vocal_removal_info", "vocal_separation_info", "origin_data", "duration", "video_url", "voiceId", "notes"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**17, 10**40)
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["t1", "text", "first", "complete", "error", "success", "fail", "", "\0", "https://evil.example"]
    ),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inside, max_size=6)
    ),
    max_leaves=25,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
REAL = [msgspec.json.encode(sample.values[0].entry["body"]) for sample in listed("callbacks")]
HEADERS = st.dictionaries(
    st.sampled_from(["X-Webhook-Timestamp", "x-webhook-signature", "Content-Type", "X-Forwarded-For"]) | st.text(),
    st.text() | st.integers().map(str),
    max_size=4,
)
QUERIES = st.dictionaries(
    st.sampled_from([tokens.NAME, "token"]) | st.text(),
    st.text() | st.from_regex(r"[\w-]{40}", fullmatch=True),
    max_size=3,
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A real callback with something done to its bytes."""
    body = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(body)))
        match draw(st.sampled_from("cut insert flip double nest")):
            case "cut":
                del body[place : place + draw(st.integers(1, 40))]
            case "insert":
                body[place:place] = draw(st.binary(max_size=12))
            case "flip" if place < len(body):
                body[place] ^= 1 << draw(st.integers(0, 7))
            case "double":
                body[place:place] = body[: draw(st.integers(0, 60))]
            case _:
                body[place:place] = b'{"data":[' * draw(st.sampled_from([1, 50, 5000]))
    return bytes(body)


def written(body: Any) -> bytes:
    """JSON as others write it: NaN, lone surrogates and duplicate keys included."""
    return json.dumps(body).encode()


BYTES = st.binary() | BODIES.map(written) | mangled() | st.tuples(BODIES, BODIES).map(
    lambda two: written(two[0])[:-1] + b"," + written(two[1])[1:]
)  # fmt: skip


@often
@given(BYTES)
def test_any_bytes_are_a_callback_or_one_of_our_errors(body: bytes) -> None:
    """And whatever is a callback can be read for every kind of task."""
    try:
        callback = parse_callback(body)
    except CallbackError:
        return
    for kind in TABLE:
        if kind.operation:
            update: Update[Any] = callbacks.update(callback, kind)
            assert update.task_id == callback.task_id
            repr(update)
            update.raw  # noqa: B018
            update.failure()


class Opened:
    """A client with two tasks, and receivers that want each kind of proof."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.script = Script()
        self.loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self.receivers: list[Receiver] = []
        self.tasks: list[Any] = []
        self.clients: list[SunoClient] = []
        for asked in ({"callback_url": "https://b.example/x"}, {"webhook_key": "whk"}, {}):
            client = SunoClient(api_key="k", transport=self.script, **asked)  # type: ignore[arg-type]
            self.clients.append(client)
            self.receivers.append(client.receiver(on_update=lambda update, record: self.tasks.append(update)))
            self.tasks.append(client.attach(GenerateMusic, "t1"))
        self.held = list(self.tasks)

    def post(self, body: bytes, headers: dict[str, str], query: dict[str, str], path: str) -> list[int]:
        async def each() -> list[int]:
            return [(await one.receive(body, headers, query, path)).status for one in self.receivers]

        return self.loop.run_until_complete(each())


def test_strangers_get_an_answer_and_change_nothing() -> None:
    opened = Opened()

    @often
    @given(BYTES, HEADERS, QUERIES, st.text() | st.from_regex(r"/[\w-]{40}/x", fullmatch=True))
    def strangers(body: bytes, headers: dict[str, str], query: dict[str, str], path: str) -> None:
        with_token, with_signature, with_nothing = opened.post(body, headers, query, path)
        assert with_token in (400, 401)
        assert with_signature in (400, 401)
        assert with_nothing in (200, 400)
        assert all(task.stage is Stage.PENDING for task in opened.held)
        assert opened.tasks == opened.held  # no observer was called

    strangers()
    assert opened.script.sent == []
    for client in opened.clients:
        opened.loop.run_until_complete(client.aclose())
    opened.loop.close()


@often
@given(st.binary(max_size=200), st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=4))
def test_any_request_to_the_asgi_application_is_answered(body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        async with SunoClient(api_key="k", transport=Script(), callback_url="https://b.example/x") as suno:
            scope = {"type": "http", "method": "POST", "path": "/x", "headers": headers, "query_string": body}
            await suno.receiver().asgi(scope, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] in (400, 401)
