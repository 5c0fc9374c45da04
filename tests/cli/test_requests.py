"""A command for each request, made from the table."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from suno_async import GenerateMusic
from suno_async.api.requests import TABLE
from suno_async.cli.kinds import KINDS
from suno_async.cli.request import COMMON, command_of
from suno_async.stores import SQLiteStore

from ..servers import HANGS
from .support import COMMAND, called, documents, ran, started


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_every_request_is_an_option(name: str) -> None:
    """And the help has the docstring and the description of each field."""
    shown = called(name, "--help").output
    for field in KINDS[name].__struct_fields__:
        assert (f"--{field.replace('_', '-')} " in shown) is (field != "source")
    assert ("--last" in shown) is ("source" in KINDS[name].__struct_fields__)
    assert " ".join(shown.split()).count((KINDS[name].__doc__ or "").split()[0])


def test_no_field_is_called_as_an_option_of_all() -> None:
    taken = {*COMMON, "last", "take", "help"}
    assert len(KINDS) == len(TABLE)
    for kind in TABLE:
        assert not taken & set(kind.__struct_fields__)
        command_of(kind)


def test_a_song_is_saved_with_one_command(shell: Path) -> None:
    ended = called("generate-music", "--prompt", "rain in Lisbon", "--save", "songs")
    paths = [Path(line) for line in ended.stdout.splitlines()]
    assert sorted(path.suffix for path in paths) == [".jpeg", ".jpeg", ".mp3", ".mp3"]
    assert all(path.stat().st_size > 0 for path in paths)
    assert {path.parent.parent for path in paths} == {Path("songs")}
    assert (paths[0].parent / "task.json").exists()
    assert "GenerateMusic pending" in ended.stderr
    assert "GenerateMusic complete" in ended.stderr


def test_scripts_get_one_document_a_line(shell: Path) -> None:
    ended = called("generate-lyrics", "--prompt", "a short song", "--json", "-q")
    (said,) = documents(ended.stdout)
    assert (said["kind"], said["stage"], said["error"], said["saved"]) == ("GenerateLyrics", "COMPLETE", None, [])
    assert said["result"]["variants"][0]["text"]
    assert ended.stderr == ""
    (left,) = documents(called("get-credits", "--json").stdout)
    assert left["result"] > 0


def test_a_later_request_takes_the_last_task_as_its_source(shell: Path) -> None:
    (song,) = documents(called("generate-music", "--prompt", "rain", "--json").stdout)
    second = song["result"]["tracks"][1]["id"]
    (shown,) = documents(called("separate-stems", "--last", "--take", "2", "--dry-run", "--json").stdout)
    assert (shown["body"]["taskId"], shown["body"]["audioId"]) == (song["task_id"], second)
    (stems,) = documents(called("separate-stems", "--last", "--take", "2", "--save", "songs", "--json").stdout)
    assert len(stems["saved"]) == 2
    refused = called("extend-music", "--last", code=2).output
    assert "ExtendMusic starts from a Track, and the last task is SeparateStems" in " ".join(refused.split())
    assert called("generate-midi", "--last").stdout.startswith("GenerateMidi ")


def test_fields_come_from_a_file_from_stdin_and_from_options(shell: Path) -> None:
    """Options come before the file. Nothing is sent by --dry-run, and no key is needed."""
    Path("song.json").write_text(json.dumps({"style": "fado", "title": "In the file", "weirdness_constraint": 0.3}))
    os.environ.pop("SUNO_API_KEY")
    arguments = ("generate-music", "--param", "@song.json", "--title", "Rain", "--lyrics", "-", "--model", "V5")
    (shown,) = documents(called(*arguments, "--dry-run", "--json", given="la la\nla\n").stdout)
    body = shown["body"]
    assert (body["style"], body["title"], body["weirdnessConstraint"]) == ("fado", "Rain", 0.3)
    assert body["prompt"] == "la la\nla"
    assert (shown["problems"], shown["credits"]) == ([], 12)
    assert called("tasks").stdout.splitlines()[1:] == []
    Path("wrong.json").write_text('{"styl": "fado"}')
    assert "did you mean 'style'" in called("generate-music", "--param", "@wrong.json", code=2).output
    assert "song.json" in called("generate-music", "--param", "song.json", code=2).output
    assert "nothing came" in called("generate-music", "--prompt", "-", given="", code=2).output


def test_bad_values_name_the_option_and_the_limit(shell: Path) -> None:
    wrong = called("generate-music", "--style", "x", "--title", "x" * 101, "--weirdness-constraint", "3", code=2)
    assert wrong.stderr.splitlines() == [
        "Error: --weirdness-constraint must be a number from 0 to 1, got 3.0",
        "Error: --title must have at most 80 characters with V6, got 101 characters",
    ]
    assert "Invalid value for '--duration'" in called("generate-music", "--duration", "x", code=2).output
    assert "upload_url" in called("add-vocals", code=2).output  # in msgspec's words before 0.20
    assert called("generate-music", "--style", "x", "--title", "x" * 101, "--dry-run", code=2).stdout.count("problem: ")


def test_a_refusal_of_the_service_exits_with_1_and_says_what_to_do(
    shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNO_API_KEY", "wrong")
    refused = called("generate-music", "--prompt", "rain", "--json", code=1)
    assert "check api_key= or SUNO_API_KEY" in refused.stderr
    (said,) = documents(refused.stdout)
    assert said["error"]["type"] == "Unauthorized"
    monkeypatch.delenv("SUNO_API_KEY")
    assert "suno-async emulator runs the service" in called("credits", code=1).stderr


def test_a_place_for_files_that_cannot_be_used_is_refused_before_anything_is_paid(shell: Path) -> None:
    refused = called("generate-music", "--prompt", "rain", "--save", "nowhere://songs", code=1)
    assert "nowhere" in refused.stderr
    assert called("tasks", "--json").stdout == ""


def test_the_default_store_is_one_for_each_host(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks of an emulator do not come among real ones."""
    task_id = called("generate-music", "--prompt", "rain", "--no-wait").stdout.strip()
    assert task_id in called("tasks").stdout
    (file,) = (shell / "data" / "suno-async").glob("*.sqlite")
    assert file.name.startswith("127.0.0.1-")
    monkeypatch.delenv("SUNO_BASE_URL")
    assert task_id not in called("tasks").stdout
    assert (shell / "data" / "suno-async" / "api.kie.ai.sqlite").exists()
    monkeypatch.setenv("SUNO_STORE", f"sqlite:///{file}")
    assert task_id in called("tasks").stdout


def test_the_same_key_is_paid_once(shell: Path) -> None:
    one, two = (called("generate-music", "--prompt", "rain", "--key", "order-42", "--no-wait").stdout for _ in range(2))
    assert one == two
    assert (
        "--key belongs to another job" in called("generate-music", "--prompt", "x", "--key", "order-42", code=2).stderr
    )


def test_ctrl_c_leaves_the_paid_task_and_says_how_to_come_back(shell: Path) -> None:
    slow = {**os.environ, "SUNO_EMULATOR_SPEED": "1"}  # it polls rarely
    with started("generate-music", "--prompt", "rain", env=slow) as process:
        task_id = process.stderr.readline().split()[0]
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=HANGS)
    assert (process.returncode, printed) == (130, "")
    assert f"Interrupted: task {task_id} goes on at the service. To come back: suno-async wait {task_id}" in said
    assert "Traceback" not in said
    (song,) = documents(called("wait", task_id, "--json").stdout)
    assert song["stage"] == "COMPLETE"


def test_a_pipe_that_is_closed_early_is_silent(shell: Path) -> None:
    for _ in range(3):
        called("generate-lyrics", "--prompt", "x", "--no-wait")
    for command in ("tasks --json", "models", "tasks", "generate-midi --help"):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as closed, started(*command.split(), stdout=closed) as process:
            assert process.communicate()[1] == "", command
    line = f"{' '.join(COMMAND)} models | true"
    assert subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=HANGS).stderr == ""


def test_what_help_loads_is_little() -> None:
    """The pages come at once: neither the client nor rich is loaded for them."""
    program = "import sys; sys.argv = ['x', *sys.argv[1:]]\nfrom suno_async.cli import main\ntry: main()\n"
    program += "finally: print('LOADED', *sys.modules)"
    for arguments in (["--help"], ["generate-music", "--help"], ["wait", "--help"]):
        done = subprocess.run([COMMAND[0], "-c", program, *arguments], capture_output=True, text=True)
        loaded = set(done.stdout.rpartition("LOADED")[2].split())
        assert not loaded & {"aiohttp", "anyio", "rich", "platformdirs", "sqlite3", "suno_async.client"}, arguments


def test_completion_proposes_options_and_values() -> None:
    """As bash asks for it."""
    for typed, expected in (
        ("suno-async generate-music --mod", "--model"),
        ("suno-async generate-music --model V5_", "V5_5"),
        ("suno-async separate-stems --type split_stem_", "split_stem_advanced"),
        ("suno-async gener", "generate-lyrics"),
    ):
        env = {**os.environ, "_SUNO_ASYNC_COMPLETE": "complete_bash", "COMP_WORDS": typed}
        env["COMP_CWORD"] = str(len(typed.split()) - 1)
        with started(env=env) as process:
            done = process.communicate()
        assert expected in done[0].split(), (typed, done)


async def test_records_are_kept_in_the_store(shell: Path) -> None:
    """Nothing that was paid from a shell is forgotten."""
    process = ran("generate-music", "--prompt", "rain", "--no-wait")
    (file,) = (shell / "data" / "suno-async").glob("*.sqlite")
    store = SQLiteStore(file)
    record = await store.get(task_id=process.stdout.strip())
    await store.aclose()
    assert record is not None
    assert record.kind == GenerateMusic.__name__
    assert record.created <= time.time()
