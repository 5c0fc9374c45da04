"""Tests. The contract of stores is registered before it loads, so that its assertions are explained, too."""

import pytest

pytest.register_assert_rewrite("suno_async.testing.store_contract")
