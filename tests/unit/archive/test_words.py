"""Which text is sung."""

from typing import Any

import pytest

from suno_async import GenerateMusic, Lyrics, LyricsVariant, Track
from suno_async.archive.words import clean, lyrics_of, written


@pytest.mark.parametrize(
    ("prompt", "job", "sung"),
    [
        ("[Verse]\nla\n", None, "[Verse]\nla"),
        ("[Verse]\nla", GenerateMusic(prompt="a song"), "[Verse]\nla"),
        ("a song", GenerateMusic(prompt="a song"), ""),
        ("la la", GenerateMusic(prompt="la la", style="fado"), "la la"),
        (None, GenerateMusic(lyrics="la la", style="fado"), "la la"),
        ("calm", GenerateMusic(prompt="calm", instrumental=True), ""),
        (None, None, ""),
        ("a\r\nb\0\u202ec", None, "a\nbc"),
    ],
)
def test_an_idea_and_an_instrumental_have_no_lyrics(prompt: str | None, job: Any, sung: str) -> None:
    assert lyrics_of(Track(prompt=prompt), job) == sung


def test_scripts_that_need_joiners_keep_them() -> None:
    assert clean("می\u200cخواهم 👩\u200d👩\u200d👧\tx") == "می\u200cخواهم 👩\u200d👩\u200d👧\tx"


def test_each_variant_of_lyrics_has_a_file() -> None:
    lyrics = Lyrics(
        variants=(LyricsVariant(text="la", title="Rain"), LyricsVariant(status="failed"), LyricsVariant(text="lo"))
    )
    assert [(name.split()[0], text) for name, text in written(lyrics, "t1")] == [("Rain", "la\n"), ("lyrics", "lo\n")]
    assert list(written(lyrics, "t1")) == list(written(lyrics, "t1")) != list(written(lyrics, "t2"))
