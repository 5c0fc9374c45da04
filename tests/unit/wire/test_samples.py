"""Every sampled body of the service, read and written."""

import re
from typing import Any

import msgspec
import pytest

from suno_async import ApiError, Stage, TaskFailed
from suno_async.api import validation
from suno_async.api.providers import PROVIDERS
from suno_async.api.updates import Provisional, Update
from suno_async.tasks.watch import judged
from suno_async.wire import callbacks, details, encoding, envelope
from suno_async.wire.envelope import Reply

from ...cases import every
from ...sampled import ID, KINDS, SAMPLES, Asked, Sample, asked, listed


def test_every_endpoint_has_samples() -> None:
    """The stream upload is a form, and is met in test_uploads.py."""
    assert set(SAMPLES) | {"upload_stream"} == set(KINDS)


@every("sample", asked())
def test_a_request_is_sent_with_the_names_of_each_gateway(sample: Asked) -> None:
    validation.check(sample.request, sample.provider)
    sent = encoding.encode(sample.request, sample.provider, sample.callback_url)
    assert msgspec.json.decode(sent) == sample.body


@pytest.mark.parametrize("name", [name for name in SAMPLES if SAMPLES[name].get("accepted")])
def test_acceptance_names_the_task(name: str) -> None:
    for gateway, body in SAMPLES[name]["accepted"].items():
        assert envelope.accepted(Reply(200, msgspec.json.encode(body)), PROVIDERS[gateway], KINDS[name]) == ID


@every("sample", listed("details"))
def test_every_status_of_a_details_page_is_read(sample: Sample) -> None:
    holds(details.update(Reply(200, sample.body), sample.kind, sample.provider, ID), sample.entry)


@every("sample", listed("callbacks"))
def test_every_callback_is_read(sample: Sample) -> None:
    callback = callbacks.parse(sample.body)
    assert callback.task_id == ID
    holds(callbacks.update(callback, sample.kind), sample.entry)


@every("sample", listed("answers"))
def test_every_answer_to_a_call_is_read(sample: Sample) -> None:
    reply = Reply(200, sample.body)
    kind: Any = sample.kind
    if "gives" not in sample.entry:
        with pytest.raises((ApiError, TaskFailed), match=re.escape(sample.entry["message"])):
            envelope.result(reply, kind, sample.provider)
    elif sample.provider.uses_jobs_api(kind):
        update = envelope.accepted(reply, sample.provider, kind)
        assert isinstance(update, Update)
        assert_holds(update.result, sample.entry["gives"])
    else:
        assert_holds(envelope.result(reply, kind, sample.provider), sample.entry["gives"])


def holds(update: Update[Any], entry: Any) -> None:
    """An update says what its sample says."""
    if update.provisional is not Provisional.NONE:
        assert judged(update, 0, 0) == update  # only time will tell
    assert (update.task_id, update.stage.name) == (ID, entry["stage"])
    if "gives" in entry:
        assert_holds(update.result, entry["gives"])
    if update.stage is Stage.FAILED:
        failure = update.failure()
        assert failure.code == entry.get("code", failure.code)
        assert failure.message == entry.get("message", failure.message)
    assert update.raw == entry["body"]


def assert_holds(value: Any, gives: Any) -> None:
    """Each value of a sample stands at the attribute of that name."""
    if hasattr(gives, "items"):
        for name, expected in gives.items():
            assert_holds(getattr(value, name), expected)
    elif not isinstance(gives, str) and hasattr(gives, "append"):
        for one, expected in zip(value, gives, strict=True):
            assert_holds(one, expected)
    else:
        assert value == gives
