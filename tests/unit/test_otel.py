"""Traces and metrics, as the SDK's exporters in memory see them. In virtual time."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from suno_async import (
    ConfigurationError,
    ConnectError,
    DownloadFailed,
    GenerateMusic,
    InvalidJob,
    ResponseLost,
    Stage,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskTimeout,
)
from suno_async.otel import instrument

from ..callbacks import URL, query_of
from ..clients import PACE
from ..conftest import now
from ..doubles import DONE, PENDING, Answer, Script, called, page, reply, track

BEGAN = 1_700_000_000.0


def clock() -> float:
    return BEGAN + now()


class Telemetry:
    """The SDK, with what it was told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def client(self, network: Script, **options: Any) -> SunoClient:
        options = {"pace": PACE, "clock": clock, **options}
        suno = SunoClient(api_key="secret-key", transport=network, **options)
        instrument(suno, tracer_provider=self.tracers, meter_provider=self.meters)
        return suno

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended, in the order of their beginning."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def metrics(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """The points of a metric: attributes with the sum, or with the count of a histogram."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), getattr(point, "value", None) if hasattr(point, "value") else point.count)  # pyright: ignore
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def total(self, name: str) -> float:
        return float(sum(value for _, value in self.metrics(name)))


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def seconds(span: ReadableSpan) -> tuple[float, float]:
    """When a span began and ended, since the beginning of the test."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / 1e9 - BEGAN, span.end_time / 1e9 - BEGAN


def id_of(span: ReadableSpan) -> int:
    return span.get_span_context().span_id  # type: ignore[union-attr]


def trace_ids(telemetry: Telemetry) -> set[int]:
    return {span.get_span_context().trace_id for span in telemetry.spans}  # type: ignore[union-attr]


# ---- a song ----------------------------------------------------------------------------------------------------------


async def test_a_song_is_one_trace(telemetry: Telemetry) -> None:
    network = Script(PENDING, page("TEXT_SUCCESS"), DONE, delay=0.5)
    async with telemetry.client(network) as suno:
        task = await suno.generate_music(prompt="a secret meadow")
        await asyncio.sleep(1)
        await task
    names = {"suno.task.id": "t1", "suno.ref": task.ref}
    what = {"suno.operation": "GenerateMusic", "suno.provider": "kie-legacy"}
    submit = telemetry.one("suno.submit GenerateMusic")
    assert (submit.kind, submit.parent, about(submit)) == (SpanKind.PRODUCER, None, {**what, **names})
    assert seconds(submit) == (0, 0.5)
    wait = telemetry.one("suno.wait GenerateMusic")
    assert about(wait) == {**what, **names, "suno.poll.count": 3, "suno.stage": "complete"}
    polls = telemetry.named("GET /api/v1/generate/record-info")
    life = telemetry.one("suno.task GenerateMusic")
    assert about(life) == {**what, **names, "suno.stage": "complete", "suno.source": "poll", "suno.model": "V5_5"} | (
        {"suno.credits": task.credits} if task.credits is not None else {}
    )
    assert seconds(life) == pytest.approx((0, seconds(polls[-1])[1]), abs=1e-6)
    post = telemetry.one("POST /api/v1/generate")
    assert {span.name: span.parent.span_id for span in (post, wait, life) if span.parent} == {
        span.name: id_of(submit) for span in (post, wait, life)
    }
    assert [span.parent.span_id for span in polls if span.parent] == [id_of(wait)] * 3
    assert len(trace_ids(telemetry)) == 1
    assert len(telemetry.spans) == 7


async def test_requests_follow_the_conventions_of_http(telemetry: Telemetry) -> None:
    network = Script(
        reply(100), submits=[ConnectError("away"), reply(code=429, status=429), reply({"taskId": "t1"})], delay=0.25
    )
    async with telemetry.client(network) as suno:
        await suno.get_credits()
        task = await suno.generate_music(prompt="x")
    path = "/api/v1/generate"
    common = {
        "http.request.method": "POST",
        "url.full": f"https://api.kie.ai{path}",
        "url.template": path,
        "server.address": "api.kie.ai",
        "server.port": 443,
        "suno.operation": "GenerateMusic",
        "suno.provider": "kie-legacy",
        "suno.ref": task.ref,
    }
    first, second, third = telemetry.named(f"POST {path}")
    assert {span.kind for span in (first, second, third)} == {SpanKind.CLIENT}
    assert about(first) == {**common, "error.type": "ConnectError", "http.response.body.size": 0}
    assert about(second) == {
        **common,
        "error.type": "429",
        "http.response.status_code": 429,
        "http.request.resend_count": 1,
        "http.response.body.size": len(reply(code=429).body),
    }
    assert about(third)["http.request.resend_count"] == 2
    assert [span.status.status_code for span in (first, second, third)] == [
        *(StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET)
    ]
    assert seconds(first)[1] - seconds(first)[0] == pytest.approx(0.25, abs=1e-6)
    assert telemetry.total("http.client.request.duration") == 4
    assert telemetry.metrics("suno.request.retries") == [
        ({"suno.operation": "GenerateMusic", "suno.provider": "kie-legacy", "http.request.method": "POST"}, 2)
    ]
    call = telemetry.one("GET /api/v1/chat/credit")
    assert (call.parent, about(call)["suno.operation"]) == (None, "GetCredits")


async def test_it_goes_on_with_the_trace_of_the_application(telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("app")
    async with telemetry.client(Script(DONE)) as suno:
        with tracer.start_as_current_span("order"):
            task = await suno.generate_music(prompt="x")
        with tracer.start_as_current_span("later"):
            await task
    order, later = telemetry.one("order"), telemetry.one("later")
    submit, wait = telemetry.one("suno.submit GenerateMusic"), telemetry.one("suno.wait GenerateMusic")
    assert submit.parent is not None
    assert submit.parent.span_id == id_of(order)
    assert wait.parent is not None
    assert wait.parent.span_id == id_of(submit)
    assert [link.context.span_id for link in wait.links] == [id_of(later)]


# ---- across processes ------------------------------------------------------------------------------------------------


async def test_submitted_here_called_back_there_and_awaited_elsewhere(telemetry: Telemetry, tmp_path: Path) -> None:
    """Three clients with telemetry of their own on one file: their spans are of one trace."""
    options = {"store": f"sqlite:///{tmp_path}/songs.db", "callback_url": URL}
    others = Telemetry(), Telemetry()
    async with telemetry.client(script := Script(PENDING), **options) as one:
        ref = (await one.generate_music(prompt="x")).ref
        query = query_of(script)
    async with (
        others[0].client(Script(PENDING), **options) as two,
        others[1].client(Script(PENDING), **options) as three,
    ):
        (waiting,) = [task async for task in three.resume()]
        awaited = asyncio.ensure_future(waiting.get())
        await asyncio.sleep(0.1)
        receiver = two.receiver()
        for body in (called("text"), called("complete", track(1))):
            assert (await receiver.receive(body, {}, query)).status == 200
        await awaited
    submit = telemetry.one("suno.submit GenerateMusic")
    callbacks = others[0].named("suno.callback")
    life, wait = others[0].one("suno.task GenerateMusic"), others[1].one("suno.wait GenerateMusic")
    assert trace_ids(telemetry) == trace_ids(others[0]) == trace_ids(others[1])
    for span in (*callbacks, life, wait):
        assert span.parent is not None
        assert (span.parent.span_id, span.parent.is_remote) == (id_of(submit), True)
    assert [(span.kind, about(span)["suno.decision"], about(span)["suno.task.id"]) for span in callbacks] == [
        *((SpanKind.CONSUMER, "feed", "t1"), (SpanKind.CONSUMER, "feed", "t1"))
    ]
    assert (about(life)["suno.ref"], about(life)["suno.source"]) == (ref, "callback")
    assert others[1].named("suno.task GenerateMusic") == []  # once, by the process that wrote the end
    stages = [one.total("suno.task.stages") for one in (telemetry, *others)]
    assert stages == [0, 2, 0]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
async def test_the_trace_is_in_the_record(telemetry: Telemetry, store: str, tmp_path: Path) -> None:
    where = None if store == "memory" else f"sqlite:///{tmp_path}/songs.db"
    async with telemetry.client(Script(PENDING), store=where) as suno:
        task = await suno.generate_music(prompt="x")
        record = await suno.store.get(ref=task.ref)
        context = telemetry.one("suno.submit GenerateMusic").get_span_context()
        assert context is not None
        assert record is not None
        assert (
            record.trace
            == task.trace
            == (f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}")
        )


# ---- what fails ------------------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[list[Answer], type[Exception]]] = {
    "uncertain": ([ResponseLost("broken")], SubmissionUncertain),
    "refused": ([reply(code=422, status=422)], Exception),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_submission_that_fails(telemetry: Telemetry, failure: str) -> None:
    answers, expected = FAILURES[failure]
    async with telemetry.client(Script(PENDING, submits=answers)) as suno:
        with pytest.raises(expected) as caught:
            await suno.generate_music(prompt="a secret meadow")
    span = telemetry.one("suno.submit GenerateMusic")
    assert span.status.status_code is StatusCode.ERROR
    assert about(span)["error.type"] == type(caught.value).__name__
    ((attributes, count),) = telemetry.metrics("suno.submissions")
    assert (attributes["error.type"], count) == (type(caught.value).__name__, 1)


async def test_a_task_that_fails_and_a_wait_that_times_out(telemetry: Telemetry) -> None:
    failed = page("GENERATE_AUDIO_FAILED", errorCode=500, errorMessage="about a secret meadow")
    async with telemetry.client(Script(failed)) as suno:
        with pytest.raises(TaskFailed):
            await suno.run(GenerateMusic(prompt="x"))
    life = telemetry.one("suno.task GenerateMusic")
    assert (life.status.status_code, about(life)["error.type"]) == (StatusCode.ERROR, "TaskFailed")
    async with telemetry.client(Script(PENDING)) as suno:
        with pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t2")
    wait = telemetry.named("suno.wait GenerateMusic")[-1]
    assert (wait.status.status_code, about(wait)["error.type"]) == (StatusCode.ERROR, "TaskTimeout")
    assert telemetry.total("suno.tasks.waiting") == 0


async def test_nothing_that_users_wrote_and_no_secret_is_noted(telemetry: Telemetry) -> None:
    network = Script(page("GENERATE_AUDIO_FAILED", errorMessage="about a meadow"))
    async with telemetry.client(network, callback_url=URL) as suno:
        receiver = suno.receiver()
        with pytest.raises(InvalidJob):
            await suno.generate_music(prompt="meadow" * 9999)
        task = await suno.generate_music(prompt="a meadow")
        (token,) = query_of(network).values()
        await receiver.receive(called("text"), {}, {"suno": token})
        with pytest.raises(TaskFailed):
            await task
    text = "".join(span.to_json() for span in telemetry.spans) + str(telemetry.reader.get_metrics_data())
    for word in ("meadow", "secret-key", token):
        assert word not in text


# ---- the rest --------------------------------------------------------------------------------------------------------


async def test_callbacks_by_decision(telemetry: Telemetry) -> None:
    async with telemetry.client(script := Script(PENDING), callback_url=URL) as suno:
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        query = query_of(script)
        for body, given in ((b"{", query), (called("text"), {}), (called("text"), query), (called("text"), query)):
            await receiver.receive(body, {}, given)
        assert task.stage is Stage.TEXT
    counted = {
        (attributes["http.response.status_code"], attributes["suno.decision"]): count
        for attributes, count in telemetry.metrics("suno.callbacks")
    }
    assert counted == {(400, "none"): 1, (401, "refuse"): 1, (200, "feed"): 2}
    refused = [span for span in telemetry.named("suno.callback") if about(span)["http.response.status_code"] == 401]
    assert [("suno.task.id" in about(span), span.parent) for span in refused] == [(False, None)]


async def test_polls_their_lateness_and_who_is_waited_for(telemetry: Telemetry) -> None:
    async with telemetry.client(Script(PENDING)) as suno:
        waits = [asyncio.ensure_future(suno.attach(GenerateMusic, f"t{n}").get()) for n in range(3)]
        await asyncio.sleep(0.1)
        assert telemetry.total("suno.tasks.waiting") == 3
        assert telemetry.total("suno.task.polls") == telemetry.total("suno.task.poll.lateness") == 3
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        assert telemetry.total("suno.tasks.waiting") == 0
    assert len(telemetry.named("suno.wait GenerateMusic")) == 3


async def test_stages_and_credits(telemetry: Telemetry) -> None:
    network = Script(page("TEXT_SUCCESS"), DONE)
    async with telemetry.client(network) as suno:
        music = await suno.run(GenerateMusic(prompt="x"))
        assert music.tracks
    counted = {attributes["suno.stage"]: count for attributes, count in telemetry.metrics("suno.task.stages")}
    assert counted == {"text": 1, "complete": 1}
    assert telemetry.total("suno.task.stage.duration") == 2
    assert telemetry.total("suno.task.credits") == suno.estimate(GenerateMusic(prompt="x"))


async def test_a_download_belongs_to_the_trace_of_its_song(telemetry: Telemetry, tmp_path: Path) -> None:
    async with telemetry.client(Script(DONE)) as suno:
        music = await suno.run(GenerateMusic(prompt="x"))  # its task is not held any more
        with pytest.raises((DownloadFailed, AssertionError)):
            await suno.download(music, tmp_path)
    span, submit = telemetry.one("suno.download"), telemetry.one("suno.submit GenerateMusic")
    assert span.parent is not None
    assert span.parent.span_id == id_of(submit)
    assert span.status.status_code is StatusCode.ERROR


def test_a_client_is_instrumented_once_and_before_its_use(telemetry: Telemetry) -> None:
    suno = telemetry.client(Script())
    with pytest.raises(ConfigurationError, match="instrumented already"):
        instrument(suno)
    used = SunoClient(api_key="k", transport=Script(reply(1)))
    asyncio.run(used.get_credits())
    with pytest.raises(ConfigurationError, match="before its first use"):
        instrument(used)


def test_without_an_sdk_nothing_is_kept() -> None:
    """The API alone makes no spans: the program runs, and records have no trace."""
    code = (
        "import asyncio\n"
        "from suno_async import SunoClient\n"
        "from suno_async.otel import instrument\n"
        "from tests.doubles import DONE, Script\n"
        "async def main():\n"
        "    suno = SunoClient(api_key='k', transport=Script(DONE), provider='kie-legacy')\n"
        "    instrument(suno)\n"
        "    async with suno:\n"
        "        task = await suno.generate_music(prompt='x')\n"
        "        assert (await suno.store.get(ref=task.ref)).trace == ''\n"
        "        task.feed\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


class Broken(SpanProcessor):
    """A processor of the application with a fault."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise ValueError("at the start")

    def on_end(self, span: ReadableSpan) -> None:
        raise ValueError("at the end")


async def test_a_processor_that_fails_costs_no_song(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry()
    telemetry.tracers.add_span_processor(Broken())
    network = Script(PENDING, DONE)
    async with telemetry.client(network) as suno:
        assert len((await suno.run(GenerateMusic(prompt="x"))).tracks) == 2
    assert len(network.posted) == 1
    assert caplog.text.count("telemetry failed") == 1, "said once"
