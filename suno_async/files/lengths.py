"""How long local songs are, as far as they tell: WAV and MP3."""

import os
from typing import BinaryIO

__all__ = ["seconds_of"]

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_HERTZ = {3: (44100, 48000, 32000, 0), 2: (22050, 24000, 16000, 0), 0: (11025, 12000, 8000, 0)}


def seconds_of(path: str | os.PathLike[str]) -> float | None:
    """Return the length of a WAV or MP3 file in seconds; None if its header does not tell.

    Args:
        path: The file.
    """
    import wave  # only jobs with songs of this machine need it

    try:
        if not os.path.isfile(path):  # opening a pipe would wait for its other end
            return None
        with open(path, "rb") as file:
            if file.read(4) == b"RIFF":
                file.seek(0)
                with wave.open(file) as sound:
                    return float(sound.getnframes() / sound.getframerate())
            return _mp3_seconds(file)
    except (OSError, EOFError, ValueError, ZeroDivisionError, IndexError, wave.Error):
        return None


def _mp3_seconds(file: BinaryIO) -> float | None:
    """The length by the count of frames that the first one states, or else by counting them."""
    start = 0
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3":  # its size has 7 bits a byte
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(200)
    first = _frame(frame)
    if first is None:
        return None
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark)
        if 0 < at <= len(frame) - 12 and frame[at + 7] & 1 and (count := int.from_bytes(frame[at + 8 : at + 12])):
            return count * first[1]
    file.seek(start)
    seconds, at, end = 0.0, start, os.fstat(file.fileno()).st_size
    while at < end and (found := _frame(file.read(4))) is not None:  # the bit rate may change with each
        seconds, at = seconds + found[1], at + found[0]
        file.seek(at)
        if seconds > _ENOUGH:
            return seconds
    return seconds if at >= end - _TAGS else None


_ENOUGH = 1800.0
"""Seconds beyond which nobody takes a song, so that no more are counted."""
_TAGS = 64 << 10
"""Bytes of tags that may follow the last frame."""


def _frame(head: bytes) -> tuple[int, float] | None:
    """The bytes and seconds of a frame of layer III; None if it is none, or does not tell."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # the sync bits, and layer III
        return None
    version = head[1] >> 3 & 3
    if version not in _HERTZ:
        return None
    hertz = _HERTZ[version][head[2] >> 2 & 3]
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[head[2] >> 4]
    if not hertz or not kbits:
        return None
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbits * 1000 // hertz + (head[2] >> 1 & 1), samples / hertz
