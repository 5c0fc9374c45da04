"""The examples of docs/deployment.md, as real processes that are stopped by a signal. In real time."""

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Any

import pytest

from ..programs import ROOT, Program
from ..servers import HANGS
from .processes import Stepped, free_port, listened, listening

UVICORN = ("-m", "uvicorn", "examples.fastapi_service:app", "--log-level", "warning")
pytestmark = pytest.mark.usefixtures("quick")
GUNICORN = (
    *("-m", "gunicorn", "examples.fastapi_service:app", "-k", "uvicorn_worker.UvicornWorker", "--log-level", "warning"),
    *("--workers", "2", "--graceful-timeout", "90"),
)


@contextmanager
def started(*command: str) -> Generator[tuple[Program, IO[str]]]:
    """A program, and what it reads."""
    read, write = os.pipe()
    with (
        os.fdopen(write, "w", buffering=1) as typed,
        os.fdopen(read) as stdin,
        Program(*command, cwd=ROOT, stdin=stdin) as process,
    ):
        try:
            yield process, typed
        finally:
            process.kill()


def asked(url: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=HANGS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


@pytest.mark.parametrize("server", [UVICORN, GUNICORN], ids=["uvicorn", "gunicorn"])
def test_a_service_that_is_stopped_sees_its_songs_through(
    server: tuple[str, ...], suno: Stepped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The songs end when it has stopped listening."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:9")  # no callback arrives, as when the server listens no more
    with started(*server, *(("--port", str(port)) if server is UVICORN else ("--bind", f"127.0.0.1:{port}"))) as (
        process,
        _,
    ):
        listening(port)
        status, health = asked(f"{url}/health")
        assert (status, health["window_size"], health["store_owed"]) == (200, 20, 0)
        made = [asked(f"{url}/songs", {"prompt": f"song {n}"}) for n in range(3)]
        assert {code for code, _ in made} == {202}
        status, song = asked(f"{url}/songs/{made[0][1]['task']}")
        assert (status, song["task"], song["message"]) == (200, made[0][1]["task"], "")
        assert asked(f"{url}/songs/5c79")[0] == 404
        status, refusal = asked(f"{url}/songs", {"prompt": "la " * 5000})
        assert (status, "prompt" in refusal["detail"]) == (422, True)
        process.send_signal(signal.SIGTERM)
        while listened(port):
            time.sleep(0.02)
        suno.portal.call(suno.emulator.advance, 300.0)
        said, errors = process.communicate(80)
    assert process.returncode in (0, -signal.SIGTERM), errors  # uvicorn ends by the signal in the end
    assert not [word for word in ("Traceback", "Unclosed", "was left") if word in errors], errors
    ended = [line.split()[0] for line in said.splitlines() if line.endswith("COMPLETE")]
    assert sorted(ended) == sorted(answer["task"] for _, answer in made)


def test_a_bot_that_is_stopped_answers_what_it_has_begun(suno: Stepped) -> None:
    with started("examples/bot.py") as (process, typed):
        typed.write("rain\nsun\n")
        deadline = time.monotonic() + 30
        while len(suno.emulator.runs) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        suno.portal.call(suno.emulator.advance, 300.0)
        said, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert sorted(line.split(":")[0] for line in said.splitlines()) == ["rain", "sun"]
    assert "restart" not in said


def test_a_bot_that_was_killed_answers_after_its_restart(suno: Stepped) -> None:
    with started("examples/bot.py") as (process, typed):
        typed.write("rain\n")
        deadline = time.monotonic() + 30
        while not suno.emulator.runs and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)  # until the task id is written
        process.kill()
    suno.portal.call(suno.emulator.advance, 300.0)
    with started("examples/bot.py") as (process, typed):
        typed.write("\n")
        said, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert said.startswith("rain: ")
    assert (len(said.splitlines()), len(suno.emulator.runs)) == (1, 1)


PAGE = (ROOT / "docs" / "deployment.md").read_text()


def test_every_example_of_the_page_is_there() -> None:
    named = set(re.findall(r"examples/(\w+\.\w+)", PAGE))
    assert named == {path.name for path in (ROOT / "examples").iterdir() if path.name in named}
    assert {"fastapi_service.py", "bot.py"} < named


def test_every_field_of_the_status_is_on_the_page() -> None:
    from suno_async import Status

    assert not [name for name in Status.__struct_fields__ if f"`{name}`" not in PAGE]
