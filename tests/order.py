"""The order of the tests: those that wait for other processes come among those that compute."""

import pytest

WAITING = (
    "tests/apps/test_fan_out",
    "tests/cli/test_batch",
    "tests/cli/test_emulator",
    "tests/cli/test_terminal",
    "tests/frameworks/test_deployment",
    "tests/frameworks/test_event_loops",
    "tests/frameworks/test_litestar_app",
    "tests/frameworks/test_song_page",
    "tests/frameworks/test_sync_examples",
    "tests/promises/test_chaos",
    "tests/promises/test_platforms",
    "tests/promises/test_rolling_deploy",
    "tests/promises/test_store_faults",
    "tests/promises/test_workers",
    "tests/testing/test_plugin",
    "tests/unit/stores/",
)
"""Where tests take long, and wait for most of it: for servers and for processes that they start."""
EARLY = 0.6
"""The share of the other tests before which the last of these begins: in the end all workers have short ones to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """While some workers of pytest-xdist wait, the others compute; by itself a file would keep all of them waiting."""
    waiting = [item for item in items if waits(item)]
    others = [item for item in items if not waits(item)]
    step = int(EARLY * len(others) / max(1, len(waiting)))
    ordered: list[pytest.Item] = []
    for count, item in enumerate(waiting):
        ordered += [item, *others[count * step : (count + 1) * step]]
    items[:] = ordered + others[len(waiting) * step :]


def waits(item: pytest.Item) -> bool:
    return item.nodeid.startswith(WAITING)
