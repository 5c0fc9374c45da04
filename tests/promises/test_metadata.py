"""What the package says of itself: bounds, extras, and files."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import suno_async
from docs.readme import published

from ..oldest import oldest

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
NOT_OURS = {"litestar", "pydantic", "pydantic_core", "pytest", "pytest_asyncio", "typing_extensions", "yarl"}
"""What is used where it is there, with the framework or the tests of the user; and a part of aiohttp's interface."""


def named(requirement: str) -> str:
    return re.split(r"[\[<>=~!; ]", requirement)[0]


def imported() -> set[str]:
    """The packages beside the standard library that the package imports anywhere."""
    found: set[str] = set()
    for path in (ROOT / "suno_async").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
                found |= {str(one.value).split(".")[0] for one in node.args if isinstance(one, ast.Constant)}
    return found - set(sys.stdlib_module_names) - {"msvcrt"}


def test_what_is_installed_is_used_and_what_is_used_is_installed() -> None:
    """No dependency and no extra without an import, and no import without one of them."""
    needed = [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
    names = {{"opentelemetry-api": "opentelemetry"}.get(named(one), named(one)) for one in needed}
    assert names - {"suno-async"} == imported() - NOT_OURS


def test_no_bound_is_an_upper_one() -> None:
    for requirement in (*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)):
        assert re.fullmatch(r"[\w-]+(\[\w+\])?>=[\d.]+|suno-async\[\w+\]", requirement)
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_documented_bounds_are_those_of_the_package() -> None:
    table = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \|", table, re.MULTILINE)) == dict(
        one.split("==") for one in oldest()
    )
    quickstart = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    for requirement in PROJECT["dependencies"]:
        assert f"`{requirement}`" in quickstart


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_quickstart_says_what_an_extra_is_for(extra: str) -> None:
    assert f"| `pip install '.[{extra}]'` | " in (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")


def test_links_of_the_readme_lead_to_the_published_docs() -> None:
    """On PyPI no file is beside the README. As long as the docs are published nowhere, it has no links to them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((?!docs/)([^)]*)\)", readme)) == set()
    there = published(readme, "https://docs.example/suno")
    assert "[Quickstart](https://docs.example/suno/quickstart/)" in there
    assert "](https://docs.example/suno/images/demo.svg)" in there
    assert "](docs/" not in there
    nowhere = published(readme, "")
    assert "](" not in nowhere
    assert "| Quickstart |" in nowhere


def test_it_is_typed_and_says_so() -> None:
    assert (Path(suno_async.__file__).parent / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_the_sdist_has_what_its_makefile_needs() -> None:
    """`make dist` runs its demo; what the other targets need is there, too."""
    included = {*PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    assert included >= {"suno_async", "tests", "benchmarks", "examples", "docs", "/*.md", "mkdocs.yml", "Makefile"}
