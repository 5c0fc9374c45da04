"""Songs from a CSV file, as its user runs it, in real time."""

import asyncio
import csv
from pathlib import Path

from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import Emulator, Fail

from ..programs import ROOT, Ended, Program
from ..programs import run as ran

COMMAND = ["-W", "error", "-m", "tests.apps.quick", "examples/fan_out.py"]


def run(*arguments: str | Path) -> Ended:
    return ran(*COMMAND, *arguments, cwd=ROOT)


def written(folder: Path, *rows: str) -> Path:
    file = folder / "album.csv"
    file.write_text("\n".join(["id,prompt,style,title", *rows]))
    return file


def results(file: Path) -> list[dict[str, str]]:
    path = file.with_suffix(".results.csv")
    if not path.exists():
        return []
    with path.open(newline="") as opened:
        return sorted(csv.DictReader(opened), key=lambda row: row["id"])


async def bought() -> int:
    """How many songs have a task, as the store says."""
    async with SunoClient() as suno:
        tasks = [task async for task in suno.resume()] + [task async for task in suno.results()]
    return len({task.id for task in tasks if task.id})


def test_one_that_is_killed_goes_on_where_it_stopped(emulator: Emulator, tmp_path: Path) -> None:
    """Six songs, credits for five. It is killed when they are bought and when one is saved, and then run to its end."""
    file = written(tmp_path, *(f"{number},song {number},," for number in range(6)))
    arguments = [str(file), str(tmp_path / "songs"), "60"]
    for saved in (0, 1):
        with Program(*COMMAND, *arguments, cwd=ROOT) as process:
            while asyncio.run(bought()) < 5 or len(results(file)) < saved:
                assert process.poll() is None
            process.kill()
    ended = run(*arguments)
    assert (ended.returncode, ended.stderr) == (1, "")
    *paid, left = results(file)
    assert len(emulator.runs) == 5
    assert emulator.credits == 940
    assert [row["credits"] for row in paid] == ["12.0"] * 5
    assert len({row["task_id"] for row in paid}) == 5
    assert all(len([*Path(row["folder"]).glob("*.mp3")]) == 2 for row in paid)
    assert "budget" in left["error"]


def test_what_fails_is_a_row_with_its_reason(emulator: Emulator, tmp_path: Path) -> None:
    """One that was paid back is made once more; the next run gets both results as they were."""
    emulator.script(GenerateMusic, [Fail(), None, Fail("SENSITIVE_WORD_ERROR")])
    file = written(tmp_path, "a,rain,,", "b,sun,,")
    for _ in range(2):
        ended = run(file, tmp_path / "songs", "100")
        assert (ended.returncode, ended.stderr) == (1, "")
        assert len([row for row in results(file) if not row["error"]]) == 1
    assert len(emulator.runs) == 3


def test_a_file_that_cannot_be_used_costs_nothing(emulator: Emulator, tmp_path: Path) -> None:
    for rows, reason in {
        ("1,rain,,", f"2,{'x' * 9000},,"): "2: prompt must have at most",
        ("1,rain,,", "1,sun,,"): "each row must have an id of its own, got '1'",
        ("1,rain,,,x",): "1: there are more cells than columns",
        (",rain,,",): "each row must have an id of its own, got ''",
    }.items():
        ended = run(written(tmp_path, *rows), tmp_path / "songs", "100")
        assert ended.returncode == 1
        assert reason in ended.stderr
        assert "Traceback" not in ended.stderr
    assert not emulator.runs
