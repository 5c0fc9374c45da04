"""Stores by their addresses, and the package that they are found in."""

import subprocess
import sys
from pathlib import Path

import pytest

import suno_async
from suno_async import ConfigurationError
from suno_async.stores import MemoryStore, PostgresStore, RedisStore, SQLiteStore, store_at


@pytest.mark.parametrize("around", ["{}", " {}", "{}\n", "\t{} \r\n"])
def test_blanks_and_line_ends_around_an_address_do_not_make_another_store(
    around: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = store_at(around.format("sqlite:///a%20b.db"))
    assert isinstance(store, SQLiteStore)
    assert store.path == tmp_path / "a b.db"
    assert isinstance(store_at(around.format("memory:")), MemoryStore)
    assert isinstance(store_at(around.format("redis://127.0.0.1:1/0")), RedisStore)
    assert isinstance(store_at(around.format("postgresql://me:secret@127.0.0.1:1/songs")), PostgresStore)
    assert isinstance(store_at(around.format("postgres:///songs?host=one,two&sslmode=require")), PostgresStore)


def test_a_relative_path_is_that_of_the_working_directory_at_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon changes it later."""
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("songs.db")
    monkeypatch.chdir("/")
    assert store.path == tmp_path / "songs.db"


@pytest.mark.parametrize(
    "url",
    [
        *("songs.db", "sqlite://songs.db", "sqlite:///", "mysql://me:secret@host/db", "redis:", "sqlite:songs.db", ""),
        *("redis://me:secret@host:port/0", "http://[", "mysql://me:sec/ret@host/db"),
    ],
)
def test_other_addresses_are_refused_without_their_passwords(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store must be sqlite:///path, redis://") as caught:
        store_at(url)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql://me:secret@host/db?colour=red", "postgresql://me:secret@[host/db"),
        *("postgresql:secret", "postgresql://host/db?password=sec@ret&x"),
        *("postgresql+psycopg://me:secret@host/db", "postgresql://me:sec%zzret@host/db", "postgres://me:sec\0ret@x/y"),
    ],
)
def test_other_addresses_of_postgres_are_refused_without_their_passwords(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store: not an address of PostgreSQL|store must be") as caught:
        store_at(url)
    assert "sec" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("name", ["", "pg_suno", "Suno", 'a"b', "a b", "a" * 41, "1a"])
def test_a_schema_that_cannot_be_named_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name must be a schema"):
        PostgresStore("postgresql:///songs", name=name)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "sqlite:///:memory:",
            "sqlite:///%3Amemory:",
            "sqlite:///songs.db?mode=memory",
            "sqlite:///file:x?mode=memory",
        ),
        *("sqlite:///a%00b.db", "sqlite:///songs.db?cache=shared"),
    ],
)
def test_what_is_no_file_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="store: "):
        store_at(url)
    assert list(tmp_path.iterdir()) == []


def test_the_package_loads_no_endpoints_no_wire_and_no_database() -> None:
    """Its parts for SQLite, Redis and PostgreSQL load when they are asked for."""
    code = f"""
import sys, types
package = sys.modules["suno_async"] = types.ModuleType("suno_async")
package.__path__ = [{str(Path(suno_async.__file__).parent)!r}]
import suno_async.stores as stores
assert set(stores.__all__) <= set(dir(stores))
others = ("sqlite3", "redis", "psycopg", "aiohttp")
print(*(name for name in sys.modules if name.startswith("suno_async.") or name in others))
assert stores.SQLiteStore.__name__ == "SQLiteStore" and stores.RedisStore.__name__ == "RedisStore"
assert stores.PostgresStore.__name__ == "PostgresStore"
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others = {name for name in ran.stdout.split() if not name.startswith("suno_async.stores")}
    assert others <= {
        *("suno_async.errors", "suno_async.log", "suno_async.api", "suno_async.api.export", "suno_async.api.limits"),
        *("suno_async.api.updates", "suno_async.api.representation"),
    }
