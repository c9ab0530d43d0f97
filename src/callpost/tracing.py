"""Traces, by OpenTelemetry: one from the POST that brings a recording to the last attempt to deliver it.

A span costs nothing while nobody exports. The context travels through the database as a W3C traceparent
(https://www.w3.org/TR/trace-context/). Attributes are ids, destinations and outcomes: no URL, which may be a
secret, and no text of an error, which may quote one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

__all__ = ["Span", "SpanKind", "StatusCode", "current", "exporting_to", "span"]

_HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()


class _Exporting:
    """The tracer of this process, None: nobody exports. OpenTelemetry's own global cannot be taken back."""

    tracer: Tracer | None = None


@contextmanager
def exporting_to(provider: TracerProvider) -> Iterator[None]:
    """Give every span to this provider from now on, until the end of the block."""
    before, _Exporting.tracer = _Exporting.tracer, provider.get_tracer("callpost")
    try:
        yield
    finally:
        _Exporting.tracer = before


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, AttributeValue | None] | None = None,
    *,
    within: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Span]:
    """What happens in the block. within: the traceparent of what caused it, None: the span around it.

    An exception makes it an error, named by its type alone.
    """
    tracer = _Exporting.tracer
    if tracer is None:
        yield trace.INVALID_SPAN
        return
    given = {key: value for key, value in (attributes or {}).items() if value is not None}
    context = _W3C.extract({_HEADER: within}) if within else None
    with tracer.start_as_current_span(
        name, context, kind, given, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def current() -> str | None:
    """The traceparent of the span around, to be stored for what it causes; None where nobody exports."""
    carrier: dict[str, str] = {}
    if _Exporting.tracer is not None:
        _W3C.inject(carrier)
    return carrier.get(_HEADER)
