"""What the code cites is in the repository: each `docs/….md#heading` and each link of a document leads somewhere."""

import re
from collections.abc import Iterator
from functools import cache
from os.path import normpath
from pathlib import Path
from typing import Any

import pytest

from docs.generate import pages

from ..cases import every

ROOT = Path(__file__).parents[2]
FOLDERS = ("suno_async", "tests", "benchmarks", "examples", "docs")
FILES = sorted(
    [path for folder in FOLDERS for ending in ("py", "md") for path in (ROOT / folder).rglob(f"*.{ending}")]
    + [
        ROOT / name
        for name in (
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CODE_OF_CONDUCT.md",
            "Makefile",
            "pyproject.toml",
        )
    ]
)
CITED = re.compile(r"\bdocs/[\w-]+\.md(?:#[\w-]+)?")
"""A citation in code or text: a document and maybe a heading, by paths from the root of the repository."""
LINKED = re.compile(r"\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)")
"""A link in Markdown, by paths from the document."""
FOREIGN = re.compile(r"\b(?:NOTES|STYLE|DESIGN|FLOW)\b|\b[Tt]he design\b|\([Ll]aws? \d+")
"""Papers that are not in the repository, and laws without their address."""


def text_of(path: Path) -> str:
    return generated()[path] if path in generated() else path.read_text(encoding="utf-8")


@cache
def generated() -> dict[Path, str]:
    """Pages of the site that are made from the code, the README and the changelog."""
    return {ROOT / "docs" / path: text for path, text in pages().items()}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def headings(path: Path) -> frozenset[str]:
    """The anchors of a document, as GitHub makes them."""
    outside = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles]
    assert len(slugs) == len(set(slugs)), f"two headings of {named(path)} have one anchor"
    return frozenset(slugs)


def citations(path: Path) -> Iterator[tuple[Path, str]]:
    """The document and the heading of everything that a file cites; the heading may be empty."""
    text = text_of(path)
    for cited in CITED.findall(text):
        document, _, heading = cited.partition("#")
        yield ROOT / document, heading
    if path.suffix == ".md":
        for target, anchor in LINKED.findall(text):
            yield (Path(normpath(path.parent / target)) if target else path), anchor[1:]


def pages_and_files() -> Iterator[Any]:
    for path in (*FILES, *generated()):
        yield pytest.param(path, id=named(path))


@every("path", pages_and_files())
def test_every_citation_leads_to_a_heading(path: Path) -> None:
    for document, heading in citations(path):
        assert document in generated() or document.is_file(), f"{named(path)} cites {document}"
        if (
            heading and "reference" not in document.parts
        ):  # its anchors are made from docstrings; `make docs` checks them
            assert heading in headings(document), f"{named(path)} cites #{heading} of {document.name}"


@every("path", [pytest.param(path, id=named(path)) for path in FILES])
def test_nothing_is_cited_that_is_not_here(path: Path) -> None:
    if path != Path(__file__):
        assert FOREIGN.findall(text_of(path)) == []


def test_citations_are_found() -> None:
    """The two tests above read something: the code cites the facts and the laws."""
    cited = {
        (document.name, heading) for path in FILES if path.suffix == ".py" for document, heading in citations(path)
    }
    assert {"service.md", "architecture.md"} <= {document for document, _ in cited}
    assert len({heading for _, heading in cited if heading}) > 10


def test_each_law_has_its_heading() -> None:
    laws = {heading for heading in headings(ROOT / "docs/architecture.md") if heading.startswith("law-")}
    assert laws == {f"law-{number}" for number in range(1, 13)}
