"""The gateways, one value each. A gateway of your own: `KIE.replace(name="mine", api="https://…")`."""

from collections.abc import Collection, Mapping
from typing import Any, Self

import msgspec
from msgspec.structs import force_setattr

from ..errors import (
    AlreadyExists,
    ApiError,
    ConfigurationError,
    InsufficientCredits,
    InvalidRequest,
    Maintenance,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ServerError,
    Unauthorized,
)
from .limits import Rate
from .models import before_v6, limits_of
from .representation import short_line
from .requests import (
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GeneratePersona,
    GenerateVoice,
    GetCredits,
    GetDownloadUrl,
    Job,
    Mashup,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    Request,
    SeparateStems,
    UploadCover,
    ValidateVoice,
    endpoints,
)
from .rules import RULES, Rule

__all__ = ["APIKLEY", "KIE", "KIE_JOBS", "KIE_LEGACY", "PROVIDERS", "SUNOAPI", "Provider", "provider_named"]

CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
PREFIX = "ai-music-api/"

Codes = Mapping[int, type[ApiError]]


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway: its hosts, error codes and limits, and where it differs from the table of requests.

    Differences are listed by endpoint, under the endpoint's `path`, in our names of the fields. A table that names an
    endpoint or a field that no request class has is refused: ConfigurationError. So import your own request classes
    before you make a provider that speaks of them.

    Args:
        name: Name of the gateway, shown in errors and kept in records.
        api: Base address of the API.
        uploads: Base address of the upload host, which gets the API key, too. Empty: none is known.
        codes: The error class of each code in answers.
        codes_by_path: The same for pages with a table of their own, by path.
        jobs_api: Whether requests that have an `operation` go to KIE's jobs API. Default: False.
        jobs: The same gateway by its jobs API, for models that its legacy pages do not list (V6 and names that we do
            not know). Name, hosts and limits are taken from this provider. Default: None, it has one API.
        rules: Name of the API in `suno_async.api.rules.RULES` whose pages count: kie-legacy, kie-jobs, sunoapi or
            apikley. The tables below are added to them. Default: "", none.
        model: Model of jobs that name none, if the client names none either. Default: V6.
        paths: Paths of endpoints that are elsewhere than the request class says.
        unsupported_endpoints: Endpoints that the gateway does not have.
        field_names: Names of request fields that differ from the request class.
        unsupported_fields: Request fields that the gateway does not have.
        required_fields: Request fields that it requires although others do not.
        max_chars: Limits of texts in characters, where others state none, or a wider one.
        models: The models that it lists, instead of those of `rules`; other models that we know are refused. Empty
            (default): those of `rules`.
        fixed_flags: Flags that are not sent with V6 models, and the value that the gateway always uses instead.
        callback_result_paths: Where its callbacks hold the result, if not at the request class's first path.
        callback_task_id_paths: Where its callbacks hold the task id, if not at `data.task_id`.
        submits: Limit of new tasks per account. Default: 20 in 10 seconds (docs/service.md#rate-limits).
        polls_per_second: Limit of polls of one task. Default: 3 (docs/service.md#rate-limits).
        polls_at_once: How many polls a client has under way at the same time, of all its tasks. None (default): 32, and
            one for each 50 tasks that are waited for if these are more, at most 500.
    """

    name: str
    api: str
    uploads: str
    codes: Mapping[int, type[ApiError]]
    codes_by_path: Mapping[str, Mapping[int, type[ApiError]]] = {}
    jobs_api: bool = False
    jobs: "Provider | None" = None
    rules: str = ""
    model: str = "V6"
    paths: Mapping[str, str] = {}
    unsupported_endpoints: Collection[str] = ()
    field_names: Mapping[str, Mapping[str, str]] = {}
    unsupported_fields: Mapping[str, Collection[str]] = {}
    required_fields: Mapping[str, Collection[str]] = {}
    max_chars: Mapping[str, Mapping[str, int]] = {}
    models: Collection[str] = ()
    fixed_flags: Mapping[str, Mapping[str, bool]] = {}
    callback_result_paths: Mapping[str, tuple[str, ...]] = {}
    callback_task_id_paths: Mapping[str, tuple[str, ...]] = {}
    submits: Rate = Rate(20, 10.0)
    polls_per_second: float = 3.0
    polls_at_once: int | None = None

    def __post_init__(self) -> None:
        """Refuse tables that name unknown endpoints or fields. ConfigurationError."""
        if self.jobs is not None and self.jobs.name != f"{self.name}-jobs":  # made by `replace` from a built-in one
            same = ("api", "uploads", "model", "submits", "polls_per_second", "polls_at_once")
            changes = {name: getattr(self, name) for name in same}
            force_setattr(self, "jobs", self.jobs.replace(name=f"{self.name}-jobs", **changes))
        if self.rules and not any(self.rules in rows for rows in RULES.values()):
            raise ConfigurationError(f"provider {self.name!r}: rules names {self.rules!r}, which is no API of RULES")
        fields: dict[str, set[str]] = {}
        for kind in endpoints():
            fields.setdefault(kind.path, set()).update(kind.__struct_fields__)
        pages = {kind.details for kind in endpoints() if issubclass(kind, Job)}
        pages |= {CREATE, RECORD, *self.paths.values(), *fields}
        for path in self.codes_by_path:
            self._must_be_known(path, pages, "codes_by_path")
        by_field = ("field_names", "unsupported_fields", "required_fields", "max_chars", "fixed_flags")
        by_endpoint = ("paths", "unsupported_endpoints", "callback_result_paths", "callback_task_id_paths")
        for table in (*by_endpoint, *by_field):
            for path in getattr(self, table):
                self._must_be_known(path, fields, table)
        for table in by_field:
            for path, named in getattr(self, table).items():
                for name in named:
                    if name not in fields[path]:
                        raise ConfigurationError(
                            f"provider {self.name!r}: {table} names {name!r}, which is no field of the request to "
                            f"{path}; its fields are {', '.join(sorted(fields[path]))}"
                        )

    def replace(self, **changes: Any) -> Self:
        """Return a gateway that is like this one but for some fields.

        Args:
            changes: The fields that differ.

        Raises:
            ConfigurationError: If a table names an unknown endpoint or field.
            TypeError: If there is no such field.
        """
        # msgspec's own `replace` checks nothing before 0.19.
        return type(self)(**{name: getattr(self, name) for name in self.__struct_fields__} | changes)

    def _must_be_known(self, path: str, known: Collection[str], table: str) -> None:
        if path not in known:
            raise ConfigurationError(
                f"provider {self.name!r}: {table} names {path!r}, which is the path of no request class; import the "
                "class first if it is yours"
            )

    def __repr__(self) -> str:
        return short_line(f"<Provider {self.name} {self.api}")

    # ---- which API ------------------------------------------------------------------------------------------------

    def api_for(self, request: Request[Any]) -> "Provider":
        """Return the gateway by the API that a request goes to: one whose pages list its model.

        Args:
            request: The request, with its model.
        """
        if self.jobs is None or not request.operation:
            return self
        model: str | None = getattr(request, "model", None)
        if not isinstance(model, str):
            return self
        listed = self.models_for(type(request))
        return self.jobs if listed and model not in listed and not self._is_older(request, model) else self

    def _is_older(self, request: Request[Any], model: str) -> bool:
        """Whether no API of the gateway lists a model that we know, so that the one asked makes no difference."""
        assert self.jobs is not None
        return limits_of(model) is not None and model not in self.jobs.models_for(type(request))

    def api_named(self, name: str) -> "Provider | None":
        """Return the gateway by the API that a record names as its provider; None if it is another gateway's.

        Args:
            name: `provider` of a record.
        """
        if self.jobs is not None and name == self.jobs.name:
            return self.jobs
        return self if name in (self.name, f"{self.name}-legacy" if self.jobs else self.name) else None

    @property
    def apis(self) -> tuple["Provider", ...]:
        """The gateway by each API that it may be asked by."""
        return (self,) if self.jobs is None else (self, self.jobs)

    # ---- what its pages say ----------------------------------------------------------------------------------------

    def rule(self, request: type[Request[Any]]) -> Rule:
        """Return the row of the table of rules for requests of a class."""
        return RULES.get(request.path, {}).get(self.rules, _NO_RULE)

    def unsupported(self, request: type[Request[Any]]) -> Collection[str]:
        """Return the fields that the gateway does not have: those of the rules, and of `unsupported_fields`."""
        own = self.unsupported_fields.get(request.path, ())
        return self.rule(request).unknown.union(own) if own else self.rule(request).unknown

    def required(self, request: type[Request[Any]]) -> tuple[str, ...]:
        """Return the fields that it requires always: those of the rules, and of `required_fields`."""
        return (*self.rule(request).required, *self.required_fields.get(request.path, ()))

    def chars(self, request: type[Request[Any]]) -> Mapping[str, int]:
        """Return its limits of texts in characters: those of the rules, and of `max_chars`."""
        return {**self.rule(request).max_chars, **self.max_chars.get(request.path, {})}

    def models_for(self, request: type[Request[Any]]) -> Collection[str]:
        """Return the models that it lists for requests of a class; empty if it lists none."""
        return self.models or self.rule(request).models

    def fixed_flags_for(self, request: type[Request[Any]], model: str | None) -> Mapping[str, bool]:
        """Return the flags that are not sent with a model, and the values that the gateway always uses.

        Args:
            request: The class of the request.
            model: The model asked for; None and unknown models count as V6.
        """
        return {} if before_v6(model) else self.fixed_flags.get(request.path, {})

    def uses_jobs_api(self, request: type[Request[Any]]) -> bool:
        """Return whether requests of a class go to KIE's jobs API."""
        return self.jobs_api and bool(request.operation)

    def path(self, request: type[Request[Any]]) -> str:
        """Return the path that requests of a class are sent to."""
        return CREATE if self.uses_jobs_api(request) else self.paths.get(request.path, request.path)

    def details(self, request: type[Request[Any]]) -> str:
        """Return the path of the details page for tasks of a class.

        Raises:
            ConfigurationError: If requests of the class are answered at once here, without a task.
        """
        if self.uses_jobs_api(request):
            return RECORD
        if not issubclass(request, Job):
            raise ConfigurationError(f"{request.__name__} is answered at once at {self.name}, without a task")
        return request.details

    def query(self, request: type[Request[Any]]) -> str:
        """Return the name of the task id in the query of the details page."""
        return request.query if issubclass(request, Job) and not self.uses_jobs_api(request) else "taskId"

    def refusal(self, code: int, message: str, path: str, status: int = 200) -> type[ApiError]:
        """Return the class of error for a refusal (docs/service.md#errors).

        Args:
            code: `code` of the answer.
            message: `msg` of the answer.
            path: Path of the request.
            status: HTTP status of the answer. Default: 200.
        """
        kind = self.codes_by_path.get(path, self.codes).get(code)
        if code == status == 429:
            kind = self.codes[429]  # the HTTP status says the same, so the page's own table does not count
        if code == 429 and "credit" in message.lower():
            return InsufficientCredits  # the two tables contradict each other in this code; the text decides
        return kind or (ServerError if code >= 500 else ApiError)


_NO_RULE = Rule()

_KIE_CODES: Codes = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    404: NotFound,
    405: NotFound,  # the method, at the upload host
    408: ServerError,
    409: AlreadyExists,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    430: RateLimited,
    433: QuotaExceeded,
    451: InvalidRequest,
    455: Maintenance,
}
_SUNOAPI_CODES: Codes = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    404: NotFound,
    405: RateLimited,
    409: AlreadyExists,
    413: InvalidRequest,
    422: InvalidRequest,
    429: InsufficientCredits,
    430: RateLimited,
    451: InvalidRequest,
    455: Maintenance,
}

_TASK_ID_PATHS = {
    GenerateCover.path: ("data", "taskId"),
    ValidateVoice.path: ("data", "taskId"),
    RegeneratePhrase.path: ("data", "taskId"),
    GenerateVoice.path: ("data", "taskId"),
    RecoverAudio.path: ("task_id",),
}

KIE_JOBS = Provider(
    name="kie-jobs",
    api="https://api.kie.ai",
    uploads="https://kieai.redpandaai.co",
    codes=_KIE_CODES,
    jobs_api=True,
    rules="kie-jobs",
    callback_task_id_paths={**_TASK_ID_PATHS, GenerateMidi.path: ("data", "taskId")},
)
"""KIE.AI by its jobs API: https://docs.kie.ai/suno-api/generate-music"""

KIE = Provider(
    name="kie",
    api="https://api.kie.ai",
    uploads="https://kieai.redpandaai.co",
    codes=_KIE_CODES,
    codes_by_path={GenerateLyrics.path: _SUNOAPI_CODES},
    jobs=KIE_JOBS,
    rules="kie-legacy",
    callback_task_id_paths={**_TASK_ID_PATHS, GenerateMidi.path: ("data", "taskId")},
)
"""KIE.AI, each request by the API whose pages list its model: V4 to V5_5 and requests without a model by the legacy
API, V6 and unknown names by the jobs API (docs/service.md#the-two-apis-of-kie)."""

KIE_LEGACY = KIE.replace(name="kie-legacy", jobs=None, model="V5_5")
"""KIE.AI by its legacy API: https://docs.kie.ai/old-model/suno-api/generate-music"""

SUNOAPI = Provider(
    name="sunoapi",
    api="https://api.sunoapi.org",
    uploads="https://sunoapiorg.redpandaai.co",
    codes=_SUNOAPI_CODES,
    codes_by_path=dict.fromkeys(
        (Mashup.path, ReplaceSection.path, GeneratePersona.path, GenerateCover.path, GenerateCover.details), _KIE_CODES
    ),
    paths={GetCredits.path: "/api/v1/generate/credit"},
    unsupported_endpoints={GetDownloadUrl.path},
    field_names={RecoverAudio.path: {"task_id": "sunoTaskId"}},
    rules="sunoapi",
    fixed_flags={
        UploadCover.path: {"custom_mode": True},
        Mashup.path: {"custom_mode": True, "instrumental": False},
    },
    callback_result_paths={SeparateStems.path: ("data", "vocal_removal_info")},
    callback_task_id_paths={
        **_TASK_ID_PATHS,
        GenerateLyrics.path: ("data", "taskId"),
        GenerateMidi.path: ("task_id",),
    },
)
"""sunoapi.org: https://docs.sunoapi.org/suno-api/generate-music"""

APIKLEY = SUNOAPI.replace(
    name="apikley",
    api="https://api.apikley.ru",
    uploads="",
    codes=_KIE_CODES,
    codes_by_path={},
    fixed_flags={},
    rules="apikley",
    model="V5",
    submits=Rate(20, 10.0),  # a guess: its rates are its own and are not stated
)
"""Apikley. Only upload-cover is documented, with models up to V5 and KIE's codes; the rest is assumed to be
sunoapi's of late 2025. Its rate is not stated: 20 new tasks in 10 seconds is a guess.

https://docs.apikley.ru/suno-api/upload-and-cover-audio
"""

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider for provider in (KIE, KIE_JOBS, KIE_LEGACY, SUNOAPI, APIKLEY)
}


def provider_named(name: str) -> Provider:
    """Return a built-in gateway.

    Args:
        name: kie, kie-jobs, kie-legacy, sunoapi or apikley.

    Raises:
        ConfigurationError: If there is no gateway of that name.
    """
    try:
        return PROVIDERS[name]
    except KeyError:
        known = ", ".join(PROVIDERS)
        raise ConfigurationError(f"provider must be one of {known} or a Provider, got {name!r}") from None
