"""The service's own description against the table, and against every body that is sent or answered.

`data/suno.openapi.yaml` is read completely: each part of it has a counterpart here, without exceptions.
"""

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct

from suno_async import InsufficientCredits, InvalidJob, Model, Problem, Stage
from suno_async.api import providers, validation
from suno_async.api.providers import KIE, KIE_JOBS, PROVIDERS, SUNOAPI, Provider
from suno_async.api.requests import TABLE, Job, Request
from suno_async.api.updates import JobRecord, Provisional
from suno_async.wire import callbacks, details, encoding, jobs_api
from suno_async.wire.envelope import Reply
from suno_async.wire.shapes import as_in_callbacks

from ...cases import every
from ...document import (
    DOCUMENT,
    OPERATIONS,
    SCHEMAS,
    body_schema,
    callback_schema,
    documented,
    inner_fields,
    job_schemas,
    judge,
    judge_of,
    resolved,
)
from ...doubles import method_of
from ...sampled import SAMPLES, Asked, Sample, asked, listed

POSTED = [pytest.param(kind, id=kind.__name__) for kind in TABLE if kind.method == "POST"]


LEGACY_AND_JOBS = [pytest.param(provider, id=provider.name) for provider in (KIE, KIE_JOBS, SUNOAPI)]


def test_every_operation_has_its_class() -> None:
    ours = {(kind.method, provider.path(kind)) for kind in TABLE for provider in PROVIDERS.values()}
    pages = {("GET", provider.details(kind)) for kind in TABLE if issubclass(kind, Job) for provider in (KIE, KIE_JOBS)}
    assert ours | pages == set(OPERATIONS)
    assert {providers.PREFIX + kind.operation for kind in TABLE if kind.operation} == set(job_schemas())


@every("kind", POSTED)
def test_every_field_of_a_request_is_in_the_table_at_some_gateway(kind: type[Request[Any]]) -> None:
    """And none is there that stands nowhere."""
    known: set[str] = set()
    for provider in (KIE, SUNOAPI):
        spelt = encoding.names(kind, provider)
        known |= {spelt[name] for name in spelt.keys() - {"source"} - set(provider.unsupported(kind))}
    ours = {*known, *([kind.callback] if issubclass(kind, Job) else [])}
    theirs = set(inner_fields(kind, KIE))
    assert theirs - ours == set()
    assert ours - theirs <= {"lyrics"}  # our one way to say them, sent as prompt where they have no field
    if kind.operation:
        spelt = encoding.names(kind, KIE_JOBS)
        known = {spelt[name] for name in spelt.keys() - {"source"} - set(KIE_JOBS.unsupported(kind))}
        theirs = set(inner_fields(kind, KIE_JOBS))
        assert theirs - known == set()
        assert known - theirs <= {"lyrics"}
        assert set(body_schema(kind, KIE_JOBS)["properties"]) == {"model", "input", "callBackUrl"}


@pytest.mark.parametrize("provider", LEGACY_AND_JOBS)
@every("kind", POSTED)
def test_every_field_that_is_required_is_known_to_be(kind: type[Request[Any]], provider: Provider) -> None:
    schema = body_schema(kind, provider)
    required = resolved(schema["properties"]["input"]).get("required", ()) if "input" in schema["properties"] else ()
    required = {*(required or schema.get("required", ()))} - {kind.callback, "input"}
    spelt = encoding.names(kind, provider)
    if provider.uses_jobs_api(kind) and "model" not in spelt.values():
        required -= {"model"}  # the outer one, which names the operation
    always = {spelt[name] for name in (*kind.required, *provider.required(kind))}
    assert required - always == set()


@pytest.mark.parametrize("provider", LEGACY_AND_JOBS)
@every("kind", POSTED)
def test_every_word_a_field_may_hold_is_known(kind: type[Request[Any]], provider: Provider) -> None:
    """Languages, keys, stems, levels: the same words, no more and no less. Model names are in `Model`."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    spelt = {theirs: ours for ours, theirs in encoding.names(kind, provider).items()}
    for name, schema in inner_fields(kind, provider).items():
        if "enum" not in (schema := resolved(schema)):
            continue
        words = set(Model) if name == "model" else set(literal(fields[spelt[name]]))
        assert words == set(schema["enum"]), name


def literal(kind: Any) -> Iterator[Any]:
    """The words of a type."""
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    for part in get_args(kind):
        yield from literal(part)


def test_the_models_are_the_documented_ones() -> None:
    facts = DOCUMENT["x-models"]
    assert set(Model) == set(facts)
    for model, fact in facts.items():
        limits = Model(model).limits
        assert (limits.lyrics, limits.style) == (fact["promptChars"], fact["styleChars"])
        assert (limits.voice, limits.duration) == (fact["personaModel"], fact["duration"])
        assert limits.song_minutes == fact["maxSongMinutes"]


FAMILIES = [
    pytest.param(kind, facts, id=f"{family}-{kind.__name__}")
    for family, facts in DOCUMENT["x-task-kinds"].items()
    for kind in TABLE
    if issubclass(kind, Job) and (kind.path in facts["submit"] or family == "job")
]


@every(("kind", "facts"), FAMILIES)
def test_every_status_word_has_its_meaning(kind: type[Job[Any]], facts: Any) -> None:
    provider = KIE_JOBS if facts["submit"] == [providers.CREATE] else KIE
    assert (provider.details(kind), provider.query(kind)) == (facts["details"], facts["query"])
    pages = SAMPLES[method_of(kind)]["details"]
    done = next(page["body"] for page in pages if provider.name in page["from"] and page["stage"] == "COMPLETE")

    def said(word: str | int) -> tuple[Stage, Provisional]:
        """What a page says with this word and all results present."""
        page = copy.deepcopy(done)
        *way, last = facts["statusField"].split(".")
        inner = page
        for step in way:
            inner = inner[step]
        inner[last] = word
        update = details.update(Reply(200, msgspec.json.encode(page)), kind, provider, "t1")
        return update.stage, update.provisional

    table: Any = jobs_api.STATES if provider is KIE_JOBS else kind.statuses
    for word in facts["pending"]:
        assert said(word) == (Stage.PENDING, Provisional.NONE)
        assert word in table  # and not only unknown, which means the same
    for word in facts["partial"]:
        assert said(word)[0] in (Stage.TEXT, Stage.FIRST)
    for word in facts["success"]:
        assert said(word) == (Stage.COMPLETE, Provisional.NONE)
    for word in facts["failure"]:
        # The callback's failure is not the song's; an unknown task may only be new, and time decides
        # (docs/architecture.md).
        meant = {"CALLBACK_EXCEPTION": (Stage.COMPLETE, Provisional.NONE), 404: (Stage.PENDING, Provisional.MISSING)}
        assert said(word) == meant.get(word, (Stage.FAILED, Provisional.NONE))
    for pointer in facts["callbackTaskId"]:
        body: Any = "t1"
        for step in reversed(pointer.strip("/").split("/")):
            body = {step: body}
        assert callbacks.parse(msgspec.json.encode(body | {"code": 200})).task_id == "t1"


def test_every_status_of_a_schema_is_one_of_those_words() -> None:
    listed_words = {word for facts in DOCUMENT["x-task-kinds"].values() for key in ("pending", "partial", "success",
                    "failure") for word in facts[key]}  # fmt: skip
    enums = ("MusicTaskStatus", "LyricsTaskStatus", "WavStatus", "Mp4Status", "VocalRemovalStatus", "VoiceStatus")
    for name in (*enums, "JobState"):
        assert set(SCHEMAS[name]["enum"]) <= listed_words


def property_names(schema: Any) -> Iterator[str]:
    """Every field of a body, at any depth."""
    schema = resolved(schema)
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from property_names(inner)
    for inner in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from property_names(inner)
    if "items" in schema:
        yield from property_names(schema["items"])


def wire_names(kind: Any) -> Iterator[str]:
    """Every name that a type reads, at any depth."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            if field.type != (kind | None):
                yield from wire_names(field.type)
    for part in get_args(kind):
        if part is not ...:
            yield from wire_names(part)


CALLED_BACK = [
    pytest.param(kind, provider, id=f"{kind.__name__}-{provider.name}")
    for kind in TABLE
    if issubclass(kind, Job)
    for provider in (KIE, KIE_JOBS, SUNOAPI)
]


READ_OF_EVERY_CALLBACK = (
    *("code", "msg", "data", "task_id", "taskId"),
    *("callbackType", "error", "status", "errorCode", "errorMessage", "state"),
)
"""What `callbacks.parse` reads, beside the result."""


@every(("kind", "provider"), CALLED_BACK)
def test_every_field_of_a_callback_is_read(kind: type[Job[Any]], provider: Provider) -> None:
    read = {*READ_OF_EVERY_CALLBACK}
    read |= {*wire_names(JobRecord)} if provider is KIE_JOBS else set()
    read |= {
        *wire_names(as_in_callbacks(kind.result)),
        *(name for place in kind.callback_result_paths for name in place),
    }
    if provider is KIE_JOBS:  # "expect either that legacy body or the job record": the music body for all of them
        read |= {*wire_names(as_in_callbacks(TABLE[0].result))}
    assert set(property_names(callback_schema(kind, provider))) - read == set()


def test_every_header_of_a_callback_is_the_signatures() -> None:
    """Nothing else comes with one; checking them is the receiver's."""
    names = {parameter["name"] for parameter in DOCUMENT["components"]["parameters"].values()}
    assert names == {"X-Webhook-Timestamp", "X-Webhook-Signature"}


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda provider: provider.name)
def test_every_documented_code_has_its_error(provider: Provider) -> None:
    for code in DOCUMENT["x-error-codes"][provider.name]:
        kind = provider.refusal(int(code), "", "")
        assert kind.__name__ != "ApiError" or code == "200"


LIMITS = [
    pytest.param(kind, limit, id=f"{kind.__name__}-{limit['field']}-{limit.get('when', '')}")
    for kind in TABLE
    if kind.method == "POST"
    for limit in documented(kind, KIE).get("x-char-limits", ())
]


@every(("kind", "limit"), LIMITS)
def test_what_the_widest_page_allows_is_not_refused_and_one_more_is(kind: type[Request[Any]], limit: Any) -> None:
    """Characters, not bytes."""
    name = {theirs: ours for ours, theirs in encoding.names(kind, KIE).items()}[limit["field"]]
    flags = {jobs_api.wire_name(flag): value for flag, value in limit.get("when", {}).items()}
    provider = KIE if "providers" in limit else None
    for model, most in limit["limits"].items():
        model = "V5" if model == "*" else model
        wider = re.search(r"allowed (\d+) for (.*)\.|: (\d+) except (.*)$", limit.get("note", ""))
        if wider and (model in wider[2].split(", ") if wider[1] else model not in wider[4].split(" and ")):
            most = max(most, int(wider[1] or wider[3])) if not Model(model).limits.separate_lyrics else most
        for text, fits in (("雨" * most, True), ("🎵" * most, True), ("x" * (most + 1), False)):
            given = example(kind) | flags | {name: text}
            for other in {"prompt", "lyrics"} - {name}:  # two names for the same words
                given.pop(other, None)
            if "model" in given:
                given["model"] = model
            told = {problem.field for problem in problems(kind(**given), provider)}
            assert (name in told) is not fits, (model, len(text))


BOUNDS = [
    pytest.param(kind, provider, name, schema, id=f"{kind.__name__}-{name}-{provider.name}")
    for kind in TABLE
    if kind.method == "POST"
    for provider in (KIE, KIE_JOBS, SUNOAPI)
    if kind.path not in provider.unsupported_endpoints
    for name, schema in inner_fields(kind, provider).items()
    if resolved(schema).keys() & {"maxLength", "minimum", "maximum", "exclusiveMinimum", "minItems", "maxItems"}
]


@every(("kind", "provider", "name", "schema"), BOUNDS)
def test_what_is_beyond_the_bounds_of_a_schema_is_refused(
    kind: type[Request[Any]], provider: Provider, name: str, schema: Any
) -> None:
    ours = {theirs: ours for ours, theirs in encoding.names(kind, provider).items()}[name]
    if ours in provider.unsupported(kind):
        return
    schema = resolved(schema)
    beyond: list[Any] = []
    if "maxLength" in schema:
        beyond.append("x" * (schema["maxLength"] + 1))
    if "maxItems" in schema:
        beyond.append(("https://e.example/x",) * (schema["maxItems"] + 1))
    if "minItems" in schema:
        beyond.append(("https://e.example/x",) * (schema["minItems"] - 1))
    beyond += [schema["minimum"] - 1] if "minimum" in schema else []
    beyond += [schema["maximum"] + 1] if "maximum" in schema else []
    beyond += [schema["exclusiveMinimum"]] if "exclusiveMinimum" in schema else []
    assert beyond
    for value in beyond:
        given = example(kind) | {ours: value}
        if "lyrics" in given and ours == "lyrics":
            given["model"] = "V6"
        told = {problem.field for problem in problems(kind(**given), provider)}
        assert ours in told or (ours == "vocal_start" and "vocal_end" in told), value


SEEN_OPTIONAL = re.compile("only|April 2026|legacy page of April")
"""Notes of rules that some page does not have: what one era accepts is not refused."""


NEEDED = [
    pytest.param(kind, rule, id=f"{kind.__name__}-{'-'.join(rule['fields'])}-{rule['when']}")
    for kind in TABLE
    if kind.method == "POST"
    for rule in documented(kind, KIE).get("x-required-when", ())
    if "fields" in rule and "era" not in rule and "value" not in rule and not SEEN_OPTIONAL.search(rule.get("note", ""))
]


@pytest.mark.parametrize(("kind", "rule"), NEEDED)
def test_what_every_page_of_a_gateway_requires_is_missed(kind: type[Request[Any]], rule: Any) -> None:
    """Without any of the fields that a rule names, under its condition."""
    spelt = {theirs: ours for ours, theirs in encoding.names(kind, KIE).items()}
    for provider in (PROVIDERS[name] for name in rule.get("providers", ("kie", "sunoapi"))):
        given = example(kind) | {spelt[name]: value for name, value in rule["when"].items()}
        for name in rule["fields"]:
            given.pop(spelt[name], None)
        given = {name: value for name, value in given.items() if value is not None}
        if "prompt" in rule["fields"]:
            given.pop("lyrics", None)
        if rule["fields"] == ["model"]:  # the client fills it in
            assert kind(**given).with_model("V5") == kind(**(given | {"model": "V5"}))
            continue
        assert problems(kind(**given), provider), (provider.name, given)


@pytest.mark.parametrize("kind", [kind for kind in TABLE if issubclass(kind, Job)], ids=lambda kind: kind.__name__)
def test_the_codes_of_a_page_have_their_meaning(kind: type[Job[Any]]) -> None:
    """A page that lists 402 means the credits by it, and by 429 the rate; one without means the credits by 429."""
    for provider in (KIE, SUNOAPI):
        codes = documented(kind, provider).get("x-codes", {})
        told: list[int] = codes.get(f"{provider.name}-v6") or codes.get(provider.name) or []
        if 429 in told:
            credits = 402 not in told
            assert (provider.refusal(429, "", kind.path) is InsufficientCredits) is credits, provider.name


def example(kind: type[Request[Any]]) -> dict[str, Any]:
    """A good request, with a model if the endpoint takes one."""
    jobs_ = [entry["job"] for entry in SAMPLES[method_of(kind)]["requests"]]
    return dict(next((job for job in jobs_ if "model" in job), jobs_[0]))


def problems(request: Request[Any], provider: Provider | None = None) -> Iterable[Problem]:
    try:
        validation.check(request, provider)
    except InvalidJob as exc:
        return exc.problems
    return ()


@every("sample", asked())
def test_every_body_we_send_is_as_documented(sample: Asked) -> None:
    """By the schema, and with no field that the schema does not name."""
    kind = type(sample.request)
    body = msgspec.json.decode(encoding.encode(sample.request, sample.provider, sample.callback_url))
    judge(body, body_schema(kind, sample.provider))
    inner = body["input"] if sample.provider.uses_jobs_api(kind) else body
    assert inner.keys() <= inner_fields(kind, sample.provider).keys()


@every("sample", listed("callbacks"))
def test_the_sampled_callbacks_are_as_documented(sample: Sample) -> None:
    body = sample.entry["body"]
    data: Any = body.get("data") or {}
    if "callbackType" in data:  # in capitals live (docs/service.md#observed-differences)
        body = body | {"data": data | {"callbackType": str(data["callbackType"]).lower()}}
    as_older = {"anyOf": [callback_schema(sample.kind, sample.provider), callback_schema(sample.kind, KIE)]}
    judge(body, as_older if sample.provider is KIE_JOBS else callback_schema(sample.kind, sample.provider))


SEEN_ONLY = {
    ("status", "GENERATING"): "PENDING",  # seen by clients (docs/service.md#status-words)
    ("status", "FAILED"): "GENERATE_AUDIO_FAILED",
    **{("successFlag", word): 0 for word in ("PENDING", "SUCCESS", "CREATE_TASK_FAILED", "GENERATE_COVER_FAILED")},
}
"""Words that no schema has, and one that it has in their place; for cover, those of KIE's text."""


@every("sample", listed("details"))
def test_the_sampled_pages_are_as_documented(sample: Sample) -> None:
    body = sample.entry["body"]
    schema = OPERATIONS["GET", sample.provider.details(sample.kind)]["responses"]["200"]["content"]["application/json"]
    data: Any = body.get("data") or {}
    for (name, word), instead in SEEN_ONLY.items():
        if name in data and data[name] == word and not judge_of(schema["schema"]).is_valid(body):
            body = body | {"data": data | {name: instead}}
    judge(body, schema["schema"])


@every("sample", listed("answers"))
def test_the_sampled_answers_are_as_documented(sample: Sample) -> None:
    content = OPERATIONS[sample.kind.method, sample.provider.paths.get(sample.kind.path, sample.kind.path)]
    judge(sample.entry["body"], content["responses"]["200"]["content"]["application/json"]["schema"])
