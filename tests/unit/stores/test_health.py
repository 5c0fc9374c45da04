"""What is noted of a store by those who use it."""

import pytest

from suno_async import StoreError
from suno_async.stores.base import Damaged
from suno_async.stores.health import StoreHealth

from ...conftest import now


async def test_the_last_call_counts() -> None:
    health = StoreHealth()
    assert (health.reachable, health.failed_at, health.error) == (None, None, "")
    with pytest.raises(StoreError), health:
        raise StoreError("disk full")
    failed_at = health.failed_at
    assert failed_at == pytest.approx(now(), abs=1)
    assert (health.reachable, health.error) == (False, "disk full")
    with health:
        pass
    assert (health.reachable, health.failed_at, health.error) == (True, failed_at, "disk full")


async def test_a_damaged_record_is_an_answer() -> None:
    health = StoreHealth()
    with pytest.raises(Damaged), health:
        raise Damaged("r1")
    assert (health.reachable, health.failed_at) == (True, None)


async def test_what_is_no_answer_of_the_store_tells_nothing() -> None:
    health = StoreHealth()
    with pytest.raises(ValueError, match="a bug"), health:
        raise ValueError("a bug")
    assert health.reachable is None
