"""What anyio's option `anyio_mode = "auto"` does, which came with anyio 4.11: a plugin of pytest."""

import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Coroutine functions are tests of anyio's plugin."""
    if collector.istestfunction(obj, name) and inspect.iscoroutinefunction(obj):
        pytest.mark.anyio(obj)
