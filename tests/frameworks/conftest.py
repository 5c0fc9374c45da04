"""Emulators for programs that take them from the environment."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from suno_async.emulator import Emulator

from ..programs import ROOT
from .processes import Stepped, served, stepped


@contextmanager
def named(emulator: Emulator, folder: Path) -> Generator[None]:
    """Name an emulator, and a store, by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SUNO_PROVIDER", raising=False)
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # this checkout, whatever is installed
        patch.setenv("SUNO_STORE", f"sqlite:///{folder / 'songs.db'}")
        patch.setenv("SUNO_API_KEY", emulator.api_key)
        patch.setenv("SUNO_BASE_URL", emulator.url)
        yield


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have programs poll as fast as the emulator makes songs."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "frameworks" / "quick"), prepend=os.pathsep)


@pytest.fixture
def emulator(tmp_path: Path) -> Generator[Emulator]:
    """In a thread of its own, in a hurry."""
    with served() as emulator, named(emulator, tmp_path):
        yield emulator


@pytest.fixture
def suno(tmp_path: Path) -> Generator[Stepped]:
    """The same, whose clock the test moves."""
    with stepped() as one, named(one.emulator, tmp_path):
        yield one
