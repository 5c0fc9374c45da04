"""Scores: the notes of each part of a tune, composed from its text. All times are in samples."""

import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from .songs import Piece, Song, Tune

__all__ = ["DRUMS", "PARTS", "RATE", "Note", "compose", "notes", "samples", "sung"]

RATE = 22_050
"""Samples in a second."""
PARTS = ("vocal", "backing_vocals", "drums", "bass", "guitar", "keyboard", "strings", "synth")
"""The parts of every tune. Together they are the tune."""
DRUMS = "drums"
"""The part whose pitches are the drums of General MIDI."""
KICK, SNARE, HAT = 36, 38, 42
MODES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))  # major, minor
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 2, 3, 4))
BEATS = 4
"""Beats in a bar."""


class Note(NamedTuple):
    """One note, with its MIDI pitch."""

    start: int
    length: int
    pitch: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.length


def samples(seconds: float) -> int:
    """A time in samples."""
    return round(seconds * RATE)


def notes(song: Song, part: str) -> Iterator[Note]:
    """The notes of one part of a song. Those at the edge of a piece are cut there."""
    for begins, piece in _placed(song):
        first, last = samples(piece.start), samples(piece.end)
        for note in compose(piece.tune)[part]:
            start, end = max(note.start, first), min(note.end, last)
            if start < end:
                yield Note(begins + start - first, end - start, note.pitch)


def sung(song: Song) -> Iterator[tuple[str, float, float]]:
    """Each sung word of a song, with its start and end in seconds. Words that a cut has shortened are left out."""
    for begins, piece in _placed(song):
        first, last = samples(piece.start), samples(piece.end)
        for word, note in zip(piece.tune.words, compose(piece.tune)["vocal"], strict=False):
            if first <= note.start and note.end <= last:
                start = begins + note.start - first
                yield word, round(start / RATE, 3), round((start + note.length) / RATE, 3)


def _placed(song: Song) -> Iterator[tuple[int, Piece]]:
    begins = 0
    for piece in song:
        yield begins, piece
        begins += samples(piece.end) - samples(piece.start)


@lru_cache(maxsize=8)
def compose(tune: Tune) -> Mapping[str, list[Note]]:
    """The notes of every part of a tune."""
    chance = random.Random(tune.seed)
    total, beat = samples(tune.seconds), RATE * 60 // chance.randrange(76, 140)
    mode, root = chance.choice(MODES), chance.randrange(48, 60)
    chords = chance.choice(PROGRESSIONS)
    steps = [[chance.randrange(-1, 5) for _ in range(16)] for _ in range(2)]
    score: dict[str, list[Note]] = {part: [] for part in PARTS}

    def pitch(degree: int) -> int:
        octave, step = divmod(degree, len(mode))
        return root + 12 * octave + mode[step]

    def play(part: str, start: int, length: int, key: int) -> None:
        if start < total:
            score[part].append(Note(start, min(length, total - start), key))

    for count, start in enumerate(range(0, total, beat)):
        bar, place = divmod(count, BEATS)
        chord, half = chords[bar % len(chords)], beat // 2
        play("bass", start, beat, pitch(chord) - 12)
        play(DRUMS, start, beat, SNARE if place % 2 else KICK)
        play(DRUMS, start + half, beat - half, HAT)
        play("guitar", start, half, pitch(chord + 2 * (place % 3)) + 12)
        play("guitar", start + half, beat - half, pitch(chord + 4))
        if place % 2 == 0:
            for third in (0, 2, 4):
                play("keyboard", start, 2 * beat, pitch(chord + third))
        if place == 0:
            play("strings", start, BEATS * beat, pitch(chord + 2) + 12)
        play("synth", start, beat, pitch(chord + steps[bar // 4 % 2][count % 16]) + 12)
    for count, note in enumerate(_melody(tune, total, beat)):
        step = chords[note.start // (BEATS * beat) % len(chords)] + steps[0][count % 16]
        play("vocal", note.start, note.length, pitch(step) + 12)
        if count % 2:
            play("backing_vocals", note.start, note.length, pitch(step + 2) + 12)
    return score


def _melody(tune: Tune, total: int, beat: int) -> Iterator[Note]:
    """A note without pitch for each word: they follow one another after an introduction, at most one a beat."""
    intro = min(2 * BEATS * beat, total // 8)
    if tune.words:
        length = max(1, min(beat, (total - 2 * intro) // len(tune.words)))
        yield from (Note(intro + count * length, length, 0) for count in range(len(tune.words)))
