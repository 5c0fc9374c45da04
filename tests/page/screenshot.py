"""Makes the README's picture of the page from a real run: `make screenshot`."""

from importlib import import_module
from pathlib import Path
from typing import Any

from suno_async import GenerateLyrics, GenerateMusic
from suno_async.emulator import Fail

from .browser import chromium, served

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "emulator.png"


def main() -> None:
    """Run a few tasks, and take the picture."""
    api: Any = import_module("playwright.sync_api")  # a dependency of this and of tests beside it alone
    with served() as emulator, api.sync_playwright() as playwright, chromium(playwright) as browser:
        emulator.statuses[:] = [200, 503, 200]
        emulator.submit(GenerateMusic(prompt="rain in Lisbon", style="fado", title="Rain in Lisbon"))
        emulator.advance(500)
        emulator.call(emulator.emulator.script, None, [Fail()])
        emulator.submit(GenerateLyrics(prompt="a harbour at night"))
        emulator.advance(100)
        emulator.submit(GenerateMusic(prompt="a calm piano track"))
        page = browser.new_page(viewport={"width": 900, "height": 860})
        page.goto(emulator.emulator.url)
        page.locator("figure img").first.wait_for()
        page.wait_for_timeout(6500)  # until the covers are made
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
