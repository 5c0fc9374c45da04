"""The command in a terminal: bars there, plain lines elsewhere, and what the README shows."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from docs.terminal import COMMANDS, PICTURE, screen, typed

from .support import COMMAND, Serving, called

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_a_terminal_has_a_bar_for_each_task_and_each_download(shell: Path) -> None:
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}
    written = typed('suno-async generate-music --prompt "rain" --save songs', str(shell), environment)
    shown = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in screen(written)]
    assert re.match(r"\s*GenerateMusic [0-9a-f]{8} ━+ complete", shown[0])
    assert re.match(r"\s*saving [0-9a-f]{8}\s+━+ [\d.]+ of [\d.]+ MB", shown[1])
    assert "\x1b[" in written  # drawn again and again
    assert len([line for line in shown if line.endswith((".mp3", ".jpeg"))]) == 4


def test_a_batch_has_one_bar(shell: Path) -> None:
    Path("jobs.csv").write_text("prompt\none\ntwo\n")
    written = typed("suno-async batch jobs.csv", str(shell), {**os.environ, "COLUMNS": "120", "TERM": "xterm"})
    shown = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in screen(written)]
    assert re.match(r"━+ 2 of 2 done, 24 credits, [\d]+ a(n hour| minute)", shown[0])


def test_elsewhere_there_are_plain_lines_and_with_q_nothing(shell: Path) -> None:
    """And rich is not even loaded."""
    ended = called("generate-music", "--prompt", "rain")
    assert [line.split()[1:3] for line in ended.stderr.splitlines()][-1] == ["GenerateMusic", "complete"]
    assert "\x1b" not in ended.stderr
    assert called("generate-music", "--prompt", "rain", "-q").stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_picture_shows_these_commands(command: str) -> None:
    shown = PICTURE.read_text().replace("&#160;", " ").replace("&quot;", '"')
    assert command in shown
    assert "docs/images/terminal.svg" in README
    assert "url(http" not in shown  # it asks no other host, as for fonts


def test_the_three_commands_of_the_readme_end_with_a_saved_song(emulator: Serving, shell: Path) -> None:
    """But for the first one, which installs what runs here."""
    with_key, without = re.findall(r"```sh\n([^`]*suno-async generate-music[^`]*)```", README)
    assert [len(block.splitlines()) for block in (with_key, without)] == [2, 2]
    assert with_key.splitlines()[1] == without.splitlines()[1]
    program = shell / "bin" / "suno-async"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUNO_")}
    environment |= {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    script = without.replace("--port 8737", "--port 0 --media-seconds 2")
    # The emulator may take longer to start here than on a machine of one's own.
    script = script.replace("sleep 3;", "for i in $(seq 200); do grep -q export suno.env && break; sleep 0.1; done;")
    script += "status=$?; kill %1; exit $status"
    ended = subprocess.run(
        ["bash", "-m", "-c", script], cwd=shell, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended
    assert len(list(shell.glob("songs/*/*.mp3"))) == 2
