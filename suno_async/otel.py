"""Traces and metrics by OpenTelemetry: `instrument(client)`, with the extra `otel`.

What they hold is in docs/telemetry.md.
"""

import contextlib
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .api.pricing import refunded
from .api.requests import Request
from .api.updates import Stage, Update
from .client import SunoClient
from .http.request_events import RequestEvent
from .log import log
from .stores.record import Record
from .tasks.task import Task
from .version import __version__
from .webhooks.verdict import Verdict

__all__ = ["instrument"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds for the durations of requests, as the conventions ask for."""
MINUTES = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0)
"""Bounds for the durations of tasks."""

W3C = TraceContextTextMapPropagator()


def instrument(
    client: SunoClient, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> None:
    """Trace and measure what a client does. Call it once, before the client's first use.

    The span of a submission is a child of the present one. Its `traceparent` is kept in the record, so that the spans
    of other processes with the same store belong to the same trace. No header is sent to the gateway.

    Args:
        client: The client; what `with_options` returns shares its telemetry.
        tracer_provider: Where spans go (default: the global one).
        meter_provider: Where metrics go (default: the global one).

    Raises:
        ConfigurationError: The client is instrumented already, in use or closed.
    """
    tracer = trace.get_tracer("suno_async", __version__, tracer_provider)
    meter = metrics.get_meter("suno_async", __version__, meter_provider)
    lifecycle, settings = client._lifecycle, client._settings  # pyright: ignore[reportPrivateUsage]  # no public use
    lifecycle.instrument(_Telemetry(tracer, _Instruments(meter), settings.provider.name, settings.clock))


class _Instruments:
    """The metrics."""

    def __init__(self, meter: Meter) -> None:
        self.requests = meter.create_histogram(
            "http.client.request.duration", "s", "Requests to the API.", explicit_bucket_boundaries_advisory=SECONDS
        )
        self.retries = meter.create_counter("suno.request.retries", "{request}", "Requests that were sent again.")
        self.submissions = meter.create_counter("suno.submissions", "{submission}", "Submissions, by their outcome.")
        self.stages = meter.create_counter("suno.task.stages", "{stage}", "Stages that tasks have reached.")
        self.stage_durations = meter.create_histogram(
            "suno.task.stage.duration",
            "s",
            "From the submission to the stage.",
            explicit_bucket_boundaries_advisory=MINUTES,
        )
        self.credits = meter.create_counter("suno.task.credits", "{credit}", "Credits that ended tasks have cost.")
        self.polls = meter.create_counter("suno.task.polls", "{poll}", "Polls of tasks.")
        self.lateness = meter.create_histogram(
            "suno.task.poll.lateness",
            "s",
            "From when a poll was due until it began.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self.waiting = meter.create_up_down_counter("suno.tasks.waiting", "{task}", "Tasks that are waited for.")
        self.callbacks = meter.create_counter("suno.callbacks", "{callback}", "Callbacks, by what was done with them.")


class _Burst:
    """The polls of one task while somebody waits for it."""

    __slots__ = ("about", "polls", "span")

    def __init__(self, span: Span, about: dict[str, str]) -> None:
        self.span = span
        self.about = about
        self.polls = 0


class _Telemetry:
    """Notes what one client does."""

    # State, all of it: _bursts (the tasks that are waited for), _failed (whether it was said that something failed).

    def __init__(self, tracer: Tracer, instruments: _Instruments, provider: str, clock: Callable[[], float]) -> None:
        self._tracer = tracer
        self._measure = instruments
        self._provider = provider
        self._clock = clock
        self._bursts: WeakKeyDictionary[Task[Any], _Burst] = WeakKeyDictionary()
        self._failed = False

    # ---- submissions ---------------------------------------------------------------------------------------------

    @contextmanager
    def submitting(self, kind: type[Request[Any]], /) -> Generator[Callable[[Task[Any]], None]]:
        """Enclose a submission of this kind, from its check to its answer; what it gives is told the task."""
        about = {"suno.operation": kind.__name__, "suno.provider": self._provider}
        span = self._start(f"suno.submit {kind.__name__}", SpanKind.PRODUCER, about=about)

        def accepted(task: Task[Any]) -> None:
            span.set_attributes(_names(task.id, task.ref))

        with _current(span):
            outcome: dict[str, str] = {}
            try:
                yield accepted
            except BaseException as exc:  # noted and raised again, cancellations as well
                outcome = _failed(span, exc)
                raise
            finally:
                self._measure.submissions.add(1, about | outcome)
                self._end(span)

    def traceparent(self) -> str:
        """Return the W3C `traceparent` of the present span; empty if there is none."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier)
        return carrier.get("traceparent", "")

    # ---- requests ------------------------------------------------------------------------------------------------

    def requested(self, event: RequestEvent, /) -> None:
        """Note a request that has ended, in the context of who sent it."""
        address = urlsplit(event.url)
        port = address.port or (443 if address.scheme == "https" else 80)
        about: dict[str, str | int] = {
            "http.request.method": event.method,
            "server.address": address.hostname or "",
            "server.port": port,
            "url.template": address.path,
        }
        failed = event.error or (str(event.status) if event.status is not None and event.status >= 400 else "")
        if event.status is not None:
            about["http.response.status_code"] = event.status
        if failed:
            about["error.type"] = failed
        self._measure.requests.record(event.seconds, about)
        operation: dict[str, str | int] = {"suno.operation": event.operation, "suno.provider": event.provider}
        if event.attempt > 1:
            self._measure.retries.add(1, operation | {"http.request.method": event.method})
            about["http.request.resend_count"] = event.attempt - 1
        about |= operation | _names(event.task_id, event.ref)
        about |= {"url.full": event.url, "http.response.body.size": event.bytes}
        name, began = f"{event.method} {address.path}", self._clock() - event.seconds
        span = self._start(name, SpanKind.CLIENT, began=began, about=about)
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        self._end(span)

    # ---- polls ---------------------------------------------------------------------------------------------------

    def waiting(self, task: Task[Any], /) -> None:
        """Somebody has an interest in a task, the first."""
        about = {"suno.operation": task.kind.__name__, "suno.provider": task.api or self._provider}
        self._measure.waiting.add(1, about)
        name = f"suno.wait {task.kind.__name__}"
        self._bursts[task] = _Burst(self._start(name, SpanKind.INTERNAL, task.trace, about=about), about)

    def waited(self, task: Task[Any], error: Exception | None, /) -> None:
        """Nobody has one any more."""
        burst = self._bursts.pop(task, None)
        if burst is None:
            return
        self._measure.waiting.add(-1, burst.about)
        burst.span.set_attributes(_names(task.id, task.ref))
        burst.span.set_attributes({"suno.poll.count": burst.polls, "suno.stage": task.stage.name.lower()})
        if error is not None:
            _failed(burst.span, error)
        self._end(burst.span)

    @contextmanager
    def polling(self, task: Task[Any], late: float, /) -> Generator[None]:
        """Enclose one poll, which began so many seconds after it was due."""
        about = {"suno.operation": task.kind.__name__, "suno.provider": task.api or self._provider}
        self._measure.polls.add(1, about)
        self._measure.lateness.record(max(0.0, late), about)
        burst = self._bursts.get(task)
        if burst is not None:
            burst.polls += 1
        with contextlib.nullcontext() if burst is None else _current(burst.span):
            yield

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def reached(self, task: Task[Any], update: Update[Any], record: Record, /) -> None:
        """Note a stage that this process, and so no other, has written down; the record is as it is then."""
        if update.stage is Stage.PENDING:
            return
        kind, stage = task.kind.__name__, update.stage.name.lower()
        about = {"suno.operation": kind, "suno.provider": record.provider or self._provider}
        how = about | {"suno.stage": stage, "suno.source": update.source.value}
        self._measure.stages.add(1, how)
        self._measure.stage_durations.record(max(0.0, record.updated - record.created), how)
        if update.stage < Stage.COMPLETE:
            return
        credits = _cost(task, update)
        span = self._start(
            f"suno.task {kind}",
            SpanKind.INTERNAL,
            record.trace,
            began=record.created,
            near=False,
            about=how | _names(record.task_id, record.ref),
        )
        if task.model:
            span.set_attribute("suno.model", task.model)
        if credits is not None:
            span.set_attribute("suno.credits", credits)
            self._measure.credits.add(credits, about | {"suno.stage": stage})
        if update.stage is Stage.FAILED:
            span.set_attributes({"error.type": type(update.failure()).__name__, "suno.status": update.status})
            span.set_status(Status(StatusCode.ERROR))
        self._end(span, max(record.created, record.updated))

    # ---- callbacks and files -------------------------------------------------------------------------------------

    def received(self, verdict: Verdict, trace: str, began: float, /) -> None:
        """Note a callback that was answered."""
        decision = "none" if verdict.decision is None else verdict.decision.name.lower()
        about: dict[str, str | int] = {
            "suno.decision": decision,
            "suno.provider": self._provider,
            "http.response.status_code": verdict.status,
        }
        self._measure.callbacks.add(1, about)
        taken = verdict.status == 200
        span = self._start("suno.callback", SpanKind.CONSUMER, trace if taken else "", began=began, about=about)
        if taken and verdict.callback is not None:  # what a stranger named is not noted
            span.set_attributes(_names(verdict.callback.task_id, ""))
        if not taken:
            span.set_status(Status(StatusCode.ERROR))
        self._end(span)

    def downloaded(
        self, trace: str, began: float, /, *, files: int, size: int | None = None, error: BaseException | None = None
    ) -> None:
        """Note a download that has ended."""
        span = self._start("suno.download", SpanKind.INTERNAL, trace, began=began, about={"suno.files": files})
        if size is not None:
            span.set_attribute("suno.bytes", size)
        if error is not None and not isinstance(error, GeneratorExit):  # a reader who has enough
            _failed(span, error)
        self._end(span)

    # ---- spans ---------------------------------------------------------------------------------------------------

    def _start(
        self,
        name: str,
        kind: SpanKind,
        traceparent: str = "",
        *,
        began: float | None = None,
        near: bool = True,
        about: dict[str, Any],
    ) -> Span:
        """Start a span of a submission's trace if that is known, linked to the present span; else a child of that.

        With `near` it is a child of the present span, too, if that is of the same trace.
        """
        present = trace.get_current_span().get_span_context()
        parent: Context | None = None
        links: Sequence[Link] = ()
        if traceparent:
            parent = W3C.extract({"traceparent": traceparent}, Context())
            theirs = trace.get_current_span(parent).get_span_context()
            if present.is_valid and present.trace_id != theirs.trace_id:
                links = (Link(present),)
            elif present.is_valid and near:
                parent = None
        start = _nanoseconds(self._clock() if began is None else began)
        try:
            return self._tracer.start_span(name, parent, kind, about, links, start)
        except Exception:  # of a sampler or processor of the application's, here and below: no song may be lost by it
            self._log_failure()
            return INVALID_SPAN

    def _end(self, span: Span, at: float | None = None) -> None:
        try:
            span.end(_nanoseconds(self._clock() if at is None else at))
        except Exception:
            self._log_failure()

    def _log_failure(self) -> None:
        log.log(logging.DEBUG if self._failed else logging.ERROR, "telemetry failed", exc_info=True)
        self._failed = True


@contextmanager
def _current(span: Span) -> Generator[None]:
    """Make a span the present one."""
    token = contexts.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        contexts.detach(token)


def _failed(span: Span, error: BaseException) -> dict[str, str]:
    """Note how something failed; messages stay out, since they quote what users wrote."""
    about = {"error.type": type(error).__name__}
    span.set_attributes(about)
    span.set_status(Status(StatusCode.ERROR))
    return about


def _names(task_id: str, ref: str) -> dict[str, Any]:
    return {name: value for name, value in (("suno.task.id", task_id), ("suno.ref", ref)) if value}


def _cost(task: Task[Any], update: Update[Any]) -> float | None:
    """Credits that a task has cost that ends by this update; None if that is not known."""
    if update.credits is None and update.stage is Stage.FAILED and refunded(task.kind, update):
        return 0.0
    return task.credits if update.credits is None else update.credits


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
