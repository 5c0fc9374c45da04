import pytest

pytest.register_assert_rewrite("suno_async.testing.store_contract")  # before any test imports it
