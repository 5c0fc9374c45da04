"""What task.json says."""

from typing import Any

import msgspec
import pytest

from suno_async import AlignedWord, Music
from suno_async.api.results.base import Origin
from suno_async.archive.contents import ArchivedFile, Contents, decode, encode, raw_of
from suno_async.wire.tokens import issue

FILE = ArchivedFile(name="a.mp3", kind="audio", size=1, sha256="00")
WORDS = (AlignedWord(word="la", start=0.5, end=1.0),)


def test_it_is_read_as_it_was_written() -> None:
    contents = Contents(
        task_id="t1", kind="GenerateMusic", files=(FILE,), timed_lyrics={"a": WORDS}, raw={"data": [1, None]}
    )
    assert decode(encode(contents)) == contents


def test_text_that_no_file_can_hold_is_replaced() -> None:
    contents = Contents(task_id="t1", kind="GenerateMusic", result={"\ud800": ["\udfff", 1]})
    assert msgspec.json.decode(encode(contents))["result"] == {"?": ["?", 1]}


@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b"{}", b"\xff", b"[" * 10_000, b'{"files": 1}'])
def test_what_cannot_be_read_says_nothing(body: bytes | None) -> None:
    assert decode(body) is None


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        (b'{"data": {"new": "%s"}}', {"data": {"new": "<token>"}}),
        (
            b'{"param": "{\\"callBackUrl\\":\\"https://me/cb?token=%s\\"}"}',
            {"param": '{"callBackUrl":"https://me/cb?token=<token>"}'},
        ),
        (b"no JSON: %s", "no JSON: <token>"),
    ],
)
def test_the_raw_body_has_no_callback_tokens(body: bytes, raw: Any) -> None:
    music = Music()
    music.came_from(Origin(body=body % issue(b"secret", 1, "0" * 16).encode()))
    assert raw_of(music) == raw


def test_what_was_made_by_hand_has_no_body() -> None:
    assert raw_of(Music()) is None
    assert raw_of(12.5) is None
