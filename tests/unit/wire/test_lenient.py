"""The lenient reading: repaired texts, and JSON as a type whatever it holds."""

from typing import Any

import msgspec
import pytest

from suno_async.api.results import Cover, Music, Stems, Track
from suno_async.wire.lenient import fitted, known, repaired

AUDIO = "https://f.example/a.mp3"


@pytest.mark.parametrize(
    ("odd", "meant"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'\x00 {"a":1}\x00\n', {"a": 1}),
        (b'{"a":NaN,"b":-Infinity,"c":1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": None}),
        (b'{"a":"x\x00y\nz"}', {"a": "x\x00y\nz"}),
        (b'{"a":"x\\ud83dy","b":"\\ud83c\\udfb5"}', {"a": "x\ufffdy", "b": "\U0001f3b5"}),
        (b'{"a":"x\xed\xa0\xbdy","b":"\xff"}', {"a": "x\ufffd\ufffd\ufffdy", "b": "\ufffd"}),
    ],
)
def test_odd_bytes_become_json(odd: bytes, meant: Any) -> None:
    assert msgspec.json.decode(repaired(odd)) == meant


@pytest.mark.parametrize("odd", [b"", b"<html>", b'{"a":', b"{} {}", b"[" * 100_000])
def test_what_is_no_json_stays_none(odd: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        repaired(odd)


def test_what_is_odd_becomes_the_default_and_what_is_needed_stays() -> None:
    odd = {
        "id": 7,
        "audioUrl": AUDIO,
        "tags": ["pop"],
        "duration": "3:05",
        "title": 5,
        "createTime": 1.5,
        "imageUrl": False,
    }
    assert fitted(odd, Track) == Track(id="7", audio_url=AUDIO)


@pytest.mark.parametrize("absent", [None, "", False, 0, [], {}])
def test_a_file_that_is_not_there_yet_is_none(absent: Any) -> None:
    assert not fitted({"id": "a", "audioUrl": absent}, Track).audio_url


@pytest.mark.parametrize("odd", [{"id": ["a"]}, {"audioUrl": {"url": AUDIO}}, {"audioUrl": 5}])
def test_an_id_or_address_that_cannot_be_read_is_said(odd: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        fitted({"sunoData": [odd]}, Music)


@pytest.mark.parametrize("odd", [{"id": ["b"]}, {"audioUrl": {"url": AUDIO}}, {"audioUrl": 5}, {"audioUrl": ["x"]}])
def test_one_track_that_cannot_be_read_hides_no_other(odd: dict[str, Any]) -> None:
    good, read = {"id": "a", "audioUrl": AUDIO}, Track(id="a", audio_url=AUDIO)
    assert fitted({"sunoData": [good, odd | {"title": "B"}]}, Music).tracks == (read, Track(title="B"))
    assert fitted({"sunoData": [odd, good]}, Music).tracks == (Track(), read)


def test_no_element_of_a_list_is_dropped_but_null() -> None:
    music = fitted({"sunoData": [{"id": "a", "audioUrl": AUDIO}, 5, None]}, Music)
    assert music.tracks == (Track(id="a", audio_url=AUDIO), Track())
    assert not music.complete
    with pytest.raises(msgspec.ValidationError):
        fitted({"images": [AUDIO, 5]}, Cover)


def test_every_spelling_is_read() -> None:
    for spelled in (
        {"sunoData": [{"audioUrl": AUDIO}]},
        {"suno_data": [{"audio_url": AUDIO}]},
        {"data": [{"audio_url": AUDIO}]},
    ):
        assert fitted(spelled, Music).tracks[0].audio_url == AUDIO
    pair = {"origin_data": [{"extract": {"id": "s", "audioUrl": AUDIO, "stemTypeGroupName": "Drums"}}]}
    assert fitted(pair, Stems).urls == {"Drums": AUDIO}


def test_known_fields_are_counted() -> None:
    assert known({"vocal_url": "v", "originUrl": None, "brand": "new"}, Stems) == 1
    assert known([], Stems) == 0
