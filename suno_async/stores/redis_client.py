"""The connections to Redis of one event loop, and what is checked before they are used."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError, NoScriptError, ReadOnlyError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut

from ..errors import ConfigurationError, StoreError
from ..log import log
from .base import CLOSED
from .redis_pipeline import Pipelines, packed
from .redis_scripts import SCRIPTS, sha_of

__all__ = ["SCHEMA", "RedisClient", "RedisSettings"]

Ask: TypeAlias = Callable[[Any], Awaitable[Any]]
"""A question to a client of redis-py."""

SCHEMA = 1
"""The version of names and fields."""
ATTEMPTS = 3
"""How often commands are sent when the connection breaks: every one may be repeated."""
PAUSE = 0.05
"""Seconds between the first two attempts; each later pause is twice as long."""
MOVING = (AskError, TryAgainError)
"""What nodes of a cluster say while a slot is being moved, and after it was: a MovedError is an AskError."""
CONNECTIONS = 16
NO_ANSWER = "no answer in time"


class RedisSettings:
    """What the clients of a store have in common."""

    # State, all of it: whether the store is closed, and whether it has warned of an eviction policy.

    def __init__(self, url: str, timeout: float, schema: str) -> None:
        self.url = url
        self.timeout = timeout
        self.schema = schema
        """The key of the schema's version."""
        self.closed = False
        self.warned = False

    def check_policy(self, policy: str) -> None:
        """Refuse a `maxmemory-policy` that evicts records, and warn once of one that evicts claims."""
        if policy.startswith("allkeys"):
            raise ConfigurationError(
                f"redis: maxmemory-policy {policy} may evict records, and with them what was paid: use noeviction"
            )
        if policy != "noeviction" and not self.warned:
            self.warned = True
            if policy:
                log.warning("redis: maxmemory-policy %s may evict claims and rate limits: use noeviction", policy)
            else:
                log.warning("redis: maxmemory-policy cannot be read here; it must be noeviction")

    def check_version(self, stored: bytes | None) -> None:
        """Refuse records of a newer version."""
        version = int(stored or 0)
        if version > SCHEMA:
            raise StoreError(
                f"redis: its records are of version {version}, and this suno_async knows up to {SCHEMA}: upgrade it"
            )


class RedisClient:
    """The connections of one event loop; they are closed when it is shut down, as `asyncio.run` does.

    Used in its loop only.
    """

    # State, all of it: the address in use and two sets of connections to it, the commands that wait for a pipeline,
    # whether the schema was written since the last failure, the question for the eviction policy that is under way,
    # turns at the connections, and how many answers there were.

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        options: dict[str, Any] = {
            "socket_timeout": None,  # what redis does for one, asyncio.wait_for, may swallow a cancellation in 3.11
            "socket_connect_timeout": settings.timeout,
            "retry": Retry(NoBackoff(), 0),  # before 6.0 it would not try pipelines again, so that is done here
            "redis_connect_func": self._connected,
        }
        self._options = options
        self._use(settings.url)
        self._pipelines = Pipelines(self.send_all)
        self._ready = False
        self._policy: asyncio.Future[None] | None = None
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._answers = 0
        self._until_shutdown = self._close_at_shutdown()

    def _use(self, url: str) -> None:
        self._url = url
        # Their types leave open which of two faces they show.
        blocking: Any = BlockingConnectionPool
        growing: Any = ConnectionPool
        # A connection is had for one command, and those end in time; but who listens has one for long.
        self.redis: Any = Redis(
            connection_pool=blocking.from_url(url, max_connections=CONNECTIONS, timeout=None, **self._options)
        )
        self.listening: Any = Redis(connection_pool=growing.from_url(url, **self._options))

    async def open(self) -> None:
        """Have the connections closed when the running loop is shut down."""
        await anext(self._until_shutdown)

    async def _close_at_shutdown(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:  # `loop.shutdown_asyncgens()` ends it; what stays open is reported when it is collected
            await _disconnect(self.redis, self.listening)

    async def _connected(self, connection: Any) -> None:
        """Check each new connection: it may be to another server than the one before."""
        try:
            if self._settings.closed:
                raise StoreError(f"redis: {CLOSED}")
            await connection.on_connect()
            await connection.send_command("GET", self._settings.schema)
            self._settings.check_version(await connection.read_response())
        except BaseException:
            await connection.disconnect(nowait=True)  # or it would be used without being checked
            raise

    async def do(self, ask: Ask) -> Any:
        """Ask Redis by a connection of one's own; whatever it raises becomes a StoreError here."""
        return await self._in_turn(self._prepared, ask)

    async def send(self, *command: Any) -> Any:
        """Send a command that is answered at once, together with those of others. StoreError as from `do`."""
        return await self._pipelines.ask(packed(*command))

    async def run(self, script: str, names: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script of ours in the same way."""
        return await self._pipelines.ask(packed("EVALSHA", sha_of(script), len(names), *names, *arguments))

    async def send_all(self, commands: Sequence[bytes]) -> list[Any]:
        """Send packed commands in one pipeline, and return their answers; of one that failed, its StoreError."""
        answers: list[Any] = await self.do(partial(_pipeline, commands))
        for number, answer in enumerate(answers):
            if isinstance(answer, Exception):
                answers[number] = await self._failed(answer)
                answers[number].__cause__ = answer
        return answers

    async def listen(self, ask: Ask) -> Any:
        """Ask something whose answer may take seconds, by a connection of `listening`."""
        return await self._guarded(self._prepared, ask, listening=True)

    async def check_policy(self) -> None:
        """Refuse a server that may evict records, with a ConfigurationError.

        That is asked for each new submission, since a policy may change while connections stay; and for nothing else,
        since what is paid must be written all the same. Those who ask while a question is under way share its answer.
        """
        if self._policy is None or self._policy.done():
            self._policy = asyncio.ensure_future(self._in_turn(self._check_policy))
            self._policy.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left
        await asyncio.shield(self._policy)

    async def _check_policy(self) -> None:
        policy = ""
        with _unless_forbidden():
            policy = (await self.redis.config_get("maxmemory-policy")).get("maxmemory-policy", "")
        if not policy:
            with _unless_forbidden():
                policy = (await self.redis.info("memory")).get("maxmemory_policy", "")
        self._settings.check_policy(policy)

    async def _prepared(self, ask: Ask, *, listening: bool = False) -> Any:
        if not self._ready:
            await self._prepare()
        return await ask(self.listening if listening else self.redis)

    async def _prepare(self) -> None:
        await self.redis.setnx(self._settings.schema, SCHEMA)
        self._settings.check_version(await self.redis.get(self._settings.schema))
        with _unless_forbidden():  # it is for the log alone
            if (await self.redis.info("persistence")).get("aof_enabled") == 0:
                log.info("redis keeps no append-only file: what it has not saved is lost with it")
        self._ready = True

    # ---- turns and attempts ------------------------------------------------------------------------------------------

    async def _in_turn(self, do: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        await self._take_turn()
        try:
            return await self._guarded(do, *given)
        finally:
            self._turns.release()

    async def _take_turn(self) -> None:
        """Wait for a connection, for as long as others get answers: what stands in line is not late by that."""
        while True:
            before = self._answers
            try:
                async with asyncio.timeout(self._settings.timeout):
                    await self._turns.acquire()
                    return
            except TimeoutError:
                if self._answers == before:
                    raise StoreError(f"redis: {NO_ANSWER}") from None

    async def _guarded(self, do: Callable[..., Awaitable[Any]], *given: Any, **named: Any) -> Any:
        try:
            async with asyncio.timeout(self._settings.timeout):
                if self._settings.closed:
                    raise StoreError(f"redis: {CLOSED}")
                answer = await self._repeatedly(partial(_after_move, partial(do, *given, **named)))
                self._answers += 1
                return answer
        except (StoreError, ConfigurationError):
            self._ready = False
            raise
        except Exception as exc:  # also what their parsers raise where it is no Redis that answers
            raise await self._failed(exc) from exc

    async def _repeatedly(self, do: Callable[[], Awaitable[Any]]) -> Any:
        for number in range(ATTEMPTS - 1):
            used = self._url
            try:
                return await do()
            except (MovedError, Disconnected, TimedOut) as exc:
                if used != self._url:
                    continue  # another command was told of the move first, and that has cut our connection
                if isinstance(exc, MovedError):  # of a cluster: another node has our keys
                    await self._move(_moved(used, exc))
                else:
                    await self._move(self._settings.url)  # it may be that node which is gone
                    await asyncio.sleep(PAUSE * 2**number)
        return await do()

    async def _move(self, url: str) -> None:
        """Use another address from now on."""
        if url != self._url:
            old = self.redis, self.listening
            self._use(url)
            await _disconnect(*old)

    async def _failed(self, exc: Exception) -> StoreError:
        """Return what to say of a failure, and draw the conclusions for what comes next."""
        if self._settings.closed:
            return StoreError(f"redis: {CLOSED}")
        if not isinstance(exc, ResponseError):
            self._ready = False  # it may be another server that answers next
        if isinstance(exc, ReadOnlyError):  # it was the master once; the address may lead to its successor now
            self._ready = False
            await _disconnect(self.redis, self.listening)
        return StoreError(f"redis: {str(exc) or NO_ANSWER}")

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def forget_old_values(self) -> None:
        """Have the append-only file and the snapshot written anew, if they are kept; hosted servers may forbid it."""
        await self._in_turn(self._rewrite)

    async def _rewrite(self) -> None:
        with _unless_forbidden():  # also if one is being written at this moment
            if (await self.redis.info("persistence")).get("aof_enabled"):
                await self.redis.bgrewriteaof()
        with _unless_forbidden():
            if (await self.redis.config_get("save")).get("save"):
                await self.redis.bgsave()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._until_shutdown.aclose()


async def _disconnect(*clients: Any) -> None:
    for client in clients:
        await client.connection_pool.disconnect()


@contextmanager
def _unless_forbidden() -> Generator[None]:
    """Do without the answer to what hosted servers forbid."""
    try:
        yield
    except MOVING:
        raise
    except ResponseError:
        pass


async def _after_move(do: Callable[[], Awaitable[Any]]) -> Any:
    """Do something, again while a slot is being moved, until time is over.

    Following ASK to the other node would serve reads alone: a script that writes names keys that are not there yet, so
    both nodes refuse it until the whole slot has moved.
    """
    while True:
        try:
            return await do()
        except MovedError:
            raise
        except MOVING:
            await asyncio.sleep(PAUSE)


def _moved(url: str, exc: MovedError) -> str:
    """Return the address of the node that has our keys, as a cluster tells it."""
    old, host = urlsplit(url), str(cast("Any", exc).host)
    user = old.netloc.rpartition("@")[0]
    where = f"[{host}]" if ":" in host else host or old.hostname or ""  # empty: the host that was asked
    return old._replace(netloc=f"{user}@{where}:{exc.port}" if user else f"{where}:{exc.port}").geturl()


# ---- pipelines -------------------------------------------------------------------------------------------------------


async def _pipeline(commands: Sequence[bytes], redis: Any) -> list[Any]:
    """Send commands together, and those again whose scripts the server does not know."""
    answers = await _execute(commands, redis)
    unknown = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        again = [packed("SCRIPT", "LOAD", script) for script in SCRIPTS] + [commands[number] for number in unknown]
        for number, answer in zip(unknown, (await _execute(again, redis))[len(SCRIPTS) :], strict=True):
            answers[number] = answer
    return answers


async def _execute(commands: Sequence[bytes], redis: Any) -> list[Any]:
    """Send commands and return the answers as Redis gives them, without what a pipeline of redis-py makes of both."""
    pool = redis.connection_pool
    connection = await _connection(pool)
    try:
        await connection.send_packed_command(b"".join(commands))
        answers = [await _answer(connection) for _ in commands]
    finally:  # redis-py closes it if it is left in the middle, so nobody gets the answers of another
        await pool.release(connection)
    for answer in answers:
        if isinstance(answer, MOVING):
            raise answer  # all are concerned, since all keys of a store are in one slot
    return answers


async def _connection(pool: Any) -> Any:
    try:
        return await pool.get_connection()
    except TypeError:  # redis-py before 5.3 takes the name of the command
        return await pool.get_connection("_")


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as exc:
        return exc
