"""Sounds: what a song sounds like, as samples."""

from collections.abc import Collection
from functools import lru_cache
from math import tau
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .scores import DRUMS, RATE, compose, samples
from .songs import Song, Tune

__all__ = ["Samples", "render"]

Samples = NDArray[np.int16]
Wave = NDArray[np.float32]
FADE = RATE // 200
"""Samples in which a note begins and ends, so that nothing clicks."""


class Timbre(NamedTuple):
    """What an instrument sounds like."""

    level: int
    """Loudest sample. Those of all parts together, three notes of the keyboard included, are below 2**15."""
    harmonics: tuple[float, ...]
    """How loud the tone and its harmonics are, as shares."""
    decay: float = 0.0
    """How fast it fades away."""


TIMBRES = {
    "vocal": Timbre(7000, (0.6, 0.25, 0.15)),
    "backing_vocals": Timbre(2500, (0.7, 0.3)),
    DRUMS: Timbre(5000, (), 25.0),
    "bass": Timbre(5000, (0.8, 0.2), 2.0),
    "guitar": Timbre(3000, (0.6, 0.3, 0.1), 5.0),
    "keyboard": Timbre(1000, (0.8, 0.2), 1.5),
    "strings": Timbre(2000, (0.7, 0.3)),
    "synth": Timbre(2500, (0.75, 0.0, 0.25), 1.0),
}


def render(song: Song, parts: Collection[str]) -> Samples:
    """The samples of some parts of a song. Those of all parts are their sum."""
    pieces = [_tune(piece.tune, parts)[samples(piece.start) : samples(piece.end)] for piece in song]
    whole, end = np.zeros(sum(map(len, pieces)), np.int16), 0
    for piece in pieces:
        start, end = end, end + len(piece)
        whole[start:end] = piece
    return whole


def _tune(tune: Tune, parts: Collection[str]) -> Samples:
    mixed = np.zeros(samples(tune.seconds), np.int16)
    score = compose(tune)
    for part in parts:
        for note in score[part]:
            mixed[note.start : note.end] += _tone(part, note.pitch, note.length)
    return mixed


@lru_cache(maxsize=256)
def _tone(part: str, pitch: int, length: int) -> Samples:
    timbre = TIMBRES[part]
    time = np.arange(length, dtype=np.float32) / np.float32(RATE)
    if part == DRUMS:
        wave = _drum(pitch, time)
    else:
        phase = time * np.float32(tau * 440 * 2 ** ((pitch - 69) / 12))
        shares = enumerate(timbre.harmonics, 1)
        wave = np.sum([np.float32(share) * np.sin(phase * np.float32(n)) for n, share in shares if share], axis=0)
    wave *= np.exp(time * np.float32(-timbre.decay)) * np.float32(timbre.level)
    fade = np.linspace(0, 1, min(FADE, length // 2), dtype=np.float32)
    if len(fade):
        wave[: len(fade)] *= fade
        wave[-len(fade) :] *= fade[::-1]
    return wave.astype(np.int16)


def _drum(pitch: int, time: Wave) -> Wave:
    """A low thump for the kick, noise for the others: the higher, the shorter."""
    if pitch < 38:
        kick: Wave = np.sin(time * np.float32(tau * 60))
        return kick
    noise: Wave = np.random.default_rng(pitch).uniform(-1, 1, len(time)).astype(np.float32)
    noise *= np.exp(time * np.float32(-(pitch - 36) * 4)) * np.float32(0.5)
    return noise
