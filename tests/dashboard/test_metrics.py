"""``/metrics`` of the dashboard: the same text as elsewhere, behind the same gate as all pages."""

from __future__ import annotations

import sys

import pytest

from soniq import Soniq
from tests.support.dashboard import KEY, asking, dashboard_app


async def test_the_dashboard_tells_prometheus_how_queues_stand() -> None:
    """At the first scrape, with whatever waits in the database."""
    async with Soniq(backend="memory", enqueue_validation="none") as soniq:
        await soniq.enqueue("mail.send", queue="mail")
        async with asking(dashboard_app(soniq)) as client:
            answer = await client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
    assert 'soniq_queue_depth{queue="mail"} 1.0\n' in answer.text


async def test_metrics_want_the_key() -> None:
    """As Prometheus sends it; whoever has none is sent to where one gives it."""
    app = dashboard_app(api_key=KEY)
    async with asking(app) as client:
        assert (await client.get("/metrics")).headers["location"].startswith("/login")
        bearer = {"authorization": f"Bearer {KEY}"}
        assert (await client.get("/metrics", headers=bearer)).status_code == 200


async def test_without_the_package_there_is_no_such_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer has the command that would bring it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    async with asking(dashboard_app()) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 404
    assert "soniq[prometheus]" in answer.text
