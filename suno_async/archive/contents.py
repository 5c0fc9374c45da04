"""What `task.json` says: the task, its result, and its files with their checksums."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from ..api.results import AlignedWord, Result
from ..api.results.base import origin_of
from ..log import log, redacted

__all__ = ["NAME", "ArchivedFile", "Contents", "Missing", "decode", "encode", "raw_of"]

NAME = "task.json"
FORMAT = 1


class ArchivedFile(Struct, frozen=True, kw_only=True):
    """One file in the folder of a task."""

    name: str
    """Its name in the folder."""
    kind: str
    """audio, image, video, midi, lyrics (text) or timed lyrics (.lrc); empty for others."""
    size: int
    """Bytes."""
    sha256: str
    """Checksum of what is in the folder, in hexadecimal digits."""
    received_sha256: str = ""
    """Checksum of what its host served, before tags were written; empty for text."""
    tags: str = ""
    """A checksum of the tags that were written; empty if it has none of ours."""
    duplicate_of: str = ""
    """Name of another file of this task of which the same bytes were served; empty if there is none."""


class Missing(Struct, frozen=True, kw_only=True):
    """A file that could not be saved."""

    url: str
    name: str
    reason: str


class Contents(Struct, frozen=True, kw_only=True):
    """The fields of `task.json`."""

    format: int = FORMAT
    task_id: str
    kind: str
    """Class of the request."""
    model: str = ""
    api: str = ""
    """The gateway and API that made it, such as kie or kie-jobs; empty if that is not known."""
    job: dict[str, Any] | None = None
    """The request by our field names; None if the store does not know it."""
    result: Any = None
    """The result by our field names."""
    timed_lyrics: dict[str, tuple[AlignedWord, ...]] = {}
    """Words with their times, by the id of their track."""
    files: tuple[ArchivedFile, ...] = ()
    missing: tuple[Missing, ...] = ()
    raw: Any = None
    """The body of the answer or callback, without callback tokens."""


def decode(body: bytes | None) -> Contents | None:
    """Return what a `task.json` says; None if there is none that can be read.

    Args:
        body: The file.
    """
    try:
        return None if body is None else _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        log.warning("a %s can't be read, its files are fetched again: %s", NAME, exc)
        return None


_DECODER = msgspec.json.Decoder(Contents)


def encode(contents: Contents) -> bytes:
    """Return the bytes of a `task.json`.

    Args:
        contents: What it shall say.
    """
    values = {name: getattr(contents, name) for name in contents.__struct_fields__}
    values["timed_lyrics"] = {of: _words(words) for of, words in contents.timed_lyrics.items()}
    try:
        body = msgspec.json.encode(values, enc_hook=str)
    except UnicodeEncodeError:
        body = msgspec.json.encode(_encodable(msgspec.to_builtins(values, enc_hook=str)))
    return msgspec.json.format(body, indent=2) + b"\n"


def _encodable(value: Any) -> Any:
    """A JSON value without lone surrogates, which UTF-8 has none for."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return {_encodable(name): _encodable(inner) for name, inner in held.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in cast("list[Any]", value)]
    return value


def _words(words: Sequence[AlignedWord]) -> list[dict[str, Any]]:
    return [{"word": one.word, "startS": one.start, "endS": one.end} for one in words]  # as the service spells it


def raw_of(result: object) -> Any:
    """Return the body that a result was read from, without callback tokens; None if that is not known.

    Args:
        result: The result.
    """
    origin = origin_of(result) if isinstance(result, Result) else None
    if origin is None or not origin.body:
        return None
    try:
        return redacted(msgspec.json.decode(origin.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return redacted(origin.body.decode(errors="replace"))
