"""An emulator as a process, and an environment of one's own for commands."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from .support import Serving, serving, variables


@pytest.fixture(scope="session")
def emulator() -> Generator[Serving]:
    """An emulator whose songs take a fraction of a second, without rate limits."""
    options = ("--speed", "1000", "--no-rate-limits", "--media-seconds", "2", "--seed", "1", "--credits", "1000000")
    with serving("emulator", "--port", "0", *options) as command:
        yield command


@pytest.fixture
def shell(emulator: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a shell that leads to the emulator, in a directory of its own; return that directory."""
    for name in [name for name in os.environ if name.startswith("SUNO_")]:
        monkeypatch.delenv(name)
    for name, value in variables(emulator.line).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # of commands as processes
    monkeypatch.chdir(tmp_path)
    return tmp_path
