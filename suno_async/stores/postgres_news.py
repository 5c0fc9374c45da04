"""A connection that listens to PostgreSQL for all event loops of a process, while anybody listens there."""

import asyncio
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import NamedTuple

import psycopg

from ..errors import StoreError
from .postgres_connection import Connection, PostgresSettings, told

__all__ = ["Listener", "News"]

CHECK = 2.0
"""Seconds after which those who listen are looked at: their loops may be closed."""


class Listener(NamedTuple):
    """One who listens, in one event loop."""

    loop: asyncio.AbstractEventLoop
    heard: "asyncio.Queue[str | StoreError]"
    """Empty: from now on everything is heard. An error: nothing more is."""


class News:
    """One thread with a connection of its own, for any number of listeners. It ends when there are none."""

    # State, all of it: who listens, the thread, whether it is connected, what wakes it, and the connection, which is
    # kept here so that a forked child never closes it.

    def __init__(self, settings: PostgresSettings, channel: str) -> None:
        self._settings = settings
        self._channel = channel
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._connected = False
        self._waking: socket.socket | None = None
        self._connection: Connection | None = None

    def join(self) -> Listener:
        """Return a new listener of the running loop."""
        listener = Listener(asyncio.get_running_loop(), asyncio.Queue())
        with self._lock:
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="suno_async news", daemon=True)
                self._thread.start()
            elif self._connected:
                listener.heard.put_nowait("")
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; the last one leaves no connection."""
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners:
                self._wake()

    def end(self, why: str) -> None:
        """Tell all who listen that it is over."""
        with self._lock:
            self._tell(StoreError(why))
            self._listeners.clear()
            self._wake()

    def _wake(self) -> None:
        if self._waking is not None:
            with suppress(OSError):
                self._waking.send(b"x")

    def _tell(self, what: str | StoreError) -> None:
        for listener in list(self._listeners):
            try:
                listener.loop.call_soon_threadsafe(listener.heard.put_nowait, what)
            except RuntimeError:  # its loop is closed, so nobody listens any more
                self._listeners.discard(listener)

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._anybody():
            try:
                self._listen()
            except Exception as exc:  # whatever it is, nobody should wait for ever
                with self._lock:
                    self._tell(told(exc))
                    self._listeners.clear()
            finally:
                self._close()

    def _anybody(self) -> bool:
        with self._lock:
            self._listeners = {one for one in self._listeners if not one.loop.is_closed()}
            if not self._listeners:
                self._thread = None
            return self._thread is not None

    def _listen(self) -> None:
        db = self._connection = self._settings.connect()
        db.until = time.monotonic() + self._settings.timeout
        db.execute(f'LISTEN "{self._channel}"'.encode())
        waiting, self._waking = socket.socketpair()
        with waiting, selectors.DefaultSelector() as ready:
            ready.register(waiting, selectors.EVENT_READ)
            ready.register(db.fileno(), selectors.EVENT_READ)
            with self._lock:
                self._connected = True
                self._tell("")
            while self._somebody():
                if any(key.fileobj is not waiting for key, _ in ready.select(CHECK)):
                    db.until = time.monotonic() + self._settings.timeout
                    for notify in db.notifies(timeout=0):
                        with self._lock:
                            self._tell(notify.payload)

    def _somebody(self) -> bool:
        with self._lock:
            return any(not one.loop.is_closed() for one in self._listeners)

    def _close(self) -> None:
        with self._lock:
            self._connected = False
            waking, self._waking = self._waking, None
            connection, self._connection = self._connection, None
        if waking is not None:
            waking.close()
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
