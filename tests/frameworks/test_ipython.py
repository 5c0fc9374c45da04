"""What IPython and Jupyter show: signatures after `?`, one line for a value, a player for a track."""

from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.metadata import version
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from suno_async import Failure, GenerateMusic, Music, Success, SunoClient, Track

KEY = "secret-key"
WITH_METACLASS = tuple(int(part) for part in version("msgspec").split(".")[:2]) >= (0, 20)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    config = Config()
    config.HistoryManager.enabled = False
    folder = str(tmp_path_factory.mktemp("ipython"))
    shell: Any = InteractiveShell.instance(colors="nocolor", config=config, ipython_dir=folder)
    shell.ex("from suno_async import *")
    shell.user_ns["suno"] = SunoClient(api_key=KEY)
    yield shell
    InteractiveShell.clear_instance()


def asked(shell: Any, name: str) -> str:
    """What `name?` shows as the signature, with its blanks and line ends made one."""
    told = shell.object_inspect(name)
    text = " ".join((told["definition"] or told["init_definition"] or "").split())
    return text.replace("( ", "(").replace(", )", ")")


def test_a_question_mark_shows_the_real_signature(shell: Any) -> None:
    assert asked(shell, "suno.get_credits") == "suno.get_credits() -> float"
    music = asked(shell, "suno.generate_music")
    assert music.startswith("suno.generate_music(*, model: Optional[str] = None, ")
    assert "prompt: Optional[str] = None" in music
    assert music.endswith("-> suno_async.tasks.task.Task[suno_async.api.results.music.Music]")
    assert asked(shell, "suno.convert_to_wav").startswith("suno.convert_to_wav(source: Optional[")
    assert asked(shell, "suno.submit").startswith("suno.submit(job: ")
    assert asked(shell, "SunoClient").startswith("SunoClient(*, api_key: str | ")
    request = asked(shell, "GenerateMusic")
    if WITH_METACLASS:  # else it shows the limits of each field, too (docs/versions.md)
        assert request.startswith("GenerateMusic(*, model: Optional[str] = None, ")
        assert "Annotated" not in request
    assert asked(shell, "Track").startswith("Track(*, task_id: str = '', id: str = '', title: str | None = None, ")


@pytest.mark.parametrize("name", ["suno", "suno.generate_music", "suno.submit", "KIE", "GenerateMusic"])
def test_a_question_mark_shows_no_secret_and_no_long_value(shell: Any, name: str) -> None:
    told = shell.object_inspect(name)
    assert KEY not in str(told)
    assert len(told["string_form"]) <= 200
    assert told["docstring"]


def shown(shell: Any, value: object) -> dict[str, str]:
    """What a cell that ends with the value shows, by type."""
    data, _ = shell.display_formatter.format(value)
    return {kind: text.strip() for kind, text in data.items()}


def test_a_cell_shows_values_as_one_line(shell: Any) -> None:
    suno: SunoClient = shell.user_ns["suno"]
    job, music = GenerateMusic(prompt="rain"), Music(task_id="t1")
    task = suno.attach(GenerateMusic, "t1")
    for value in (suno, task, job, Success(job, task, music), Failure(job, None, OSError("x")), suno.provider):
        told = shown(shell, value)
        assert told == {"text/plain": repr(value)}
        assert len(repr(value)) <= 120


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


TRACK = Track(title="Rain", tags="fado", audio_url="https://f.example/a.mp3", image_url="https://f.example/a.jpeg")


def test_a_track_is_shown_as_a_player(shell: Any) -> None:
    page = Page(shown(shell, TRACK)["text/html"])
    assert [one["src"] for one in page.attributes("audio")] == ["https://f.example/a.mp3"]
    assert page.attributes("audio")[0]["preload"] == "none"
    assert [one["src"] for one in page.attributes("img")] == ["https://f.example/a.jpeg"]
    assert page.text.split() == ["Rain", "fado"]
    both = Page(shown(shell, Music(tracks=(TRACK, Track(stream_audio_url="https://f.example/b"))))["text/html"])
    assert [one["src"] for one in both.attributes("audio")] == ["https://f.example/a.mp3", "https://f.example/b"]
    assert "untitled" in both.text
    assert "not ready" in Page(shown(shell, Track(title="Rain"))["text/html"]).text


EVIL = ["\"'><script>alert(1)</script><img src=x onerror=alert(1)>", "<!--", "&lt;b&gt;", "]]>", "</div>"]


@pytest.mark.parametrize("text", EVIL)
def test_text_of_strangers_stays_text(shell: Any, text: str) -> None:
    track = Track(title=text, tags=text, audio_url=f"https://f.example/{text}", image_url=f"https://f.example/{text}")
    page = Page(shown(shell, track)["text/html"])
    assert [tag for tag, _ in page.elements] == ["div", "img", "b", "small", "br", "audio"]
    assert page.text.count(text) == 2
    assert set(page.attributes("img")[0]) == {"src", "alt", "width", "height"}
    assert page.attributes("audio")[0] == {"controls": None, "preload": "none", "src": f"https://f.example/{text}"}


@pytest.mark.parametrize("address", ["javascript:alert(1)", " https://x", "data:text/html,x", "file:///etc", "//x", ""])
def test_only_web_addresses_are_used(shell: Any, address: str) -> None:
    page = Page(shown(shell, Track(title="Rain", audio_url=address, image_url=address))["text/html"])
    assert not page.attributes("audio")
    assert not page.attributes("img")
