"""One song as OpenTelemetry sees it: spans and metrics are printed.

pip install '.[otel]' opentelemetry-sdk; SUNO_API_KEY=… python examples/telemetry.py

In an application use its exporters, for example of `opentelemetry-exporter-otlp`.
"""

import asyncio
import sys

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from suno_async import GenerateMusic, SunoClient
from suno_async.otel import instrument


def line(span: ReadableSpan) -> str:
    """One line for each span; the default of the exporter is JSON."""
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    return f"{span.name}: {seconds:.1f} s {dict(span.attributes or {})}\n"


async def main() -> None:
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stdout, formatter=line)))
    meters = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter(out=sys.stdout))])
    suno = SunoClient()
    instrument(suno, tracer_provider=tracers, meter_provider=meters)
    async with suno:
        with tracers.get_tracer("app").start_as_current_span("order"):
            music = await suno.run(GenerateMusic(prompt="a calm piano track"))
        print(await suno.read(music.tracks[0]) != b"")
    meters.shutdown()  # prints the metrics
    tracers.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
