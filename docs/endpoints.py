"""One page for each endpoint, from its class, the rules of the gateways, the prices and the samples of the tests."""

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from docs.reference import defined_at
from suno_async import Call, Job, Model, Request
from suno_async.api.construction import signature_of
from suno_async.api.descriptions import field_descriptions, summary
from suno_async.api.pricing import PRICES_AS_OF, STEM_PRICES, list_price
from suno_async.api.providers import APIKLEY, KIE_JOBS, KIE_LEGACY, SUNOAPI, Provider
from suno_async.api.requests import TABLE
from suno_async.api.requests.music import ContinuingJob, CustomJob, GenerateMusic, ReplaceSection
from suno_async.wire.encoding import names

__all__ = ["nav", "pages"]

SAMPLES = Path(__file__).parents[1] / "tests" / "samples"
APIS: Mapping[str, Provider] = {
    "KIE, legacy API": KIE_LEGACY,
    "KIE, jobs API": KIE_JOBS,
    "sunoapi.org": SUNOAPI,
    "Apikley": APIKLEY,
}
_IN_SAMPLES = {"KIE, legacy API": "kie", "KIE, jobs API": "kie-jobs", "sunoapi.org": "sunoapi", "Apikley": "apikley"}
_FAMILIES = {
    "music": "Music",
    "words": "Lyrics and styles",
    "tracks": "From a finished song",
    "voices": "Personas and voices",
    "account": "Credits and files",
}
_LIMITS = {
    "lyrics": "lyrics, in characters",
    "style": "`style`, in characters",
    "title": "`title`, in characters",
    "title_extended": "`title`, in characters",
    "idea": "`prompt` without custom mode, in characters",
    "idea_for_audio": "`prompt` without custom mode, in characters",
    "negative_tags": "`negative_tags`, in characters",
    "duration": "`duration` can be given",
    "voice": "`persona_model` can be given",
    "upload_minutes": "uploaded audio, in minutes",
}


def method_of(kind: type[Request[Any]]) -> str:
    """Return the name of the client's method for an endpoint."""
    return _variable(kind.__name__)


def nav() -> list[Any]:
    """Return the navigation of the endpoints."""
    families: dict[str, list[Any]] = {}
    for kind in TABLE:
        name = method_of(kind)
        families.setdefault(_family(kind), []).append({name: f"endpoints/{name}.md"})
    return ["endpoints/index.md", *({family: listed} for family, listed in families.items())]


@cache
def pages() -> Mapping[str, str]:
    """Return the overview and a page for each endpoint."""
    made = {f"endpoints/{method_of(kind)}.md": "\n".join(page(kind)) for kind in TABLE}
    return {"endpoints/index.md": "\n".join(overview()), **made}


def overview() -> Iterator[str]:
    """Yield the lines of the table of all endpoints."""
    yield from ("# Endpoints", "")
    yield "Each endpoint is a method of the client and a class. The methods take the fields of the class. Classes go to"
    yield "`submit`, `run`, `map`, `estimate`, `preview` and `check` ([Requests and options](../requests.md))."
    family = ""
    for kind in TABLE:
        if family != (family := _family(kind)):
            yield from ("", f"## {family}", "", "| Endpoint | | Gives | Credits |", "| --- | --- | --- | --- |")
        first = (kind.__doc__ or "").splitlines()[0]
        name = method_of(kind)
        yield f"| [`{name}`]({name}.md) | {first} | `{_gives(kind)}` | {_price(kind) or 'not known'} |"
    yield from ("", f"Credits are those of KIE's price list of {PRICES_AS_OF}. An endpoint that ships tomorrow is")
    yield "[a class of yours](../requests.md#an-endpoint-of-your-own)."


def page(kind: type[Request[Any]]) -> Iterator[str]:
    """Yield the lines of the page of an endpoint."""
    text, source = summary(kind)
    sample = _sample(kind)
    yield from (f"# {method_of(kind)}", "", _sentences(text), "")
    yield from _call(kind, sample)
    yield from _facts(kind, source)
    yield from _fields(kind)
    yield from _gateways(kind)
    yield from _limits(kind)
    if issubclass(kind, Job):
        yield from _stages(kind)
    yield from _samples(kind, sample)
    yield from _errors(kind)


# ---- sections --------------------------------------------------------------------------------------------------------


def _call(kind: type[Request[Any]], sample: Mapping[str, Any]) -> Iterator[str]:
    asked = sample.get("requests") or [{"job": {"file": "song.mp3"} if kind.__name__ == "UploadStream" else {}}]
    job: dict[str, Any] = asked[0]["job"]
    yield "```python"
    if "file" in job:
        yield from ("from pathlib import Path", "")
    if "source" in kind.__struct_fields__ and kind.instead_of_source not in job:
        source = get_args(signature_of(kind).parameters["source"].annotation)[0].__name__
        others = {name: value for name, value in job.items() if name not in kind.from_source}
        yield f"# With the {source} of an earlier task:"
        yield from _await(kind, [_variable(source), *_arguments(others)])
        yield from ("", "# Or with its ids:")
    yield from _await(kind, _arguments(job))
    if issubclass(kind, Job):
        yield f"{_variable(kind.result.__name__)} = await task"
    yield from ("```", "")


def _await(kind: type[Request[Any]], arguments: list[str]) -> Iterator[str]:
    begin = f"{'task' if issubclass(kind, Job) else 'answer'} = await suno.{method_of(kind)}("
    if sum(map(len, arguments)) > 40:
        yield from (begin, *(f"    {one}," for one in arguments), ")")
    else:
        yield f"{begin}{', '.join(arguments)})"


def _arguments(job: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_value(name, value)}" for name, value in job.items()]


def _variable(name: str) -> str:
    """A name of a class as one of a variable."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")


def _facts(kind: type[Request[Any]], source: str) -> Iterator[str]:
    yield from ("| | |", "| --- | --- |")
    yield f"| Class | `{kind.__name__}` |"
    yield f"| Gives | {_linked(kind)} |"
    price = _price(kind)
    yield f"| Price at KIE | {f'{price} credits (list of {PRICES_AS_OF})' if price else 'not known'} |"
    if issubclass(kind, Call):
        again = "is asked again" if kind.repeatable else "is a `SubmissionUncertain`: it may have been charged"
        yield f"| A lost answer | {again} |"
    if kind.unique:
        yield "| Made once | A second request for the same thing makes nothing new. |"
    yield f"| Legacy API | `{kind.method} {kind.path}` |"
    if issubclass(kind, Job):
        yield f"| Its details page | `GET {kind.details}?{kind.query}=…` |"
    yield f"| KIE's jobs API | {f'`ai-music-api/{kind.operation}`' if kind.operation else 'only the path above'} |"
    for name, provider in APIS.items():
        if provider.path(kind) != kind.path and not provider.uses_jobs_api(kind):
            yield f"| {name} | `{kind.method} {provider.path(kind)}` |"
    if lacking := [name for name, provider in APIS.items() if kind.path in provider.unsupported_endpoints]:
        yield f"| Not at | {', '.join(lacking)} |"
    if source:
        yield f"| Documented at | <{source.partition('Source: ')[2]}> |"
    yield ""


def _fields(kind: type[Request[Any]]) -> Iterator[str]:
    yield from ("## Fields", "")
    parameters = signature_of(kind).parameters
    if not parameters:
        yield from ("None.", "")
        return
    described = field_descriptions(kind)
    legacy = names(kind, KIE_LEGACY)
    jobs: Mapping[str, str] = names(kind, KIE_JOBS) if kind.operation else {}
    head = ["Field", "Type", "", "In the legacy API", *(["In the jobs API"] if jobs else [])]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for name, parameter in parameters.items():
        sent = name != "source"
        cells = [f"`{name}`", f"`{_type(parameter.annotation)}`", described[name] + _default(parameter)]
        cells.append(f"`{legacy[name]}`" if sent else "")
        if jobs:
            cells.append(f"`{jobs[name]}`" if sent else "")
        yield f"| {' | '.join(cells)} |"
    yield ""
    if needed := [f"`{name}`" for name in kind.required]:
        yield from (f"The service requires {', '.join(needed)}. What is left out here follows from the rest.", "")


def _gateways(kind: type[Request[Any]]) -> Iterator[str]:
    rows = [row for name, provider in APIS.items() if (row := _gateway(kind, name, provider))]
    if rows:
        yield from ("## Gateways", "")
        yield "What the pages of a gateway say beyond that. A request that breaks a rule is refused before it is sent."
        yield from ("", "| | Models | Fields that it does not have | Requires, too | Limits |", f"|{' --- |' * 5}")
        yield from rows
        yield ""


def _gateway(kind: type[Request[Any]], name: str, provider: Provider) -> str:
    rule = provider.rule(kind)
    requires = [f"`{one}`" for one in rule.required]
    for condition, fields in rule.required_when.items():
        requires.append(f"{', '.join(f'`{one}`' for one in fields)} ({_condition(condition)})")
    limits = [f"`{one}`: {chars} characters" for one, chars in rule.max_chars.items()]
    if rule.min_seconds:
        limits.append(f"at least {rule.min_seconds:g} s")
    for condition, values in rule.defaults_when.items():
        limits += [f"`{one}` is {value} if left out ({_condition(condition)})" for one, value in values.items()]
    models = provider.models_for(kind)
    unknown = sorted(set(provider.unsupported(kind)) & set(kind.__struct_fields__))
    if not (models or unknown or requires or limits):
        return ""
    cells = (
        name,
        ", ".join(str(model) for model in models),
        ", ".join(f"`{one}`" for one in unknown),
        "; ".join(requires),
        "; ".join(limits),
    )
    return f"| {' | '.join(cells)} |"


def _condition(condition: str) -> str:
    meant = {
        "custom": "in custom mode",
        "plain": "without custom mode",
        "sung": "with singing",
        "inherited": "without `style`, `title` and `lyrics`",
        "upload": "with `upload_url`",
        "V6": "V6 family",
    }
    return ", ".join(meant.get(part, part) for part in condition.split(", "))


def _limits(kind: type[Request[Any]]) -> Iterator[str]:
    if issubclass(kind, CustomJob):
        idea = "idea" if issubclass(kind, GenerateMusic) else "idea_for_audio"
        shown = ["lyrics", "style", "title", idea, "negative_tags", "duration", "voice"]
    elif issubclass(kind, ContinuingJob):
        shown = ["lyrics", "style", "title_extended", "voice"]
    elif issubclass(kind, ReplaceSection):
        shown = ["lyrics"]
    else:
        return
    if "upload_url" in kind.__struct_fields__ or "upload_url_list" in kind.__struct_fields__:
        shown.append("upload_minutes")
    yield from ("## Limits by model", "")
    yield f"| | {' | '.join(Model)} |"
    yield f"|{' --- |' * (len(Model) + 1)}"
    for name in shown:
        if name not in ("negative_tags", "duration", "voice") or name in _used(kind):
            yield f"| {_LIMITS[name]} | {' | '.join(_limit(getattr(model.limits, name)) for model in Model)} |"
    yield from ("", "Where pages disagree, the widest limit counts. A dash: no page states one.", "")


def _used(kind: type[Request[Any]]) -> set[str]:
    fields = set(kind.__struct_fields__)
    return fields | ({"voice"} if "persona_model" in fields else set())


def _limit(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "–" if value is None else str(value)


def _stages(kind: type[Job[Any]]) -> Iterator[str]:
    yield from ("## Stages", "", "| Status of the details page | Stage |", "| --- | --- |")
    for status, stage in kind.statuses.items():
        word = f"code {status}" if kind.state_in_code else f"`{status}`"
        yield f"| {word} | `{stage.name}` |"
    yield from ("| any other word | `PENDING` |", "")
    if kind.operation:
        yield "At KIE's jobs API, `waiting`, `queuing` and `generating` are `PENDING`, `success` is `COMPLETE`, and"
        yield "`fail` is `FAILED`."
    usual = f" The service says that it takes up to {kind.usual_seconds:g} s." if kind.usual_seconds else ""
    pace = "lyrics" if kind.quick else "songs"
    yield f"It is polled at the pace of {pace} ([Waiting and stages](../tasks.md#pace)).{usual}"
    yield ""


def _samples(kind: type[Request[Any]], sample: Mapping[str, Any]) -> Iterator[str]:
    if not (asked := sample.get("requests")):
        return
    yield from ("## Samples", "", "What is sent for the call above:", "")
    for name, key in _IN_SAMPLES.items():
        if key in asked[0]["sent"]:
            yield from _tab(name, asked[0]["sent"][key])
    if accepted := sample.get("accepted"):
        yield from ("What is answered:", "")
        for name, key in _IN_SAMPLES.items():
            if key in accepted:
                yield from _tab(name, accepted[key])
    for section, what in (("details", "The details page when it is complete:"), ("callbacks", "The last callback:")):
        bodies = {name: body for name, key in _IN_SAMPLES.items() if (body := _complete(sample, section, key))}
        if bodies:
            yield from (what, "")
            for name, body in bodies.items():
                yield from _tab(name, body)


def _complete(sample: Mapping[str, Any], section: str, gateway: str) -> Any:
    entries: list[dict[str, Any]] = sample.get(section) or []
    for entry in entries:
        if entry.get("stage") == "COMPLETE" and gateway in entry["from"]:
            return entry["body"]
    return None


def _tab(title: str, body: Any) -> Iterator[str]:
    yield from (f'=== "{title}"', "", "    ```json")
    yield from (f"    {line}" for line in json.dumps(body, indent=2, ensure_ascii=False).splitlines())
    yield from ("    ```", "")


def _errors(kind: type[Request[Any]]) -> Iterator[str]:
    yield from ("## Errors", "")
    raised = {"InvalidJob": "A field is wrong. Nothing was sent.", "ConnectError": "No connection. Nothing was sent."}
    if issubclass(kind, Call) and kind.repeatable:
        raised["ResponseLost"] = "The answer was lost, several times. Ask again."
    else:
        raised["InsufficientCredits"] = "The credits are used up. Nothing was created."
        raised["SubmissionUncertain"] = "The answer was lost. It may have been charged, and is not sent again."
    if kind.unique or "AlreadyExists" in (kind.__doc__ or ""):
        raised["AlreadyExists"] = "The same was made before; `existing_task_id` if the answer tells it."
    if issubclass(kind, Job):
        raised["TaskFailed"] = "The task ended without its result. Raised when the task is awaited."
        raised["ContentRejected"] = "Its words or its audio were refused. Raised when the task is awaited."
        raised["TaskTimeout"] = "It has not ended in time. The task goes on; await it again."
    elif kind.operation:
        raised["TaskFailed"] = "The answer says that the call failed."
    headings = {"AlreadyExists": "refusals-of-the-service"}
    for name, text in raised.items():
        yield f"- [`{name}`](../errors.md#{headings.get(name, name.lower())}): {text}"
    yield from ("", "All others are in [Errors](../errors.md).")


# ---- cells -----------------------------------------------------------------------------------------------------------


def _family(kind: type[Request[Any]]) -> str:
    return _FAMILIES[kind.__module__.rpartition(".")[2]]


def _sample(kind: type[Request[Any]]) -> Mapping[str, Any]:
    path = SAMPLES / f"{method_of(kind)}.yaml"
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: Mapping[str, Any] = yaml.load(path.read_text(encoding="utf-8"), loader) if path.exists() else {}
    return found


def _gives(kind: type[Request[Any]]) -> str:
    return f"Task[{kind.result.__name__}]" if issubclass(kind, Job) else str(kind.result.__name__)


def _linked(kind: type[Request[Any]]) -> str:
    if kind.result in (str, float):
        return f"`{_gives(kind)}`"
    name = kind.result.__name__
    return f"`{_gives(kind)}`: [`{name}`](../reference/results.md#{defined_at(name, kind.result)})"


def _price(kind: type[Request[Any]]) -> str:
    if kind.__name__ == "SeparateStems":
        return ", ".join(f"{credits:g} ({name})" for name, credits in STEM_PRICES.items())
    price = list_price(kind)
    return "" if price is None else f"{price:g}"


def _sentences(text: str) -> str:
    """A docstring with its citations as links."""
    for word in text.split():
        cited = word.strip("().,:;")
        if cited.startswith("docs/"):
            path, _, anchor = cited.removeprefix("docs/").partition("#")
            title = anchor.replace("-", " ").capitalize() or path
            text = text.replace(cited, f"[{title}](../{path}#{anchor})" if anchor else f"[{title}](../{path})")
    return text


def _value(name: str, value: Any) -> str:
    if name == "file":
        return f'Path("{value}")'
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default in (None, inspect.Parameter.empty):
        return "" if parameter.default is None else " **Must be given.**"
    return f" Default here: `{parameter.default!r}`."


def _type(annotation: Any) -> str:
    """A type as it is written, with long lists of words cut."""
    if annotation is type(None):
        return "None"
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(_type(one) for one in get_args(annotation))
    if get_origin(annotation) is Literal:
        words = get_args(annotation)
        listed = ", ".join(f'"{word}"' for word in words[:3])
        return f"Literal[{listed}{', …' if len(words) > 3 else ''}]"
    return inspect.formatannotation(annotation).replace("suno_async.api.results.", "").rpartition("os.")[2]
