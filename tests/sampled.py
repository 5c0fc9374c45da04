"""The samples: what each endpoint sends and gets at each gateway, as data."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
import yaml

from suno_async.api.providers import PROVIDERS, Provider
from suno_async.api.requests import TABLE, Job, Request

from .doubles import method_of

FOLDER = Path(__file__).parent / "samples"
ID = "5c79a1b2c3d4e5f60718293a4b5cbe8e"
CALLBACK_URL = "https://me.example/cb"
KINDS: dict[str, type[Request[Any]]] = {method_of(kind): kind for kind in TABLE}
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is ten times as fast
SAMPLES: dict[str, dict[str, Any]] = {
    path.stem: yaml.load(path.read_text(), LOADER) for path in sorted(FOLDER.glob("*.yaml"))
}


class Sample(NamedTuple):
    """One body at one gateway, and what it says."""

    kind: type[Request[Any]]
    provider: Provider
    entry: Any

    @property
    def body(self) -> bytes:
        return msgspec.json.encode(self.entry["body"])


def listed(*sections: str) -> list[Any]:
    """Every body of some sections, once for every gateway it is said of."""
    return [
        pytest.param(Sample(KINDS[name], PROVIDERS[gateway], entry), id=f"{name}-{section}-{place}-{gateway}")
        for section in sections
        for name, sample in SAMPLES.items()
        for place, entry in enumerate(cast("list[Any]", sample.get(section) or []))
        for gateway in entry["from"]
    ]


class Asked(NamedTuple):
    """A request, and the body that one gateway gets."""

    request: Request[Any]
    provider: Provider
    body: dict[str, Any]

    @property
    def callback_url(self) -> str:
        """Where news shall go; calls have no such field outside the jobs route."""
        by_task = isinstance(self.request, Job) or self.provider.uses_jobs_api(type(self.request))
        return CALLBACK_URL if by_task else ""


def asked() -> list[Any]:
    """Every request of the samples, once for every gateway that takes it."""
    return [
        pytest.param(Asked(KINDS[name](**entry["job"]), PROVIDERS[gateway], body), id=f"{name}-{place}-{gateway}")
        for name, sample in SAMPLES.items()
        for place, entry in enumerate(cast("list[Any]", sample.get("requests") or []))
        for gateway, body in entry["sent"].items()
    ]
