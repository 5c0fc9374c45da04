"""Adds to the site what is made from something else: endpoints and reference from the code, README and changelog.

A hook of MkDocs (`mkdocs.yml`). Nothing is written to disk, so a page cannot be older than what it is made from.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from docs import endpoints, reference
from docs.charts import with_bars

__all__ = ["on_config", "on_files", "on_page_content", "on_page_markdown", "pages"]

ROOT = Path(__file__).parents[1]


def pages() -> Mapping[str, str]:
    """Return every generated page: its path below docs/, and its Markdown."""
    return {"index.md": home(), "changelog.md": changelog(), **endpoints.pages(), **reference.pages()}


def home() -> str:
    """Return the README as the first page of the site."""
    return re.sub(r"\]\(docs/", "](", (ROOT / "README.md").read_text(encoding="utf-8"))


def changelog() -> str:
    """Return the changelog."""
    return re.sub(r"\]\(docs/", "](", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def on_config(config: Any) -> Any:
    """Add the generated pages to the navigation."""
    for section in config.nav:
        for title, made in (("Endpoints", endpoints.nav), ("Reference", reference.nav)):
            if title in section:
                section[title] = made()
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the site."""
    made: Any = import_module("mkdocs.structure.files")  # a dependency of the site alone

    for path, text in pages().items():
        files.append(made.File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Draw the marked tables, and lead links to the changelog to its page."""
    return with_bars(markdown.replace("](../CHANGELOG.md", "](changelog.md"))


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Make links of what docstrings cite, such as docs/service.md#retention."""
    if not page.url.startswith("reference/"):
        return html
    return re.sub(r"docs/([\w-]+)\.md(#[\w-]+)?", r'<a href="../../\1/\2">\g<0></a>', html)
