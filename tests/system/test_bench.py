from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.chart import chart
from bench.environments import Environments, Unavailable
from bench.page import BEGIN, END, PAGE, block, replaced
from bench.peers.tally import Tally
from bench.results import Results, Row, read
from bench.run import Bench, Sizes
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.server import Server
from bench.side import Failed
from bench.suite import STORES, run_suite
from bench.systems import SYSTEMS, System, named
from bench.table import cells, number, plain
from tests.architecture.sources import ROOT
from tests.support.postgres import Server as OwnServer

ADAPTERS = sorted({system.adapter for system in SYSTEMS})
# Fifty jobs, parts of a second: that each figure is there, not what it is.
TINY = Sizes(scale=0.0001, minutes=0.003, seconds=0.5)
FACTS = {
    "machine": dict.fromkeys(
        ("cpu", "cores", "ram_gib", "os", "file_system", "python", "soniq", "sqlite"), "x"
    ),
    "postgres": {},
    "redis": {},
}


@pytest.fixture(scope="module")
def bench(postgres_server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give a bench on the server of the tests."""
    folder = tmp_path_factory.mktemp("bench")
    server = Server(postgres_server.url)
    made = Bench(server, Environments(folder), folder, TINY)
    yield made
    made.close()
    server.close()


SMOKED = [
    pytest.param(scenario, backend, id=f"{scenario.name}-{backend}")
    for scenario in SCENARIOS
    for backend in STORES
    if any(scenario.takes(named(["soniq"])[0], store) for store in STORES[backend])
    and (backend == "postgres" or scenario.name in {"w1", "w4"})
]


@pytest.mark.parametrize(("scenario", "backend"), SMOKED)
def test_a_scenario_brings_its_figures(scenario: Scenario, backend: str, bench: Bench) -> None:
    """The last case of each scenario runs, and all its figures are positive."""
    (system,) = [one for one in SYSTEMS if one.name == "soniq"]
    store = next(store for store in STORES[backend] if scenario.takes(system, store))
    figures = scenario.run(bench, system, store, scenario.cases[-1])
    assert scenario.headline in figures
    nothing = {name: value for name, value in figures.items() if value < 0 or isnan(value)}
    assert nothing == {}
    assert figures[scenario.headline] > 0 or scenario.name == "w8"  # idle: less than a tick


def test_a_system_that_fails_has_a_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that can't be installed is told with the reason, and the others run on."""
    unavailable = System("gone", "pgqueuer", ("postgres",), ("no such package",))

    def refuse(_: System) -> str:
        message = "not installed: no such package"
        raise Unavailable(message)

    monkeypatch.setattr(bench.environments, "python", refuse)
    (w4,) = [one for one in SCENARIOS if one.name == "w4"]
    (row,) = run_suite(bench, [w4], [unavailable], ["postgres"], 2)
    assert (row.runs, row.failed) == ([], "not installed: no such package")
    assert "failed: not installed" in plain(Results("2026-01-31", FACTS, [row]))


def test_a_process_that_ends_is_a_failure_with_its_last_word(bench: Bench) -> None:
    """An adapter that crashes is reported by the last line that it wrote."""
    (system,) = [one for one in SYSTEMS if one.name == "soniq"]
    with (
        bench.place(system, "postgres") as place,
        bench.side(place, "nonsense") as side,
        pytest.raises(Failed, match="Unknown command 'nonsense'"),
    ):
        side.expect("ready")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_carries_out_the_commands(adapter: str) -> None:
    """Each adapter has the methods that the protocol's commands call, and runs them."""
    path = ROOT / "bench" / "peers" / f"{adapter}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (kind,) = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and ast.unparse(node.bases[0]) == "Adapter"
    ]
    methods = {node.name for node in kind.body if isinstance(node, ast.AsyncFunctionDef)}
    wanted = {"setup", "enqueue", "pending", "work"}
    wanted |= {
        "enqueue_within" for one in SYSTEMS if one.adapter == adapter and "within" in one.can
    }
    assert wanted - methods == set()
    assert f"ADAPTER = {kind.name}" in ast.unparse(tree)
    assert "main(ADAPTER)" in ast.unparse(tree.body[-1])


def test_peers_are_pinned_and_no_dependencies() -> None:
    """Each package of a peer has its version, and none is among the project's own."""
    needs = [need for system in SYSTEMS for need in system.needs]
    assert [need for need in needs if "==" not in need] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    own = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    both = {"asyncpg", "typing-extensions"}
    names = {re.split(r"[\[>=]", one)[0] for one in own} - both
    assert names & {re.split(r"[\[>=]", need)[0] for need in needs} == set()


def test_a_tally_counts_over_processes(tmp_path: Path) -> None:
    """Two who count in one file add up, and the first start of a job is kept."""
    one = Tally.make(tmp_path / "tally", stamps=2)
    other = Tally(tmp_path / "tally")
    one.hit(0)
    first = one.stamps()[0]
    other.hit(0)
    other.hit(1)
    assert (one.total(), one.stamps()[0]) == (3, first)
    assert one.first() <= first


def row(system: str, *values: float, failed: str | None = None) -> Row:
    """Return a row of rates."""
    runs = [{"jobs_per_s": value, "worker_us_per_job": 30.0} for value in values]
    return Row("w4", "drain", "", "postgres", system, "jobs_per_s", "soniq", runs, failed)


ROWS = [row("soniq", 100, 300, 200), row("other", 50), row("third", failed="it said nothing")]


def test_a_table_shows_median_spread_and_ratio() -> None:
    """The median stands first, then the spread, then the ratio to the base."""
    assert cells(ROWS)[1:] == [
        ["soniq", "200", "100 to 300", "1.00", "30.0"],
        ["other", "50.0", "50.0 to 50.0", "0.25", "30.0"],
        ["third", "failed: it said nothing"],
    ]
    assert [number(value) for value in (12345.6, 12.34, 1.234)] == ["12,346", "12.3", "1.23"]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    """A file of results holds every run."""
    results = Results("2026-01-31", FACTS, ROWS)
    results.write(tmp_path / "results.json")
    assert read(tmp_path / "results.json") == results


def test_the_page_gets_the_figures_between_its_marks() -> None:
    """Figures replace those that were there; the rest of the page stays."""
    results = Results("2026-01-31", FACTS, ROWS)
    page = PAGE.read_text(encoding="utf-8")
    made = replaced(page, results)
    assert replaced(made, results) == made
    assert made.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert made.partition(END)[2] == page.partition(END)[2]
    assert "| other | 50.0 | 50.0 to 50.0 | 0.25 | 30.0 |" in block(results)


def test_the_chart_is_a_picture_with_a_bar_for_each_system() -> None:
    """The SVG is well-formed; a system that failed has no bar."""
    picture = ET.fromstring(chart("W4 <drain>", ROWS))  # noqa: S314 - made here
    names = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{names}rect")) == 2
    assert "prefers-color-scheme: dark" in chart("", ROWS)
