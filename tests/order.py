"""The order of the tests: those that wait for other processes come among those that compute."""

from pathlib import Path

import pytest

WAITING = (
    *("apps/test_fan_out", "cli/test_batch", "cli/test_emulator", "cli/test_terminal"),
    *("frameworks/test_deployment", "frameworks/test_event_loops", "frameworks/test_litestar_app"),
    *("frameworks/test_song_page", "frameworks/test_sync_examples", "promises/test_chaos", "promises/test_platforms"),
    *("promises/test_rolling_deploy", "promises/test_store_faults", "promises/test_workers", "testing/test_plugin"),
    "unit/stores/",
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
    return item.path.relative_to(Path(__file__).parent).as_posix().startswith(WAITING)
