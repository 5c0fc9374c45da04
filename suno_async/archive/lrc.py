"""Lines of a song with their times, from its words."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..api.results import AlignedWord
from .words import clean

__all__ = ["Line", "lines_of", "lrc"]

SECTION = re.compile(r"\[[^\[\]\n]*\]")
"""A section mark, as [Verse 1]; players would take it for a tag of the file."""


class Line(NamedTuple):
    """One line."""

    start: float
    """Seconds."""
    text: str


def lines_of(words: Sequence[AlignedWord], lyrics: str = "") -> list[Line]:
    """Return the lines that are sung, in the order of their times. A line begins with its first word that has a time.

    Words do not always tell where a line ends, so the lyrics do, if they have as many words.

    Args:
        words: The words, whose text may include line feeds and section marks.
        lyrics: The lyrics.
    """
    text, begins = "", list[int]()
    for one in words:
        begins.append(len(text))
        text += f"{one.word or ''} "
    sung = _without_marks(text)
    rows = [[(word.group(), _start(words, begins, word.start())) for word in row] for row in _rows(sung)]
    told = [[word.group() for word in row] for row in _rows(_without_marks(lyrics))]
    if sum(map(len, told)) == sum(map(len, rows)):
        timed = iter([one for row in rows for one in row])
        rows = [[next(timed) for _ in row] for row in told]
    lines: list[Line] = []
    last = 0.0
    for row in rows:
        last = max(last, next((start for _, start in row if start is not None), last))
        lines.append(Line(last, clean(" ".join(word for word, _ in row))))
    return lines


def _without_marks(text: str) -> str:
    return SECTION.sub(lambda mark: " " * len(mark.group()), text.replace("\r", "\n"))


def _rows(text: str) -> list[list[re.Match[str]]]:
    """The words of each line that has any, with their places in the text."""
    rows: list[list[re.Match[str]]] = [[]]
    for found in re.finditer(r"\n|[^\s]+", text):
        if found.group() == "\n":
            rows.append([])
        else:
            rows[-1].append(found)
    return [row for row in rows if row]


def _start(words: Sequence[AlignedWord], begins: Sequence[int], place: int) -> float | None:
    start = words[bisect_right(begins, place) - 1].start
    return start if start is not None and math.isfinite(start) else None


def lrc(lines: Iterable[Line], title: str = "") -> str:
    """Return the text of an `.lrc` file.

    Args:
        lines: The lines.
        title: Title of the song; empty for none.
    """
    shown = " ".join(title.replace("]", ")").replace("[", "(").split())
    head = [f"[ti:{shown}]"] if shown else []
    return "\n".join([*head, *(f"[{_time(line.start)}]{line.text}" for line in lines), ""])


def _time(seconds: float) -> str:
    hundredths = round(max(0.0, seconds) * 100)
    return f"{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"
