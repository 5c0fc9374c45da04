"""Lets the README of a release lead to the published docs: `[project.urls] Documentation` in pyproject.toml."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ReadmeHook(MetadataHookInterface):
    """Sets the `readme` of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        published = runpy.run_path(str(root / "docs" / "readme.py"))["published"]
        text = published((root / "README.md").read_text(encoding="utf-8"), metadata["urls"]["Documentation"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
