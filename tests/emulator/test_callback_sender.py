"""The emulator's callbacks as a receiver gets them: signed, repeated, late, out of order, twice, forged."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import anyio
import msgspec
import pytest
from aiohttp import web

from suno_async import APIKLEY, KIE, KIE_JOBS, SUNOAPI, Provider, Stage
from suno_async.emulator import (
    DelayCallbacks,
    DuplicateCallbacks,
    EarlyCallback,
    Emulator,
    Fail,
    Posted,
    ReorderCallbacks,
)
from suno_async.emulator.callback_sender import signature_headers

from ..conftest import now

KEY = "whk_test_0123456789abcdef"
SONG = {"prompt": "rain", "customMode": False, "instrumental": False, "model": "V5"}
AUDIO = "https://e.example/a.mp3"


class Call(NamedTuple):
    """One post as it came in."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def stage(self) -> str:
        """The stage that it reports."""
        return str(json.loads(self.body)["data"]["callbackType"])

    @property
    def signature(self) -> tuple[str | None, str | None]:
        return self.headers.get("X-Webhook-Timestamp"), self.headers.get("X-Webhook-Signature")


class Recorder:
    """A callback address that notes what is posted and answers by script, each time after so many seconds."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.statuses: list[int] = []
        self.slow = 0.0
        self.url = ""

    async def __call__(self, request: web.Request) -> web.Response:
        self.calls.append(Call(now(), request.path_qs, dict(request.headers), await request.read()))
        await asyncio.sleep(self.slow)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": self.url} if status == 307 else {})

    @property
    def stages(self) -> list[str]:
        return [call.stage for call in self.calls]


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_post("/cb", recorder.__call__)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}/cb"
    yield recorder
    await runner.cleanup()


class Caller(NamedTuple):
    """An emulator, and requests to it without a client."""

    emulator: Emulator
    http: aiohttp.ClientSession
    callback: str

    async def submit(self, path: str = "/api/v1/generate", /, **body: Any) -> str:
        """Submit a job, a song if no path is given, and return its task id."""
        body_ = {"callBackUrl": self.callback} | (SONG if path == "/api/v1/generate" else {}) | body
        async with self.http.post(path, json=body_) as answer:
            said = await answer.json()
        assert said["code"] == 200, said
        (task_id,) = said["data"].values()
        return str(task_id)

    async def state(self, task_id: str) -> str:
        async with self.http.get("/api/v1/generate/record-info", params={"taskId": task_id}) as answer:
            return str((await answer.json())["data"]["status"])


@asynccontextmanager
async def opened(
    recorder: Recorder, *, provider: Provider = KIE, query: str = "?suno=token", **settings: Any
) -> AsyncGenerator[Caller]:
    async with Emulator(provider=provider, seed=1, **settings) as emulator:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession(emulator.url, headers=key) as http:
            yield Caller(emulator, http, recorder.url + query)


# ---- signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "task_id", "timestamp", "signature"),
    [
        (KEY, "5c79a1b2c3d4e5f60718293a4b5cbe8e", 1769670760, "aq7W4tYnh9qyMrn4QKFhY9+9VGUERzHHxDhYvvy/e0A="),
        (KEY, "ee9c2715375b7837f8bb51d641ff5863", 1769670760, "goPY9MrAzqXvRfg0zXI6K0G2MvykTfrHVldnN23i1Fo="),
        (
            "секрет-ключ",
            "65e563474bd7b6485dfb229eb92324a8",
            1758044664,
            "d+Ee145dxxFRTiesol+7ZqkKEhQ47uySS5ytFLwVxAo=",
        ),
    ],
)
def test_it_signs_as_the_notes_say(key: str, task_id: str, timestamp: int, signature: str) -> None:
    """The vectors of docs/service.md#callback-signatures."""
    assert signature_headers(key, task_id, timestamp) == {
        "X-Webhook-Timestamp": str(timestamp),
        "X-Webhook-Signature": signature,
    }


def genuine(call: Call, task_id: str, key: str = KEY) -> bool:
    """Whether a call carries the signature of a task, worked out by hand."""
    timestamp, signature = call.signature
    mac = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return signature == base64.b64encode(mac).decode()


async def test_every_callback_is_signed_wherever_its_task_id_is(recorder: Recorder) -> None:
    began = int(time.time())
    async with opened(recorder, webhook_key=KEY) as caller:
        song = await caller.submit()
        lyrics = await caller.submit("/api/v1/lyrics", prompt="rain")
        recovery = await caller.submit("/api/v1/suno/recovery", task_id="a task of last year")
        phrase = await caller.submit("/api/v1/voice/validate", voiceUrl=AUDIO, vocalStartS=0, vocalEndS=15)
        await anyio.sleep(300)
        cover = await caller.submit("/api/v1/suno/cover/generate", taskId=song)
        await anyio.sleep(300)
    places: dict[str, set[tuple[str, ...]]] = {}
    for call in recorder.calls:
        body = json.loads(call.body)
        held = body if "taskId" in body or "task_id" in body else body["data"]
        name = "task_id" if "task_id" in held else "taskId"
        assert genuine(call, held[name])
        assert not genuine(call, held[name], key="another")
        assert began <= int(call.signature[0] or 0) <= time.time()
        places.setdefault(held[name], set()).add((name,) if held is body else ("data", name))
    assert places == {
        song: {("data", "task_id")},
        lyrics: {("data", "task_id")},
        recovery: {("task_id",)},
        phrase: {("data", "taskId")},
        cover: {("data", "taskId")},
    }


async def test_the_jobs_api_signs_too(recorder: Recorder) -> None:
    async with opened(recorder, provider=KIE_JOBS, webhook_key=KEY) as caller:
        held = {"prompt": "rain", "custom_mode": False, "instrumental": False, "model": "V5"}
        song = await caller.submit("/api/v1/jobs/createTask", model="ai-music-api/generate", input=held)
        words = {"prompt": "rain"}
        lyrics = await caller.submit("/api/v1/jobs/createTask", model="ai-music-api/generate-lyrics", input=words)
        await anyio.sleep(300)
    assert len(recorder.calls) == 4
    assert all(genuine(call, song) or genuine(call, lyrics) for call in recorder.calls)


async def test_nothing_is_signed_unless_asked_for(recorder: Recorder) -> None:
    async with opened(recorder) as caller:
        await caller.submit()
        await anyio.sleep(300)
    assert [call.signature for call in recorder.calls] == [(None, None)] * 3


@pytest.mark.parametrize("provider", [SUNOAPI, APIKLEY], ids=lambda provider: provider.name)
def test_it_signs_only_where_a_signature_is_known(provider: Provider) -> None:
    with pytest.raises(ValueError, match=f"no signature is known for callbacks of {provider.name}"):
        Emulator(provider=provider, webhook_key=KEY)
    Emulator(provider=provider)
    Emulator(provider=msgspec.structs.replace(KIE, api="https://own.example"), webhook_key=KEY)


# ---- what was posted, and when ---------------------------------------------------------------------------------------


async def test_what_was_posted_is_kept(recorder: Recorder) -> None:
    async with opened(recorder, webhook_key=KEY) as caller:
        song = await caller.submit()
        await anyio.sleep(300)
        assert list(caller.emulator.posted) == [
            Posted(caller.callback, given, call.body, song, stage, [200])
            for call, stage in zip(recorder.calls, (Stage.TEXT, Stage.FIRST, Stage.COMPLETE), strict=True)
            for given in [{name: call.headers[name] for name in caller.emulator.posted[0].headers}]
        ]
        assert {call.path for call in recorder.calls} == {"/cb?suno=token"}
        assert set(caller.emulator.posted[0].headers) == {
            "Content-Type",
            "X-Webhook-Timestamp",
            "X-Webhook-Signature",
        }
        caller.emulator.script(None, [Fail("SENSITIVE_WORD_ERROR")])
        await caller.submit()
        await anyio.sleep(300)
        assert [posted.stage for posted in caller.emulator.posted][3:] == [Stage.TEXT, Stage.FIRST, Stage.FAILED]


@pytest.mark.parametrize(
    ("statuses", "answered"),
    [
        ([500, 401, 404], [500, 401, 404, 200]),
        ([201, 202, 204, 307], [201, 202, 204, 307]),
        ([503], [503, 200]),
    ],
)
async def test_anything_but_200_is_repeated_three_times(
    recorder: Recorder, statuses: list[int], answered: list[int]
) -> None:
    """The same bytes, a second apart; then it gives up."""
    recorder.statuses = [*statuses]
    async with opened(recorder, webhook_key=KEY) as caller:
        await caller.submit("/api/v1/lyrics", prompt="rain")
        await anyio.sleep(60)
        assert [posted.statuses for posted in caller.emulator.posted] == [answered]
    assert len({(call.signature, call.body) for call in recorder.calls}) == 1
    assert [call.at - recorder.calls[0].at for call in recorder.calls] == pytest.approx(range(len(answered)), abs=0.1)


async def test_an_answer_after_fifteen_seconds_is_none(recorder: Recorder) -> None:
    recorder.slow = 20
    async with opened(recorder) as caller:
        await caller.submit("/api/v1/lyrics", prompt="rain")
        await caller.submit("/api/v1/lyrics", prompt="rain", callBackUrl="http://127.0.0.1:1/nobody")
        await anyio.sleep(120)
        slow, nobody = sorted(caller.emulator.posted, key=lambda posted: posted.url, reverse=True)
    assert (nobody.statuses, slow.statuses) == ([0] * 4, [0] * 4)
    first, *others = (call.at for call in recorder.calls)
    assert [at - first for at in others] == pytest.approx([16, 32, 48], abs=1.5)


async def test_who_waits_for_a_connection_has_the_whole_time_for_the_answer(recorder: Recorder) -> None:
    """A hundred are posted at the same time; the next ones must not be given up before they are sent."""
    recorder.slow = 10
    async with opened(recorder, speed=0, rate_limits=False) as caller:
        for _ in range(210):
            await caller.submit("/api/v1/lyrics", prompt="rain")
        caller.emulator.advance(60)
        await anyio.sleep(40)
        assert [posted.statuses for posted in caller.emulator.posted] == [[200]] * 210
    assert len(recorder.calls) == 210


async def test_what_is_not_taken_yet_is_there_to_be_seen(recorder: Recorder) -> None:
    recorder.statuses = [500] * 4
    async with opened(recorder, speed=0) as caller:
        await caller.submit()
        caller.emulator.advance(300)
        await anyio.sleep(1.5)
        assert [posted.statuses for posted in caller.emulator.posted] == [[500, 500]]


# ---- on request: late, reordered, twice, too early -------------------------------------------------------------------


async def test_callbacks_come_a_minute_late(recorder: Recorder) -> None:
    async with opened(recorder, speed=10) as caller:
        caller.emulator.script(None, [DelayCallbacks()])
        began = now()
        marks = caller.emulator.runs[await caller.submit()].marks
        await anyio.sleep(30)
    assert recorder.stages == ["text", "first", "complete"]
    late = [(call.at - began) * 10 - mark for call, mark in zip(recorder.calls, marks.values(), strict=True)]
    assert late == pytest.approx([60] * 3, abs=1)


async def test_callbacks_come_after_the_end_the_last_one_first(recorder: Recorder) -> None:
    async with opened(recorder) as caller:
        caller.emulator.script(None, [ReorderCallbacks()])
        end = caller.emulator.runs[await caller.submit()].marks[Stage.COMPLETE]
        lyrics = await caller.submit("/api/v1/lyrics", prompt="rain")
        await anyio.sleep(300)
    assert [call.stage for call in recorder.calls if lyrics.encode() not in call.body] == ["complete", "first", "text"]
    assert [call.at for call in recorder.calls[1:]] == pytest.approx([end] * 3, abs=0.5)


async def test_callbacks_come_twice_and_both_must_be_taken(recorder: Recorder) -> None:
    async with opened(recorder) as caller:
        caller.emulator.script(None, [DuplicateCallbacks(), DuplicateCallbacks()])
        recorder.statuses = [200, 503]
        song = await caller.submit()
        await anyio.sleep(300)
        assert recorder.stages == ["text"] * 3 + ["first"] * 2 + ["complete"] * 2
        assert sorted(posted.statuses for posted in caller.emulator.posted) == [[200]] * 5 + [[503, 200]]
        assert await caller.state(song) == "SUCCESS"

        recorder.statuses = [200] + [500] * 4
        again = await caller.submit()
        await anyio.sleep(300)
        assert recorder.stages[7:] == ["text"] * 5
        assert await caller.state(again) == "SUCCESS"


async def test_a_callback_comes_before_the_answer_to_its_submit(recorder: Recorder) -> None:
    async with opened(recorder, webhook_key=KEY) as caller:
        caller.emulator.script(None, [EarlyCallback(), EarlyCallback()])
        recorder.slow = 0.5
        song = await caller.submit()
        assert recorder.stages == ["text"]
        assert now() == pytest.approx(0.5, abs=0.1)
        assert genuine(recorder.calls[0], song)
        assert await caller.state(song) == "TEXT_SUCCESS"
        await anyio.sleep(300)
        assert recorder.stages == ["text", "first", "complete"]

        began = now()
        lyrics = await caller.submit("/api/v1/lyrics", prompt="rain")
        assert recorder.stages[3:] == ["complete"]
        assert now() - began == pytest.approx(0.5, abs=0.1)
        assert genuine(recorder.calls[3], lyrics)


@pytest.mark.parametrize(("status", "slow", "waits"), [(503, 0, 0), (200, 5, 1), (503, 5, 1)])
async def test_the_answer_waits_for_the_receivers_first_and_a_second_at_most(
    recorder: Recorder, status: int, slow: float, waits: float
) -> None:
    async with opened(recorder) as caller:
        caller.emulator.script(None, [EarlyCallback()])
        recorder.statuses, recorder.slow = [status], slow
        await caller.submit()
        assert len(recorder.calls) == 1
        assert now() == pytest.approx(waits, abs=0.1)
        await anyio.sleep(300)
        assert recorder.stages[-2:] == ["first", "complete"]


async def test_an_answer_that_nothing_can_overtake_comes_at_once() -> None:
    async with opened(Recorder()) as caller:
        caller.emulator.script(None, [EarlyCallback()])
        song = await caller.submit(callBackUrl="https://suno-async.invalid/callback")
        assert now() == pytest.approx(0, abs=0.1)
        assert await caller.state(song) == "PENDING"


async def test_of_a_replaced_section_nothing_is_posted_before_its_end(recorder: Recorder) -> None:
    """So the end is what overtakes, or comes first of all."""
    async with opened(recorder) as caller:
        for fault in (EarlyCallback(), ReorderCallbacks(), DuplicateCallbacks()):
            caller.emulator.script(None, [fault])
            song = await caller.submit(
                "/api/v1/generate/replace-section",
                taskId="t",
                audioId="a",
                prompt="la",
                tags="pop",
                title="La",
                fullLyrics="la la",
                infillStartS=10,
                infillEndS=30,
            )
            assert (await caller.state(song) == "SUCCESS") is (fault == EarlyCallback())
            await anyio.sleep(300)
    assert recorder.stages == ["complete"] * 4


# ---- from outside: replayed and forged -------------------------------------------------------------------------------


async def test_a_kept_callback_is_replayed_byte_for_byte(recorder: Recorder) -> None:
    async with opened(recorder, webhook_key=KEY) as caller:
        await caller.submit("/api/v1/lyrics", prompt="rain")
        await anyio.sleep(60)
        (posted,) = caller.emulator.posted
        recorder.statuses = [401]
        assert [await caller.emulator.replay(posted) for _ in range(2)] == [401, 200]
        first, *again = recorder.calls
        assert [call[1:] for call in again] == [first[1:]] * 2
        assert list(caller.emulator.posted) == [posted]
        assert posted.statuses == [200]


async def test_a_replay_can_be_older_or_newer_and_is_signed_anew_for_it(recorder: Recorder) -> None:
    async with opened(recorder, webhook_key=KEY) as caller:
        task_id = await caller.submit("/api/v1/lyrics", prompt="rain")
        await anyio.sleep(60)
        (posted,) = caller.emulator.posted
        for age in (600, -600, 0.2):
            assert await caller.emulator.replay(posted, age=age) == 200
    first, *again = recorder.calls
    signed_at = int(first.signature[0] or 0)
    assert [int(call.signature[0] or 0) - signed_at for call in again] == [-600, 600, 0]
    assert all(genuine(call, task_id) and call.body == first.body for call in again)


async def test_what_was_not_signed_has_no_age(recorder: Recorder) -> None:
    async with opened(recorder) as caller:
        await caller.submit("/api/v1/lyrics", prompt="rain")
        await anyio.sleep(60)
        assert await caller.emulator.replay(caller.emulator.posted[0], age=600) == 200
    first, again = recorder.calls
    assert again[1:] == first[1:]


async def test_a_forgery_is_honest_but_for_its_proof(recorder: Recorder) -> None:
    """It comes before its time, unsigned and without the token, and changes nothing at the service."""
    async with opened(recorder, webhook_key=KEY, query="?suno=token#top") as caller:
        song = await caller.submit()
        recorder.statuses = [401]
        assert await caller.emulator.forge(song, Stage.COMPLETE) == 401
        assert await caller.emulator.forge(caller.emulator.runs[song], Stage.FAILED) == 200
        assert await caller.state(song) == "PENDING"
        assert not caller.emulator.posted
        await anyio.sleep(300)
    complete, failed, *_, honest = recorder.calls
    assert (complete.path, complete.signature, complete.headers["Content-Type"]) == (
        "/cb",
        (None, None),
        "application/json",
    )
    assert complete.body == honest.body
    assert (failed.stage, json.loads(failed.body)["code"]) == ("error", 501)


async def test_a_forgery_can_use_what_was_captured(recorder: Recorder) -> None:
    """KIE's signature does not cover the body (docs/service.md#callback-signatures)."""
    async with opened(recorder, webhook_key=KEY) as caller:
        song = await caller.submit()
        await anyio.sleep(20)
        (captured,) = caller.emulator.posted
        evil = b'{"code":200,"data":{"callbackType":"complete","task_id":"%b"}}' % song.encode()
        forge = caller.emulator.forge
        assert await forge(song, Stage.COMPLETE, url=captured.url, headers=captured.headers, body=evil) == 200
        assert await forge(song, Stage.PENDING, headers={"content-type": "text/plain"}, body=b"") == 200
        assert await forge(song, Stage.TEXT, url="http://127.0.0.1:1/nobody") == 0
    _, captured_again, plain = recorder.calls
    assert genuine(captured_again, song)
    assert (captured_again.path, captured_again.body) == ("/cb?suno=token", evil)
    assert (plain.path, plain.headers["Content-Type"], plain.body) == ("/cb", "text/plain", b"")


async def test_what_cannot_be_forged_is_refused(recorder: Recorder) -> None:
    async with opened(recorder) as caller:
        lyrics = await caller.submit("/api/v1/lyrics", prompt="rain")
        with pytest.raises(KeyError):
            await caller.emulator.forge("unknown", Stage.COMPLETE)
        with pytest.raises(ValueError, match="nothing is posted of GenerateLyrics at TEXT"):
            await caller.emulator.forge(lyrics, Stage.TEXT)
        phrase: dict[str, Any] = {"voiceUrl": AUDIO, "vocalStartS": 0, "vocalEndS": 15, "callBackUrl": ""}
        silent = await caller.submit("/api/v1/voice/validate", **phrase)
        with pytest.raises(ValueError, match="has no callback address"):
            await caller.emulator.forge(silent, Stage.COMPLETE)
        assert await caller.emulator.forge(silent, Stage.COMPLETE, url=recorder.url) == 200
