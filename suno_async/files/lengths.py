"""How long local songs are, as far as their headers tell: WAV and MP3."""

import os
import wave
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
    """The length by the count of frames in the first one, or by its bit rate if all frames have the same."""
    start = 0
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3":  # its size has 7 bits a byte
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(200)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # the sync bits, and layer III
        return None
    version = frame[1] >> 3 & 3
    hertz = _HERTZ[version][frame[2] >> 2 & 3]
    samples = 1152 if version == 3 else 576
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark)
        if at > 0 and frame[at + 7] & 1:
            return int.from_bytes(frame[at + 8 : at + 12]) * samples / hertz
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[frame[2] >> 4]
    return (os.fstat(file.fileno()).st_size - start) * 8 / (kbits * 1000) if kbits else None
