"""The page at the emulator's root and its endpoints, without a browser; tests/page has one."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web

import suno_async.emulator
from suno_async import (
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    Job,
    SeparateStems,
    Stage,
    SunoClient,
    Task,
    TaskFailed,
)
from suno_async.emulator import Emulator, Fail, Fault, LateFiles, Refused, Stuck
from suno_async.emulator.loopback import guarded, is_loopback

from .support import SECONDS, Recorder, open_recorder

PARTS = Path(suno_async.emulator.__file__).parent / "page"
KEY = "secret-key-of-the-emulator"
TOKEN = "AQ" + "x" * 38
"""It has the form of a callback token."""


class Opened:
    """An emulator whose clock stands still, and what a page would ask of it."""

    def __init__(self, emulator: Emulator, suno: SunoClient, http: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.suno = suno
        self.http = http

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and text of an answer. An underscore in the name of a header stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, path, headers=named) as answer:
            return answer.status, await answer.text()

    async def do(self, task: str, action: str, **headers: str) -> tuple[int, Any]:
        """What a button does."""
        status, text = await self.ask(f"/__emulator/tasks/{task}/{action}", "POST", **headers)
        return status, json.loads(text)

    async def shown(self) -> Any:
        """Everything that the page shows."""
        status, text = await self.ask("/__emulator/tasks")
        assert status == 200
        return json.loads(text)

    async def task(self, job: Job[Any]) -> Task[Any]:
        task: Task[Any] = await self.suno.submit(job)
        return task


@pytest.fixture
async def opened(threads: None) -> AsyncIterator[Opened]:
    async with (
        Emulator(speed=0, api_key=KEY, seed=1, rate_limits=False, media_seconds=SECONDS) as emulator,
        emulator.client(model="V5") as suno,
        aiohttp.ClientSession(emulator.url) as http,
    ):
        yield Opened(emulator, suno, http)


@pytest.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, str]]:
    async with open_recorder() as opened:
        yield opened


async def posted(emulator: Emulator, number: int) -> list[tuple[Stage, list[int]]]:
    """The callbacks once there are so many and each has its answer."""
    with anyio.fail_after(10):
        while len(emulator.posted) < number or not all(one.statuses for one in emulator.posted):
            await anyio.sleep(0.01)
    return [(one.stage, one.statuses) for one in emulator.posted]


# ---- the page itself -------------------------------------------------------------------------------------------------


async def test_the_root_is_a_page_that_asks_nobody_else(opened: Opened) -> None:
    async with opened.http.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    linked = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert linked
    for path in linked:
        assert (await opened.ask(path))[0] == 200


@pytest.mark.parametrize("name", ["index.html", "page.css", "page.js", "icon.svg"])
def test_no_file_of_the_page_names_another_host_or_makes_markup_of_text(name: str) -> None:
    text = (PARTS / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|//[a-z]|@import", text) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []
    if name == "index.html":
        assert re.findall(r"<style|<script(?! type=\"module\" src=)|\son[a-z]+=|\sstyle=|javascript:", text) == []


async def test_tasks_are_shown_with_stage_and_files(opened: Opened) -> None:
    task = await opened.task(GenerateMusic(prompt="rain in Lisbon"))
    shown = await opened.shown()
    assert (shown["provider"], shown["credits"], shown["total"]) == ("kie", 988, 1)
    (one,) = shown["tasks"]
    assert (one["id"], one["kind"], one["title"]) == (task.id, "GenerateMusic", "rain in Lisbon")
    assert (one["stage"], one["ended"], one["groups"], one["callbacks"]) == ("PENDING", False, [], [])

    opened.emulator.advance(500)
    (one,) = (await opened.shown())["tasks"]
    assert (one["stage"], one["ended"]) == ("COMPLETE", True)
    assert [group["title"] for group in one["groups"]] == ["Rain In Lisbon"] * 2
    files = [(file["path"], file["type"]) for group in one["groups"] for file in group["files"]]
    folder = f"/files/{task.id}"
    assert files == [
        (f"{folder}/0.mp3", "audio"),
        (f"{folder}/0.jpeg", "image"),
        (f"{folder}/1.mp3", "audio"),
        (f"{folder}/1.jpeg", "image"),
    ]
    for path, _ in files:
        async with opened.http.head(path) as answer:
            assert answer.status == 200


async def test_a_track_that_is_not_ready_has_its_stream(opened: Opened) -> None:
    task = await opened.task(GenerateMusic(prompt="rain"))
    run = opened.emulator.runs[task.id]
    opened.emulator.advance(run.marks[Stage.FIRST] + 0.1)
    (one,) = (await opened.shown())["tasks"]
    assert one["stage"] == "FIRST"
    players = [file["path"] for group in one["groups"] for file in group["files"] if file["type"] == "audio"]
    assert players == [f"/files/{run.id}/0.mp3", f"/files/{run.id}/1"]


async def test_each_file_is_shown_once_and_named_by_what_it_is_of(opened: Opened) -> None:
    task = await opened.task(GenerateMusic(prompt="rain"))
    opened.emulator.advance(500)
    music = await task
    await opened.task(SeparateStems(music.tracks[0], type="split_stem"))
    await opened.task(GenerateCover(music))
    opened.emulator.advance(500)
    cover, stems, _ = (await opened.shown())["tasks"]
    assert (cover["title"], stems["title"]) == ("of rain", "of rain")
    assert [file["type"] for group in cover["groups"] for file in group["files"]] == ["image", "image"]
    paths = [file["path"] for group in stems["groups"] for file in group["files"]]
    assert len(paths) == len(set(paths)) == 8


async def test_the_newest_tasks_are_shown_and_the_same_answer_is_given_once(opened: Opened) -> None:
    for number in range(3):
        await opened.task(GenerateLyrics(prompt=f"rain {number}"))
    async with opened.http.get("/__emulator/tasks?newest=2") as answer:
        shown, etag = await answer.json(), answer.headers["ETag"]
    assert [task["title"] for task in shown["tasks"]] == ["rain 2", "rain 1"]
    assert shown["total"] == 3
    assert (await opened.ask("/__emulator/tasks?newest=2", If_None_Match=etag)) == (304, "")
    assert (await opened.ask("/__emulator/tasks", If_None_Match=etag))[0] == 200
    for wrong in ("-1", "two", "²"):
        status, text = await opened.ask(f"/__emulator/tasks?newest={wrong}")
        assert (status, json.loads(text)["msg"]) == (400, f"newest must be a number, got {wrong!r}")


async def test_the_page_shows_neither_the_key_nor_a_token(opened: Opened, recorder: tuple[Recorder, str]) -> None:
    """Law 8: what may be secret in a callback address is its query, a token in its path, a name and a password."""
    async with opened.emulator.client(model="V5", callback_url=f"{recorder[1]}/{{token}}") as suno:
        await suno.submit(GenerateMusic(prompt="rain"))
    address = recorder[1].replace("//", "//user:password@") + f"/{TOKEN}?suno={TOKEN}&shop=hidden"
    body = {"prompt": "rain", "customMode": False, "instrumental": False, "model": "V5", "callBackUrl": address}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with opened.http.post("/api/v1/generate", json=body, headers=headers) as answer:
        assert answer.status == 200
    opened.emulator.advance(500)
    await posted(opened.emulator, 2)
    text = json.dumps(await opened.shown())
    assert len(re.findall(r"http://127.0.0.1:\d+/cb/<token>\"", text)) >= 2
    for secret in (KEY, TOKEN, "hidden", "password", "suno=", *re.findall(r"A[Q-Za-f][\w-]{38}", text)):
        assert secret not in text


# ---- buttons ---------------------------------------------------------------------------------------------------------


async def test_a_task_is_finished_by_hand(opened: Opened, recorder: tuple[Recorder, str]) -> None:
    """Its callbacks are posted at once, and its client gets the result."""
    heard, address = recorder
    async with opened.emulator.client(model="V5", callback_url=address) as suno:
        task = await suno.submit(GenerateMusic(prompt="rain"))
        assert await opened.do(task.id, "finish") == (200, {"stage": "COMPLETE"})
        assert len((await task).tracks) == 2
    assert await posted(opened.emulator, 3) == [(Stage.TEXT, [200]), (Stage.FIRST, [200]), (Stage.COMPLETE, [200])]
    assert len(heard.bodies) == 3
    status, answer = await opened.do(task.id, "finish")
    assert (status, answer["msg"]) == (409, f"task {task.id} has ended: COMPLETE")
    assert (await opened.do(task.id, "fail"))[0] == 409


@pytest.mark.parametrize("fault", [Stuck(), Fail(), LateFiles()])
async def test_a_task_is_finished_whatever_was_planned_for_it(
    opened: Opened, recorder: tuple[Recorder, str], fault: Fault
) -> None:
    opened.emulator.script(None, [fault])
    async with opened.emulator.client(model="V5", callback_url=recorder[1]) as suno:
        task = await suno.submit(GenerateMusic(prompt="rain"))
        if fault == Stuck():
            opened.emulator.advance(500)
            assert await posted(opened.emulator, 1) == [(Stage.TEXT, [200])]
        await opened.do(task.id, "finish")
        assert len((await task).tracks) == 2
    stages = [stage for stage, _ in await posted(opened.emulator, 3)]
    assert stages == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]
    assert opened.emulator.credits == 988


async def test_a_task_is_failed_by_hand(opened: Opened, recorder: tuple[Recorder, str]) -> None:
    """Stages that it had not reached are skipped, and its credits are given back."""
    async with opened.emulator.client(model="V5", callback_url=recorder[1]) as suno:
        task = await suno.submit(GenerateMusic(prompt="rain"))
        opened.emulator.advance(opened.emulator.runs[task.id].marks[Stage.TEXT] + 0.1)
        await posted(opened.emulator, 1)
        assert opened.emulator.credits == 988
        assert await opened.do(task.id, "fail") == (200, {"stage": "FAILED"})
        with pytest.raises(TaskFailed):
            await task
    assert await posted(opened.emulator, 2) == [(Stage.TEXT, [200]), (Stage.FAILED, [200])]
    shown = await opened.shown()
    assert (shown["credits"], shown["tasks"][0]["stage"]) == (1000, "FAILED")
    opened.emulator.advance(1000)
    assert (await opened.shown())["tasks"][0]["stage"] == "FAILED"


async def test_a_callback_is_repeated_and_its_answers_are_shown(opened: Opened, recorder: tuple[Recorder, str]) -> None:
    heard, address = recorder
    heard.statuses[:] = [503, 500, 200]
    async with opened.emulator.client(model="V5", callback_url=address) as suno:
        task = await suno.submit(GenerateLyrics(prompt="rain"))
    await opened.do(task.id, "finish")
    with anyio.fail_after(30):
        while len(heard.bodies) < 3:
            await anyio.sleep(0.1)
    await anyio.sleep(0.1)
    heard.statuses[:] = [401]
    assert await opened.do(task.id, "callbacks/COMPLETE/repeat") == (200, {"answer": 401})
    assert await opened.do(task.id, "callbacks/COMPLETE/repeat") == (200, {"answer": 200})
    assert heard.bodies == heard.bodies[:1] * 5
    (callback,) = (await opened.shown())["tasks"][0]["callbacks"]
    assert callback == {"stage": "COMPLETE", "address": address, "answers": [503, 500, 200], "repeats": [401, 200]}
    assert (await opened.do(task.id, "callbacks/TEXT/repeat"))[0] == 404


async def test_unknown_tasks_are_not_found(opened: Opened) -> None:
    for action in ("finish", "fail", "callbacks/TEXT/repeat"):
        assert (await opened.do("0" * 32, action))[0] == 404
        assert (await opened.ask(f"/__emulator/tasks/{'0' * 32}/{action}"))[0] == 405


@pytest.mark.usefixtures("threads")
async def test_what_was_ended_by_hand_survives_a_restart(tmp_path: Path) -> None:
    stages: list[list[str]] = []
    for _ in range(2):
        async with (
            Emulator(speed=0, state=tmp_path / "state.json") as emulator,
            emulator.client(model="V5") as suno,
            aiohttp.ClientSession(emulator.url) as http,
        ):
            opened = Opened(emulator, suno, http)
            for action in () if emulator.runs else ("finish", "fail"):
                await opened.do((await opened.task(GenerateMusic(prompt="rain"))).id, action)
            stages.append([task["stage"] for task in (await opened.shown())["tasks"]])
    assert stages == [["FAILED", "COMPLETE"]] * 2


# ---- who may ---------------------------------------------------------------------------------------------------------

PATHS = ["/", "/__emulator/page/page.js", "/__emulator/tasks"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8737", "127.0.0.1.evil.example", "192.0.2.1", "[::2]", "["]
)
async def test_names_that_were_made_to_lead_to_loopback_are_refused(opened: Opened, host: str) -> None:
    """DNS rebinding: the browser thinks that it talks to the other site."""
    task = await opened.task(GenerateMusic(prompt="rain"))
    for path in PATHS:
        assert (await opened.ask(path, Host=host))[0] == 403
    assert (await opened.do(task.id, "fail", Host=host))[0] == 403
    assert opened.emulator.runs[task.id].fault is None


@pytest.mark.parametrize("host", ["localhost", "localhost:8737", "app.localhost", "127.0.0.2:1", "[::1]:8737"])
async def test_names_of_loopback_are_served(opened: Opened, host: str) -> None:
    for path in PATHS:
        assert (await opened.ask(path, Host=host))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},  # another program on this machine
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=lambda headers: "-".join([*headers.values()]),
)
async def test_pages_of_other_sites_control_nothing(opened: Opened, headers: dict[str, str]) -> None:
    task = await opened.task(GenerateMusic(prompt="rain"))
    for action in ("finish", "fail", "callbacks/COMPLETE/repeat"):
        status, answer = await opened.do(task.id, action, **headers)
        assert (status, answer["msg"]) == (403, "pages of other sites cannot control the emulator")
    assert opened.emulator.runs[task.id].fault is None
    assert (await opened.shown())["tasks"][0]["stage"] == "PENDING"


async def test_the_page_itself_and_programs_may(opened: Opened) -> None:
    for headers in ({}, {"Origin": opened.emulator.url, "Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
        task = await opened.task(GenerateMusic(prompt="rain"))
        assert (await opened.do(task.id, "finish", **headers))[0] == 200


async def test_other_machines_are_refused() -> None:
    async def asked_from(peer: str) -> int:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await guarded(answer)(request.clone(remote=peer))
            except Refused as exc:
                return web.Response(status=exc.status)

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response()

        app = web.Application()
        app.router.add_get("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{runner.addresses[0][1]}") as answered:
            status = answered.status
        await runner.cleanup()
        return status

    peers = {
        "127.0.0.1": 200,
        "::1": 200,
        "::ffff:127.0.0.1": 200,
        "192.168.0.7": 403,
        "::ffff:192.168.0.7": 403,
        "": 403,
    }
    assert {peer: await asked_from(peer) for peer in peers} == peers


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0"])
def test_only_loopback_is_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.usefixtures("threads")
async def test_the_page_is_no_request_to_the_service(tmp_path: Path) -> None:
    """It needs no key, and neither the log nor the state file notices that somebody looks."""
    state = tmp_path / "state.json"
    async with Emulator(state=state) as emulator, aiohttp.ClientSession(emulator.url) as http:
        before = state.stat().st_mtime_ns
        for path in [*PATHS, "/__emulator/nothing"]:
            async with http.get(path) as answer:
                assert answer.status == (404 if path.endswith("nothing") else 200)
        await anyio.sleep(3)
        assert not emulator.log
        assert state.stat().st_mtime_ns == before
        async with http.get("/api/v1/chat/credit") as answer:
            assert answer.status == 401
