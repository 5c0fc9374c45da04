"""`examples/song_page` in real servers. Its page in a real browser is in tests/page."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from suno_async import GenerateMusic, Record, Stage, Update
from suno_async.emulator import Fail, Refuse

from .processes import Stepped, free_port
from .song_pages import asked, kill, opened, serving, told

ORDER = {"about": "rain in Lisbon", "key": "key of this order"}


@pytest.fixture(autouse=True)
def songs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SONGS", str(tmp_path / "songs"))


def test_each_worker_tells_its_pages_of_all_songs(suno: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what another process was asked for and posted, too. An order that is sent twice is paid once."""
    one, other = free_port(), free_port()
    here, there = f"http://127.0.0.1:{one}", f"http://127.0.0.1:{other}"
    monkeypatch.setenv("PUBLIC_URL", here)
    with serving(one), serving(other), opened(here) as page, opened(there) as page_there:
        status, answer = asked(f"{here}/songs", ORDER)
        assert (status, json.loads(answer)["stage"]) == (202, "PENDING")
        assert json.loads(asked(f"{there}/songs", ORDER)[1])["ref"] == json.loads(answer)["ref"]
        for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE):
            suno.reach(stage)
            seen, seen_there = told(page, stage.name), told(page_there, stage.name)
            assert seen == seen_there
            assert seen["about"] == ORDER["about"]
            if stage is Stage.FIRST:  # of the other take there is a stream alone, which must not be kept in its place
                (run,) = suno.emulator.runs.values()
                takes = [f"{here}/songs/{run.id}/{one}.mp3" for one in (run.name(0), run.name(1))]
                assert sorted(asked(take)[0] for take in takes) == [200, 404]
        assert len(seen["takes"]) == 2
        (run,) = suno.emulator.runs.values()
        audio = f"{there}/{seen['takes'][0]['audio']}"
        status, whole = asked(audio)
        assert (status, len(whole) > 10_000) == (200, True)
        assert asked(audio, Range="bytes=0-99") == (206, whole[:100])  # phones ask so
        assert asked(audio.replace(run.id, "unknown"))[0] == 404
        assert asked(f"{there}/songs/{run.id}/unknown.mp3")[0] == 404
    assert len(suno.emulator.runs) == 1


def test_workers_that_were_killed_go_on(suno: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("PUBLIC_URL", url)
    with serving(port, workers=2) as process:
        with opened(url) as page:
            assert asked(f"{url}/songs", ORDER)[0] == 202
            suno.reach(Stage.TEXT)
            told(page, "TEXT")
        kill(process, port)
    with serving(port, workers=2):
        with opened(url) as page:
            assert next(page)["stage"] == "TEXT"  # what is known is told at once
            suno.reach(Stage.COMPLETE)
            told(page, "COMPLETE")
        with opened(url) as page:  # as after a reload
            assert len(next(page)["takes"]) == 2
    assert len(suno.emulator.runs) == 1


def test_what_goes_wrong_is_said(suno: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    suno.emulator.script(GenerateMusic, [Refuse(402), Fail("SENSITIVE_WORD_ERROR")])
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("PUBLIC_URL", url)
    with serving(port), opened(url) as page:
        assert asked(f"{url}/songs", {"about": ""})[0] == 422
        status, answer = asked(f"{url}/songs", ORDER)
        assert (status, "credits" in json.loads(answer)["detail"]) == (502, True)
        assert asked(f"{url}/songs", ORDER)[0] == 202  # the key is free again
        suno.reach(Stage.COMPLETE)
        assert told(page, "FAILED")["message"]


def test_a_slow_browser_gets_the_newest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And what waits for it does not grow without end."""
    monkeypatch.setenv("SUNO_API_KEY", "k")
    monkeypatch.setenv("SUNO_STORE", f"sqlite:///{tmp_path}/songs.db")
    from examples.song_page import app

    slow: asyncio.Queue[dict[str, Any]] = asyncio.Queue(app.BEHIND)
    monkeypatch.setattr(app, "readers", {slow})
    for number in range(app.BEHIND + 5):
        record = Record(ref=f"r{number}", context={"about": "rain", "at": 0.0})
        app.hear(Update(task_id=f"t{number}", stage=Stage.PENDING), record)
    assert [slow.get_nowait()["ref"] for _ in range(app.BEHIND)] == [f"r{n}" for n in range(5, app.BEHIND + 5)]
    assert slow.empty()
