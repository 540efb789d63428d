"""The dashboard of Grafana and the rules of alerts ask for what Soniq tells, and for all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from tests.architecture.sources import ROOT
from tests.deploy.conftest import Series

DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "soniq.json").read_text("utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What Grafana puts in before Prometheus sees it.
VARIABLES = {"$__rate_interval": "5m", "$queue": ".*", "$task": ".*"}
# What Prometheus adds to every series.
TARGET = {"instance", "job"}


def plain(query: str) -> str:
    """Return a query as Prometheus gets it."""
    for name, text in VARIABLES.items():
        query = query.replace(name, text)
    return query


def parts(node: Any) -> Iterator[Any]:
    """Yield an expression of PromQL and all that it is made of."""
    yield node
    inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    for one in [*inner, *(getattr(node, "args", None) or ())]:
        if one is not None:
            yield from parts(one)


def selectors(query: str) -> list[Any]:
    """Return the selectors of series in a query."""
    found = parts(promql_parser.parse(plain(query)))
    return [one for one in found if isinstance(one, promql_parser.VectorSelector)]


def asked(query: str) -> set[str]:
    """Return the names of the series that a query asks for."""
    return {selector.name for selector in selectors(query)}


def labels_of(query: str) -> set[str]:
    """Return the labels by which a query selects and groups."""
    found = list(parts(promql_parser.parse(plain(query))))
    grouped = [one.modifier for one in found if isinstance(one, promql_parser.AggregateExpr)]
    return {
        *(matcher.name for one in selectors(query) for matcher in one.matchers.matchers),
        *(label for modifier in grouped if modifier for label in modifier.labels),
    }


QUERIES = {
    **{f"panel {p['title']} {t['refId']}": t["expr"] for p in PANELS for t in p["targets"]},
    **{f"alert {rule['alert']}": rule["expr"] for rule in RULES},
}


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_asks_for_what_there_is(name: str, series: Series) -> None:
    """It is right PromQL, of series that a worker tells, by labels that these series have."""
    query = QUERIES[name]
    assert asked(query) - series.keys() == set()
    known = set[str]().union(*(series[one] for one in asked(query)), TARGET)
    assert labels_of(query) - known == set()


def test_choices_come_from_what_there_is(series: Series) -> None:
    """What one may choose above the panels are the values of labels that series have."""
    choices = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    assert {f"${one['name']}" for one in choices} == VARIABLES.keys() - {"$__rate_interval"}
    for one in choices:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"]["query"])
        assert found is not None
        assert found[2] in series[found[1]]
        assert one["definition"] == found[0]


def test_every_metric_is_on_a_panel(series: Series) -> None:
    """Of a histogram one series is enough."""
    shown = {one for p in PANELS for t in p["targets"] for one in asked(t["expr"])}
    endings = re.compile(r"_(bucket|sum|count)$")
    own = {endings.sub("", one) for one in series if one.startswith("soniq_")}
    assert own - {endings.sub("", one) for one in shown} == set()


def test_every_fault_has_an_alert() -> None:
    """What never happens as long as all is well is watched by somebody else than a person."""
    watched = {series for rule in RULES for series in asked(rule["expr"])}
    assert watched >= {
        "soniq_queue_oldest_seconds",
        "soniq_queue_workers",
        "soniq_jobs_finished_total",
        "soniq_worker_slots",
        "soniq_lease_lost_total",
        "soniq_rescued_total",
        "soniq_loop_restarts_total",
        "soniq_held_snapshot_seconds",
        "soniq_schedule_missed_total",
        "soniq_listener_up",
        "soniq_event_loop_lag_seconds",
    }


def begun(query: str) -> set[str]:
    """Return the names of the series that a query asks for when they were not there before."""
    return {
        node.lhs.name
        for node in parts(promql_parser.parse(query))
        if isinstance(node, promql_parser.BinaryExpr)
        and str(node.op) == "unless"
        and getattr(node.rhs, "offset", None)
        and node.lhs.name == node.rhs.name
    }


def counted_from_one(query: str) -> set[str]:
    """Return the names of the series of which a query wants to see no more than an increase."""
    above_zero = [
        node.lhs
        for node in parts(promql_parser.parse(query))
        if isinstance(node, promql_parser.BinaryExpr)
        and (str(node.op), getattr(node.rhs, "val", None)) == (">", 0)
    ]
    return {
        vector.name
        for node in above_zero
        for call in parts(node)
        if isinstance(call, promql_parser.Call) and call.func.name == "increase"
        for argument in call.args
        for vector in [argument.vector_selector]
    }


def test_the_first_of_its_kind_is_news(series: Series) -> None:
    """A series may begin with a count, which is no increase yet: then alerts ask for beginnings."""
    unseen = {rule["alert"]: counted_from_one(rule["expr"]) - begun(rule["expr"]) for rule in RULES}
    assert {name for names in unseen.values() for name in names if series[name]} == set()
    plain_one = 'sum by (queue) (increase(soniq_jobs_finished_total{outcome="bury"}[15m])) > 0'
    assert counted_from_one(plain_one) - begun(plain_one) == {"soniq_jobs_finished_total"}


def test_rules_are_complete() -> None:
    """Names that occur once, a severity, a summary and what to do; texts use labels that remain."""
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}
        text = " ".join(rule["annotations"].values())
        kept = grouped_by(rule["expr"])
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= kept, rule["alert"]


def grouped_by(query: str) -> set[str]:
    """Return the labels that are left of the result of a query."""
    node = promql_parser.parse(query)
    while isinstance(node, promql_parser.BinaryExpr):
        node = node.lhs
    if isinstance(node, promql_parser.AggregateExpr):
        return set(node.modifier.labels) if node.modifier else set()
    return TARGET if isinstance(node, promql_parser.VectorSelector) else set()


def test_panels_do_not_lie_on_each_other() -> None:
    """Each has a number of its own, a place of its own, and the data source of the page."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert own & cells == set(), panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= own
    sources = {panel["datasource"]["uid"] for panel in PANELS}
    assert sources == {"${datasource}"}


@pytest.mark.parametrize("query", ["sum(rate(soniq_queue_depth[5m])", "rate(soniq_queue_depth)"])
def test_wrong_queries_are_found(query: str, series: Series) -> None:
    """The check can fail: a bracket too few, a vector where a range is needed."""
    with pytest.raises(ValueError, match=r"unclosed|expected type matrix"):
        selectors(query)
    assert asked("sum(soniq_queue_dept)") - series.keys() == {"soniq_queue_dept"}
    assert labels_of('sum by (queu) (soniq_queue_depth{stat="x"})') == {"queu", "stat"}
