"""``GET /metrics``: for Prometheus, what this process did and how its queues stand."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq.dashboard import is_installed
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import dashboard_of


async def metrics(request: Request) -> Response:
    """Answer with the metrics of the dashboard's app."""
    if not is_installed("prometheus_client"):
        message = "There are no metrics without prometheus-client: pip install 'soniq[prometheus]'."
        raise Refused(404, message)
    from soniq.observability import prometheus  # noqa: PLC0415 - only where it is installed

    soniq = dashboard_of(request).soniq
    await prometheus.instrument(soniq).watch.look()
    text, kind = prometheus.exposition(soniq)
    return Response(text, media_type=kind)


ROUTES = [Route("/metrics", metrics, methods=["GET"], name="metrics")]
