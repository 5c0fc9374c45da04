"""Gateways as values: what they refuse, and what their codes mean."""

from typing import Any

import msgspec
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    ConfigurationError,
    ExtendMusic,
    GenerateMusic,
    GetDownloadUrl,
    InvalidJob,
    Mashup,
    Provider,
    RateLimited,
    ReplaceSection,
    SeparateStems,
    SunoClient,
    UploadCover,
    UploadExtend,
)
from suno_async.api import validation
from suno_async.api.requests import MusicJob, Request
from suno_async.errors import InsufficientCredits

URL = "https://e.example/a.mp3"


REPLACE: dict[str, Any] = {"lyrics": "la", "style": "pop", "title": "La", "start": 10, "end": 20}


ADDED: dict[str, Any] = {"upload_url": URL, "title": "La", "style": "pop", "negative_tags": ""}


@pytest.mark.parametrize(
    ("provider", "request_", "says"),
    [
        (SUNOAPI, GetDownloadUrl(url=URL), "endpoint is not offered by sunoapi, got '/api/v1/common/download-url'"),
        (APIKLEY, GetDownloadUrl(url=URL), "endpoint is not offered by apikley, got '/api/v1/common/download-url'"),
        (SUNOAPI, ExtendMusic(audio_id="a", instrumental=True), "instrumental is not known at sunoapi, got True"),
        (SUNOAPI, SeparateStems(audio_url=URL), f"audio_url is not known at sunoapi, got '{URL}'"),
        (KIE, UploadCover(upload_url=URL, prompt="x", image_urls=(URL,)), "image_urls is not known at kie"),
        (SUNOAPI, ReplaceSection(task_id="t", audio_id="a", **REPLACE), "full_lyrics must be given at sunoapi"),
        (KIE_JOBS, ReplaceSection(task_id="t", audio_id="a", **REPLACE), "full_lyrics must be given at kie-jobs"),
        (KIE_JOBS, Mashup(upload_url_list=(URL, URL), prompt="x"), "style must be given at kie-jobs"),
        (KIE_JOBS, AddInstrumental(lyrics="la", model="V6", **ADDED), "lyrics is not known at kie-jobs, got 'la'"),
        (KIE, UploadExtend(upload_url=URL, continue_at=3, variety=2), "variety is not known at kie, got 2"),
        (KIE_JOBS, AddVocals(variety=2, model="V6", **ADDED), "variety is not known at kie-jobs, got 2"),
        (
            KIE_JOBS,
            AddVocals(prompt="a", lyrics="b", model="V6", **ADDED),
            "prompt is the lyrics with V6: give one of prompt and lyrics, got 'a'",
        ),
    ],
)
def test_what_a_gateway_would_drop_or_refuse_is_said_before(
    provider: Provider, request_: Request[Any], says: str
) -> None:
    with pytest.raises(InvalidJob) as caught:
        validation.check(request_, provider)
    assert str(caught.value.problems[0]).startswith(says)
    if provider is KIE_JOBS and "must be given" not in says:
        validation.check(request_, SUNOAPI)  # which has these fields


def test_the_cover_page_of_sunoapi_speaks_kies_codes() -> None:
    """It lists 402 for credits, so its 429 is the rate (x-codes of the description)."""
    assert SUNOAPI.refusal(429, "", "/api/v1/suno/cover/generate") is RateLimited
    assert SUNOAPI.refusal(429, "", "/api/v1/generate/generate-persona") is RateLimited
    assert SUNOAPI.refusal(429, "", "/api/v1/wav/generate") is InsufficientCredits
    assert APIKLEY.refusal(429, "", "/api/v1/generate/mashup") is RateLimited  # KIE's table, by its one page


def test_kies_lyrics_page_speaks_the_other_table_of_codes() -> None:
    """docs/service.md#errors: "sunoapi table (also KIE's lyrics page)"; its x-codes list 405, 429, 430 and no 402."""
    assert KIE.refusal(429, "", "/api/v1/lyrics") is InsufficientCredits
    assert KIE.refusal(405, "", "/api/v1/lyrics") is RateLimited


@pytest.mark.parametrize("model", ["V6", "V6_MINI", "V5_5"])
def test_apikleys_one_page_lists_its_models(model: str) -> None:
    """x-apikley-models: V4 to V5, "no V5_5, no V6" (docs/service.md#providers)."""
    with pytest.raises(InvalidJob, match="model"):
        validation.check(UploadCover(upload_url=URL, prompt="x", model=model), APIKLEY)


def test_kie_wants_continue_at_in_upload_extend_always() -> None:
    """x-required-when: continueAt, providers: [kie], of no era."""
    with pytest.raises(InvalidJob, match="continue_at"):
        validation.check(UploadExtend(upload_url=URL, prompt="x", model="V5"), KIE)


def test_upload_extend_wants_words_with_own_parameters_and_vocals() -> None:
    """x-required-when: prompt with defaultParamFlag true and instrumental false, at all gateways in all eras."""
    with pytest.raises(InvalidJob):
        validation.check(UploadExtend(upload_url=URL, continue_at=5, style="pop", title="La", model="V5"))


@pytest.mark.parametrize("type_", ["separate_vocal", "split_stem"])
def test_a_stem_name_that_the_schemas_require_in_every_mode_is_not_refused(type_: Any) -> None:
    """docs/service.md#stem-name: by two schemas it is required in all modes, so no page refuses it."""
    validation.check(SeparateStems(task_id="t", audio_id="a", type=type_, stem_name="Piano"), SUNOAPI)


@pytest.mark.parametrize("given", [{"style": "x" * 1001}, {"negative_tags": "x" * 201}], ids=["style", "negative_tags"])
@pytest.mark.parametrize("provider", [KIE, KIE_JOBS], ids=lambda provider: provider.name)
def test_kies_own_limits_are_checked_for_kie(provider: Any, given: Any) -> None:
    """x-char-limits with providers: [kie]; on the jobs route the schema has them as maxLength."""
    said = {"upload_url": URL, "title": "La", "style": "pop", "negative_tags": "", "model": "V6"} | given
    with pytest.raises(InvalidJob):
        validation.check(AddInstrumental(**said), provider)


def test_kies_jobs_route_takes_titles_of_80() -> None:
    """maxLength of JobGenerateInput.title, and x-char-limits of createTask."""
    with pytest.raises(InvalidJob, match="title"):
        validation.check(GenerateMusic(prompt="x", style="pop", title="x" * 95, model="V5"), KIE_JOBS)


def test_apikley_is_sunoapi_of_the_time_before_v6() -> None:
    """What sunoapi's newer pages insist on or dropped is not asked there."""
    validation.check(ReplaceSection(task_id="t", audio_id="a", **REPLACE), APIKLEY)
    validation.check(UploadCover(upload_url=URL, prompt="an idea", model="V5"), APIKLEY)
    validation.check(GenerateMusic(prompt="x", model="V9"), APIKLEY)  # a model of tomorrow is passed on


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"unsupported_endpoints": ["/sing"]}, "unsupported_endpoints names '/sing', which is the path of no request"),
        ({"paths": {"/sing": "/chant"}}, "paths names '/sing'"),
        ({"codes_by_path": {"/sing": {}}}, "codes_by_path names '/sing'"),
        ({"callback_task_id_paths": {"/sing": ("id",)}}, "callback_task_id_paths names '/sing'"),
        ({"callback_result_paths": {"/sing": ("id",)}}, "callback_result_paths names '/sing'"),
        ({"max_chars": {"/sing": {}}}, "max_chars names '/sing'"),
        ({"max_chars": {GetDownloadUrl.path: {"adress": 9}}}, "max_chars names 'adress', which is no field"),
        ({"field_names": {GetDownloadUrl.path: {"adress": "a"}}}, "its fields are url"),
        ({"unsupported_fields": {GetDownloadUrl.path: {"adress"}}}, "unsupported_fields names 'adress'"),
        ({"required_fields": {GetDownloadUrl.path: ("adress",)}}, "required_fields names 'adress'"),
        ({"fixed_flags": {GetDownloadUrl.path: {"adress": True}}}, "fixed_flags names 'adress'"),
    ],
)
def test_a_table_that_names_what_no_class_has_is_refused(tables: dict[str, Any], says: str) -> None:
    """A misspelt rule would be no rule at all."""
    with pytest.raises(ConfigurationError) as caught:
        KIE.replace(name="mine", **tables)
    assert str(caught.value).startswith("provider 'mine': ")
    assert says in str(caught.value)


def test_a_gateway_made_by_replace_of_msgspec_is_checked_by_the_client_at_the_latest() -> None:
    """Before 0.19 msgspec does not check it, nor lead the jobs API to the new host."""
    own = msgspec.structs.replace(KIE, name="mine", api="https://suno.example")
    SunoClient(api_key="k", provider=own)
    assert own.jobs is not None
    assert own.jobs.api == "https://suno.example"
    with pytest.raises(ConfigurationError, match="rules names 'nobody'"):
        SunoClient(api_key="k", provider=msgspec.structs.replace(KIE, rules="nobody"))


def test_tables_may_speak_of_a_class_of_ones_own() -> None:
    class Sing(MusicJob, frozen=True, kw_only=True):
        path = "/sing-at-mine"
        text: str = ""

    mine = KIE.replace(
        name="mine",
        paths={Sing.path: "/chant"},
        codes_by_path={"/chant": {}, Sing.details: {}},
        max_chars={Sing.path: {"text": 3}},
        unsupported_endpoints=[],
    )
    assert mine.path(Sing) == "/chant"
    with pytest.raises(InvalidJob, match="text must have at most 3 characters at mine"):
        validation.check(Sing(text="la la"), mine)
