"""What a public forge shows: workflows run what the Makefile has, and notes of a release are in the changelog."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.release_notes import notes

ROOT = Path(__file__).parents[2]
FORGE = sorted((ROOT / ".github").rglob("*.yml"))
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def steps() -> list[str]:
    """Every command of the workflows."""
    found: list[str] = []
    for path in FORGE:
        jobs: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")).get("jobs", {})
        found += [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    return found


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_the_workflows_make_what_there_is() -> None:
    made = [target for step in steps() for target in re.findall(r"^make ([\w-]+)", step)]
    assert {"test", "test-oldest", "docs", "dist", "release-notes"} == set(made) <= TARGETS


def test_the_tests_run_on_each_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_a_template_has_its_parts(path: Path) -> None:
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(form)
    named = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len(named) == len(set(named)) > 0


def test_the_notes_of_a_release() -> None:
    changelog = (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2027-02-01)\n\n- new: [a](docs/versions.md)\n\n## 0.1.0\n\n- old\n"
    )
    assert notes(changelog, "0.2.0") == "- new: a"
    assert notes(changelog, "0.1.0") == "- old"
    with pytest.raises(LookupError, match=r"says nothing of 0\.3\.0"):
        notes(changelog, "0.3.0")
    assert notes((ROOT / "CHANGELOG.md").read_text("utf-8"), "Unreleased")
