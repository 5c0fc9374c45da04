"""Tests. Assertions of the contract of stores are explained like those of tests, so it is registered before it loads."""

import pytest

pytest.register_assert_rewrite("suno_async.testing.store_contract")
