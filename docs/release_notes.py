"""Prints the notes of a release from CHANGELOG.md: `make release-notes VERSION=0.1.0`."""

import re
import sys
from pathlib import Path

__all__ = ["notes"]

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(changelog: str, version: str) -> str:
    """Return what the changelog says of a version.

    Args:
        changelog: The changelog, with a heading `## VERSION`, perhaps followed by a date, for each version.
        version: The version, or "Unreleased".

    Raises:
        LookupError: It says nothing of it.
    """
    found = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if not found or not found[1].strip():
        raise LookupError(f"CHANGELOG.md says nothing of {version}: give it the heading '## {version}'")
    return re.sub(r"\[([^\]]*)\]\(docs/[^)]*\)", r"\1", found[1]).strip()


if __name__ == "__main__":
    print(notes(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]))  # noqa: T201  that is what this program is for
