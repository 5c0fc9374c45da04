"""Time for the tests."""

import asyncio
from typing import Any

import anyio.to_thread
import pytest

from .loop import JumpLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": JumpLoop}


@pytest.fixture
async def threads() -> None:
    """Lets time stand still while a thread works, for tests that write files."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpLoop)
    limiter = anyio.to_thread.current_default_thread_limiter()
    loop.jumps.busy = lambda: limiter.borrowed_tokens > 0


def now() -> float:
    return asyncio.get_running_loop().time()
