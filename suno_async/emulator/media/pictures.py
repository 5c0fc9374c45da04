"""Pictures: a square with two colours that flow into each other and a few discs, made from a text."""

import random
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pixels", "paint", "png"]

Pixels = NDArray[np.uint8]
SIZE = 512
"""Width and height in pixels."""


def paint(text: str) -> Pixels:
    """The pixels of the picture of a text: rows of pixels of red, green and blue."""
    chance = random.Random(text)
    colours = [[chance.randrange(256) for _ in range(3)] for _ in range(2)]
    across = np.linspace(0, 1, SIZE, dtype=np.float32)
    share = np.outer(across, np.full(SIZE, chance.random(), np.float32)) + across * np.float32(chance.random())
    share /= np.float32(max(share.max(), 0.01))
    rest = 1 - share
    pixels = np.empty((SIZE, SIZE, 3), np.uint8)
    for channel, (first, second) in enumerate(zip(*colours, strict=True)):  # a third of the time of all three at once
        pixels[..., channel] = np.float32(first) * share + np.float32(second) * rest
    for _ in range(4):
        x, y, radius = (chance.random() for _ in range(3))
        inside = (across - np.float32(x)) ** 2 + (across[:, None] - np.float32(y)) ** 2 < (0.05 + radius / 6) ** 2
        pixels[inside] = [chance.randrange(256) for _ in range(3)]
    return pixels


def png(pixels: Pixels) -> bytes:
    """The pixels as PNG."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # the first byte of a row says that it is not filtered
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
