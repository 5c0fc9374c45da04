"""One odd byte hides nothing: whatever stands beside the files, ids and status words of any sample."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suno_async import SunoError
from suno_async.api.results import Result
from suno_async.wire import callbacks, details, envelope
from suno_async.wire.envelope import Reply

from ..sampled import ID, Sample, listed
from .test_fuzz import CASES as TIMES
from .test_fuzz import VALUES, often

_STEMS = "vocal instrumental origin backing_vocals drums bass guitar piano keyboard percussion strings synth fx brass"
NEEDED = {
    *("code", "status", "successFlag", "state", "callbackType", "error", "failCode"),
    *("id", "taskId", "task_id", "personaId", "persona_id", "voiceId", "voice_id", "isAvailable", "is_available"),
    *("result", "text", "validateInfo", "validate_info", "alignedWords", "aligned_words", "instruments", "notes"),
    *("audioUrl", "audio_url", "audioWavUrl", "audio_wav_url", "videoUrl", "video_url", "images", "resultUrls"),
    *("downloadUrl", "sunoData", "originData", "origin_data", "backingVocalsUrl"),
    *(f"{stem}{url}" for url in ("_url", "Url") for stem in (*_STEMS.split(), "woodwinds")),
}
"""Names of what carries a file, an id, a status word, or a text that was bought."""
MARK = "\u2603 here"
ODD: dict[str, bytes] = {
    "null": b"null",
    "false": b"false",
    "zero": b"0",
    "negative": b"-1.5",
    "large": b"1e999",
    "huge": b"9" * 5000,
    "not a number": b"NaN",
    "infinite": b"-Infinity",
    "empty": b'""',
    "time": b'"3:05"',
    "list": b'["a",1]',
    "object": b'{"a":[null]}',
    "surrogate": b'"\\ud83d"',
    "control": b'"a\x00b\nc\x1b"',
    "not utf-8": b'"\xff\xfe"',
}
"""What may stand in place of a value, as bytes, which are no good JSON in part."""
SAMPLES: list[tuple[str, Sample]] = list(
    {
        (section, id(sample.entry), sample.provider.uses_jobs_api(sample.kind)): (section, sample)
        for section in ("details", "callbacks", "answers")
        for sample in (one.values[0] for one in listed(section))
    }.values()
)
"""Each once for each API: its gateways read it alike."""


def needed(value: Any) -> bool:
    """Whether a value holds something that is needed."""
    held: Any = value
    if isinstance(value, dict):
        return any(name in NEEDED or needed(inside) for name, inside in held.items())
    if isinstance(value, list):
        return any(needed(one) for one in held)
    return False


def spare(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value that holds nothing needed, in `resultJson`, too."""
    inside: Any = value
    if path and path[-1] == "resultJson" and isinstance(value, str) and value:
        inside = msgspec.json.decode(value)
        yield from spare(inside, (*path, ...))
        return
    items: Any = inside.items() if hasattr(inside, "items") else enumerate(inside) if hasattr(inside, "append") else ()
    for step, one in items:
        if step not in NEEDED and not needed(one) and isinstance(step, str) and step not in ("resultJson", "data"):
            yield (*path, step)
        yield from spare(one, (*path, step))


def odd(value: Any, path: tuple[Any, ...], instead: bytes) -> bytes:
    """A sample as bytes, with other bytes in place of one value."""
    value = msgspec.json.decode(msgspec.json.encode(value))
    held: Any = value
    for place, step in enumerate(path):
        if step == "resultJson" and path[place + 1 : place + 2] == (...,):
            inner = odd(msgspec.json.decode(held[step]), path[place + 2 :], instead)
            held[step] = inner.decode(errors="replace")
            return msgspec.json.encode(value)
        if place == len(path) - 1:
            held[step] = MARK
        else:
            held = held[step]
    return msgspec.json.encode(value).replace(msgspec.json.encode(MARK), instead)


def said(section: str, sample: Sample, body: bytes) -> Any:
    """What a body says: stage, whether that is for good, and the ids and files of the result but for the pictures."""
    kind: Any = sample.kind
    try:
        if section == "details":
            told: Any = details.update(Reply(200, body), kind, sample.provider, ID)
        elif section == "callbacks":
            told = callbacks.update(callbacks.parse(body), kind)
        elif sample.provider.uses_jobs_api(kind):
            told = envelope.accepted(Reply(200, body), sample.provider, kind)
        else:
            told = envelope.result(Reply(200, body), kind, sample.provider)
    except SunoError as exc:
        return type(exc)
    stage: tuple[Any, ...] = ()
    found: Any = told
    if hasattr(told, "stage"):
        stage, found = (told.task_id, told.stage, told.provisional), told.result
    if found is None:
        return stage, False, [], []
    if not isinstance(found, Result):
        return stage, found
    urls = [file.url for file in found.files() if file.suffix != ".jpeg" or not found.parts]
    parts: Any = getattr(found, "tracks", getattr(found, "stems", ()))
    return stage, found.complete, urls, [part.id for part in parts]


@cache
def plainly(place: int) -> Any:
    section, sample = SAMPLES[place]
    return said(section, sample, sample.body)


CASES = [
    (place, path) for place, (_, sample) in enumerate(SAMPLES) for path in spare(sample.entry["body"]) if ID not in path
]


STEP = 7 if TIMES == 300 else 1
"""Of the fields one in so many is tried with each value; `make fuzz` tries all."""


def test_there_are_cases() -> None:
    assert len(SAMPLES) > 300
    assert len(CASES) > 3000


@pytest.mark.parametrize("instead", ODD.values(), ids=ODD)
def test_an_odd_value_beside_what_is_needed_changes_nothing(instead: bytes) -> None:
    """Every field of every sample."""
    differ = [
        (SAMPLES[place], path)
        for place, path in CASES[len(instead) % STEP :: STEP]
        if said(SAMPLES[place][0], SAMPLES[place][1], odd(SAMPLES[place][1].entry["body"], path, instead))
        != plainly(place)
    ]
    assert (len(differ), differ[:1]) == (0, [])


@often
@given(st.data())
def test_any_value_beside_what_is_needed_changes_nothing(data: st.DataObject) -> None:
    place, path = data.draw(st.sampled_from(CASES))
    section, sample = SAMPLES[place]
    instead = msgspec.json.encode(data.draw(VALUES.filter(lambda value: not needed(value))))
    assert said(section, sample, odd(sample.entry["body"], path, instead)) == plainly(place)


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n \x00"])
def test_bytes_before_and_after_change_nothing(before: bytes) -> None:
    for place, (section, sample) in enumerate(SAMPLES):
        assert said(section, sample, before + sample.body + b"\x00\n") == plainly(place)
