"""The examples do what they say, on the emulator, in no time."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import anyio.to_thread
import pytest
from aiohttp import web

from examples import (
    archive,
    behind_a_proxy,
    demo,
    dry_run,
    fair_bot,
    from_a_song,
    socks_proxy,
    telemetry,
    web_backend,
)
from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import Emulator, Fail

from ..loop import JumpLoop, stores_work
from ..programs import run
from ..proxies import Socks

WORKERS = Path(__file__).parents[2] / "examples" / "workers.py"
pytestmark = pytest.mark.usefixtures("threads", "default_provider")


@pytest.fixture
def default_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples are run as a user runs them."""
    monkeypatch.delenv("SUNO_PROVIDER", raising=False)


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(media_seconds=1) as emulator:
        monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
        monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
        yield emulator


async def test_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight songs and two lyrics, saved, with updates by callback and by poll."""
    monkeypatch.chdir(tmp_path)
    await demo.main()
    printed = capsys.readouterr().out
    assert len(list(Path("demo-output").glob("*.mp3"))) == 16
    assert len(list(Path("demo-output").glob("*.jpeg"))) == 16
    assert printed.count("complete  by callback") == 8
    assert printed.count("complete  by poll") == 2
    assert "10 tasks" in printed.splitlines()[-1]


async def test_the_demo_in_a_terminal_draws_over_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    await demo.main()
    assert "\x1b[10A" in capsys.readouterr().out


async def test_telemetry(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    await telemetry.main()
    printed = capsys.readouterr().out
    for name in ("suno.submit", "suno.wait", "suno.task", "suno.download", "GET /api", "http.client.request.duration"):
        assert name in printed


async def test_an_archive(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was made twelve days ago is saved, and saved again it is only checked."""
    monkeypatch.setenv("SUNO_STORE", f"sqlite:///{tmp_path}/songs.db")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    copies = loop.jumps.busy
    loop.jumps.busy = lambda: copies() or stores_work()
    async with SunoClient(clock=lambda: time.time() - 12 * 86_400) as suno:
        await suno.run(GenerateMusic(prompt="rain"))
    await archive.main(str(tmp_path / "songs"))
    await archive.main(str(tmp_path / "songs"))
    (folder,) = (tmp_path / "songs").iterdir()
    new, again = capsys.readouterr().out.splitlines()
    assert new == f"{folder}: 4 files, 4 of them new"
    assert again == f"{folder}: 4 files, 0 of them new"


async def test_a_fair_bot(capsys: pytest.CaptureFixture[str]) -> None:
    """The song goes out before a batch that came first, and its progress is shown."""
    await fair_bot.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("bert: number ")
    assert printed[1] == "bert: [          ] about 180 s left"
    assert "bert: [##########] 2 tracks" in printed
    assert printed[-1] == "anna: all 60 songs are there"


async def test_a_dry_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SUNO_API_KEY", "k")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text(f"rain\n\n{'x' * 9000}\nsun\n")
    assert dry_run.main(prompts) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("line 3: prompt must have at most")
    assert printed.endswith("24 credits for the other lines\n")


async def test_from_a_song(emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await from_a_song.main("fado in the rain", tmp_path) == 0
    suffixes = sorted(path.suffix for path in tmp_path.iterdir())
    assert suffixes.count(".mp3") == 4  # two takes, voice and instruments
    assert {".wav", ".mp4"} < set(suffixes)
    assert "notes of" in capsys.readouterr().out
    (tmp_path / "own.mp3").write_bytes(b"a song")
    emulator.script(None, [None, Fail()])
    assert await from_a_song.main("bossa nova", tmp_path / "again", tmp_path / "own.mp3") == 1
    printed = capsys.readouterr()
    assert "uploaded 6 of 6 bytes" in printed.out
    assert "ConvertToWav" in printed.err


async def test_through_a_socks_proxy(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The emulator has a name that only the proxy knows."""
    port = int(emulator.url.rpartition(":")[2])
    monkeypatch.setenv("SUNO_BASE_URL", f"http://suno.example:{port}")
    async with Socks({"suno.example": port}) as proxy:
        assert await socks_proxy.main(proxy.url, "rain in Lisbon", tmp_path) == 0, capsys.readouterr().err
    assert set(proxy.asked) == {f"suno.example:{port}"}
    assert len(list(tmp_path.glob("*.mp3"))) == 2


async def test_the_web_backend(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "aiohttp.access")
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    runner = web.AppRunner(web_backend.make(url))
    await runner.setup()
    await web.SockSite(runner, door).start()
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/sing?about=rain") as answer:
            assert [song["title"] for song in await answer.json()] == ["Rain", "Rain"]
        async with session.get("/sing") as answer:
            assert answer.status == 400
            assert "prompt" in (await answer.json())["error"]
        emulator.script(None, [Fail("SENSITIVE_WORD_ERROR")])
        async with session.get("/sing?about=rude") as answer:
            assert answer.status == 502
    await runner.cleanup()
    taken = [line for line in caplog.messages if "POST /suno?" in line]
    assert len(taken) > 3
    assert all("POST /suno?suno=<token> " in line for line in taken)


@pytest.mark.parametrize("store", ["sqlite", "redis", "postgres"])
async def test_three_workers(store: str, request: pytest.FixtureRequest) -> None:
    """As real processes in real time."""
    environment = os.environ | {"PYTHONPATH": str(WORKERS.parents[1])}  # this checkout, whatever is installed
    environment.pop("PYTHONUNBUFFERED", None)  # a line and its end would be written one after the other
    if store == "redis":
        environment["SUNO_STORE"] = request.getfixturevalue("redis").url.removesuffix("/0") + "/14"
    elif store == "postgres":
        environment["SUNO_STORE"] = request.getfixturevalue("postgres").database()

    ran = await anyio.to_thread.run_sync(partial(run, WORKERS, env=environment))
    assert (ran.returncode, ran.stderr) == (0, "")
    printed = ran.stdout.splitlines()
    assert [line.split()[1] for line in printed if line.startswith("submit ")] == ["order-1", "order-2", "order-3"]
    received = [f"receive  order-{n} has reached {stage}" for n in (1, 2, 3) for stage in ("TEXT", "FIRST", "COMPLETE")]
    assert sorted(line for line in printed if line.startswith("receive ")) == sorted(received)
    waited = [f"wait     order-{n}: 2 tracks" for n in (1, 2, 3)]
    assert sorted(line for line in printed if line.startswith("wait ")) == waited
    assert printed[-1] == "3 songs were paid for, and polled 0 times"


async def test_behind_a_proxy(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Through a real proxy that strips a prefix; its headers, forged ones included, prove nothing."""
    inside = socket.create_server(("127.0.0.1", 0))
    outside = socket.create_server(("127.0.0.1", 0))
    public_url = f"http://127.0.0.1:{outside.getsockname()[1]}/bots/song"

    async with aiohttp.ClientSession(f"http://127.0.0.1:{inside.getsockname()[1]}") as forward:

        async def proxy(request: web.Request) -> web.Response:
            headers = {
                "X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Proto": "http",
            }
            path = request.path_qs.removeprefix("/bots/song")
            async with forward.request(request.method, path, data=await request.read(), headers=headers) as answer:
                body = await answer.read()
                return web.Response(status=answer.status, body=body, content_type="application/json")

        front = web.Application()
        front.router.add_route("*", "/bots/song/{path:.*}", proxy)
        runners = [web.AppRunner(front), web.AppRunner(behind_a_proxy.make(public_url))]
        for runner, door in zip(runners, (outside, inside), strict=True):
            await runner.setup()
            await web.SockSite(runner, door).start()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{public_url}/sing?about=rain") as answer:
                task_id = (await answer.json())["task"]
            forged = {"code": 501, "msg": "x", "data": {"callbackType": "error", "task_id": task_id, "data": None}}
            trusted = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
            async with session.post(f"{public_url}/suno", json=forged, headers=trusted) as answer:
                assert answer.status == 401
        emulator.advance(300)
        await asyncio.sleep(5)
        for runner in runners:
            await runner.cleanup()
    printed = capsys.readouterr().out.split("\n")[:3]
    assert printed == [f"GenerateMusic {task_id} {stage}" for stage in ("TEXT", "FIRST", "COMPLETE")]
