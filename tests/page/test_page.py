# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
"""The page as somebody sees, hears and uses it, by `make test-page`: playwright is a dependency of nothing else."""

import os
from collections.abc import Generator
from typing import Any

import pytest

from suno_async import GenerateLyrics, GenerateMusic, SeparateStems, Stage
from suno_async.emulator import DelayCallbacks

from .browser import MISSING, Served, chromium, served

playwright: Any = pytest.importorskip("playwright.sync_api")
KEY = "secret-key-of-the-emulator"
PROMPT = "rain in Lisbon"
NAME = f"GenerateMusic “{PROMPT}”"


@pytest.fixture(scope="module")
def browser() -> Generator[Any]:
    with playwright.sync_playwright() as started:
        try:
            with chromium(started) as opened:
                yield opened
        except playwright.Error as exc:
            if "Executable doesn't exist" not in str(exc) or os.environ.get("CI"):
                raise
            pytest.skip(MISSING)


@pytest.fixture
def emulator() -> Generator[Served]:
    with served(api_key=KEY) as one:
        yield one


def is_error(message: Any) -> bool:
    """Whether a line on the console is an error of the page; that of a request that failed is not."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture
def page(browser: Any, emulator: Served) -> Generator[Any]:
    """The page, opened. Whatever it asks of others, and every error and breach of its policy, fails the test."""
    page = browser.new_page()
    page.set_default_timeout(10_000)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if is_error(message) else None)
    page.goto(emulator.emulator.url)
    yield page
    page.close()
    assert not [url for url in asked if not url.startswith(emulator.emulator.url)]
    assert wrong == []


def expect(thing: Any) -> Any:
    return playwright.expect(thing)


def test_tasks_appear_and_go_through_their_stages_live(page: Any, emulator: Served) -> None:
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    id = emulator.submit(GenerateMusic(prompt=PROMPT))
    task = page.get_by_role("article", name=f"GenerateMusic {PROMPT}")
    expect(task.locator(".facts .stage")).to_have_text("PENDING")
    expect(task.locator(".id")).to_have_text(id)
    expect(page.get_by_text("No tasks yet")).to_be_hidden()
    run = emulator.emulator.runs[id]
    for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE):
        emulator.advance(run.marks[stage] - emulator.call(emulator.emulator.now) + run.born + 0.1)
        expect(task.locator(".facts .stage")).to_have_text(stage.name)
        row = task.locator(".callbacks li").filter(has_text=stage.name)
        expect(row.locator(".answers")).to_have_text("answered: 200")
    expect(page.locator("#credits")).to_have_text("988")


def test_songs_play_and_covers_are_seen(page: Any, emulator: Served) -> None:
    emulator.submit(GenerateMusic(prompt=PROMPT))
    emulator.advance(500)
    covers = page.get_by_role("img", name="Cover of Rain In Lisbon")
    expect(covers).to_have_count(2)
    for cover in covers.all():
        expect(cover).to_have_js_property("complete", True)
        assert cover.evaluate("async (one) => { await one.decode(); return one.naturalWidth; }") > 0
    player = page.locator("audio").first
    assert player.get_attribute("aria-label") == "audioUrl of Rain In Lisbon"
    assert player.evaluate("(one) => one.networkState") != 2  # nothing is fetched before it is played
    assert player.evaluate("async (one) => { one.muted = true; await one.play(); return one.duration; }") > 3.5
    # a look at the tasks leaves what plays alone
    page.wait_for_timeout(1500)
    assert player.evaluate("(one) => one.currentTime") > 1


def test_a_task_is_finished_with_the_keyboard_alone(page: Any, emulator: Served) -> None:
    emulator.submit(GenerateMusic(prompt=PROMPT))
    finish = page.get_by_role("button", name=f"Finish {NAME}")
    expect(finish).to_be_visible()
    page.keyboard.press("Tab")
    expect(finish).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=f"Fail {NAME}")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status", name="News")).to_have_text(f"{NAME}: COMPLETE")
    expect(finish).to_be_hidden()
    expect(page.get_by_role("heading", name=f"GenerateMusic {PROMPT}")).to_be_focused()  # not the top of the page
    expect(page.locator(".callbacks li")).to_have_count(3)


def test_a_task_is_failed_and_its_fault_shown(page: Any, emulator: Served) -> None:
    emulator.submit(GenerateLyrics(prompt=PROMPT))
    page.get_by_role("button", name="Fail").click()
    expect(page.locator(".facts .stage")).to_have_text("FAILED")
    expect(page.get_by_text("Fault: Fail()")).to_be_visible()
    expect(page.get_by_role("button", name="Finish")).to_have_count(0)


def test_a_callback_is_repeated_and_both_answers_stay(page: Any, emulator: Served) -> None:
    emulator.statuses[:] = [503]
    emulator.submit(GenerateLyrics(prompt=PROMPT))
    page.get_by_role("button", name="Finish").click()
    expect(page.locator(".answers")).to_have_text("answered: 503, 200")
    emulator.statuses[:] = [401]
    repeat = page.get_by_role("button", name=f"Repeat callback COMPLETE of GenerateLyrics “{PROMPT}”")
    repeat.focus()
    page.keyboard.press("Space")
    expect(page.locator(".answers")).to_have_text("answered: 503, 200; repeated: 401")
    expect(page.get_by_role("status", name="News")).to_contain_text("repeated: 401")
    expect(repeat).to_be_focused()


def test_a_task_that_ended_meanwhile_says_so(page: Any, emulator: Served) -> None:
    emulator.submit(GenerateLyrics(prompt=PROMPT))
    finish = page.get_by_role("button", name="Finish")
    expect(finish).to_be_visible()
    page.route("**/__emulator/tasks?*", lambda route: route.abort())  # it does not see what happens
    emulator.advance(500)
    page.evaluate("document.querySelector('.finish').click()")
    expect(page.get_by_role("status", name="News")).to_contain_text("has ended: COMPLETE")
    expect(page.get_by_role("alert")).to_have_text("The emulator does not answer. What is shown is old.")
    page.unroute("**/__emulator/tasks?*")
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.locator(".facts .stage")).to_have_text("COMPLETE")


def test_text_is_text(page: Any, emulator: Served) -> None:
    """What a request says can neither be markup nor run."""
    evil = "<img src=x onerror=document.title='owned'><b>rain</b>"
    emulator.submit(GenerateMusic(prompt=evil, title=evil, style=evil))
    emulator.advance(500)
    expect(page.get_by_role("heading", level=3)).to_have_text(f"GenerateMusic {evil}"[: len("GenerateMusic ") + 80])
    expect(page.locator("figcaption").first).to_be_visible()
    assert page.locator("main b, main img[src=x]").count() == 0
    assert page.title() == "Suno emulator"


def test_the_policy_stops_markup_that_is_there_all_the_same(browser: Any, emulator: Served) -> None:
    page = browser.new_page()
    page.goto(emulator.emulator.url)
    page.evaluate("document.body.innerHTML += '<img src=x onerror=\"document.title=1\">'")
    page.evaluate(
        "(s => { s.textContent = 'document.title=2'; document.body.append(s) })(document.createElement('script'))"
    )
    page.wait_for_timeout(300)
    assert page.title() == "Suno emulator"
    with pytest.raises(playwright.Error):
        page.evaluate("fetch('http://127.0.0.1:9/')")
    page.close()


def test_key_and_tokens_are_not_in_the_page(page: Any, emulator: Served) -> None:
    emulator.submit(GenerateMusic(prompt=PROMPT))
    emulator.advance(500)
    expect(page.locator(".callbacks li")).to_have_count(3)
    expect(page.locator(".address").first).to_contain_text("/suno/<token>")
    assert KEY not in page.content()
    token = emulator.emulator.posted[0].url.rpartition("/")[2]
    assert len(token) == 40
    assert token not in page.content()


def test_other_sites_cannot_press_the_buttons(browser: Any, emulator: Served) -> None:
    """A form of another page is refused."""
    id = emulator.submit(GenerateLyrics(prompt=PROMPT))
    target = f"{emulator.emulator.url}/__emulator/tasks/{id}/fail"
    page = browser.new_page()
    page.goto(f'data:text/html,<form method="post" action="{target}"><button>Win</button></form>')
    with page.expect_response(target) as answered:
        page.get_by_role("button").click()
    assert answered.value.status == 403
    page.close()
    assert emulator.emulator.runs[id].fault is None


def test_what_a_screen_reader_is_told(page: Any, emulator: Served) -> None:
    emulator.call(emulator.emulator.script, None, [DelayCallbacks()])
    emulator.submit(GenerateMusic(prompt=PROMPT))
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.locator("body")).to_match_aria_snapshot(
        f"""
        - banner:
          - heading "Suno emulator" [level=1]
          - term: Provider
          - definition: kie
          - term: Credits
          - definition: "988"
        - main:
          - heading "Tasks" [level=2]
          - list "Tasks":
            - listitem:
              - article "GenerateMusic {PROMPT}":
                - heading "GenerateMusic {PROMPT}" [level=3]
                - paragraph:
                  - strong: PENDING
                - paragraph: "Fault: DelayCallbacks()"
                - group "End {NAME}":
                  - button "Finish {NAME}"
                  - button "Fail {NAME}"
                - heading "Callbacks" [level=4]
                - paragraph: None posted.
        - status "News"
        """
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(browser: Any, emulator: Served, scheme: str) -> None:
    id = emulator.submit(GenerateMusic(prompt="rain" * 100))
    emulator.advance(500)
    emulator.submit(SeparateStems(task_id=id, audio_id=emulator.emulator.runs[id].name(0)))
    page = browser.new_page(viewport={"width": 320, "height": 640}, color_scheme=scheme)
    page.goto(emulator.emulator.url)
    expect(page.locator(".callbacks li")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 40
    page.close()


def test_older_tasks_are_shown_on_demand(page: Any, emulator: Served) -> None:
    for number in range(60):
        emulator.submit(GenerateLyrics(prompt=f"rain {number}"))
    expect(page.get_by_role("article")).to_have_count(50)
    page.get_by_role("button", name="Show older tasks").click()
    expect(page.get_by_role("article")).to_have_count(60)
    expect(page.get_by_role("heading", level=3).first).to_have_text("GenerateLyrics rain 59")
    expect(page.get_by_role("button", name="Show older tasks")).to_be_hidden()
