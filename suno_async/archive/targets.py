"""Where an archive is: a folder of this machine, or what fsspec reaches."""

import hashlib
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

from ..errors import ConfigurationError

__all__ = ["CHUNK", "Target", "checksum", "target_at"]

CHUNK = 1 << 20


class Target(Protocol):
    """A place for files, each in the folder of a task. All may raise OSError; they are called in threads."""

    def address(self, folder: str, name: str = "") -> str:
        """Return what a person calls the folder, or a file in it."""
        ...

    def open(self, folder: str, name: str) -> BinaryIO:
        """Open a file for reading. FileNotFoundError."""
        ...

    def size(self, folder: str, name: str) -> int | None:
        """Return the bytes of a file; None if it is not there."""
        ...

    def staging(self, folder: str) -> AbstractContextManager[Path]:
        """Return where on this machine the files of a folder are made, under the names that they shall have."""
        ...

    def publish(self, local: Path, folder: str) -> None:
        """Put a file that was made in its place, whole or not at all."""
        ...


class Folder:
    """A folder of this machine: files are made where they stay."""

    # State: none.

    def __init__(self, root: Path) -> None:
        self._root = root

    def address(self, folder: str, name: str = "") -> str:
        return str(self._root / folder / name)

    def open(self, folder: str, name: str) -> BinaryIO:
        return open(self._root / folder / name, "rb")

    def size(self, folder: str, name: str) -> int | None:
        try:
            return (self._root / folder / name).stat().st_size
        except FileNotFoundError:
            return None

    @contextmanager
    def staging(self, folder: str) -> Generator[Path]:
        (self._root / folder).mkdir(parents=True, exist_ok=True)
        yield self._root / folder

    def publish(self, local: Path, folder: str) -> None: ...


class Remote:
    """A place that fsspec reaches: files are made in a temporary folder, sent as `….part` and then renamed."""

    # State: none; what fsspec keeps of listings is dropped before it is used.

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self._root = root.rstrip("/")

    def address(self, folder: str, name: str = "") -> str:
        url: str = self._fs.unstrip_protocol(f"{self._root}/{folder}")  # without a password
        return f"{url}/{name}" if name else url

    def open(self, folder: str, name: str) -> BinaryIO:
        with _as_os_error():
            opened: BinaryIO = self._fs.open(f"{self._root}/{folder}/{name}", "rb")
            return opened

    def size(self, folder: str, name: str) -> int | None:
        with _as_os_error():
            self._fs.invalidate_cache(f"{self._root}/{folder}")  # others may have written there
            try:
                return int(self._fs.info(f"{self._root}/{folder}/{name}")["size"])
            except FileNotFoundError:
                return None

    @contextmanager
    def staging(self, folder: str) -> Generator[Path]:
        with TemporaryDirectory(prefix="suno-async-", ignore_cleanup_errors=True) as made:
            yield Path(made)

    def publish(self, local: Path, folder: str) -> None:
        path = f"{self._root}/{folder}/{local.name}"
        with _as_os_error():
            self._fs.makedirs(f"{self._root}/{folder}", exist_ok=True)
            self._fs.put_file(str(local), f"{path}.part")
            self._rename(f"{path}.part", path)
        local.unlink()

    def _rename(self, old: str, new: str) -> None:
        if self._fs.__class__.mv is not import_module("fsspec").AbstractFileSystem.mv:
            self._fs.mv(old, new)
        else:  # that of fsspec itself, as for S3, takes brackets and stars in a name for a pattern
            self._fs.cp_file(old, new)
            self._fs.rm_file(old)


@contextmanager
def _as_os_error() -> Generator[None]:
    """What the libraries behind fsspec raise, as an OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as exc:  # each has errors of its own
        raise OSError(f"{type(exc).__name__}: {exc}") from exc


def target_at(place: str | os.PathLike[str]) -> Target:
    """Return the target at a path or address.

    Args:
        place: A folder, or an address with a scheme that fsspec knows.

    Raises:
        ConfigurationError: fsspec is not installed, or knows no such scheme.
    """
    text = os.fspath(place) if isinstance(place, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigurationError(f"folder must be a path or an address such as s3://bucket/songs, got {place!r}")
    if isinstance(place, os.PathLike) or "://" not in text:
        return Folder(Path(place))
    try:
        core: Any = import_module("fsspec.core")
    except ModuleNotFoundError as exc:
        raise ConfigurationError("an archive at an address needs `pip install 'suno-async[archive]'`") from exc
    scheme = text.partition("://")[0]
    try:
        fs, root = core.url_to_fs(text)
    except (ImportError, ValueError) as exc:
        raise ConfigurationError(f"folder: fsspec cannot reach {scheme}:// addresses here: {exc}") from exc
    return Remote(fs, root)


def checksum(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left to read of a file.

    Args:
        file: An open file.
    """
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
