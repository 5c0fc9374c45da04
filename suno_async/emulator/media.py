"""Files that a player opens: a short tune and a picture, made from a text, the same for the same text.

MP3 and JPEG with the `emulator` extra, WAV and PNG without it.
"""
# pyright: reportUnknownMemberType=false
# (the types of PyAV are partly unknown)

import io
import math
import random
import struct
import wave
import zlib
from array import array
from functools import lru_cache
from importlib.util import find_spec

__all__ = ["AUDIO", "IMAGE", "SECONDS", "picture", "tune"]

ENCODES = find_spec("av") is not None
AUDIO, IMAGE = (".mp3", ".jpeg") if ENCODES else (".wav", ".png")

RATE = 22_050
BEAT = 0.25
BEATS = 32
SECONDS = BEAT * BEATS
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # major pentatonic: no wrong notes
BASS = (0, -3, 5, 7)
SIZE = 256


@lru_cache(maxsize=64)
def tune(text: str) -> bytes:
    """A melody over four chords, `SECONDS` long."""
    chance = random.Random(text)
    root = chance.randrange(52, 64)
    samples = array("h")
    step = chance.randrange(len(SCALE))
    for beat in range(BEATS):
        step = min(max(step + chance.choice((-2, -1, -1, 0, 1, 1, 2)), 0), len(SCALE) - 1)
        samples += _note(root + SCALE[step], root - 12 + BASS[beat * len(BASS) // BEATS])
    wav = io.BytesIO()
    with wave.open(wav, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return _mp3(wav.getvalue()) if ENCODES else wav.getvalue()


@lru_cache(maxsize=256)
def _note(key: int, bass: int) -> "array[int]":
    high, low = (math.tau * 440 * 2 ** ((k - 69) / 12) / RATE for k in (key, bass))
    count = int(RATE * BEAT)
    return array(
        "h",
        (
            int(9000 * math.exp(-3 * i / count) * math.sin(high * i) + 6000 * math.sin(low * i) * (1 - i / count))
            for i in range(count)
        ),
    )


@lru_cache(maxsize=64)
def picture(text: str) -> bytes:
    """A square that fades between two colours."""
    chance = random.Random(text)
    one, two = ([chance.randrange(256) for _ in range(3)] for _ in range(2))
    rows = bytearray()
    for y in range(SIZE):
        share = (math.sin(y / SIZE * math.tau) + 1) / 2
        rows += b"\0" + bytes(int(a * share + b * (1 - share)) for a, b in zip(one, two, strict=True)) * SIZE
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return _jpeg(png) if ENCODES else png


def _mp3(wav: bytes) -> bytes:
    import av

    written = io.BytesIO()
    with av.open(io.BytesIO(wav), "r") as source, av.open(written, "w", format="mp3") as target:
        stream = target.add_stream("mp3", rate=RATE)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return written.getvalue()


def _jpeg(png: bytes) -> bytes:
    import av

    written = io.BytesIO()
    with av.open(io.BytesIO(png), "r") as source, av.open(written, "w", format="image2pipe") as target:
        stream = target.add_stream("mjpeg", rate=1)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuvj420p"
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="yuvj420p")))
        target.mux(stream.encode(None))
    return written.getvalue()
