"""Names of saved files: safe on every system, readable, and the same file's alone."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

from ..api.results import File
from .media import KINDS
from .wanted import Wanted

__all__ = ["file_name", "file_names", "marked", "safe_title"]

SUFFIXES = {suffix for suffixes in KINDS.values() for suffix in suffixes}
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}
"""Names that Windows takes for devices, whatever follows their first dot."""


def file_names(wanted: Sequence[Wanted]) -> list[str]:
    """Return a name for each file, no two alike."""
    names: list[str] = []
    taken: set[str] = set()
    for one in wanted:
        name, again = file_name(one.file, take=one.take, same=one.same), one.same
        while name.casefold() in taken:
            again += 1
            name = file_name(one.file, take=one.take, same=again)
        taken.add(name.casefold())
        names.append(name)
    return names


def file_name(file: File, *, take: int = 0, same: int = 0) -> str:
    """Return the name of one file.

    The title, cut to 80 bytes and rid of what a path or a shell could trip over, the number of the take where a task
    has several, and eight digits made from the id and the kind of file, so that two tracks of one title never share a
    file and one track always has the same.

    Args:
        file: The file.
        take: Number of its track in its task, from 1; 0 if there is only one.
        same: How many files of the same id and kind come before it.
    """
    number = f" ({take})" if take else ""
    origin = f"{file.id or file.url} {file.suffix}" + (f" {same}" if same else "")
    suffix = os.path.splitext(_path(file.url))[1].lower()
    name = marked(f"{safe_title(file.title)}{number}", origin)
    return f"{name}{suffix if suffix in SUFFIXES else file.suffix}"


def safe_title(title: str) -> str:
    """Return a title cut to 80 bytes and rid of what a path or a shell could trip over; never empty.

    Args:
        title: Any text.
    """
    title = "".join(c if _plain(c) else " " for c in unicodedata.normalize("NFC", title))
    title = " ".join(title.split()).encode()[:80].decode(errors="ignore").lstrip(" .-~").rstrip(" .")
    if title.split(".")[0].rstrip().upper() in DEVICES:
        title = f"_{title}"
    return title or "untitled"


def marked(name: str, origin: str) -> str:
    """Return a name with eight digits that are its own.

    Args:
        name: The name.
        origin: What the digits are made from.
    """
    return f"{name} {hashlib.sha256(origin.encode(errors='replace')).hexdigest()[:8]}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # no address at all, which fetching it will tell
        return ""


def _plain(char: str) -> bool:
    return char not in '<>:"/\\|?*' and unicodedata.category(char)[0] != "C"
