"""Log lines: one line each, cut, and without tokens."""

import logging
from collections import defaultdict
from typing import Any

import pytest

from suno_async import DecodeError, RedactTokens
from suno_async.log import log, shown
from suno_async.wire import tokens

from ..cases import every

TOKEN = tokens.issue(b"secret", 1, "A" * 16)
ADDRESS = f"/suno?suno={TOKEN}"


def test_text_from_outside_stands_on_one_line_and_is_cut() -> None:
    assert shown("t1") == "t1"
    assert shown("下雨天 ünd ♥") == "下雨天 ünd ♥"
    assert shown("t1\nERROR forged\r\x1b[2J\u2028") == r"t1\nERROR forged\r\x1b[2J\u2028"
    assert len(shown("x" * 1_000_000)) < 300


def test_no_argument_of_a_log_line_can_forge_another(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("task %s failed after %d s: %s", "t1\nERROR suno_async forged", 3, ValueError("a\nb" + "c" * 10_000))
    assert len(caplog.text.splitlines()) == 1
    assert "after 3 s" in caplog.text
    assert len(caplog.text) < 1000


def test_an_error_without_a_text_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    log.warning("an observer failed: %s", Mute())
    assert "an observer failed: <Mute without a text: ValueError>" in caplog.text


def test_no_field_that_is_a_list_can_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("left", extra={"task_ids": ["t1\nERROR forged", TOKEN]})
    assert vars(caplog.records[0])["task_ids"] == [r"t1\nERROR forged", "<token>"]


class Atoms(dict[str, Any]):
    """As the atoms of gunicorn and hypercorn: what is missing is a dash."""

    def __missing__(self, name: str) -> str:
        return "-"


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("access", logging.INFO, "f.py", 1, message, args, None)
    vars(made).update(extra)
    return made


@pytest.mark.parametrize(
    "made",
    [
        record('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "POST", ADDRESS, "1.1", 200),  # uvicorn
        record("%(h)s %(r)s %(s)s", Atoms(h="127.0.0.1", r=f"POST {ADDRESS} HTTP/1.1", s=200)),  # gunicorn, hypercorn
        record(f'127.0.0.1 "POST {ADDRESS} HTTP/1.1" 200', first_request_line=f"POST {ADDRESS} HTTP/1.1"),  # aiohttp
        record("%s", f"POST /suno/{TOKEN}/more HTTP/1.1"),  # where the token is a segment of the path
        record("GET /%s", defaultdict(str, url=ADDRESS)),
    ],
    ids=["uvicorn", "gunicorn", "aiohttp", "path", "mapping"],
)
def test_tokens_do_not_reach_access_logs(made: logging.LogRecord) -> None:
    assert RedactTokens().filter(made)
    assert TOKEN not in repr(vars(made))
    assert TOKEN not in made.getMessage()


def test_other_text_is_left_as_it_is() -> None:
    said = record(
        '%s "GET %s"', "10.0.0.1", "/songs/8d1f3f0b-2b7e-4c55-9f5a-0d5b2f3c4d5e?id=5c79a1b2c3d4e5f60718293a4b5cbe8e"
    )
    before = said.getMessage()
    RedactTokens().filter(said)
    assert said.getMessage() == before


@every("cut_after", range(41))
def test_nothing_of_a_token_is_left_where_a_text_is_cut(cut_after: int) -> None:
    said = shown("." * (200 - cut_after) + TOKEN + "." * 300)
    assert not any(TOKEN[:length] in said for length in range(3, 41))


def test_of_an_answer_that_cannot_be_read_the_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Answers repeat what was asked, so its words stay out."""
    log.warning("task t1: %s", DecodeError("/api: Expected `int`", body=b'{"param": "secret meadow"}'))
    assert caplog.messages == ["task t1: /api: Expected `int`"]
