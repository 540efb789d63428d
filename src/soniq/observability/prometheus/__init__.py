"""Metrics for Prometheus: what this process did, and how its queues stand.

The only package that knows prometheus-client (``pip install "soniq[prometheus]"``).
``soniq worker --metrics-port 9464`` needs no code; elsewhere ``instrument(app)`` starts to count.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
    make_asgi_app,  # pyright: ignore[reportUnknownVariableType] - not annotated
    make_wsgi_app,  # pyright: ignore[reportUnknownVariableType] - not annotated
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from soniq.errors import ConfigurationError
from soniq.observability.labels import MOST
from soniq.observability.prometheus.counts import Counts
from soniq.observability.prometheus.standing import Standing
from soniq.observability.watch import Watch

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from soniq.app import Soniq

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]


def instrument(
    app: Soniq, registry: CollectorRegistry | None = None, *, most_names: int = MOST
) -> Metrics:
    """Count what the app does in this process; return its metrics. Twice is as good as once.

    Call it before the app does anything: where its event loop runs, or before there is one.

    Args:
        app: the app to count for.
        registry: where to show the metrics, such as ``prometheus_client.REGISTRY``; without one
            they get a registry of their own, together with those of the process.
        most_names: how many names of tasks, and of queues, have series of their own. All that come
            later share those of ``other``.

    Raises:
        ConfigurationError: the registry has such metrics already, or the app another registry.
    """
    metrics = INSTRUMENTED.get(app)
    if metrics is None:
        metrics = INSTRUMENTED[app] = Metrics(app, registry, most_names=most_names)
    elif registry is not None and registry is not metrics.registry:
        message = "The metrics of this app are in another registry already: instrument it once."
        raise ConfigurationError(message)
    return metrics


def exposition(app: Soniq) -> tuple[bytes, str]:
    """Return all metrics of the app as text for Prometheus, and the type of that text.

    Called on an event loop it waits for nothing: how queues stand is what was found out last, and
    it begins to find out anew. ``metrics_endpoint`` waits.
    """
    return generate_latest(instrument(app).registry), CONTENT_TYPE_LATEST


def metrics_endpoint(app: Soniq) -> Endpoint:
    """Return an ASGI application that answers every request with the metrics of the app.

    It must run on the app's event loop, and asks for no password.
    """
    metrics = instrument(app)
    answer = cast("Endpoint", make_asgi_app(metrics.registry))

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        await metrics.watch.look()
        await answer(scope, receive, send)

    return endpoint


def wsgi_endpoint(metrics: Metrics) -> WSGIApplication:
    """Return a WSGI application that does so from threads, which wait for the event loop."""
    return cast("WSGIApplication", make_wsgi_app(metrics.registry))


class Metrics(Collector):
    """The metrics of one app in this process."""

    def __init__(
        self, app: Soniq, registry: CollectorRegistry | None, *, most_names: int = MOST
    ) -> None:
        self.watch = Watch(app)
        self._counts = Counts(app.clock, most_names)
        self._standing = Standing(self.watch, app.clock, most_names)
        self.registry = registry or CollectorRegistry()
        try:
            self.registry.register(self)
        except ValueError as error:
            message = f"{error}: instrument each app in a registry of its own."
            raise ConfigurationError(message) from error
        if registry is None:
            ProcessCollector(registry=self.registry)
        self._counts.listen(app.events)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        yield from self._counts.collect()
        yield from self._standing.collect()

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without values; nothing is asked for that."""
        yield from self._counts.describe()
        yield from self._standing.families().values()


# It does not keep an app alive, as nothing in its metrics does.
INSTRUMENTED: weakref.WeakKeyDictionary[Soniq, Metrics] = weakref.WeakKeyDictionary()
