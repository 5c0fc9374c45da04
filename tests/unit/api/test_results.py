"""Results: what is complete, what can be downloaded, and where it came from."""

import pytest

from suno_async import Cover, Lyrics, LyricsVariant, Midi, Music, Recovery, Stem, Stems, Track, Video, Voice, Wav
from suno_async.api.results import File, Origin, RecoveredTrack, Result, effective_stage
from suno_async.api.updates import Provisional, Stage

READY = Track(id="a", title="La", audio_url="https://f.example/a.mp3", image_url="https://f.example/a.jpeg")
WAITING = Track(id="b")


@pytest.mark.parametrize(
    ("result", "partial", "complete"),
    [
        (Music(), False, False),
        (Music(tracks=(WAITING,)), False, False),
        (Music(tracks=(READY, WAITING)), True, False),
        (Music(tracks=(READY,)), True, True),
        (Wav(), False, False),
        (Wav(audio_url="https://f.example/a.wav"), True, True),
        (Video(result_urls=("https://f.example/a.mp4",)), True, True),
        (Cover(), False, False),
        (Lyrics(variants=(LyricsVariant(),)), False, False),
        (Lyrics(variants=(LyricsVariant(), LyricsVariant(text="la"))), True, True),
        (Stems(vocal_url=""), False, False),
        (Stems(vocal_url="https://f.example/v.mp3"), True, True),
        (Recovery(tracks=(RecoveredTrack(status="failed"),)), True, True),
        (Midi(), True, True),  # may be empty after a separation of type split_stem
        (Voice(voice_id=""), False, False),
    ],
)
def test_what_is_partial_and_what_is_complete(result: Result, partial: bool, complete: bool) -> None:
    assert (result.partial, result.complete) == (partial, complete)


@pytest.mark.parametrize(
    ("stage", "found", "means"),
    [
        (Stage.COMPLETE, Music(tracks=(READY,)), (Stage.COMPLETE, Provisional.NONE)),
        (Stage.COMPLETE, Music(tracks=(READY, WAITING)), (Stage.FIRST, Provisional.LATE_FILES)),
        (Stage.COMPLETE, Music(), (Stage.PENDING, Provisional.LATE_FILES)),
        (Stage.COMPLETE, None, (Stage.PENDING, Provisional.LATE_FILES)),
        (Stage.TEXT, Music(), (Stage.TEXT, Provisional.NONE)),
        (Stage.FAILED, None, (Stage.FAILED, Provisional.NONE)),
        (Stage.COMPLETE, 1.5, (Stage.COMPLETE, Provisional.NONE)),
    ],
)
def test_a_success_without_its_files_is_not_complete(
    stage: Stage, found: object, means: tuple[Stage, Provisional]
) -> None:
    assert effective_stage(stage, found) == means


def test_files_have_the_name_that_they_are_saved_by() -> None:
    assert list(Music(tracks=(READY, WAITING)).files()) == [
        File("https://f.example/a.mp3", "La", "a", ".mp3"),
        File("https://f.example/a.jpeg", "La", "a", ".jpeg"),
    ]


def test_stems_of_a_pair_are_two() -> None:
    pair = Stem(extract=Stem(id="1", name="Piano", audio_url="u1"), remove=Stem(id="2", name="Piano", audio_url="u2"))
    stems = Stems(origin_data=(pair, Stem(id="3", audio_url="u3")), vocal_url="u4")
    assert [stem.id for stem in stems.stems] == ["1", "2", "3"]
    assert stems.urls == {"vocal": "u4", "Piano": "u1", "Piano 2": "u2", "stem 3": "u3"}


def test_raw_is_the_json_at_the_origin() -> None:
    body = b'{"data": {"sunoData": [{"id": "a", "new": 1}], "resultJson": "{\\"x\\": [2]}"}}'
    origin = Origin("t1", "V5", body, ("data",))
    assert origin.inside(("data", "sunoData"), 0).raw() == {"id": "a", "new": 1}
    assert origin.inside("resultJson", "x", 0).raw() == 2
    assert origin.inside("nothing").raw() is None
    assert Origin(body=b"\xff").raw() is None
    assert WAITING.raw is None
    track = Track(id="a")
    track.came_from(origin.inside("sunoData", 0))
    assert (track.task_id, track.model, track.raw) == ("t1", "V5", {"id": "a", "new": 1})
    assert track == Track(id="a", task_id="t1", model="V5")  # the body is no part of the value
