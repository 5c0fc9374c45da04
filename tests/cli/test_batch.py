"""`suno-async batch`: many jobs from a file."""

import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from suno_async.cli.batch_progress import BatchProgress

from ..programs import Program, run
from ..servers import HANGS
from .support import Serving, called, documents, started

ROWS = int(os.environ.get("BATCH", "40"))
"""Rows of the batch that is killed; `make chaos` has 200."""
KILLS = max(2, ROWS // 20)
# A lease of a second, so that it is soon known that a process was killed.
WITH_SHORT_LEASES = (
    "from suno_async.submissions.coordination import Alone; Alone.lease = 1.0\nfrom suno_async.cli import main; main()"
)


def written(name: str, *rows: Any) -> Path:
    """A file of JSON lines."""
    path = Path(name)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def results(name: str = "jobs.jsonl") -> list[dict[str, Any]]:
    """The results of a batch."""
    return documents(Path(f"{name}.results.jsonl").read_text())


def test_rows_become_jobs_and_their_files_are_saved(shell: Path) -> None:
    jobs = written("jobs.jsonl", {"prompt": "one"}, {"request": "generate-lyrics", "prompt": "two", "key": "k2"})
    before = float(called("credits").stdout)
    ended = called("batch", str(jobs), "--save", "songs", "--json", "-q")
    said = {one["row"]: one for one in documents(ended.stdout)}
    assert (said[1]["kind"], len(said[1]["saved"]), said[1]["credits"]) == ("GenerateMusic", 4, 12)
    assert (said[2]["kind"], len(said[2]["saved"]), said[2]["key"]) == ("GenerateLyrics", 2, "k2")
    assert sorted(results(), key=lambda one: one["row"]) == [said[1], said[2]]
    again = called("batch", str(jobs), "--save", "songs")
    assert again.stdout.startswith("2 of 2 done, 12.4 credits; results in jobs.jsonl.results.jsonl")
    Path("jobs.jsonl.results.jsonl").unlink()
    called("batch", str(jobs), "-q")  # the keys of the rows are in the store
    assert before - float(called("credits").stdout) == pytest.approx(12.4)


def test_csv_has_texts_for_everything(shell: Path) -> None:
    """And equal rows are several songs."""
    Path("jobs.csv").write_text(
        "prompt,style,title,instrumental,weirdness_constraint,duration\n"
        "la,fado,One,false,0.25,60\n"
        ",tango,Two,true,,\n"
        ",tango,Two,true,,\n"
    )
    called("batch", "jobs.csv", "-q")
    said = documents(called("tasks", "--json").stdout)
    asked = sorted((one["request"] for one in said), key=lambda one: one["title"])
    told = {"prompt": "la", "style": "fado", "title": "One", "weirdness_constraint": 0.25, "duration": 60}
    assert asked[0] == told | {"model": "V6"}  # what is so by default is not written down
    assert asked[1]["instrumental"] is True
    assert [one["title"] for one in asked] == ["One", "Two", "Two"]
    assert len({one["task_id"] for one in said}) == 3


def test_nothing_is_sent_if_one_row_is_wrong(shell: Path) -> None:
    before = called("credits").stdout
    for row, problem in (
        ({"promt": "x"}, "row 2: GenerateMusic has no field 'promt', did you mean 'prompt'?"),
        ({"prompt": "x", "title": "y" * 101}, "row 2: title must have at most 80 characters with V6"),
        ({"request": "boost-style", "content": "x"}, "row 2: BoostStyle is answered at once"),
        ({"request": "sing"}, "row 2: 'sing' must be one of"),
    ):
        refused = called("batch", str(written("jobs.jsonl", {"prompt": "good"}, row)), code=2)
        assert problem in " ".join(refused.output.split())
    Path("jobs.jsonl").write_text('{"prompt": "good"}\n[1]\n')
    assert "row 2 must be a JSON object" in called("batch", "jobs.jsonl", code=2).output
    Path("jobs.csv").write_text("prompt\ngood\na,b\n")
    assert "row 3 has more or fewer columns" in called("batch", "jobs.csv", code=2).output
    twice = written("jobs.jsonl", {"prompt": "a", "key": "k"}, {"prompt": "b", "key": "k"})
    assert "several rows have the key 'k'" in called("batch", str(twice), code=2).output
    assert called("credits").stdout == before


def test_the_budget_holds_over_all_runs(shell: Path) -> None:
    jobs = str(written("jobs.jsonl", *({"prompt": f"budget {number}"} for number in range(4))))
    first = called("batch", jobs, "--budget", "30", code=1)
    assert first.stdout.startswith("2 of 4 done, 2 failed, 24 credits")
    assert Counter(one["error"] is None for one in results()) == {True: 2, False: 2}
    assert called("batch", jobs, "--budget", "30", code=1).stdout.startswith("2 of 4 done, 2 failed, 24 credits")
    assert len(results()) == 4
    assert called("batch", jobs, "--budget", "48").stdout.startswith("4 of 4 done, 48 credits")
    assert {one["error"] for one in results()} == {None}


def test_the_progress_tells_credits_throughput_and_the_time_that_is_left() -> None:
    now = [100.0]
    shown: list[tuple[str, int]] = []
    progress = BatchProgress(10, 2, 24.0, lambda text, ended: shown.append((text, ended)), clock=lambda: now[0])
    assert str(progress) == "2 of 10 done, 24 credits"
    now[0] = 130.0
    progress.ended(12.0, failed=False)
    progress.ended(None, failed=True)
    assert shown[-1] == ("3 of 10 done, 1 failed, 36 credits, 240 an hour, about 90 s left", 4)


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_batch_that_is_killed_again_and_again_ends_with_every_row_once(shell: Path, emulator: Serving) -> None:
    """Rows whose answer was lost wait for a person, who looks at the account's page."""
    named = f"{time.time_ns()}"  # the emulator is that of other tests, too
    jobs = written("jobs.jsonl", *({"prompt": f"{named} {number}"} for number in range(ROWS)))
    path, chance = Path("jobs.jsonl.results.jsonl"), random.Random(16)
    command = ["-W", "error", "-c", WITH_SHORT_LEASES, "batch", str(jobs), "--concurrency", "20", "-q"]
    for kill in range(1, KILLS + 1):
        with Program(*command) as process:
            end = time.monotonic() + 60
            while lines_of(path) < kill * ROWS // (KILLS + 2) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.05)
            assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGKILL)
            process.communicate()
    run(*command)
    for lost in documents(called("uncertain", "--json").stdout):
        made = tasks_of(emulator, lost["request"]["prompt"])
        assert lost["ref"][0] != "-", "it would be taken for an option"
        called("uncertain", *(("adopt", lost["ref"], made[0]) if made else ("dismiss", lost["ref"])))
    ended = run(*command)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(one["row"] for one in results()) == list(range(1, ROWS + 1))
    assert {one["error"] for one in results()} == {None}
    assert len(tasks_of(emulator, named)) == ROWS


def tasks_of(emulator: Serving, words: str) -> list[str]:
    """The ids of the tasks with these words, as the account's page shows them."""
    with urllib.request.urlopen(f"{emulator.url}/__emulator/tasks?newest=100000") as answer:
        tasks = json.load(answer)["tasks"]
    exact = [one["id"] for one in tasks if one["title"] == words]
    return exact or [one["id"] for one in tasks if one["title"].startswith(f"{words} ")]


def test_ctrl_c_says_how_to_go_on(shell: Path) -> None:
    jobs = written("jobs.jsonl", *({"prompt": f"stopped {number}"} for number in range(30)))
    slow = {**os.environ, "SUNO_EMULATOR_SPEED": "1"}  # it polls rarely
    with started("batch", str(jobs), env=slow) as process:
        while len(called("tasks", "--json", "--limit", "100").stdout.splitlines()) < 30:
            pass
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=HANGS)[1]
    assert process.returncode == 130
    assert " tasks go on at the service. To come back: run the same command again" in said
    called("batch", str(jobs), "-q")
    assert len(results()) == 30
