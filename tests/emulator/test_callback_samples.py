"""Samples of callbacks: every one that a gateway posts, read by the client as what it says."""

from typing import Any

import pytest

from suno_async import KIE, KIE_JOBS, BoostStyle, GenerateMusic, GetCredits, Provider, ReplaceSection, Stage
from suno_async.api.providers import PROVIDERS
from suno_async.api.requests import TABLE, Job, Request
from suno_async.emulator.callback_samples import posted_stages, sample_callback
from suno_async.wire import callbacks

from ..cases import every

POSTED = [
    pytest.param(kind, provider, stage, id=f"{kind.__name__}-{provider.name}-{stage.name}")
    for provider in PROVIDERS.values()
    for kind in TABLE
    for stage in posted_stages(kind, provider)
]


@every(("kind", "provider", "stage"), POSTED)
def test_a_sample_says_what_was_asked_for(kind: type[Request[Any]], provider: Provider, stage: Stage) -> None:
    task_id, body = sample_callback(kind, provider, stage)
    told = callbacks.update(callbacks.parse(body), kind)
    assert (told.task_id, told.stage) == (task_id, stage)
    if stage >= Stage.FIRST:
        assert (told.result is None) == (stage is Stage.FAILED)


def test_every_job_posts_its_end_and_calls_only_by_the_jobs_api() -> None:
    for provider in PROVIDERS.values():
        for kind in TABLE:
            if issubclass(kind, Job) and kind.path not in provider.unsupported_endpoints:
                assert {Stage.COMPLETE, Stage.FAILED} <= set(posted_stages(kind, provider))
    assert posted_stages(GenerateMusic, KIE) == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE, Stage.FAILED]
    assert posted_stages(ReplaceSection, KIE) == [Stage.COMPLETE, Stage.FAILED]
    assert posted_stages(BoostStyle, KIE) == posted_stages(GetCredits, KIE_JOBS) == []
    assert posted_stages(BoostStyle, KIE_JOBS) == [Stage.COMPLETE, Stage.FAILED]
