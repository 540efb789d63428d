"""The table of metrics says what there is."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from soniq import Soniq
from soniq.observability.prometheus import instrument
from tests.architecture.sources import ROOT
from tests.docs.pages import rows

PAGE = ROOT / "docs" / "how-to" / "observe.md"


def shown(metric: Metric, labels: tuple[str, ...]) -> tuple[str, str, str]:
    """Return name, type and labels of a metric as the page has them."""
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return name, metric.type, ", ".join(f"`{label}`" for label in labels).strip("`") or "none"


def test_every_metric_stands_in_the_table() -> None:
    """With its name, type and labels; and no other does."""
    metrics = instrument(Soniq(backend="memory"), CollectorRegistry())
    counted = [(*one.describe(), one._labelnames) for one in metrics._counts._all]
    gauges = [(one, one._labelnames) for one in metrics._standing.families().values()]
    described = [tuple(row[:3]) for row in rows(PAGE) if row[0].startswith("soniq_")]
    assert sorted(described) == sorted(shown(*one) for one in [*counted, *gauges])
