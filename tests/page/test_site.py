# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
"""The site of the docs as somebody sees it, by `make test-docs`, which builds it."""

import json
import os
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .browser import MISSING, chromium

playwright: Any = pytest.importorskip("playwright.sync_api")
SITE = Path(__file__).parents[2] / "site"
PHONE = {"width": 390, "height": 844}

if not SITE.is_dir():
    pytest.skip("the site is not built: `make docs`", allow_module_level=True)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def page(address: str) -> Generator[Any]:
    """A page as wide as a phone. What it asks of other hosts, and every error on its console, fails the tests."""
    wrong: list[str] = []
    with playwright.sync_playwright() as started:
        try:
            with chromium(started) as browser:
                page = browser.new_page(viewport=PHONE)
                page.set_default_timeout(10_000)
                page.on(
                    "request", lambda one: None if one.url.startswith((address, "data:")) else wrong.append(one.url)
                )
                page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
                page.on("pageerror", lambda error: wrong.append(str(error)))
                yield page
        except playwright.Error as exc:
            if "Executable doesn't exist" not in str(exc) or os.environ.get("CI"):
                raise
            pytest.skip(MISSING)
    assert wrong == []


def test_every_page_fits_a_phone(page: Any, address: str) -> None:
    """Nothing is wider than the screen but tables and programs, which scroll by themselves."""
    index = json.loads((SITE / "search" / "search_index.json").read_text(encoding="utf-8"))
    paths = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert len(paths) > 60
    for path in sorted(paths):
        assert page.goto(address + path).ok
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
        assert page.locator("h1").count() == 1, path


@pytest.mark.parametrize(
    ("words", "leads_to"),
    [
        ("SubmissionUncertain", "errors/"),
        ("idempotency key", "costs/"),
        ("generate_music", "endpoints/generate_music/"),
    ],
)
def test_the_search_finds(page: Any, address: str, words: str, leads_to: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address)
    page.locator(".md-search__input").fill(words)
    page.locator(".md-search-result__link").first.wait_for()
    found = page.locator(".md-search-result__link").evaluate_all("all => all.map(one => one.href)")
    assert any(one.startswith(address + leads_to) for one in found)
