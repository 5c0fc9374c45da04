"""Real time for the tests of stores: there are threads, servers and other processes."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "songs.db"
