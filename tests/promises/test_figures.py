"""The numbers in README and docs are those of the results that are committed: `make figures`."""

import re
from pathlib import Path

import pytest

from benchmarks.figures import BLOCKS, PAGES, pictures, read, rewritten

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


@pytest.mark.parametrize("name", ["README.md", "docs/performance.md"])
def test_no_measured_number_is_written_by_hand(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    rest = re.sub(r"<!-- figures: .*?<!-- end -->", "", page, flags=re.DOTALL)
    assert not re.search(r"\d [µm]s\b|\d KB", rest)
