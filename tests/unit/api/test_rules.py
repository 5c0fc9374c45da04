"""The table of rules, held against the description of the service.

Requests are generated for every endpoint at every API of every gateway. What is let through must be as the pages of
that API say, and what they refuse must be refused.
"""

import itertools
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
    ConfigurationError,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    InvalidJob,
    Model,
    Provider,
    ReplaceSection,
    Track,
    UploadCover,
    UploadExtend,
)
from suno_async.api import validation
from suno_async.api.models import before_v6
from suno_async.api.requests import TABLE, Request
from suno_async.api.rules import RULES
from suno_async.wire import encoding

from ...document import OPERATIONS, body_schema, documented, inner_fields, judge_of, resolved
from ...doubles import method_of
from ...sampled import CALLBACK_URL, SAMPLES

APIS = [KIE_LEGACY, KIE_JOBS, SUNOAPI, APIKLEY]
MUSIC = [kind for kind in TABLE if kind.path in RULES and "model" in kind.__struct_fields__]
URL = "https://e.example/a.mp3"
BY_API = [pytest.param(kind, api, id=f"{method_of(kind)}-{api.name}") for kind in MUSIC for api in APIS]


# ---- models per endpoint ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "api"), BY_API)
def test_the_models_of_an_endpoint_are_those_of_its_pages(kind: type[Request[Any]], api: Provider) -> None:
    """x-models-by; Apikley's one page for all, within what any page before V6 lists."""
    listed = resolved(inner_fields(kind, api)["model"])["x-models-by"]
    theirs = set(listed.get(api.name) or set(listed["kie-legacy"]) & set(OPERATIONS_COVER["x-apikley-models"]))
    assert set(api.models_for(kind)) == theirs


OPERATIONS_COVER: Any = OPERATIONS["POST", UploadCover.path]


def test_apikleys_page_has_its_own_fields_and_required_list() -> None:
    spelt = encoding.names(UploadCover, APIKLEY)
    known = {spelt[name] for name in spelt.keys() - {"source"} - set(APIKLEY.unsupported(UploadCover))}
    assert known | {"callBackUrl"} == set(OPERATIONS_COVER["x-apikley-fields"])
    required = {spelt[name] for name in (*UploadCover.required, *APIKLEY.required(UploadCover))}
    assert required | {"callBackUrl"} == set(OPERATIONS_COVER["x-apikley-required"])
    codes = OPERATIONS_COVER["x-codes"]
    assert codes["apikley"] == codes["kie"]
    assert APIKLEY.codes == KIE.codes


# ---- what is let through, and what is refused -----------------------------------------------------------------------


def refused_by(body: dict[str, Any], kind: type[Request[Any]], api: Provider) -> list[str]:
    """What the pages of an API refuse in a body, read from the description alone."""
    schema = body_schema(kind, api)
    inner = body["input"] if api.uses_jobs_api(kind) else body
    told = [error.message for error in judge_of(schema).iter_errors(body)]
    told += [f"{name} is no field" for name in inner.keys() - inner_fields(kind, api).keys()]
    model = inner.get("model")
    if model is not None and model not in set(api.models_for(kind)):
        told.append(f"{model} is not listed")
    older = before_v6(model)
    page = "kie" if api.name.startswith("kie") else "sunoapi"

    spelt = {theirs: ours for ours, theirs in encoding.names(kind, KIE_LEGACY).items()}
    # The live service takes it (docs/service.md#retries-and-idempotency); KIE's page of August forbids a prompt there
    # (docs/service.md#prompt-of-extend); Apikley's page is not known.
    taken: list[tuple[type[Request[Any]], str]] = [(UploadExtend, "style"), (UploadExtend, "title")]
    taken += [(ExtendMusic, "prompt")] if inner.get("instrumental") else []
    taken += [(ReplaceSection, "fullLyrics")] if api is APIKLEY else []

    def value(name: str) -> Any:
        return inner.get(encoding.names(kind, api)[spelt[name]])

    for rule in documented_rules(kind, "x-required-when"):
        if "value" in rule or page not in rule.get("providers", (page,)) or "August" in rule.get("note", ""):
            continue
        if (rule.get("era") == "pre-v6" and not older) or (rule.get("era") == "v6" and older):
            continue
        if api is KIE_JOBS and rule.get("providers") == ["kie"] and rule.get("era") == "pre-v6":
            continue  # the legacy pages alone
        if any(value(name) != wanted for name, wanted in rule["when"].items()):
            continue
        names = rule.get("fields") or ()
        told += [f"{name} is missing" for name in names if value(name) is None and (kind, name) not in taken]
        if any_of := rule.get("anyOf"):
            known = [*any_of, "prompt"]
            if not any(value(name) is not None for name in known if name in spelt):
                told.append(f"one of {any_of} is missing")
    for rule in documented_rules(kind, "x-forbidden-when"):
        if "when" not in rule or page not in rule.get("providers", (page,)):
            continue
        if (rule.get("era") == "pre-v6" and not older) or (rule.get("era") == "v6" and older):
            continue
        if all(value(name) == wanted for name, wanted in rule["when"].items()):
            told += [f"{name} is forbidden" for name in rule["fields"] if value(name) is not None]
    if api is APIKLEY and kind is UploadCover:
        told += [f"{name} is no field" for name in body.keys() - set(OPERATIONS_COVER["x-apikley-fields"])]
        told += [f"{name} is missing" for name in set(OPERATIONS_COVER["x-apikley-required"]) - body.keys()]
    return told


def documented_rules(kind: type[Request[Any]], name: str) -> Any:
    return documented(kind, KIE_LEGACY).get(name, ())


VALUES: dict[str, list[Any]] = {
    "style": [None, "pop"],
    "title": [None, "La"],
    "lyrics": [None, "la"],
    "prompt": [None, "an idea"],
    "custom_mode": [None, True, False],
    "default_param_flag": [None, True, False],
    "instrumental": [None, True],
    "continue_at": [None, 30],
    "full_lyrics": [None, "la la"],
    "audio_url": [None],
}
ONE_BY_ONE: dict[str, Any] = {
    "variety": 2,
    "duration": 60,
    "style_weight": 0.5,
    "audio_weight": 0.5,
    "vocal_gender": "f",
    "negative_tags": "rock",
    "persona_id": "psn_1",
    "persona_model": "voice_persona",
    "image_urls": (URL,),
}


def generated(kind: type[Request[Any]]) -> Iterator[Request[Any]]:
    """Requests of a class: all combinations of what decides, for each model, and each other field by itself."""
    example = next(entry["job"] for entry in SAMPLES[method_of(kind)]["requests"])
    needed = {
        field.name: example.get(field.name) or FIXED.get(field.name)
        for field in msgspec.structs.fields(kind)
        if field.required or (field.name in FIXED and field.name in kind.__struct_fields__)
    }
    varied = [name for name in VALUES if name in kind.__struct_fields__ and name not in needed]
    for model in Model:
        for chosen in itertools.product(*(VALUES[name] for name in varied)):
            given = {name: value for name, value in zip(varied, chosen, strict=True) if value is not None}
            yield kind(**(needed | given | {"model": model.value}))
        usual = {"style": "pop", "title": "La", "prompt": "la", "continue_at": 30, "full_lyrics": "la"}
        usual = {name: value for name, value in usual.items() if name in varied}
        for name, value in ONE_BY_ONE.items():
            if name in kind.__struct_fields__:
                yield kind(**(needed | usual | {name: value, "model": model.value}))


FIXED: dict[str, Any] = {"upload_url": URL, "upload_url_list": (URL, URL), "audio_id": "a", "start": 10, "end": 30}


def checked(request: Request[Any], api: Provider) -> bool:
    try:
        validation.check(request, api)
    except InvalidJob:
        return False
    return True


@pytest.mark.parametrize(("kind", "api"), BY_API)
def test_what_is_let_through_is_as_the_pages_say(kind: type[Request[Any]], api: Provider) -> None:
    sent = 0
    for request in generated(kind):
        if kind is ReplaceSection:
            request = msgspec.structs.replace(request, audio_id=None)
        if not checked(request, api):
            continue
        body = msgspec.json.decode(encoding.encode(request, api, CALLBACK_URL))
        assert refused_by(body, kind, api) == [], request
        sent += 1
    assert sent  # the rules leave something


@pytest.mark.parametrize(("kind", "api"), BY_API)
def test_what_the_pages_take_is_not_refused_for_its_model(kind: type[Request[Any]], api: Provider) -> None:
    """Every listed model has requests that are sent."""
    sent: set[str] = set()
    for request in generated(kind):
        if kind is ReplaceSection:
            request = msgspec.structs.replace(request, audio_id=None)
        if checked(request, api):
            sent.add(request.model)  # type: ignore[attr-defined]
    assert sent == set(api.models_for(kind))


SONG: dict[str, Any] = {"style": "pop", "title": "La", "lyrics": "la"}
ADDED: dict[str, Any] = {"upload_url": URL, "title": "La", "style": "pop", "negative_tags": ""}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_custom_mode_wants_title_and_style_before_v6_everywhere(api: Provider) -> None:
    for absent in ("title", "style"):
        given = {name: value for name, value in SONG.items() if name != absent}
        assert not checked(GenerateMusic(model="V5", **given), api)
    assert checked(GenerateMusic(model="V5", **SONG), api)


def test_the_jobs_api_wants_a_title_with_any_model() -> None:
    assert not checked(GenerateMusic(model="V6", style="pop", lyrics="la"), KIE)
    assert checked(GenerateMusic(model="V6", title="La", lyrics="la"), KIE)
    assert checked(GenerateMusic(model="V6", style="pop", lyrics="la"), SUNOAPI)


def test_a_request_without_custom_mode_has_no_title_and_no_weights() -> None:
    refused: list[dict[str, Any]] = [{"title": "La"}, {"style_weight": 0.5}, {"duration": 60}, {"style": "pop"}]
    for given in refused:
        job = GenerateMusic(prompt="x", custom_mode=False, model="V5_5", **given)
        assert not checked(job, SUNOAPI), given
    assert checked(GenerateMusic(prompt="x", style="pop", custom_mode=False, model="V6"), KIE)


def test_upload_extend_that_inherits_wants_a_prompt() -> None:
    for api in APIS:
        assert not checked(UploadExtend(upload_url=URL, continue_at=5, model="V5"), api)
        assert checked(UploadExtend(upload_url=URL, continue_at=5, prompt="on", model="V5"), api)
    assert not checked(UploadExtend(upload_url=URL, prompt="on", model="V6"), KIE)  # continue_at, by the jobs API


def test_upload_extend_with_own_parameters_without_style_and_title_passes() -> None:
    """The live service takes it (docs/service.md#retries-and-idempotency)."""
    job = UploadExtend(upload_url=URL, continue_at=5, lyrics="la", default_param_flag=True, model="V5")
    assert checked(job, KIE)


def test_a_length_is_in_whole_seconds() -> None:
    for seconds, fits in ((60, True), (60.0, True), (60.5, False)):
        job = GenerateMusic(duration=seconds, model="V6", **SONG)
        assert checked(job, KIE) is fits
    body = encoding.encode(GenerateMusic(duration=60.0, model="V6", **SONG), KIE)
    assert b'"duration":60,' in body


def test_what_a_known_source_shows_to_be_wrong_is_refused() -> None:
    track = msgspec.convert({"id": "a", "audioUrl": URL, "duration": 100.0, "_model": "V5"}, Track)
    assert checked(ExtendMusic(track, continue_at=99, **SONG), KIE)
    assert ExtendMusic(track, continue_at=99, **SONG).source is None
    with pytest.raises(InvalidJob, match="continue_at must be less than the track's 100 seconds"):
        validation.check(ExtendMusic(track, continue_at=100, **SONG), KIE)
    with pytest.raises(InvalidJob, match="model must be the track's own, V5"):
        validation.check(ExtendMusic(track, continue_at=9, model="V5_5", **SONG), KIE)


@pytest.mark.parametrize("api", [KIE, KIE_JOBS, SUNOAPI, APIKLEY])
def test_a_section_is_at_most_half_of_a_known_song(api: Provider) -> None:
    track = msgspec.convert({"_taskId": "t", "id": "a", "audioUrl": URL, "duration": 100.0}, Track)
    text: dict[str, Any] = {"style": "pop", "title": "La", "lyrics": "la", "full_lyrics": "la"}
    whole = ReplaceSection(track, start=50, end=100, **text)
    assert whole.source is None
    validation.check(whole, api)
    with pytest.raises(InvalidJob, match="end must be at most 50 seconds after start, half of the track's 100"):
        validation.check(ReplaceSection(track, start=10, end=60.01, **text), api)
    with pytest.raises(InvalidJob, match="end must be at most the track's 100 seconds, got 101"):
        validation.check(ReplaceSection(track, start=80, end=101, **text), api)
    odd: dict[str, Any] = {**text, "end": "60"}
    unknown = msgspec.structs.replace(track, duration=None)
    validation.check(ReplaceSection(unknown, start=10, end=90, **text), api)
    with pytest.raises(InvalidJob, match="end must be a number"):
        validation.check(ReplaceSection(track, start=10, **odd), api)


# ---- which API ------------------------------------------------------------------------------------------------------


def test_the_model_decides_which_api_kie_is_asked_by() -> None:
    assert KIE.api_for(GenerateMusic(prompt="x", model="V5")) is KIE
    assert KIE.api_for(GenerateLyrics(prompt="x")) is KIE
    assert KIE.api_for(ReplaceSection(task_id="t", audio_id="a", style="s", title="t", start=1, end=9)) is KIE
    for model in ("V6", "V6_WILD", "V6_MINI", "V9"):
        assert KIE.api_for(GenerateMusic(prompt="x", model=model)) is KIE.jobs
        assert KIE_LEGACY.api_for(GenerateMusic(prompt="x", model=model)) is KIE_LEGACY
        assert SUNOAPI.api_for(GenerateMusic(prompt="x", model=model)) is SUNOAPI
    assert KIE_JOBS.api_for(GenerateMusic(prompt="x", model="V5")) is KIE_JOBS


def test_a_gateway_of_ones_own_has_both_apis_too() -> None:
    own = KIE.replace(name="mine", api="https://suno.example")
    assert own.jobs is not None
    assert (own.jobs.name, own.jobs.api, own.jobs.jobs_api) == ("mine-jobs", "https://suno.example", True)
    assert own.api_named("mine-jobs") is own.jobs
    assert own.api_named("kie") is None


def test_replacing_a_table_loses_no_rule() -> None:
    own = SUNOAPI.replace(required_fields={GenerateMusic.path: ("title",)})
    assert own.required(ReplaceSection) == ("full_lyrics",)
    assert own.required(GenerateMusic) == ("title",)
    with pytest.raises(ConfigurationError, match="rules names 'nobody'"):
        SUNOAPI.replace(rules="nobody")


def test_a_song_by_the_jobs_api_lasts_three_minutes_unless_said_otherwise() -> None:
    """Its own default is 20 seconds; without custom mode the field is refused."""
    assert b'"duration":180' in encoding.encode(GenerateMusic(model="V6", **SONG), KIE)
    assert b'"duration":60' in encoding.encode(GenerateMusic(model="V6", duration=60, **SONG), KIE)
    for job, api in (
        (GenerateMusic(prompt="x", model="V6"), KIE),
        (GenerateMusic(model="V5_5", **SONG), KIE_JOBS),
        (GenerateMusic(model="V6", **SONG), SUNOAPI),
    ):
        assert b"duration" not in encoding.encode(job, api)


def test_everything_is_sent_without_checks() -> None:
    """`validate=False`: what the pages refuse is encoded as it is."""
    body = msgspec.json.decode(encoding.encode(GenerateMusic(style="pop", model="V5", variety=2), KIE))
    assert (body["style"], body["variety"]) == ("pop", 2)
