"""Lines with their times, from words."""

import pytest

from suno_async import AlignedWord
from suno_async.archive.lrc import Line, lines_of, lrc


def aligned(*words: tuple[str, float | None]) -> list[AlignedWord]:
    return [AlignedWord(word=word, start=start) for word, start in words]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ([("[Verse]\nrain ", 1.0), ("falls\n", 1.5), ("[Chorus]\nfalls", 3.0)], [(1.0, "rain falls"), (3.0, "falls")]),
        ([("[Verse", 0.0), ("1]\nrain", 2.0)], [(2.0, "rain")]),
        ([("a\nb\n", 1.0), ("\n", 2.0), ("c", 3.0)], [(1.0, "a"), (1.0, "b"), (3.0, "c")]),
        ([("a", None), ("b\n", 2.0), ("c", None)], [(2.0, "a b"), (2.0, "c")]),
        ([("late\n", 9.0), ("early", 1.0)], [(9.0, "late"), (9.0, "early")]),
        ([("a", float("nan")), ("\ud800", float("inf"))], [(0.0, "a ")]),
        ([("[Instrumental]", 0.0)], []),
        ([], []),
    ],
)
def test_words_become_lines(words: list[tuple[str, float | None]], lines: list[tuple[float, str]]) -> None:
    assert lines_of(aligned(*words)) == [Line(*line) for line in lines]


def test_the_lyrics_tell_where_lines_end() -> None:
    """The words of some answers have no line feeds."""
    words = aligned(("rain ", 1.0), ("falls ", 2.0), ("down", 3.0))
    assert lines_of(words, "[Verse 1]\nrain falls\n\ndown\n") == [Line(1.0, "rain falls"), Line(3.0, "down")]
    assert lines_of(words, "other lyrics") == [Line(1.0, "rain falls down")]


def test_an_lrc_has_a_time_for_each_line() -> None:
    lines = [Line(0.0, "a"), Line(61.996, "b"), Line(6000.0, "c")]
    assert lrc(lines, "Rain [live]\n2") == "[ti:Rain (live) 2]\n[00:00.00]a\n[01:02.00]b\n[100:00.00]c\n"
