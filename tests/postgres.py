"""A real PostgreSQL on a private port, for as long as a test run."""

import asyncio
import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

MISSING = "PostgreSQL is not installed: `apt-get install postgresql` (Debian, Ubuntu) or `brew install postgresql`"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # what a process has written outlives it, and no machine loses power here
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "min_wal_size": "4MB",
    "max_wal_size": "64MB",
    "autovacuum": "off",
    "wal_retrieve_retry_interval": "100ms",  # a standby waits so long where nothing has come yet
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


@cache
def programs() -> Path | None:
    """Return the folder of the server's programs; Debian has them in none that is searched."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[-3]))
    return folders[-1].parent if folders else None


class PostgresServer:
    """One that a test may stop, start again and hold up. It runs as the user `postgres` if the tests run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.current = "postgres"

    @property
    def url(self) -> str:
        """The address of the database that was made last."""
        return self.at(self.current)

    def at(self, database: str, user: str = "suno") -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self, **settings: object) -> None:
        found = programs()
        assert found is not None, MISSING
        options = [f"-c{name}={value}" for name, value in (SETTINGS | settings).items()]
        for _ in range(50):
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [found / "postgres", "-D", self.folder, f"-p{self.port}", *options],
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    **as_who_may(),
                )
            while self._process.poll() is None:
                with suppress(psycopg.OperationalError), psycopg.connect(self.at("postgres"), connect_timeout=2):
                    return
                time.sleep(0.02)
            time.sleep(0.1)  # the processes of the one before are not gone yet
        raise AssertionError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """As if its machine were gone."""
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def freeze(self) -> None:
        """It answers nobody, and its connections stay."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        for process in reversed(self.processes()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def processes(self) -> list[int]:
        """Return the server's process and its children."""
        found = [self._process.pid]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self._process.pid:
                    found.append(int(stat.parent.name))
        return found

    def do(self, query: str, *values: object, database: str = "") -> list[tuple[Any, ...]]:
        """Return the rows of a statement of somebody else."""
        with psycopg.connect(self.at(database or self.current), autocommit=True) as other:
            ran = other.execute(query.encode(), values or None)
            return ran.fetchall() if ran.description else []

    def cut(self) -> None:
        """Close all connections to it, and wait for their ends."""
        self.do(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
        )

    def connections(self) -> int:
        """Return how many connections of stores there are to the database that was made last."""
        [(found,)] = self.do(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'suno_async'"
        )
        return int(found)

    def database(self) -> str:
        """Return the address of a database without anything in it: the last one, as a new one takes far longer."""
        if self.current == "postgres":
            self.current = "songs"
            self.do("CREATE DATABASE songs", database="postgres")
            return self.url
        self.cut()
        self.do("ALTER DATABASE songs RESET ALL", database="postgres")
        for (schema,) in self.do(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^public$'"
        ):
            self.do(f'DROP SCHEMA "{schema}" CASCADE')
        return self.url

    def repair(self) -> None:
        """Start it again if a test has left it stopped, and let it go on if it was held up."""
        if self._process.poll() is None:
            self.thaw()
        else:
            self.start()


def as_who_may() -> dict[str, Any]:
    """Return whom to start a server as, which refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}


@cache
def _template() -> Path:
    """Return a folder of records that nobody uses, made once in a process; others are copies of it."""
    found = programs()
    assert found is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="suno-postgres-"))
    atexit.register(shutil.rmtree, folder)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=suno", "--wal-segsize=1"]
    subprocess.run(
        [found / "initdb", "-D", folder / "data", *options], check=True, stdout=subprocess.DEVNULL, **as_who_may()
    )
    return folder / "data"


@contextmanager
def postgres_folder() -> Generator[Path]:
    """The files of a server of its own; the test is skipped without PostgreSQL, and fails in CI."""
    if programs() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="suno-postgres-") as folder:  # pytest's own are closed to other users
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        subprocess.run(["cp", "-a", _template(), f"{folder}/data"], check=True)
        yield Path(folder) / "data"


@contextmanager
def postgres_server(**settings: object) -> Generator[PostgresServer]:
    """A server of its own, with settings that differ from those above."""
    with postgres_folder() as folder:
        server = PostgresServer(folder)
        server.start(**settings)
        try:
            yield server
        finally:
            server.stop()


class Proxy:
    """An address that leads new connections to whoever is in charge, and may cut one when it commits."""

    def __init__(self, target: PostgresServer) -> None:
        self.target = target
        self.commits_to_lose = 0
        """Of so many the connection is cut before the server has them."""
        self.hold_commits = False
        """Whether they do not go on, though the connection stays."""
        self.answers_to_lose = 0
        """Of so many commits the connection is cut when the server has done them."""
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[str]:
        serving = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        try:
            yield f"postgresql://suno@127.0.0.1:{serving.sockets[0].getsockname()[1]}/{self.target.current}"
        finally:
            serving.close()
            for one in self._pumps:
                one.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)
            for writer in self._writers:
                writer.close()
            await asyncio.sleep(0)  # the connections are closed in the loop's next turn

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target.port)
        except OSError:
            writer.close()
            return
        self._writers.append(back)
        answers = asyncio.create_task(self._pump(there, writer))
        self._pumps |= {answers, asyncio.create_task(self._pump_questions(reader, back, writer, answers))}

    async def _pump_questions(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asker: asyncio.StreamWriter,
        answers: "asyncio.Task[None]",
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                commits = b"COMMIT\0" in data
                while commits and self.hold_commits:
                    await asyncio.sleep(0.01)
                if commits and self.commits_to_lose:
                    self.commits_to_lose -= 1
                    break
                if commits and self.answers_to_lose:
                    self.answers_to_lose -= 1
                    answers.cancel()
                    writer.write(data)
                    await writer.drain()
                    await asyncio.sleep(0.05)  # for the server to do it
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
        asker.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
