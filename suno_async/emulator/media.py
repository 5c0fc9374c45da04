"""Media files that players can open: a short tune and an image, generated from a text.

The same text gives the same file. MP3, M4A, JPEG and MP4 need the `emulator` extra; WAV and PNG do not.
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
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from typing import Any

__all__ = ["SECONDS", "TYPES", "audio", "image", "make", "picture", "recovered", "tune"]

ENCODES = find_spec("av") is not None
TYPES: Mapping[str, str] = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".mp4": "video/mp4",
}

RATE = 22_050
BEAT = 0.25
BEATS = 32
SECONDS = BEAT * BEATS
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # major pentatonic: any two notes sound well together
BASS = (0, -3, 5, 7)
SIZE = 256
FPS = 2


def audio() -> str:
    """The suffix of tunes."""
    return ".mp3" if ENCODES else ".wav"


def recovered() -> str:
    """The suffix of recovered tunes."""
    return ".m4a" if ENCODES else ".wav"


def image() -> str:
    """The suffix of images."""
    return ".jpeg" if ENCODES else ".png"


def make(text: str, suffix: str) -> bytes:
    """A file of the type that a suffix names. KeyError if the type is unknown."""
    cached = {audio(): tune, image(): picture}
    return cached[suffix](text) if suffix in cached else _MAKERS[suffix](text)


@lru_cache(maxsize=32)
def tune(text: str) -> bytes:
    """A melody over four bass notes, `SECONDS` long."""
    return _MAKERS[audio()](text)


@lru_cache(maxsize=32)
def picture(text: str) -> bytes:
    """A square with a gradient of two colours."""
    return _MAKERS[image()](text)


def _wav(text: str) -> bytes:
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
    return wav.getvalue()


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


def _png(text: str) -> bytes:
    chance = random.Random(text)
    one, two = ([chance.randrange(256) for _ in range(3)] for _ in range(2))
    rows = bytearray()
    for y in range(SIZE):
        share = (math.sin(y / SIZE * math.tau) + 1) / 2
        rows += b"\0" + bytes(int(a * share + b * (1 - share)) for a, b in zip(one, two, strict=True)) * SIZE
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


# ---- with PyAV -------------------------------------------------------------------------------------------------------


def _mp3(text: str) -> bytes:
    return _written("mp3", lambda target: [_tune_packets(target, "mp3", text)])


def _m4a(text: str) -> bytes:
    return _written("ipod", lambda target: [_tune_packets(target, "aac", text)])


def _jpeg(text: str) -> bytes:
    return _written("image2pipe", lambda target: [_image_packets(target, "mjpeg", "yuvj420p", text)])


def _mp4(text: str) -> bytes:
    """A video of the image, as long as the tune."""
    codec = _available("libx264", "mpeg4")
    pictures = int(SECONDS * FPS)
    return _written(
        "mp4",
        lambda target: [_image_packets(target, codec, "yuv420p", text, pictures), _tune_packets(target, "aac", text)],
    )


def _written(form: str, streams: Callable[[Any], list[Iterator[Any]]]) -> bytes:
    """A file of some streams. All must be added before the first is written."""
    import av

    written = io.BytesIO()
    with av.open(written, "w", format=form) as target:
        for packets in chain.from_iterable(streams(target)):
            target.mux(packets)
    return written.getvalue()


def _tune_packets(target: Any, codec: str, text: str) -> Iterator[Any]:
    stream = target.add_stream(codec, rate=RATE)
    return _encoded(stream, _frames(_wav(text)))


def _image_packets(target: Any, codec: str, colours: str, text: str, times: int = 1) -> Iterator[Any]:
    stream = target.add_stream(codec, rate=FPS)
    stream.width = stream.height = SIZE
    stream.pix_fmt = colours
    return _encoded(stream, _repeated(_png(text), colours, times))


def _encoded(stream: Any, frames: Iterator[Any]) -> Iterator[Any]:
    for frame in frames:
        yield stream.encode(frame)
    yield stream.encode(None)


def _frames(file: bytes) -> Iterator[Any]:
    import av

    with av.open(io.BytesIO(file), "r") as source:
        yield from source.decode()


def _repeated(file: bytes, colours: str, times: int) -> Iterator[Any]:
    frame = next(_frames(file)).reformat(format=colours)
    for frame.pts in range(times):
        yield frame


def _available(*codecs: str) -> str:
    """The first of some codecs that this build of PyAV has."""
    import av

    return next(codec for codec in codecs if codec in av.codecs_available)


_MAKERS: Mapping[str, Callable[[str], bytes]] = {
    ".wav": _wav,
    ".mp3": _mp3,
    ".m4a": _m4a,
    ".png": _png,
    ".jpeg": _jpeg,
    ".mp4": _mp4,
}
