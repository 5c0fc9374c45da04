"""Results without a service."""

from typing import Any

import pytest

from suno_async import GenerateMusic, Job, Stems, Task
from suno_async.api.requests import TABLE
from suno_async.testing import make_lyrics, make_music, make_result, make_track


def test_a_song_has_two_complete_tracks() -> None:
    music = make_music(title="Fado", task_id="5c79")
    assert music.complete
    assert [(track.title, track.task_id) for track in music.tracks] == [("Fado", "5c79")] * 2
    assert len({file.url for file in music.files()}) == 4
    assert len({track.id for track in music.tracks}) == 2
    assert make_music(make_track(duration=60.0)).tracks[0].duration == 60


def test_lyrics() -> None:
    assert make_lyrics().complete
    assert [one.text for one in make_lyrics("la", "lala", title="x").variants] == ["la", "lala"]


@pytest.mark.parametrize("kind", [kind for kind in TABLE if issubclass(kind, Job)])
async def test_every_kind_of_result_can_be_made_and_awaited(kind: type[Job[Any]]) -> None:
    made = make_result(kind.result)
    assert made.complete
    assert await Task.resolved(made) is made


def test_names_that_do_not_exist_are_refused() -> None:
    for made in (make_track, make_music):
        with pytest.raises(TypeError, match="titel"):
            made(titel="Fado")
    with pytest.raises(TypeError, match="vocals"):
        make_result(Stems, vocals="x")
    with pytest.raises(TypeError, match="not both"):
        make_music(make_track(), title="Fado")


def test_results_start_other_jobs() -> None:
    """As `GenerateCover(music)` does with a real one."""
    task = Task.resolved(make_music(task_id="5c79"))
    assert (task.kind, task.id, task.result().task_id) == (GenerateMusic, "5c79", "5c79")
