"""Files of each type, from their content."""

import hashlib
from collections.abc import Callable, Mapping

from .content import Content

__all__ = ["TYPES", "etag_of", "make"]

TYPES: Mapping[str, str] = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".mid": "audio/midi",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".mp4": "video/mp4",
}
"""The types that files can have, by their suffix."""


def make(content: Content, suffix: str) -> bytes:
    """A file of the type that a suffix names.

    Raises:
        KeyError: If the type is unknown.
        ImportError: If PyAV or NumPy is not installed.
    """
    return _MAKERS[suffix](content)


def etag_of(body: bytes) -> str:
    """What the header ETag says of a file, without its quotation marks."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


# What is imported in the functions needs the extra `emulator`, and takes longer to import than the rest to start.


def _mp3(content: Content) -> bytes:
    from . import encoders, sounds

    return encoders.mp3(sounds.render(content.song, content.parts))


def _m4a(content: Content) -> bytes:
    from . import encoders, sounds

    return encoders.m4a(sounds.render(content.song, content.parts))


def _wav(content: Content) -> bytes:
    from . import encoders, sounds

    return encoders.wav(sounds.render(content.song, content.parts))


def _midi(content: Content) -> bytes:
    from . import midi

    return midi.midi(content.song, content.parts)


def _jpeg(content: Content) -> bytes:
    from . import encoders, pictures

    return encoders.jpeg(pictures.paint(content.picture))


def _png(content: Content) -> bytes:
    from . import pictures

    return pictures.png(pictures.paint(content.picture))


def _mp4(content: Content) -> bytes:
    from . import encoders, pictures, sounds

    return encoders.mp4(sounds.render(content.song, content.parts), pictures.paint(content.picture))


_MAKERS: Mapping[str, Callable[[Content], bytes]] = {
    ".mp3": _mp3,
    ".m4a": _m4a,
    ".wav": _wav,
    ".mid": _midi,
    ".jpeg": _jpeg,
    ".png": _png,
    ".mp4": _mp4,
}
