"""Commands on full disks, with closed pipes and wrong settings, and files of batches that were edited."""

import json
import signal
import time
from pathlib import Path

import pytest

from suno_async.cli.results_file import ResultsFile
from suno_async.errors import ConfigurationError

from ..servers import HANGS
from .support import called, documents, started


def jobs(name: str, *rows: object) -> str:
    """A file of JSON lines."""
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("XDG_DATA_HOME", "{here}/file", "no store can be made: {here}/file/suno-async: Not a directory"),
        ("SUNO_STORE", "foo://bar", "store must be sqlite:///path"),
        ("SUNO_BASE_URL", "http://[", "base_url must be an http(s) address"),
        ("SUNO_PROXY", "garbage", "proxy must be an http(s) address"),
    ],
)
def test_a_wrong_setting_is_one_line_and_one_document(
    shell: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    Path("file").touch()
    monkeypatch.setenv(variable, value.format(here=shell))
    reason = reason.format(here=shell)
    refused = called("credits", "--json", code=1)
    assert refused.stderr.startswith(f"Error: {reason}")
    (said,) = documents(refused.stdout)
    assert said["error"]["message"].startswith(reason)
    (check,) = documents(called("doctor", "--json", code=1).stdout)
    assert (check["check"], check["works"]) == ("settings", False)
    assert check["found"].startswith(reason)


def test_the_doctor_shows_no_password_of_a_store(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_STORE", "redis://:se-cret@127.0.0.1:1/0?password=se-cret")
    shown = called("doctor", code=1)
    assert "127.0.0.1:1/0: " in shown.stdout
    assert "se-cret" not in shown.output


def test_a_closed_pipe_is_silent_where_several_tasks_are_told(shell: Path) -> None:
    for number in range(3):
        called("generate-music", "--prompt", f"pipe {number}", "-q")
    ids = [one["task_id"] for one in documents(called("tasks", "--json").stdout)]
    with started("wait", *ids, "--json", "-q") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line_and_the_task_is_known(shell: Path) -> None:
    command = ["generate-music", "--prompt", "full", "--json", "-q"]
    with Path("/dev/full").open("w") as full, started(*command, stdout=full) as process:
        _, said = process.communicate()
    assert (process.returncode, said) == (1, "Error: [Errno 28] No space left on device\n")
    assert documents(called("wait", "--last", "--json").stdout)[0]["stage"] == "COMPLETE"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGTERM that can be handled")
def test_sigterm_ends_a_command_as_ctrl_c_does(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_EMULATOR_SPEED", "1")  # it polls rarely
    with started("generate-music", "--prompt", "stopped") as process:
        while not called("tasks", "--json", "--unfinished").stdout.count('"task_id":"'):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        printed, said = process.communicate(timeout=HANGS)
    assert (process.returncode, printed) == (143, "")
    assert "To come back: suno-async wait" in said


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows sends no SIGINT to a process")
def test_ctrl_c_while_files_are_saved_says_how_to_save_them(shell: Path) -> None:
    Path("songs").mkdir()
    with started("generate-music", "--prompt", "saved later", "--save", "songs") as process:
        while not any(Path("songs").iterdir()):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=HANGS)
    assert (process.returncode, printed) == (130, "")
    assert "has ended: suno-async save " in said
    called(*said.splitlines()[-1].partition("suno-async ")[2].split(), "--to", "songs")


def test_where_nothing_can_be_saved_nothing_is_paid(shell: Path) -> None:
    before = called("credits").stdout
    Path("file").touch()
    for place in ("file", "file/songs"):
        refused = called("generate-music", "--prompt", "x", "--save", place, "--json", code=1)
        assert f"nothing can be saved in {place}: " in documents(refused.stdout)[0]["error"]["message"]
    assert called("credits").stdout == before


def test_a_task_that_was_paid_is_named_when_it_cannot_be_saved(shell: Path) -> None:
    """In the document, so that a script can save it later."""
    command = ("generate-music", "--prompt", "in the way", "--json", "-q", "--save", "songs")
    (saved,) = documents(called(*command, "--key", "way").stdout)
    folder = Path(saved["saved"][0]).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.touch()
    (said,) = documents(called(*command, "--key", "way", code=1).stdout)
    assert (said["task_id"], said["error"]["type"]) == (saved["task_id"], "DownloadFailed")


def test_rows_are_what_their_writer_meant(shell: Path) -> None:
    before = called("credits").stdout
    Path("jobs.csv").write_text("prompt,style, prompt\na,fado,b\n")
    assert "several columns 'prompt'" in called("batch", "jobs.csv", code=2).output
    for key in ("  ", "k" * 513):
        refused = called("batch", jobs("jobs.jsonl", {"prompt": "a", "key": key}), code=2)
        assert "row 1: key must be text of at most 512 characters" in refused.output
    assert called("credits").stdout == before
    # Separators of lines within a JSON text end no row, and 0 is a key.
    called("batch", jobs("jobs.jsonl", {"prompt": "a\u2028b"}, {"prompt": "c\x85d", "key": 0}), "-q")
    said = documents(Path("jobs.jsonl.results.jsonl").read_text("utf-8"))
    assert {one["row"]: one["key"] for one in said}[2] == "0"
    assert len(said) == 2


def test_a_row_that_was_edited_under_its_key_is_not_taken_for_done(shell: Path) -> None:
    called("batch", jobs("jobs.jsonl", {"prompt": "first", "key": "edited"}), "-q")
    before = called("credits").stdout
    called("batch", jobs("jobs.jsonl", {"prompt": "second", "key": "edited"}), "-q", code=1)
    *_, refused = documents(Path("jobs.jsonl.results.jsonl").read_text())
    assert "key belongs to another job" in refused["error"]["message"]
    called("batch", jobs("jobs.jsonl", {"prompt": "first", "key": "edited"}), "-q")
    assert called("credits").stdout == before


def test_one_run_at_a_time_writes_results(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, saved=False) as one:
        with pytest.raises(ConfigurationError, match="another run"), ResultsFile(path, saved=False):
            pass
        one.add({"key": "a", "error": None})
    with ResultsFile(path, saved=False) as two:
        assert set(two.done) == {"a"}
    assert [one.name for one in tmp_path.iterdir()] == ["results.jsonl"]
