"""`suno-async doctor`: what works, and what is not known of a gateway."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from suno_async import Pace
from suno_async.cli.live.gateway import Gateway
from suno_async.cli.live.inquiry import Answer, ask_all, save_recording
from suno_async.cli.live.questions import QUESTIONS
from suno_async.cli.live.recorder import Recorder
from suno_async.cli.live.redaction import Redaction
from suno_async.emulator import Emulator
from suno_async.emulator.requests import Refused
from suno_async.http.network import Network
from suno_async.http.transport import HTTP

from ..recordings import replayed
from .support import called, documents

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEY = "a-key-that-nobody-may-see"


def test_everything_works_with_the_emulator(shell: Path) -> None:
    said = {one["check"]: one for one in documents(called("doctor", "--json").stdout)}
    assert {name: one["works"] for name, one in said.items()} == dict.fromkeys(("key", "host", "proxy", "store"), True)
    assert "the clocks are" in said["host"]["found"]
    assert "0 unfinished, 0 uncertain" in said["store"]["found"]
    assert called("doctor").stdout.splitlines()[0].startswith("ok    key       accepted by kie, ")


def test_what_does_not_work_is_said_with_what_to_do(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_API_KEY", "wrong")
    monkeypatch.setenv("SUNO_STORE", "sqlite:////nowhere/at/all.db")
    ended = called("doctor", "--callback-url", "http://127.0.0.1:9/suno", code=1).stdout
    assert "FAIL  key       kie refused it" in ended
    assert "check SUNO_API_KEY" in ended
    assert "FAIL  store     sqlite:////nowhere/at/all.db" in ended
    assert "FAIL  callback" in ended
    monkeypatch.setenv("SUNO_BASE_URL", "http://127.0.0.1:9")
    assert "FAIL  host      http://127.0.0.1:9" in called("doctor", code=1).stdout


def test_live_keeps_to_the_budget_and_saves_what_it_heard(shell: Path) -> None:
    before = float(called("credits").stdout)
    ended = called("doctor", "--live", "--budget", "16", "--recordings", "heard", "--json")
    said = {one["question"]: one for one in documents(ended.stdout) if "question" in one}
    assert set(said) == {question.name for question in QUESTIONS}
    spent = before - float(called("credits").stdout)
    assert spent == pytest.approx(sum(one["credits"] for one in said.values()))
    assert spent <= 16
    assert {one["verdict"] for one in said.values()} <= {"agrees", "differs", "new", "not asked", "failed"}
    assert said["stems-price"]["verdict"] == "not asked"
    assert {path.stem for path in Path("heard").iterdir()} == {
        f"kie-{name}" for name, one in said.items() if one["verdict"] not in ("not asked", "failed")
    }
    assert "0 of 0 credits spent" in called("doctor", "--live", "--budget", "0").stdout


# ---- dialects --------------------------------------------------------------------------------------------------------


@web.middleware
async def strict(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A gateway whose legacy API knows no V6."""
    if request.path == "/api/v1/generate" and json.loads(await request.read())["model"] == "V6":
        return web.json_response({"code": 422, "msg": "not allowed", "data": None})
    return await handler(request)


@web.middleware
async def talkative(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A gateway that names the old task, says 404 of unknown ones, and has another form for lyrics."""
    try:
        answer = await handler(request)
    except Refused as exc:
        if request.path == "/api/v1/wav/generate" and exc.code == 409:
            return web.json_response({"code": 409, "msg": exc.message, "data": {"taskId": "f" * 32}})
        if request.path == "/api/v1/jobs/recordInfo":
            return web.json_response({"code": 404, "msg": exc.message, "data": None})
        raise
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    if request.path == "/api/v1/jobs/recordInfo":
        said = json.loads(answer.body)
        if "lyrics" in str(said["data"].get("model", "")) and said["data"].get("resultJson"):
            inner = json.loads(said["data"]["resultJson"])
            moved = json.dumps({"data": inner["resultObject"]["lyricsData"]})
            return web.json_response(said | {"data": said["data"] | {"resultJson": moved}})
    return answer


@asynccontextmanager
async def asked(*middlewares: Any) -> AsyncGenerator[tuple[Gateway, Recorder]]:
    """A gateway with these differences, and the recorder of what is said to it."""
    async with Emulator(
        api_key=KEY, speed=1000, middlewares=middlewares, media_seconds=20, seed=1, rate_limits=False
    ) as emulator:
        http = HTTP(KEY, Network(), (emulator.url,))
        recorder = Recorder(http, "/api/v1/chat/credit")
        gateway = Gateway(recorder, emulator.url, key=KEY, pace=Pace(first=0.05, growth=1.0, cap=0.36, patience=20.0))
        yield gateway, recorder
        await gateway.aclose()
        await http.aclose()


DIALECTS: dict[str, tuple[tuple[Any, ...], dict[str, tuple[str, str]]]] = {
    "plain": ((), {"no-duration": ("agrees", "about 20 s"), "timed-lyrics-price": ("agrees", "0.5 credits")}),
    "strict": (
        (strict,),
        {
            "v6-legacy": ("new", "refused with 422"),
            "no-title": ("agrees", "refused with 422"),
            "unknown-task-jobs": ("agrees", "422, no data"),
        },
    ),
    "talkative": (
        (talkative,),
        {
            "unknown-task-jobs": ("differs", "404, no data"),
            "wav-twice": ("new", "409, data"),
            "lyrics-jobs": ("differs", "data"),
        },
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_told_apart_and_their_recordings_give_the_same_answers(dialect: str, tmp_path: Path) -> None:
    middlewares, expected = DIALECTS[dialect]
    answers: dict[str, Answer] = {}

    async def ask() -> None:
        async with asked(*middlewares) as (gateway, recorder):

            def tell(one: Answer) -> None:
                answers[one.question.name] = one
                save_recording(tmp_path, one, recorder)

            assert await ask_all(gateway, recorder, 100.0, tell) <= 100.0

    asyncio.run(ask())
    assert {name: answers[name][1:3] for name in expected} == expected, answers
    files = list(tmp_path.iterdir())
    assert len(files) == len(QUESTIONS), {name: one[1:] for name, one in answers.items() if one.verdict == "failed"}
    for path in files:
        text = path.read_text()
        assert KEY not in text
        assert "127.0.0.1" not in text
        recording, answer = asyncio.run(replayed(path))
        assert answer == recording.answer == answers[recording.question].answer, path.name


def test_a_recording_shows_nothing_of_the_account() -> None:
    secret = Redaction()
    id, uuid = "5c79a1b2c3d4e5f60718293a4b5cbe8e", "9b1d6c52-7f0e-4a35-8c21-d04e6f7a8b93"
    told = secret.value(
        {
            "taskId": id,
            "param": json.dumps({"callBackUrl": "https://me.example/cb?suno=token", "task_id": id}),
            "data": [{"id": uuid, "audioUrl": f"https://cdn.example/{uuid}.mp3", "title": f"about {id}"}],
            "userId": 17,
            "email": "me@example.com",
            "remainedCredits": 4711.5,
            "creditsConsumed": 12,
        }
    )
    text = msgspec.json.encode(told).decode()
    for word in (id, uuid, "me.example", "cdn.example", "17", "4711", "me@"):
        assert word not in text
    assert told["creditsConsumed"] == 12
    assert told["taskId"] == json.loads(told["param"])["task_id"]
    assert told["data"][0]["audioUrl"].endswith(".mp3")
    assert told["taskId"] in told["data"][0]["title"]
