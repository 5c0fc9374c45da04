# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
"""`examples/song_page` as somebody uses it on a phone: two workers, which are killed, and a real browser."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from suno_async import Stage

from ..frameworks.conftest import suno
from ..frameworks.processes import Stepped, free_port
from ..frameworks.song_pages import kill, serving
from .browser import MISSING, chromium

__all__ = ["suno"]

playwright: Any = pytest.importorskip("playwright.sync_api")


@pytest.fixture
def phone() -> Generator[Any]:
    with playwright.sync_playwright() as started:
        try:
            with chromium(started) as browser:
                yield browser.new_page(**started.devices["Pixel 7"])
        except playwright.Error as exc:
            if "Executable doesn't exist" not in str(exc) or os.environ.get("CI"):
                raise
            pytest.skip(MISSING)


def test_a_song_is_ordered_seen_and_heard(
    phone: Any, suno: Stepped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its stages come by themselves; neither a reload nor workers that are killed lose it. Nobody else is asked."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("PUBLIC_URL", url)
    monkeypatch.setenv("SONGS", str(tmp_path))
    expect = playwright.expect
    asked: list[str] = []
    wrong: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.on("pageerror", lambda error: wrong.append(str(error)))
    phone.on("console", lambda said: None if "net::ERR" in said.text else wrong.append(said.text))
    song, state = phone.get_by_role("article"), phone.locator(".state")
    with serving(port, workers=2) as process:
        phone.goto(url)
        phone.get_by_role("textbox").fill("<b>rain</b> in Lisbon")
        phone.get_by_role("button", name="Make a song").click()
        expect(song.get_by_role("heading")).to_have_text("<b>rain</b> in Lisbon")
        expect(state).to_have_text("Being made …")
        phone.reload()
        suno.reach(Stage.TEXT)
        expect(state).to_have_text("The lyrics are written.")
        suno.reach(Stage.FIRST)
        expect(state).to_have_text("The first take is ready.")
        expect(phone.locator("audio")).to_have_count(1)
        kill(process, port)
        expect(phone.get_by_role("status")).to_contain_text("The connection is lost")
    with serving(port, workers=2):
        expect(phone.get_by_role("status")).to_be_empty(timeout=20_000)
        suno.reach(Stage.COMPLETE)
        expect(state).to_have_text("Ready.")
        expect(phone.locator("audio")).to_have_count(2)
        player = phone.locator("audio").last
        assert player.evaluate("async (one) => { one.muted = true; await one.play(); return one.duration; }") > 3.5
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing is cut off
        expect(song).to_have_count(1)
    assert len(suno.emulator.runs) == 1
    assert not [one for one in asked if not one.startswith(url)]
    assert wrong == []
