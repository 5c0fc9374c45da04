"""What a debugger, a log and a notebook show of our values: one line of at most 120 characters, and no secret."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    KIE_LEGACY,
    SUNOAPI,
    Callback,
    Failure,
    GenerateMusic,
    MemoryStore,
    Music,
    Pace,
    Record,
    Reply,
    Rule,
    Stage,
    Success,
    SunoClient,
    Track,
    Update,
    UploadCover,
    Verdict,
)
from suno_async.api.requests import TABLE
from suno_async.api.results import Result
from suno_async.api.updates import JobRecord

from ...cases import every

LONG = "Rain\nin <Lisbon> " * 60
TASK_ID = "5c79be8e" * 4
SECRET = "secret-key"
TRACK = Track(
    task_id=TASK_ID,
    id="e231aaaa-3343-4bcc-a331-00000000000a",
    title=LONG,
    tags=LONG,
    audio_url="https://f.example/" + "a" * 300,
)
JOB = GenerateMusic(prompt=LONG[:500], lyrics=None)


def values() -> Iterator[Any]:
    client = SunoClient(api_key=SECRET, callback_url="https://bot.example/suno")
    task = client.attach(GenerateMusic, TASK_ID)
    music = Music(task_id=TASK_ID, tracks=(TRACK, TRACK))
    yield from (client, task, TRACK, music, JOB, Success(JOB, task, music), Failure(JOB, task, ValueError(LONG)))
    yield from (KIE, KIE_JOBS, KIE_LEGACY, SUNOAPI, APIKLEY, Pace(), Rule(models=("V5",) * 50), MemoryStore())
    yield client.receiver()
    yield Update[Music](task_id=TASK_ID, stage=Stage.COMPLETE, result=music).came_from(SECRET.encode())
    yield Record(ref="r" * 30, kind="my.long.module." * 9, task_id=TASK_ID, request_json=SECRET, body=SECRET.encode())
    yield Reply(200, SECRET.encode())
    yield JobRecord(task_id=TASK_ID, state="success", param=SECRET, result_json=LONG)
    yield Verdict(200, "taken", Callback(task_id=TASK_ID, code=200, stage="complete", body=SECRET.encode()))
    yield UploadCover(upload_url="https://f.example/" + "a" * 500, style=LONG[:900])
    for kind in TABLE:
        if isinstance(kind.result, type) and issubclass(kind.result, Result):
            yield filled(kind.result)
            yield from (filled(part) for part in kind.result.parts)


def filled(kind: Any) -> Any:
    """One with a long text in every field that takes text."""
    texts = [field.name for field in msgspec.structs.fields(kind) if "str" in str(field.type)]
    return kind(**{name: (LONG,) if "tuple" in str(kind.__annotations__.get(name)) else LONG for name in texts})


@every("value", [pytest.param(value, id=type(value).__name__) for value in values()])
def test_a_repr_is_one_short_line(value: Any) -> None:
    assert len(repr(value)) <= 120
    assert repr(value).isprintable()
    assert SECRET not in repr(value)
    assert type(value).__name__ in repr(value)


def test_a_repr_names_what_tells_values_apart() -> None:
    assert repr(TRACK).startswith(f"<Track task_id='{TASK_ID}' id='{TRACK.id}' title='Rain")
    assert repr(Music(task_id=TASK_ID, tracks=(TRACK, TRACK))) == f"<Music task_id='{TASK_ID}' tracks=2>"
    assert repr(GenerateMusic(prompt="rain", instrumental=False)) == "<GenerateMusic prompt='rain' instrumental=False>"
    assert repr(KIE) == "<Provider kie https://api.kie.ai>"
    assert repr(Failure(JOB, None, ValueError("no"))) == "<Failure GenerateMusic without a task ValueError('no')>"


def test_a_notebook_shows_music_without_tracks_as_text() -> None:
    assert Music()._repr_html_() is None
    assert "not ready" in (Music(tracks=(Track(title="Rain"),))._repr_html_() or "")
