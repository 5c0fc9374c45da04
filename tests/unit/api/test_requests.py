"""Request classes: what is checked when one is defined, and what follows from its facts."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    ConvertToWav,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    InvalidJob,
    ReplaceSection,
    SeparateStems,
    Stage,
    Stems,
    Track,
    Wav,
)
from suno_async.api import requests, results, validation
from suno_async.api.providers import KIE_JOBS
from suno_async.api.requests import TABLE, Call, FromSource, Job, MusicJob, Request, kind_by_token_id
from suno_async.api.requests.base import FROM_TRACK, endpoints
from suno_async.api.requests.music import ContinuingJob, CustomJob, SungJob
from suno_async.wire.encoding import names

from ...cases import every

TRACK = Track(id="a1", task_id="t9")
OUR_WORDS = hasattr(msgspec, "StructMeta")
"""Whether it is ours to say what is wrong with arguments: msgspec before 0.20 says it itself."""


# ---- a class is checked when it is defined ---------------------------------------------------------------------------


def test_a_job_without_its_facts_is_refused_where_it_is_defined() -> None:
    """The message names all that is missing, and the class is no endpoint afterwards."""
    with pytest.raises(
        TypeError, match=r"Hum is an endpoint, since it has a path, but has no result, details, statuses"
    ):

        class Hum(Job[Any], frozen=True, kw_only=True):  # pyright: ignore[reportUnusedClass]
            path = "/hum"

    with pytest.raises(TypeError, match="but has no statuses"):

        class Whistle(Job[Wav], frozen=True, kw_only=True):  # pyright: ignore[reportUnusedClass]
            path = "/whistle"
            result = Wav
            details = "/whistle/record-info"

    assert {"/hum", "/whistle"}.isdisjoint(kind.path for kind in endpoints())


def test_a_call_needs_its_result() -> None:
    with pytest.raises(TypeError, match="but has no result"):

        class Clap(Call[Any], frozen=True, kw_only=True):  # pyright: ignore[reportUnusedClass]
            path = "/clap"


def test_a_fact_may_be_inherited() -> None:
    class Sing(MusicJob, frozen=True, kw_only=True):
        path = "/sing"

    assert Sing().path in {kind.path for kind in endpoints()}
    assert Sing not in TABLE


@pytest.mark.parametrize("family", [Request, Job, Call, MusicJob, SungJob, CustomJob, ContinuingJob])
def test_a_family_has_no_instances(family: Callable[[], Request[Any]]) -> None:
    with pytest.raises(TypeError, match="is a family without a path"):
        family()


# ---- what a subclass inherits ----------------------------------------------------------------------------------------


def test_a_subclass_with_a_path_of_its_own_buys_nothing_else() -> None:
    """It inherits no operation, so at the jobs API it goes to its own path; and no number in tokens."""

    class Mine(GenerateMusic, frozen=True, kw_only=True):
        path = "/mine"

    assert (Mine.operation, Mine.token_id) == ("", 0)
    assert KIE_JOBS.path(Mine) == "/mine"
    assert KIE_JOBS.path(GenerateMusic) != GenerateMusic.path


def test_a_subclass_may_state_its_own_operation() -> None:
    class MyOperation(GenerateMusic, frozen=True, kw_only=True):
        path = "/my-operation"
        operation = "mine"

    assert KIE_JOBS.uses_jobs_api(MyOperation)


def test_a_subclass_with_the_same_path_is_the_same_operation_without_the_number() -> None:
    class Renamed(GenerateMusic, frozen=True, kw_only=True):
        pass

    assert (Renamed.operation, Renamed.token_id) == ("generate", 0)
    assert kind_by_token_id(GenerateMusic.token_id) is GenerateMusic


# ---- numbers in callback tokens --------------------------------------------------------------------------------------


def test_two_classes_with_one_token_id_are_refused() -> None:
    with pytest.raises(TypeError, match="token_id 1 belongs to GenerateMusic; leave it out"):

        class Thief(MusicJob, frozen=True, kw_only=True):  # pyright: ignore[reportUnusedClass]
            path = "/thief"
            token_id = 1

    assert kind_by_token_id(1) is GenerateMusic


@pytest.mark.parametrize("number", [-1, 256])
def test_a_token_id_is_one_byte(number: int) -> None:
    with pytest.raises(TypeError, match=f"token_id must be from 1 to 255, got {number}"):

        class Wide(MusicJob, frozen=True, kw_only=True):  # pyright: ignore[reportUnusedClass]
            path = "/wide"
            token_id = number


def test_the_same_class_may_be_defined_again() -> None:
    """A cell of a notebook runs twice; the newest class counts."""

    def cell() -> type[Request[Any]]:
        class Again(MusicJob, frozen=True, kw_only=True):
            path = "/again"
            token_id = 254

        return Again

    first, second = cell(), cell()
    assert first is not second
    assert kind_by_token_id(254) is second


def test_no_number_names_no_class() -> None:
    assert kind_by_token_id(0) is None
    assert kind_by_token_id(200) is None


def test_every_endpoint_with_callbacks_has_a_number_of_its_own() -> None:
    """They stand in tokens that are under way, so they never change."""
    assert {kind.__name__: kind.token_id for kind in TABLE if kind.operation} == {
        name: number
        for number, name in enumerate(
            [
                *("GenerateMusic", "ExtendMusic", "UploadCover", "UploadExtend", "AddInstrumental", "AddVocals"),
                *("Mashup", "ReplaceSection", "GenerateSounds", "GenerateLyrics", "GetTimestampedLyrics"),
                *("BoostStyle", "ConvertToWav", "CreateMusicVideo", "SeparateStems", "GenerateMidi"),
                *("GenerateCover", "RecoverAudio", "GeneratePersona", "ValidateVoice", "RegeneratePhrase"),
                *("GenerateVoice", "CheckVoice"),
            ],
            1,
        )
    }
    assert {kind.token_id for kind in TABLE if not kind.operation} == {0}


# ---- sources ---------------------------------------------------------------------------------------------------------


class ConvertToFlac(FromSource[Track], Job[Wav], frozen=True, kw_only=True):
    path = "/flac"
    details = "/flac/record-info"
    result = Wav
    statuses = {"SUCCESS": Stage.COMPLETE}
    required = ("task_id", "audio_id", "level")
    from_source = FROM_TRACK
    instead_of_source = "file_url"

    task_id: str | None = None
    audio_id: str | None = None
    file_url: str | None = None
    level: int = 5


def test_a_source_is_the_one_positional_argument() -> None:
    made = ConvertToFlac(TRACK, level=3)
    assert made == ConvertToFlac(task_id="t9", audio_id="a1", level=3)
    says = "ConvertToFlac takes one positional argument, source, and the other fields by"
    with pytest.raises(TypeError, match=says if OUR_WORDS else "Extra positional arguments"):
        ConvertToFlac(TRACK, "t9")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (ConvertToWav(), dict.fromkeys(("task_id", "audio_id"), "must be given, or the result it is about")),
        (ConvertToWav(audio_id="a"), {"task_id": "must be given, or the result it is about"}),
        (ConvertToWav(Track(id="a1")), {"task_id": "must be given: this Track does not have it"}),
        (
            SeparateStems(audio_id="a"),
            {"task_id": "must be given, or the result it is about, or audio_url"},
        ),
        (
            SeparateStems(audio_id="a", audio_url="https://e.example/a.mp3"),
            {"audio_url": "cannot be given with task_id or audio_id"},
        ),
        (ExtendMusic(), {"audio_id": "must be given, or the result it is about"}),
        (
            ConvertToFlac(),
            dict.fromkeys(("task_id", "audio_id"), "must be given, or the result it is about, or file_url"),
        ),
    ],
)
def test_what_a_source_would_fill_must_be_given(request_: Request[Any], says: dict[str, str]) -> None:
    """It follows from `required`, `from_source` and `instead_of_source`, for classes of users, too."""
    with pytest.raises(InvalidJob) as caught:
        validation.check(request_)
    assert {problem.field: problem.limit for problem in caught.value.problems} == says


def test_what_stands_in_for_a_source_is_enough() -> None:
    validation.check(ConvertToFlac(file_url="x"))


def test_every_built_in_endpoint_says_what_its_source_fills() -> None:
    for kind in TABLE:
        if "source" in kind.__struct_fields__:
            assert kind.__struct_fields__[0] == "source" or not msgspec.structs.fields(kind)[0].required
            assert set(kind.from_source) <= set(kind.__struct_fields__), kind


# ---- one list --------------------------------------------------------------------------------------------------------


def modules(package: ModuleType) -> list[ModuleType]:
    prefix = f"{package.__name__}."
    return [module for name, module in sys.modules.items() if name.startswith(prefix)]


@pytest.mark.parametrize("package", [requests, results], ids=lambda package: str(package.__name__))
def test_a_package_offers_what_its_families_offer(package: ModuleType) -> None:
    offered: set[str] = {name for module in modules(package) for name in vars(module)["__all__"]}
    names: list[str] = vars(package)["__all__"]
    assert offered <= set(names)
    assert all(hasattr(package, name) for name in names)
    assert len(names) == len(set(names))


def test_every_endpoint_of_a_family_is_in_the_table() -> None:
    built_in = {kind for kind in endpoints() if kind.__module__.startswith(requests.__name__)}
    assert built_in == set(TABLE)
    assert {kind.__name__ for kind in TABLE} <= set(requests.__all__)


def test_a_result_names_a_job_that_shows_it_again() -> None:
    assert requests.maker_of(Track()) is GenerateMusic
    assert requests.maker_of(Stems()) is SeparateStems
    assert requests.maker_of(results.Style()) is None


# ---- names of fields -------------------------------------------------------------------------------------------------


MUSIC: Any = GenerateMusic
LYRICS: Any = GenerateLyrics


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MUSIC(promt="rain"), "GenerateMusic has no field 'promt', did you mean 'prompt'?"),
        (
            lambda: MUSIC(customMode=True),
            "GenerateMusic has no field 'customMode', did you mean 'custom_mode'?",
        ),
        (lambda: MUSIC("rain"), "GenerateMusic takes its fields by name: write GenerateMusic(prompt=…)"),
        (lambda: LYRICS(zzz=1), "GenerateLyrics has no field 'zzz', only prompt"),
        (lambda: LYRICS(), "GenerateLyrics needs prompt"),
        (lambda: msgspec.structs.replace(GenerateLyrics(prompt="x"), promt="y"), "promt"),
    ],
)
def test_a_wrong_argument_is_named_with_the_class_and_the_nearest_field(make: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert says in str(caught.value) or not OUR_WORDS


def test_a_family_is_named_as_such_although_its_arguments_are_right() -> None:
    with pytest.raises(TypeError, match="MusicJob is a family without a path"):
        MusicJob()


@every("kind", TABLE)
def test_requests_are_read_by_our_names_and_unknown_ones_are_refused(kind: type[Request[Any]]) -> None:
    """What a web form or a queue holds is not dropped because it is spelled differently."""
    assert kind.__struct_fields__ == kind.__struct_encode_fields__
    with pytest.raises(msgspec.ValidationError, match="unknown field `no_field`"):
        msgspec.convert({"no_field": 1}, kind)


def test_a_request_is_the_same_after_json() -> None:
    made = ReplaceSection(TRACK, style="folk", title="La", start=1.5, end=9.0, lyrics="la")
    assert msgspec.to_builtins(made)["start"] == 1.5
    assert msgspec.convert(msgspec.to_builtins(made), ReplaceSection) == made
    assert msgspec.json.decode(msgspec.json.encode(made), type=ReplaceSection) == made
    assert ReplaceSection(**msgspec.to_builtins(made)) == made


def test_names_of_the_service_follow_by_rule_and_by_the_class() -> None:
    class Odd(MusicJob, frozen=True, kw_only=True):
        path = "/odd"
        wire_names = {"tempo": "BPM"}

        tempo: int = 0
        long_name: int = 0
        named: int = msgspec.field(default=0, name="Named")

    assert names(Odd, KIE) == {"tempo": "BPM", "long_name": "longName", "named": "Named"}
