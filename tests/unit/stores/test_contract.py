"""The contract of stores, kept by each of ours."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from suno_async.stores import MemoryStore, RedisStore, SQLiteStore
from suno_async.testing.store_contract import SharedStoreContract, StoreContract

from ...servers import RedisServer


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def other(self, store: MemoryStore) -> MemoryStore:
        return store


class TestSQLiteStore(SharedStoreContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncGenerator[SQLiteStore]:
        async with SQLiteStore(path) as store:
            yield store

    @pytest.fixture
    async def other(self, path: Path) -> AsyncGenerator[SQLiteStore]:
        async with SQLiteStore(path) as other:
            yield other


class TestRedisStore(SharedStoreContract):
    @pytest.fixture
    async def store(self, redis: RedisServer, tmp_path: Path) -> AsyncGenerator[RedisStore]:
        async with RedisStore(redis.url, name=tmp_path.name) as store:
            yield store

    @pytest.fixture
    async def other(self, redis: RedisServer, tmp_path: Path) -> AsyncGenerator[RedisStore]:
        async with RedisStore(redis.url, name=tmp_path.name) as other:
            yield other
