"""examples/README.md names every example, and tests that run it."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from ..cases import every
from ..programs import ROOT

EXAMPLES = ROOT / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")


class Row(NamedTuple):
    """A row of its tables."""

    example: str
    shows: str
    needs: str
    start: str
    tests: str


ROWS = [
    Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in PAGE.splitlines() if line.startswith("| [")
]


def linked(cell: str) -> list[Path]:
    return [(EXAMPLES / path).resolve() for path in re.findall(r"\]\(([^)#]+)\)", cell)]


def name_of(path: Path) -> str:
    """An example as its tests and commands call it: a file without its suffix, or a folder."""
    return path.relative_to(EXAMPLES).parts[0].removesuffix(path.suffix)


def test_every_example_is_there_once() -> None:
    there = {path.stem for path in EXAMPLES.iterdir() if not path.name.startswith(("_", ".", "README"))}
    assert sorted(name_of(path) for row in ROWS for path in linked(row.example)) == sorted(there)


@every("row", [pytest.param(row, id=row.example.split("]")[0].strip("[")) for row in ROWS])
def test_a_row_leads_to_what_there_is(row: Row) -> None:
    """Its tests name the example, or the module that they import."""
    (path,) = linked(row.example)
    name, tests = name_of(path), linked(row.tests)
    assert path.exists()
    assert row.shows
    assert name in row.start
    assert tests
    for test in tests:
        assert re.search(rf"\b{name}\b", test.read_text(encoding="utf-8")), f"{test.name} runs no {name}"
