"""The gateways: one value each. An own one is `msgspec.structs.replace(KIE, api="https://…")`."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

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
from .models import before_v6
from .requests import (
    AddInstrumental,
    AddVocals,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
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
    UploadExtend,
    ValidateVoice,
)

__all__ = ["APIKLEY", "KIE", "KIE_JOBS", "PROVIDERS", "SUNOAPI", "Provider", "provider_named"]

CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
PREFIX = "ai-music-api/"

Codes = Mapping[int, type[ApiError]]


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway: its hosts, its words for refusals, its limits, and where it differs.

    Differences are stated by endpoint, under the endpoint's `path`, in our names of the fields.
    """

    name: str
    api: str
    """Base address of the API."""
    uploads: str
    """Base address of the upload host. Like `api`, a place the key may go. Empty if none is known."""
    codes: Codes
    codes_by_path: Mapping[str, Codes] = {}
    """Pages with a table of their own."""
    jobs_api: bool = False
    """Whether operations go by KIE's jobs route."""
    model: str = "V6"
    """For jobs that name none, if the client names none either."""
    paths: Mapping[str, str] = {}
    """Endpoints that live elsewhere than the table says."""
    unsupported_endpoints: Collection[str] = ()
    """Endpoints it does not have."""
    field_names: Mapping[str, Mapping[str, str]] = {}
    """Fields of requests that it calls otherwise than the table."""
    unsupported_fields: Mapping[str, Collection[str]] = {}
    """Fields it does not have."""
    required_fields: Mapping[str, Collection[str]] = {}
    """Fields it wants though others do not."""
    max_chars: Mapping[str, Mapping[str, int]] = {}
    """Characters it takes where others state no limit, or a wider one."""
    models: Collection[str] = ()
    """The models it lists; other names that we know are refused, those we don't are passed on. Empty: all."""
    fixed_flags: Mapping[str, Mapping[str, bool]] = {}
    """Flags it no longer has with V6 models, and how it always behaves instead."""
    callback_result_paths: Mapping[str, tuple[str, ...]] = {}
    """Where its callbacks hold the result, if not at the first place the table tells."""
    callback_task_id_paths: Mapping[str, tuple[str, ...]] = {}
    """Where its callbacks hold the task id, if not at data.task_id."""
    submits: Rate = Rate(20, 10.0)
    """New tasks per account (NOTES §7)."""
    polls_per_second: float = 3.0
    """Looks at one task (NOTES §7)."""

    def fixed_flags_for(self, request: type[Request[Any]], model: str | None) -> Mapping[str, bool]:
        """Flags that are not sent with this model, and the values they always have."""
        return {} if before_v6(model) else self.fixed_flags.get(request.path, {})

    def uses_jobs_api(self, request: type[Request[Any]]) -> bool:
        """Whether this request takes the jobs route."""
        return self.jobs_api and bool(request.operation)

    def path(self, request: type[Request[Any]]) -> str:
        """Where a request goes at this gateway."""
        return CREATE if self.uses_jobs_api(request) else self.paths.get(request.path, request.path)

    def details(self, request: type[Request[Any]]) -> str:
        """The page that tells how a task of this kind is."""
        if self.uses_jobs_api(request):
            return RECORD
        if not issubclass(request, Job):
            raise ConfigurationError(f"{request.__name__} is answered at once at {self.name}, without a task")
        return request.details

    def query(self, request: type[Request[Any]]) -> str:
        """What that page calls the task id."""
        return request.query if issubclass(request, Job) and not self.uses_jobs_api(request) else "taskId"

    def refusal(self, code: int, message: str, path: str, status: int = 200) -> type[ApiError]:
        """The class of error that a code means here, and with that HTTP status (NOTES §6)."""
        kind = self.codes_by_path.get(path, self.codes).get(code)
        if code == status == 429:
            kind = self.codes[429]  # where HTTP says it, too, the page at hand has no say
        if code == 429 and "credit" in message.lower():
            return InsufficientCredits  # the two tables contradict each other in this code; the text decides
        return kind or (ServerError if code >= 500 else ApiError)


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

_CALLS_BACK_WITH = {
    GenerateCover.path: ("data", "taskId"),
    ValidateVoice.path: ("data", "taskId"),
    RegeneratePhrase.path: ("data", "taskId"),
    GenerateVoice.path: ("data", "taskId"),
    RecoverAudio.path: ("task_id",),
}

_ADDED = {"style": 1000, "negative_tags": 200}

KIE = Provider(
    name="kie",
    api="https://api.kie.ai",
    uploads="https://kieai.redpandaai.co",
    codes=_KIE_CODES,
    codes_by_path={GenerateLyrics.path: _SUNOAPI_CODES},
    unsupported_fields={UploadCover.path: {"image_urls"}},
    required_fields={UploadExtend.path: ("continue_at",)},
    max_chars={AddInstrumental.path: _ADDED, AddVocals.path: _ADDED},
    callback_task_id_paths={**_CALLS_BACK_WITH, GenerateMidi.path: ("data", "taskId")},
)
"""KIE.AI by its older paths: https://docs.kie.ai/old-model/suno-api/generate-music"""

KIE_JOBS = msgspec.structs.replace(
    KIE,
    name="kie-jobs",
    jobs_api=True,
    codes_by_path={},
    max_chars={
        **{kind.path: {"title": 80} for kind in (GenerateMusic, Mashup)},
        **{kind.path: _ADDED for kind in (AddInstrumental, AddVocals)},
    },
    unsupported_fields={
        AddInstrumental.path: {"lyrics", "variety"},
        AddVocals.path: {"lyrics", "variety"},
        Mashup.path: {"lyrics", "variety", "persona_id", "persona_model"},
        ReplaceSection.path: {
            *("lyrics", "variety", "persona_id", "persona_model"),
            *("vocal_gender", "style_weight", "weirdness_constraint", "audio_weight"),
        },
    },
    required_fields={
        UploadCover.path: ("instrumental",),
        Mashup.path: ("style", "title"),
        ReplaceSection.path: ("full_lyrics",),
    },
)
"""KIE.AI by its jobs route: https://docs.kie.ai/suno-api/generate-music"""

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
    unsupported_fields={
        UploadCover.path: {"image_urls"},
        ExtendMusic.path: {"instrumental"},
        SeparateStems.path: {"audio_url"},
    },
    required_fields={ReplaceSection.path: ("full_lyrics",)},
    fixed_flags={
        UploadCover.path: {"custom_mode": True},
        Mashup.path: {"custom_mode": True, "instrumental": False},
    },
    callback_result_paths={SeparateStems.path: ("data", "vocal_removal_info")},
    callback_task_id_paths={
        **_CALLS_BACK_WITH,
        GenerateLyrics.path: ("data", "taskId"),
        GenerateMidi.path: ("task_id",),
    },
)
"""sunoapi.org: https://docs.sunoapi.org/suno-api/generate-music"""

APIKLEY = msgspec.structs.replace(
    SUNOAPI,
    name="apikley",
    api="https://api.apikley.ru",
    uploads="",
    codes_by_path={},
    required_fields={},
    fixed_flags={},
    model="V5",
    models=("V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5"),
)
"""Apikley. Only upload-cover is documented, with models up to V5; the rest is taken to be sunoapi's of late 2025.

https://docs.apikley.ru/suno-api/upload-and-cover-audio
"""

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in (KIE, KIE_JOBS, SUNOAPI, APIKLEY)}


def provider_named(name: str) -> Provider:
    """The gateway of that name; ConfigurationError lists the known ones."""
    try:
        return PROVIDERS[name]
    except KeyError:
        known = ", ".join(PROVIDERS)
        raise ConfigurationError(f"provider must be one of {known} or a Provider, got {name!r}") from None
