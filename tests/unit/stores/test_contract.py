"""The contract of stores, kept by each of ours."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from suno_async.stores import MemoryStore, PostgresStore, RedisStore, SQLiteStore
from suno_async.testing.store_contract import SharedStoreContract, StoreContract

from ...postgres import PostgresServer
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


class TestPostgresStore(SharedStoreContract):
    @pytest.fixture
    def name(self, tmp_path: Path) -> str:
        return f"s_{tmp_path.name.lower()}"[-40:].strip("_")

    @pytest.fixture
    async def store(self, postgres: PostgresServer, name: str) -> AsyncGenerator[PostgresStore]:
        async with PostgresStore(postgres.url, name=name) as store:
            yield store

    @pytest.fixture
    async def other(self, postgres: PostgresServer, name: str) -> AsyncGenerator[PostgresStore]:
        async with PostgresStore(postgres.url, name=name) as other:
            yield other
