"""The numbers in README and docs are those of the results that are committed: `make figures`."""

import re
from pathlib import Path

import pytest

from benchmarks.figures import BLOCKS, PAGES, pictures, read, rewritten
from benchmarks.rounds import Series, alternate
from benchmarks.table import row

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_was_measured(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    assert rewritten(page, read()) == page


def test_pictures_show_what_was_measured() -> None:
    for path, picture in pictures(read()).items():
        assert path.read_text("utf-8") == picture


def test_each_block_is_in_a_page() -> None:
    pages = "".join((ROOT / name).read_text("utf-8") for name in PAGES)
    assert sorted(re.findall(r"<!-- figures: (\w+) -->", pages)) == sorted(BLOCKS)


def test_no_measured_number_in_the_readme_is_written_by_hand() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    rest = re.sub(r"<!-- figures: .*?<!-- end -->", "", page, flags=re.DOTALL)
    assert not re.search(r"\d [µm]s\b|\d KB", rest)


def test_sides_take_turns_in_both_orders() -> None:
    began = list[str]()
    taken = alternate({"ours": lambda: began.append("ours"), "theirs": lambda: began.append("theirs")}, 2)
    assert began == ["ours", "theirs", "theirs", "ours"]
    assert taken == {"ours": [None, None], "theirs": [None, None]}


def test_a_ratio_is_taken_round_by_round_and_judged() -> None:
    """The machine was slow for both in the second round: that does not count."""
    ours, theirs = Series((1.0, 10.0, 1.0)), Series((2.0, 20.0, 2.5))
    made = row("x", "a poll", "µs", ours, "≤ 0.5", ("ours / theirs", theirs))
    assert (made.value, made.low, made.high) == (1.0, 1.0, 10.0)
    assert (made.ratio, made.ratio_low, made.ratio_high, made.met) == (0.5, 0.4, 0.5, True)
    assert row("x", "calls", "a second", 900.0, "≥ 1000").met is False
