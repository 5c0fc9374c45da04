"""Callbacks without a task: what would be posted of an endpoint at a stage."""

from typing import Any

import msgspec

from ..api.providers import Provider
from ..api.requests import Job, Request
from ..api.updates import Stage
from . import bodies
from .endpoints import ACCOUNT, Endpoints
from .faults import Fail, Fault
from .ids import Ids
from .requests import Asked
from .runs import Run

__all__ = ["posted_stages", "sample_callback"]

FILES = "https://suno-async.invalid/files"
"""Base URL of the files in samples, which can never resolve (RFC 2606)."""
PARAMS: dict[str, Any] = {
    "prompt": "a calm piano track",
    "title": "Calm Piano",
    "style": "piano, calm",
    "content": "piano, calm",
    "name": "Calm Pianist",
    "description": "soft and unhurried",
    "audio_id": "5e0e0a34-7f0e-4a35-8c21-d04e6f7a8b93",
}
"""Values of the fields that results repeat."""


def posted_stages(kind: type[Request[Any]], provider: Provider) -> list[Stage]:
    """The stages whose callbacks are posted of an endpoint; none if it posts no callbacks.

    Args:
        kind: The request class.
        provider: The provider; with `jobs_api` set, the requests that have an `operation` come by the jobs API.
    """
    if kind in ACCOUNT or kind.path in provider.unsupported_endpoints:
        return []
    family = Endpoints(provider).family(kind)
    if not issubclass(kind, Job) and (not provider.uses_jobs_api(kind) or family.at_once):
        return []
    run = _run(kind, provider, "", None)
    return [stage for stage in (*run.marks, Stage.FAILED) if family.posts(run, stage)]


def sample_callback(kind: type[Request[Any]], provider: Provider, stage: Stage, task_id: str = "") -> tuple[str, bytes]:
    """Return the task id and the body of a callback.

    Args:
        kind: The request class.
        provider: The provider, as for `posted_stages`.
        stage: The stage to report, one of `posted_stages`.
        task_id: The task to report (default: a random id).
    """
    run = _run(kind, provider, task_id or Ids(None).new(), Fail() if stage is Stage.FAILED else None)
    return run.id, msgspec.json.encode(bodies.callback(run, stage))


def _run(kind: type[Request[Any]], provider: Provider, task_id: str, fault: Fault | None) -> Run:
    params = {name: value for name, value in PARAMS.items() if name in kind.__struct_fields__}
    asked = Asked(kind, provider, params, {})
    return Run(task_id, asked, Endpoints(provider).family(kind), born=0.0, files=FILES, fault=fault)
