"""`suno-async emulator` as a process."""

import asyncio
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from suno_async import GenerateMusic, Pace, SunoClient

from ..servers import HANGS
from .support import COMMAND, Serving, ran, serving

QUICK = Pace(first=0.2, growth=1.0, cap=0.4)


def client_of(line: str, **options: Any) -> SunoClient:
    """A client with the variables that the command printed."""
    said = dict(re.findall(r"(SUNO_\w+)=(\S+)", line))
    address: Any = {"api_key": said["SUNO_API_KEY"], "base_url": said["SUNO_BASE_URL"]}
    return SunoClient(**address, provider=said["SUNO_PROVIDER"], pace=QUICK, **options)


@pytest.mark.parametrize("provider", ["kie", "sunoapi"])
def test_a_client_with_the_printed_variables_gets_a_song(provider: str) -> None:
    async def song(line: str) -> tuple[int, float]:
        async with client_of(line) as suno:
            music = await suno.run(GenerateMusic(prompt="rain", model="V5"))
            return len(music.tracks), await suno.get_credits()

    with serving("emulator", "--port", "0", "--provider", provider, "--speed", "1000", "--credits", "50") as command:
        assert command.line.startswith("export SUNO_BASE_URL=http://127.0.0.1:")
        assert asyncio.run(song(command.line)) == (2, 38)


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_quietly(end: int, code: int) -> None:
    """As its user starts it."""
    command = [*COMMAND, "emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://[\d.:]+", process.stdout.readline())
        process.send_signal(end)
        printed = process.communicate(timeout=HANGS)
    assert url
    assert (process.returncode, *printed) == (code, "", f"{url[0]}/ shows the tasks in a browser\n")


def test_verbose_shows_a_line_for_each_request() -> None:
    async def asked(command: Serving) -> None:
        key = {"Authorization": "Bearer k"}
        async with aiohttp.ClientSession(command.url) as session:
            for headers in (key, {}):
                async with session.get("/api/v1/generate/record-info?taskId=t%0A1", headers=headers) as answer:
                    await answer.read()
            async with session.post("/api/v1/generate", headers=key, data="{") as answer:
                await answer.read()

    with serving("emulator", "--port", "0", "--verbose", "--key", "k") as command:
        asyncio.run(asked(command))
        printed = command.stopped(signal.SIGINT)[2]
    lines = [line.partition(" ")[2] for line in printed.splitlines()]
    assert lines.pop(0) == "shows the tasks in a browser"
    assert lines[0] == "GET /api/v1/generate/record-info?taskId=t%0A1 200"
    assert lines[1].endswith("401 (401 You do not have access permissions)")
    assert lines[2].startswith("POST /api/v1/generate 200 (400 not valid JSON: ")
    assert len(lines) == 3


@pytest.mark.parametrize(("options", "refused"), [([], True), (["--no-rate-limits"], False)])
def test_the_rate_limits_can_be_lifted(options: list[str], refused: bool) -> None:
    async def codes(url: str) -> set[int]:
        headers = {"Authorization": "Bearer k"}
        async with aiohttp.ClientSession(url, headers=headers) as session:
            found: set[int] = set()
            for _ in range(30):
                async with session.get("/api/v1/generate/record-info?taskId=t") as answer:
                    found.add((await answer.json())["code"])
            return found

    with serving("emulator", "--port", "0", "--key", "k", *options) as command:
        assert (asyncio.run(codes(command.url)) != {200}) is refused


def test_a_port_that_is_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = ran("emulator", "--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr == f"Error: port {port} is in use: choose another one with --port, or any free one with --port 0\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--provider", "sunoapi", "--signing-key", "s"], "no signature is known for callbacks of sunoapi"),
        (["--speed", "nan"], "speed"),
        (["--speed", "-1"], "--speed"),
        (["--port", "70000"], "65535"),
        (["--media-seconds", "0"], "media_seconds must be more than 0, got 0.0"),
        (["--credits", "inf"], "credits must be a finite number, got inf"),
        (["--key", "two words"], "api_key must be printable ASCII without spaces"),
    ],
)
def test_wrong_options_exit_with_2(options: list[str], said: str) -> None:
    ended = ran("emulator", "--port", "0", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_the_printed_line_can_be_run_by_a_shell_whatever_the_key_is() -> None:
    with serving("emulator", "--port", "0", "--key", "a$(id)&'c") as command:
        shell = ["sh", "-c", f'{command.line}printf %s "$SUNO_API_KEY"']
        printed = subprocess.run(shell, capture_output=True, text=True, check=True)
    assert printed.stdout == "a$(id)&'c"


def test_stats_can_be_asked_for_under_another_host_name() -> None:
    async def status(url: str) -> tuple[int, int]:
        async with aiohttp.ClientSession(url, headers={"Host": "emulator.test"}) as session:
            answered = [await session.get(f"/__emulator/{path}") for path in ("stats", "tasks")]
            return answered[0].status, answered[1].status

    with serving("emulator", "--port", "0", "--stats-anywhere") as command:
        assert asyncio.run(status(command.url)) == (200, 403)
    with serving("emulator", "--port", "0") as command:
        assert asyncio.run(status(command.url)) == (403, 403)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = ("--port", "0", "--speed", "1000", "--state", str(tmp_path / "emulator.json"))

    async def submitted(line: str) -> str:
        async with client_of(line) as suno:
            return (await suno.submit(GenerateMusic(prompt="rain"))).id

    async def known(line: str, task_id: str) -> tuple[str, float]:
        async with client_of(line) as suno:
            music = await suno.attach(GenerateMusic, task_id)
            return music.task_id, await suno.get_credits()

    with serving("emulator", *state) as command:
        task_id = asyncio.run(submitted(command.line))
        command.stopped(signal.SIGTERM)
    with serving("emulator", *state) as command:
        assert asyncio.run(known(command.line, task_id)) == (task_id, 988)


def test_a_state_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}")
    for path, said in ((tmp_path / "odd.json", "is not the state of an emulator"), (tmp_path / "no" / "s", "No such")):
        ended = ran("emulator", "--port", "0", "--state", str(path))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert len(ended.stderr.splitlines()) == 1
        assert said in ended.stderr
