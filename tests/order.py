"""The order of the tests: those that wait for other processes come among those that compute."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
WAITING = {
    *("apps/test_fan_out.py", "cli/test_batch.py", "cli/test_emulator.py", "cli/test_terminal.py"),
    *("frameworks/test_deployment.py", "frameworks/test_event_loops.py", "frameworks/test_litestar_app.py"),
    *("frameworks/test_song_page.py", "frameworks/test_sync_examples.py"),
    *("promises/test_chaos.py", "promises/test_platforms.py", "promises/test_rolling_deploy.py"),
    *("promises/test_store_faults_postgres.py", "promises/test_store_faults_redis.py", "promises/test_workers.py"),
    *("testing/test_plugin.py", "unit/stores/test_postgres_faults.py", "unit/stores/test_redis_faults.py"),
}
"""Files whose tests take a second or more, which they mostly wait: for servers and for processes that they start."""
EARLY = 0.6
"""The share of the other tests before which the last of these begins: in the end all workers have short ones to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """While some workers of pytest-xdist wait, the others compute; by itself a file would keep all of them waiting."""
    waiting = [item for item in items if item.path.relative_to(ROOT).as_posix() in WAITING]
    others = [item for item in items if item.path.relative_to(ROOT).as_posix() not in WAITING]
    step = int(EARLY * len(others) / max(1, len(waiting)))
    ordered: list[pytest.Item] = []
    for count, item in enumerate(waiting):
        ordered += [item, *others[count * step : (count + 1) * step]]
    items[:] = ordered + others[len(waiting) * step :]
