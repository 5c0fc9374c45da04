"""Songs as values: tunes, of which pieces are put together, and the time of each sung word."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Composer", "Piece", "Song", "Tune", "cut", "length", "whole", "words"]

UPLOADED = 120.0
"""How long uploaded songs are taken to be, in seconds."""
WORD = re.compile(r"((?:\[[^\]\n]*\]\s*)*)([^\s\[\]]+)")


class Tune(NamedTuple):
    """Music that is composed from a text."""

    seed: str
    """The text: the same one gives the same music."""
    seconds: float
    """Its length."""
    words: tuple[str, ...] = ()
    """What is sung."""


class Piece(NamedTuple):
    """A part of a tune, from one moment in it to another, in seconds."""

    tune: Tune
    start: float
    end: float


Song = tuple[Piece, ...]
"""Pieces that follow one another: one is a new song, two are an extended one, three have a replaced section."""


class Composer(NamedTuple):
    """Makes tunes from texts."""

    seed: str = ""
    """What tunes depend on beside their text."""
    longest: float = math.inf
    """How long a tune may be, in seconds; longer ones are shortened."""

    def tune(self, text: str, seconds: float, words: tuple[str, ...] = ()) -> Tune:
        """The tune of a text."""
        return Tune(f"{self.seed} {text}", min(seconds, self.longest), words)

    def uploaded(self, url: object) -> tuple[Piece, ...]:
        """The song that an uploaded file is taken to be. Nothing is fetched from its URL."""
        return whole(self.tune(str(url), UPLOADED))


def whole(tune: Tune) -> Song:
    """A song that is one tune."""
    return (Piece(tune, 0.0, tune.seconds),)


def length(song: Song) -> float:
    """The length of a song in seconds."""
    return round(sum(piece.end - piece.start for piece in song), 2)


def cut(song: Song, start: float, end: float) -> Song:
    """A song from one moment in it to another."""
    return tuple(_cut(song, start, end))


def _cut(song: Song, start: float, end: float) -> Iterator[Piece]:
    begins = 0.0
    for piece in song:
        first = max(piece.start, piece.start + start - begins)
        last = min(piece.end, piece.start + end - begins)
        if first < last:
            yield Piece(piece.tune, first, last)
        begins += piece.end - piece.start


def words(text: str) -> tuple[str, ...]:
    """The words of lyrics. A tag such as [Verse] stands before the word that follows it, as the service lists it."""
    return tuple("\n".join(filter(None, (tags.strip(), word))) for tags, word in WORD.findall(text))
