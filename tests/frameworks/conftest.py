"""An emulator for programs that take it from the environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from suno_async.emulator import Emulator

from .processes import ROOT, served


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """In a thread of its own, and named by the environment."""
    monkeypatch.delenv("SUNO_PROVIDER")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this checkout, whatever is installed
    monkeypatch.setenv("SUNO_STORE", f"sqlite:///{tmp_path / 'songs.db'}")
    with served() as emulator:
        monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
        monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
        yield emulator
