"""Windows and macOS: nothing that only Linux has is imported or called without need.

Songs are run in a process where such modules, names and methods of the loop are hidden.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "platforms.py"


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_songs_are_run_where_what_linux_has_is_hidden(platform: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(PROGRAM), platform, "", "sqlite:///songs.db"]
    environment = os.environ | {"PYTHONPATH": str(PROGRAM.parents[1])}  # this checkout, whatever is installed
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[1:] == [f"{store}: 4 files, 8 in all" for store in ("memory", "sqlite:///songs.db")]
    assert ran.returncode == 0
