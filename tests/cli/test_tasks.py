"""Commands about tasks: of this store, of others, and of submissions whose answer was lost."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from suno_async import SunoClient
from suno_async.stores import Record, SQLiteStore, State

from ..servers import HANGS
from .support import called, documents, started


def store_file(shell: Path) -> Path:
    """The file of the default store."""
    (file,) = (shell / "data" / "suno-async").glob("*.sqlite")
    return file


def song(*more: str) -> str:
    """The id of a new song."""
    return called("generate-music", "--prompt", "rain", "--no-wait", *more).stdout.strip()


def test_status_asks_the_service_once(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = song()
    called("wait", task_id)
    began = time.monotonic()
    (said,) = documents(called("status", "--last", "--json").stdout)
    assert (said["task_id"], said["stage"], len(said["result"]["tracks"])) == (task_id, "COMPLETE", 2)
    monkeypatch.setenv("SUNO_STORE", "memory:")
    assert called("status", task_id).stdout.startswith(f"GenerateMusic {task_id}: complete")
    assert time.monotonic() - began < 5
    assert "give the id of a task, or --last" in called("status", code=2).output
    assert "the store has no task yet" in called("wait", "--last", code=1).stderr


def test_wait_prints_each_task_once(shell: Path) -> None:
    one, two = song(), called("generate-lyrics", "--prompt", "x", "--no-wait").stdout.strip()
    ended = called("wait", one, two, one, "--json", "--save", "songs", "-q")
    said = {each["task_id"]: each for each in documents(ended.stdout)}
    assert set(said) == {one, two}
    assert len(said[one]["saved"]) == 4
    assert "GenerateLyrics" in called("wait", two).stdout
    assert (
        "must be one of generate-lyrics, get-timestamped-lyrics"
        in called("wait", "x", "--kind", "lyrics", code=2).output
    )


def test_tasks_lists_the_newest_first(shell: Path) -> None:
    one = song()
    two = called("generate-lyrics", "--prompt", "a rainy day", "--no-wait").stdout.strip()
    heading, *rows = called("tasks").stdout.splitlines()
    assert heading.split() == ["Task", "Request", "State", "Age", "Words"]
    assert [row.split()[0] for row in rows] == [two, one]
    assert "a rainy day" in rows[0]
    called("wait", one)
    (left,) = documents(called("tasks", "--unfinished", "--json").stdout)
    assert (left["task_id"], left["kind"], left["request"]) == (two, "GenerateLyrics", {"prompt": "a rainy day"})
    assert len(called("tasks", "--limit", "1").stdout.splitlines()) == 2


def test_resume_sees_everything_to_its_end_and_saves_what_was_not_saved(shell: Path) -> None:
    ids = {song(), song()}
    called("generate-music", "--prompt", "waited for, not saved", "-q")
    saved = documents(called("resume", "--save", "songs", "--json").stdout)
    assert ids < {one["task_id"] for one in saved}
    assert [len(one["saved"]) for one in saved] == [4, 4, 4]
    assert called("resume", "--save", "songs").stdout == ""
    assert called("tasks", "--unfinished", "--json").stdout == ""


def test_watch_takes_what_others_submit_until_it_is_stopped(shell: Path) -> None:
    with started("watch", "--json", "--save", "songs", "-q") as process:
        first = song()
        assert json.loads(process.stdout.readline())["task_id"] == first
        second = song()
        assert json.loads(process.stdout.readline())["task_id"] == second
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=HANGS)
    assert (process.returncode, printed, said) == (130, "", "")
    assert len(os.listdir("songs")) == 2


def test_save_takes_tasks_by_id_the_last_one_and_all_that_expire(shell: Path) -> None:
    one, two = song(), song()
    assert len(called("save", one, "--to", "one", "-q").stdout.splitlines()) == 4
    assert len(called("save", "--last", "--to", "last").stdout.splitlines()) == 4
    called("wait", two, "-q")
    assert called("save", "--all", "--to", "soon").stdout == ""
    (first, second) = documents(called("save", "--all", "--within", "15", "--to", "all", "--json").stdout)
    assert {first["task_id"], second["task_id"]} == {one, two}
    assert len(os.listdir("all")) == 2


def test_a_person_decides_about_submissions_whose_answer_was_lost(shell: Path) -> None:
    task_id = song()
    called("wait", task_id, "-q")

    async def lose(*refs: str) -> None:
        store = SQLiteStore(store_file(shell))
        for ref in refs:
            lost = Record(ref=ref, kind="GenerateMusic", provider="kie-jobs", request_json='{"prompt":"x"}')
            await store.intend(replace(lost, state=State.UNCERTAIN))
        await store.aclose()

    assert called("uncertain").stdout == "no submission is uncertain\n"
    asyncio.run(lose("lost-1", "lost-2"))
    assert [row.split()[0] for row in called("uncertain").stdout.splitlines()] == ["Ref", "lost-1", "lost-2"]
    assert {one["ref"] for one in documents(called("uncertain", "--json").stdout)} == {"lost-1", "lost-2"}
    made = asyncio.run(_another_song())
    assert f"suno-async wait {made}" in called("uncertain", "adopt", "lost-1", made).stdout
    assert called("uncertain", "dismiss", "lost-2").stdout == "lost-2 is given up\n"
    assert "no uncertain submission has the ref" in called("uncertain", "dismiss", "lost-2", code=2).output
    assert called("wait", made, "--save", "songs").stdout.count(".mp3") == 2


async def _another_song() -> str:
    """A task that the store does not know."""
    async with SunoClient() as suno:
        return (await suno.generate_music(prompt="rain")).id


def test_what_can_be_asked_without_a_task(shell: Path) -> None:
    assert float(called("credits").stdout) > 0
    assert documents(called("credits", "--json").stdout)[0]["credits"] > 0
    prices = called("prices").stdout
    assert "generate-music                             12" in prices
    assert {"request": "generate-music", "credits": 12.0} in documents(called("prices", "--json").stdout)
    assert "V4_5ALL" in called("models").stdout
    assert {one["model"] for one in documents(called("models", "--json").stdout)} >= {"V6", "V5"}


def test_an_uploaded_file_can_be_used_in_a_request(shell: Path) -> None:
    Path("voice.mp3").write_bytes(b"ID3" + bytes(2000))
    url = called("upload", "voice.mp3").stdout.strip()
    assert url.startswith("http://127.0.0.1")
    Path("voice.txt").write_text("x")
    (shown,) = documents(called("upload-cover", "--upload-url", url, "--prompt", "x", "--dry-run", "--json").stdout)
    assert url in str(shown["body"])
    (shown,) = documents(
        called("upload-cover", "--upload-url", "voice.mp3", "--prompt", "x", "--dry-run", "--json").stdout
    )
    assert "<upload of voice.mp3>" in str(shown["body"])
    assert "missing.mp3" in called("upload", "missing.mp3", code=2).stderr
