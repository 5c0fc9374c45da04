"""`examples/litestar_app.py` in a real server."""

import json
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from suno_async import GenerateMusic, Stage
from suno_async.emulator import Refuse

from .processes import COMPLAINTS, Stepped, free_port, listening, running
from .song_pages import asked


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("PUBLIC_URL", url)
    return url


@contextmanager
def serving(url: str, log: Path | None = None) -> Generator[None]:
    """Serve it, and see that it stops without a complaint."""
    port = url.rpartition(":")[2]
    command = ("-m", "uvicorn", "--factory", "examples.litestar_app:create_app", "--port", port)
    with running(*command, unwanted=COMPLAINTS, log=log):
        listening(int(port))
        yield


@contextmanager
def followed(url: str) -> Generator[Iterator[tuple[str, Any]]]:
    """The names and data of events, until the stream ends."""
    with urllib.request.urlopen(url, timeout=30) as answer:

        def events() -> Iterator[tuple[str, Any]]:
            for line in answer:
                if line.startswith(b"event: "):
                    yield line[7:].decode().strip(), json.loads(next(answer).removeprefix(b"data: "))

        yield events()


def test_a_song_is_ordered_and_followed(suno: Stepped, url: str) -> None:
    """Over restarts; who follows it hears of each stage once."""
    with serving(url):
        status, answer = asked(f"{url}/songs", {"prompt": "rain in Lisbon"})
        assert status == 202
        song = f"{url}/songs/{json.loads(answer)['task_id']}"
        assert json.loads(asked(song)[1])["stage"] == "PENDING"
        with followed(f"{song}/events") as events:
            suno.reach(Stage.TEXT)
            assert next(events)[0] == "TEXT"
    with serving(url), followed(f"{song}/events") as events:
        assert next(events)[0] == "TEXT"
        suno.reach(Stage.FIRST)
        assert next(events)[0] == "FIRST"
        suno.reach(Stage.COMPLETE)
        assert next(events)[0] == "COMPLETE"
        assert next(events, None) is None
    with serving(url):
        status, answer = asked(song)
        assert (status, json.loads(answer)["stage"]) == (200, "COMPLETE")
        assert len(json.loads(answer)["result"]["tracks"]) == 2
    assert len(suno.emulator.runs) == 1


def test_what_goes_wrong_is_said(suno: Stepped, url: str) -> None:
    suno.emulator.script(GenerateMusic, [Refuse(402)])
    with serving(url):
        assert asked(f"{url}/songs/unknown")[0] == 404
        assert asked(f"{url}/songs", {"promt": "rain"})[0] == 400
        status, answer = asked(f"{url}/songs", {"prompt": "rain", "model": "V4", "style": "la " * 9000})
        assert (status, "style" in json.loads(answer)["detail"]) == (422, True)
        status, answer = asked(f"{url}/songs", {"prompt": "rain"})
        assert (status, "credits" in json.loads(answer)["detail"]) == (502, True)


def test_an_order_that_is_sent_again_is_paid_once(suno: Stepped, url: str) -> None:
    with serving(url):
        key = {"Idempotency-Key": "order 42 of a shop"}
        first, again = (asked(f"{url}/songs", {"prompt": "rain"}, **key) for _ in range(2))
        assert (first[0], first) == (202, again)
        assert asked(f"{url}/songs", {"prompt": "snow"}, **key)[0] == 422
        assert asked(f"{url}/songs", {"prompt": "rain"}, **{"Idempotency-Key": "x"})[0] == 400
    assert len(suno.emulator.runs) == 1


def test_tokens_of_callbacks_are_not_logged(suno: Stepped, url: str, tmp_path: Path) -> None:
    with serving(url, tmp_path / "log"):
        assert asked(f"{url}/songs", {"prompt": "rain"})[0] == 202
        suno.reach(Stage.TEXT)
    said = (tmp_path / "log").read_text()
    assert "/suno?suno=<token>" in said
