"""What is refused before it is sent, and in which words."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    BoostStyle,
    CreateMusicVideo,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    GenerateVoice,
    GetDownloadUrl,
    InvalidJob,
    Mashup,
    Model,
    Problem,
    ReplaceSection,
    SeparateStems,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadFromUrl,
    UploadStream,
    ValidateVoice,
)
from suno_async.api import validation
from suno_async.api.requests import TABLE, Request
from suno_async.wire import encoding

URL = "https://e.example/a.mp3"


def refused(request: Request[Any]) -> dict[str, str]:
    """Field and what the error says of it."""
    with pytest.raises(InvalidJob) as caught:
        validation.check(request)
    return {problem.field: str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("request_", "field", "says"),
    [
        (GenerateMusic(prompt=""), "prompt", "prompt must be text, not empty, got ''"),
        (GenerateMusic(prompt=" \n"), "prompt", "prompt must not be blank, got ' \\n'"),
        (GenerateMusic(prompt=7), "prompt", "prompt must be text, not empty, got 7"),  # type: ignore[arg-type]
        (GenerateMusic(prompt="\ud800"), "prompt", "prompt must be text that can be sent as UTF-8, got '\\ud800'"),
        (GenerateMusic(), "prompt", "prompt must be given without custom mode, got None"),
        (GenerateMusic(title="La"), "style", "style or lyrics must be given in custom mode, got None"),
        (GenerateMusic(prompt="x", model="v5.5"), "model", "model must be written 'V5_5', got 'v5.5'"),
        (GenerateMusic(prompt="x", model="V4_5_PLUS"), "model", "model must be written 'V4_5PLUS', got 'V4_5_PLUS'"),
        (
            GenerateMusic(style="s" * 201, model="V4"),
            "style",
            "style must have at most 200 characters with V4, got 201 characters",
        ),
        (
            GenerateMusic(style="s", lyrics="l" * 5001, model="V6"),
            "lyrics",
            "lyrics must have at most 5000 characters with V6, got 5001 characters",
        ),
        (
            GenerateMusic(style="s", prompt="l" * 3001, model="V4"),
            "prompt",
            "prompt must have at most 3000 characters with V4, got 3001 characters",
        ),
        (
            GenerateMusic(prompt="x", style="s", style_weight=1.01),
            "style_weight",
            "style_weight must be a number from 0 to 1, got 1.01",
        ),
        (
            GenerateMusic(prompt="x", style="s", audio_weight=-0.1),
            "audio_weight",
            "audio_weight must be a number from 0 to 1, got -0.1",
        ),
        (
            GenerateMusic(prompt="x", style="s", style_weight=float("nan")),
            "style_weight",
            "style_weight must be a number from 0 to 1, got nan",
        ),
        (
            GenerateMusic(prompt="x", style="s", weirdness_constraint=0.125),
            "weirdness_constraint",
            "weirdness_constraint must be a multiple of 0.01, got 0.125",
        ),
        (
            GenerateMusic(prompt="x", style="s", vocal_gender="x"),  # type: ignore[arg-type]
            "vocal_gender",
            "vocal_gender must be one of f, m, got 'x'",
        ),
        (
            GenerateMusic(style="s", duration=5, model="V6"),
            "duration",
            "duration must be a number from 10 to 360, got 5",
        ),
        (
            GenerateMusic(style="s", duration=60, model="V5"),
            "duration",
            "duration needs one of V6, V6_WILD, V6_MINI, V5_5, got 'V5'",
        ),
        (
            GenerateMusic(style="s", persona_id="p", persona_model="voice_persona", model="V4_5"),
            "persona_model",
            "persona_model needs one of V6, V6_WILD, V6_MINI, V5_5, V5, got 'V4_5'",
        ),
        (
            GenerateMusic(prompt="x", title="T", vocal_gender="m", custom_mode=False, model="V6"),
            "vocal_gender",
            "vocal_gender needs custom mode with V6: give style, title or lyrics, got 'm'",
        ),
        (
            GenerateMusic(prompt="x", lyrics="y", style="s", model="V5"),
            "prompt",
            "prompt is the lyrics with V5: give one of prompt and lyrics, got 'x'",
        ),
        (
            GenerateMusic(prompt="x", image_urls=("ftp://x",)),
            "image_urls",
            "image_urls must be a list of at most 5 entries, each an http(s) address or a Path, got ('ftp://x',)",
        ),
        (ExtendMusic(audio_id="a", continue_at=0), "continue_at", "continue_at must be a number greater than 0, got 0"),
        (
            ExtendMusic(audio_id="a", continue_at=-3.5),
            "continue_at",
            "continue_at must be a number greater than 0, got -3.5",
        ),
        (ExtendMusic(audio_id=""), "audio_id", "audio_id must be text, not empty, got ''"),
        (
            ExtendMusic(audio_id="a", style="s", title="t", lyrics="l"),
            "continue_at",
            "continue_at must be given with style, title or lyrics, got None",
        ),
        (
            ExtendMusic(audio_id="a", instrumental=True, prompt="x"),
            "prompt",
            "prompt cannot be given with instrumental, got 'x'",
        ),
        (UploadCover(upload_url="a.mp3"), "upload_url", "upload_url must be an http(s) address or a Path, got 'a.mp3'"),
        (
            UploadExtend(upload_url=URL, title="t"),
            "continue_at",
            "continue_at must be given with style, title or lyrics, got None",
        ),
        (
            Mashup(upload_url_list=(URL,)),
            "upload_url_list",
            f"upload_url_list must be a list of 2 entries, each an http(s) address or a Path, got ('{URL}',)",
        ),
        (
            AddInstrumental(upload_url=URL, title="", style="s", negative_tags=""),
            "title",
            "title must be text, not empty, got ''",
        ),
        (
            AddVocals(upload_url=URL, title="t", style="s", negative_tags="", prompt="a", lyrics="b", model="V5"),
            "prompt",
            "prompt is the lyrics with V5: give one of prompt and lyrics, got 'a'",
        ),
        (
            ReplaceSection(task_id="t", audio_id="a", prompt="p", style="s", title="t", start=10, end=15),
            "end",
            "end must be at least 6 seconds after start, got 15",
        ),
        (
            ReplaceSection(task_id="t", prompt="p", style="s", title="t", start=10, end=20),
            "audio_id",
            "audio_id must be given, or the result it is about, or upload_url, got None",
        ),
        (
            ReplaceSection(task_id="t", audio_id="a", model="V5", prompt="p", style="s", title="t", start=10, end=20),
            "model",
            "model cannot be given with task_id and audio_id, got 'V5'",
        ),
        (
            GenerateSounds(prompt="x" * 501),
            "prompt",
            "prompt must be text from 1 to 500 characters, got 501 characters",
        ),
        (
            GenerateSounds(prompt="x", sound_tempo=301),
            "sound_tempo",
            "sound_tempo must be a whole number from 1 to 300, got 301",
        ),
        (
            GenerateLyrics(prompt="雨" * 201),
            "prompt",
            "prompt must be text from 1 to 200 characters, got 201 characters",
        ),
        (BoostStyle(content=""), "content", "content must be text, not empty, got ''"),
        (
            GenerateMusic(prompt="x", model="V6", style="s", instrumental=True, audio_weight=0.5),
            "audio_weight",
            "audio_weight needs vocals with V6, got 0.5",
        ),
        (
            GenerateMusic(prompt="x", model="V6", variety=2),
            "variety",
            "variety needs custom mode with V6: give style, title or lyrics, got 2",
        ),
        (
            GenerateMusic(style="s", image_urls=(URL,)),
            "image_urls, video_urls, audio_urls",
            f"image_urls, video_urls, audio_urls cannot be used in custom mode, got ('{URL}',)",
        ),
        (
            GenerateMusic(prompt="x", audio_urls=(URL,) * 11),
            "image_urls, video_urls, audio_urls",
            "image_urls, video_urls, audio_urls with style and lyrics must be at most 10, got 11",
        ),
        (
            UploadCover(upload_url=URL, style="s", image_urls=(URL,)),
            "image_urls",
            f"image_urls cannot be used in custom mode, got ('{URL}',)",
        ),
        (
            ExtendMusic(audio_id="a", instrumental=True, vocal_gender="f"),
            "vocal_gender",
            "vocal_gender cannot be given with instrumental, got 'f'",
        ),
        (
            ExtendMusic(audio_id="a", style="s", lyrics="la", continue_at=5),
            "title",
            "title must be given when the source's own parameters are replaced, got None",
        ),
        (
            ExtendMusic(audio_id="a", style="s", title="t" * 81, lyrics="la", continue_at=5, model="V4_5ALL"),
            "title",
            "title must have at most 80 characters with V4_5ALL, got 81 characters",
        ),
        (
            ReplaceSection(
                upload_url=URL, audio_id="a", model="V5", prompt="p", style="s", title="t", start=10, end=20
            ),
            "upload_url",
            f"upload_url cannot be given with task_id or audio_id, got '{URL}'",
        ),
        (
            SeparateStems(task_id="t", audio_id="a", type="split_stem_advanced"),
            "stem_name",
            "stem_name must be given with type split_stem_advanced, got None",
        ),
        (
            SeparateStems(task_id="t", audio_url=URL),
            "audio_url",
            f"audio_url cannot be given with task_id or audio_id, got '{URL}'",
        ),
        (
            SeparateStems(audio_id="a"),
            "task_id",
            "task_id must be given, or the result it is about, or audio_url, got None",
        ),
        (
            CreateMusicVideo(task_id="t", audio_id="a", author="x" * 51),
            "author",
            "author must be text from 1 to 50 characters, got 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        ),
        (
            GeneratePersona(task_id="t", audio_id="a", name="n", description="d", vocal_start=25),
            "vocal_end",
            "vocal_end must be 10 to 30 seconds after vocal_start, got (25, 30.0)",
        ),
        (
            GeneratePersona(task_id="t", audio_id="a", name="n", description="d", vocal_end=30.01),
            "vocal_end",
            "vocal_end must be 10 to 30 seconds after vocal_start, got (0.0, 30.01)",
        ),
        (
            ValidateVoice(voice_url=URL, vocal_start=5, vocal_end=5),
            "vocal_end",
            "vocal_end must be after vocal_start, got 5",
        ),
        (
            ValidateVoice(voice_url=URL, vocal_start=0, vocal_end=5, language="nl"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            "language",
            "language must be one of de, en, es, fr, hi, ja, ko, pt, ru, zh, got 'nl'",
        ),
        (
            GenerateVoice(task_id="t", verify_url="x"),
            "verify_url",
            "verify_url must be an http(s) address or a Path, got 'x'",
        ),
        (GetDownloadUrl(url="x"), "url", "url must be an http(s) address, got 'x'"),
        (UploadFromUrl(file_url="ftp://x"), "file_url", "file_url must be an http(s) address, got 'ftp://x'"),
        (UploadBase64(base64_data=""), "base64_data", "base64_data must be text, not empty, got ''"),
        (UploadStream(file=7), "file", "file must be a Path, bytes or an async iterator of bytes, got 7"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_is_wrong_is_said(request_: Request[Any], field: str, says: str) -> None:
    assert refused(request_)[field] == says


@pytest.mark.parametrize(
    "request_",
    [
        GenerateMusic(prompt="x" * 3000, model="V4"),
        GenerateMusic(style="🎷" * 1000, model="V5"),  # characters, not bytes
        GenerateMusic(style="s" * 100_000, model="V9"),  # a model of tomorrow has limits of its own
        GenerateMusic(style="s", model="V5"),  # one era wants a title, the other does not
        GenerateMusic(style="s", title="t" * 100, model="V5"),
        GenerateMusic(style="s", style_weight=0.29, weirdness_constraint=0.57, audio_weight=1, model=Model.V5),
        GenerateMusic(prompt="x", vocal_gender="f", model="V5"),
        GenerateLyrics(prompt="雨" * 200),
        ExtendMusic(audio_id="a", continue_at=0.01),
        UploadExtend(upload_url=URL, continue_at=3, default_param_flag=True, prompt="x"),
        Mashup(upload_url_list=[URL, URL]),  # type: ignore[arg-type]  # a list does as well
        ReplaceSection(upload_url=URL, model="V6", prompt="p", style="s", title="t", start=0, end=90),
        AddInstrumental(upload_url=URL, title="t", style="s", negative_tags=""),
    ],
)
def test_what_some_era_accepts_is_sent(request_: Request[Any]) -> None:
    validation.check(request_)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (
            Mashup(upload_url_list=(URL, URL), style="s", title="t", instrumental=True, model="V6"),
            "instrumental can only be False at sunoapi with V6, got True",
        ),
        (
            UploadCover(upload_url=URL, prompt="an idea", model="V6"),
            "custom_mode can only be True at sunoapi with V6, got False",
        ),
    ],
)
def test_a_wish_that_a_gateway_would_drop_is_refused(request_: Request[Any], says: str) -> None:
    """An idea would be sung as lyrics, a mashup would get a singer: and be charged."""
    validation.check(request_, KIE)
    with pytest.raises(InvalidJob, match=says):
        validation.check(request_, SUNOAPI)


def test_all_problems_are_listed_at_once() -> None:
    job = GenerateMusic(style="s" * 201, title="t" * 81, model="V4", style_weight=2, instrumental="yes")  # type: ignore[arg-type]
    assert refused(job).keys() == {"style", "title", "style_weight", "instrumental"}


def test_the_error_is_a_value_error_with_its_parts() -> None:
    with pytest.raises(ValueError, match=r"^GenerateLyrics was not sent: prompt must be") as caught:
        validation.check(GenerateLyrics(prompt=""))
    assert isinstance(caught.value, InvalidJob)
    assert caught.value.problems == (Problem("prompt", "must be text from 1 to 200 characters", ""),)


@pytest.mark.parametrize(
    "wrong", [5, [], [1], {"a": []}, b"x", object(), True, float("inf")], ids=lambda value: type(value).__name__
)
def test_values_of_any_type_are_reported_and_never_crash(wrong: Any) -> None:
    """Every field of every endpoint, given nonsense."""
    for kind in TABLE:
        for field in msgspec.structs.fields(kind):
            needed = {one.name: "x" for one in msgspec.structs.fields(kind) if one.required}
            try:
                validation.check(kind(**(needed | {field.name: wrong})))
            except InvalidJob as refused:
                assert refused.problems
                assert str(refused)


def test_six_seconds_are_six_seconds() -> None:
    validation.check(ReplaceSection(task_id="t", audio_id="a", prompt="p", style="s", title="t", start=2.04, end=8.04))


def test_an_empty_model_is_refused() -> None:
    with pytest.raises(InvalidJob):
        validation.check(GenerateMusic(prompt="x", model=""))


def test_a_decimal_weight_goes_out_as_a_number_or_not_at_all() -> None:
    job = GenerateMusic(style="s", style_weight=Decimal("0.5"), model="V6")  # type: ignore[arg-type]
    try:
        validation.check(job)
    except InvalidJob:
        return
    assert json.loads(encoding.encode(job, SUNOAPI))["styleWeight"] == 0.5


def test_the_scheme_of_an_address_may_be_in_capitals() -> None:
    validation.check(UploadCover(upload_url="HTTPS://e.example/a.mp3", prompt="x", model="V5"))


class Markup(str):
    """Text as template engines and parsers hand it on."""


def test_a_check_raises_only_invalid_job() -> None:
    with pytest.raises(InvalidJob):
        validation.check(
            ReplaceSection(task_id="t", audio_id="a", lyrics="x", style="s", title="t", start=10**400, end=1.5)
        )


def test_text_of_a_subclass_is_text() -> None:
    job = GenerateMusic(prompt=Markup("rain"), model=Markup("V5"))
    validation.check(job, KIE)
    sent = json.loads(encoding.encode(job, KIE))
    assert (sent["prompt"], sent["model"]) == ("rain", "V5")
