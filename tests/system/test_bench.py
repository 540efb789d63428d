from __future__ import annotations

import ast
import asyncio
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from math import isnan
from pathlib import Path
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from bench.chart import chart
from bench.environments import Environments, Unavailable
from bench.page import BEGIN, END, GROWTH, PAGE, block, growth_block, replaced
from bench.peers.soniq_without import PATCHES, UNFENCED, known, settings_without
from bench.peers.tally import Tally
from bench.ratios import INSERTS, RATIOS, Ratio, table
from bench.results import Results, Row, read
from bench.run import Bench, Sizes
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.scenarios.growth import at_distance
from bench.server import Server
from bench.side import Failed, Side
from bench.suite import STORES, entrants, run_suite
from bench.systems import SYSTEMS, Store, System, named
from bench.table import cells, number, plain
from soniq.backends.postgres.session import FOLDER
from soniq.settings import Settings
from tests.architecture.sources import ROOT
from tests.support.bench import Rehearsal
from tests.support.postgres import Server as OwnServer

ADAPTERS = sorted({system.adapter for system in SYSTEMS if not system.node})
# Fifty jobs, parts of a second: that each figure is there, not what it is.
TINY = Sizes(scale=0.0001, seconds=0.1)
# No process is waited for, so no time passes.
REHEARSED = Sizes(scale=0.0001, minutes=0.0, seconds=0.001)
(SONIQ,) = named(["soniq"])[:1]
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


# One of each kind of process; what the other scenarios ask for is rehearsed.
SMOKED = (
    ("w2t", "postgres"),
    ("w4", "sqlite"),
    ("w4", "memory"),
    ("w5", "postgres"),
    ("schedules", "postgres"),
    ("growth", "postgres"),
    ("safety", "postgres"),
)


@pytest.mark.parametrize(("name", "store"), SMOKED)
def test_a_scenario_brings_its_figures(name: str, store: Store, bench: Bench) -> None:
    """A case runs in real processes, and all its figures are positive."""
    (scenario,) = [one for one in SCENARIOS if one.name == name]
    case = scenario.cases[0] if name in {"growth", "schedules"} else scenario.cases[-1]
    if name == "growth":  # by one process, but through the proxy
        case = replace(case, parameters={"round_trip_ms": 1})
    figures = scenario.run(bench, case.entrants(SONIQ)[0], store, case)
    assert scenario.headline in figures
    nothing = {name: value for name, value in figures.items() if value < 0 or isnan(value)}
    assert nothing == {}
    assert figures[scenario.headline] > 0


@pytest.fixture(scope="module")
def rehearsals(bench: Bench) -> Iterator[list[tuple[Store, Rehearsal]]]:
    """Give a bench without processes for each store; all runs share its one place."""
    stores: tuple[Store, ...] = ("postgres", "sqlite", "memory")
    with ExitStack() as stack:
        places = [(store, stack.enter_context(bench.place(SONIQ, store))) for store in stores]
        given = bench.server, bench.environments, bench.folder, REHEARSED
        yield [(store, Rehearsal(*given, stage=place)) for store, place in places]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_case_asks_for_what_there_is(
    scenario: Scenario, rehearsals: list[tuple[Store, Rehearsal]]
) -> None:
    """All cases of all scenarios are gone through, with nobody at work: only what is asked for."""
    ours = [(store, bench) for store, bench in rehearsals if scenario.takes(SONIQ, store)]
    assert ours
    for store, rehearsal in ours:
        before = rehearsal.asked
        for case in scenario.cases:
            for one in case.entrants(SONIQ):
                assert scenario.headline in scenario.run(rehearsal, one, store, case)
        assert rehearsal.asked >= before + len(scenario.cases)


@pytest.mark.parametrize("feature", known())
def test_a_safety_feature_can_be_taken_out(feature: str) -> None:
    """What stands in for it has a place to stand; without the fence no statement names a claim."""
    assert settings_without([feature]).keys() <= Settings.model_fields.keys()
    for module, name, replacement in PATCHES[feature]() if feature in PATCHES else ():
        assert hasattr(module, name)
        if feature == "fence":
            texts = [replacement(FOLDER, verb) for verb in UNFENCED]
            assert [text for text in texts if "job.fence =" in text or "worker_id =" in text] == []


def test_the_proxy_delays_and_does_not_throttle(bench: Bench) -> None:
    """Many statements at once take one round trip, not one each; the answers are right."""
    with (
        bench.place(SONIQ, "postgres") as place,
        at_distance(bench, place, 50) as far,
    ):
        assert 0.05 <= asyncio.run(at_once(far.url, 20)) < 10 * 0.05


async def at_once(url: str, count: int) -> float:
    """Return the seconds that as many connections take for one statement each, all at once."""
    connections = await asyncio.gather(*(asyncpg.connect(url) for _ in range(count)))
    started = time.monotonic()
    answers = await asyncio.gather(*(c.fetchval("SELECT repeat('x', 99999)") for c in connections))
    seconds = time.monotonic() - started
    await asyncio.gather(*(connection.close() for connection in connections))
    assert {len(answer) for answer in answers} == {99999}
    return seconds


def test_a_system_that_fails_has_a_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that can't be installed is told with the reason, and leaves no database behind."""
    made: set[str] = set()
    create, drop = bench.postgres.create, bench.postgres.drop

    def note(template: str | None = None) -> str:
        made.add(name := create(template))
        return name

    def forget(name: str) -> None:
        drop(name)
        made.remove(name)

    monkeypatch.setattr(bench.postgres, "create", note)
    monkeypatch.setattr(bench.postgres, "drop", forget)
    unavailable = System("gone", "pgqueuer", ("postgres",), ("no such package",))

    def refuse(*_: object) -> None:
        message = "not installed: no such package"
        raise Unavailable(message)

    monkeypatch.setattr(bench.environments, "program", refuse)
    (w4,) = [one for one in SCENARIOS if one.name == "w4"]
    (row,) = run_suite(bench, [w4], [unavailable], ["postgres"], 2)
    assert (row.runs, row.failed) == ([], "not installed: no such package")
    assert made == set()
    assert "failed: not installed" in plain(Results("2026-01-31", FACTS, [row]))


def test_without_npm_a_row_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system for Node has a row where Node is not."""
    (node,) = [system for system in SYSTEMS if system.node]
    monkeypatch.setenv("PATH", str(bench.folder))
    (w4,) = [one for one in SCENARIOS if one.name == "w4"]
    (row,) = run_suite(bench, [w4], [node], ["postgres"], 2)
    assert (row.runs, row.failed) == ([], "no npm")


def test_a_process_that_ends_is_a_failure_with_its_last_word() -> None:
    """An adapter that crashes is reported by the last line that it wrote."""
    crash = "import sys; sys.exit(f'Unknown command {sys.argv[1]!r}.')"
    with (
        Side([sys.executable, "-c", crash], "nonsense", {}) as side,
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
GROWN = [
    Row("growth", "more", "drain, no proxy", "postgres", name, "jobs_per_s", "1 process", [run])
    for name, run in {
        "1 process": {"jobs_per_s": 300.0, "server_us_per_job": 40.0},
        "2 processes": {
            "jobs_per_s": 400.0,
            "worker_us_per_job": 30.0,
            "server_us_per_job": 50.0,
            "connections": 12,
        },
    }.items()
]


def test_a_table_shows_median_spread_and_ratio() -> None:
    """The median stands first, then the spread, then the ratio to the base."""
    assert cells(ROWS)[1:] == [
        ["soniq", "200", "100 to 300", "1.00", "30.0"],
        ["other", "50.0", "50.0 to 50.0", "0.25", "30.0"],
        ["third", "failed: it said nothing"],
    ]
    assert [number(value) for value in (12345.6, 12.34, 1.234)] == ["12,346", "12.3", "1.23"]


def test_a_ratio_is_that_of_medians_of_one_run() -> None:
    """Each file of results is a column; what a run has not measured stays empty."""
    assert Ratio("", "w4", of="other").measured(ROWS) == 4.0
    assert Ratio("", "w4", figure="worker_us_per_job").measured(ROWS) == 30.0
    for system in ("third", "unknown"):
        assert Ratio("", "w4", of=system).measured(ROWS) is None
        assert Ratio("", "w4", of="other", system=system).measured(ROWS) is None
    bare = [replace(row("INSERT", 1234), scenario="w1")]
    text = table([("one", Results("", FACTS, bare)), ("two", Results("", FACTS, []))])
    assert "| bare `INSERT`s a second |  | 1,234 |  |\n" in text
    assert "[two](../../bench/results/two.json)" in text


def test_ratios_are_of_what_the_bench_measures() -> None:
    """A scenario, case or system of another name would leave a row of the table empty."""
    made = {
        (scenario.name, case.name, backend, system.name)
        for scenario in SCENARIOS
        for case in scenario.cases
        for backend in STORES
        for system, _ in entrants(scenario, case, SYSTEMS, backend)
    }
    for ratio in (INSERTS, *RATIOS):
        for system in filter(None, (ratio.system, ratio.of)):
            assert (ratio.scenario, ratio.case, ratio.backend, system) in made


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    """A file of results holds every run."""
    results = Results("2026-01-31", FACTS, ROWS)
    results.write(tmp_path / "results.json")
    assert read(tmp_path / "results.json") == results


@pytest.mark.parametrize(("file", "made"), [(PAGE, block), (GROWTH, growth_block)])
def test_a_page_gets_the_figures_between_its_marks(
    file: Path, made: Callable[[Results | None], str]
) -> None:
    """Figures replace those that were there, also by none; the rest of the page stays."""
    results = Results("2026-01-31", FACTS, [*ROWS, *GROWN])
    page = file.read_text(encoding="utf-8")
    measured = replaced(page, results, made)
    assert replaced(measured, results, made) == measured
    assert measured.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert measured.partition(END)[2] == page.partition(END)[2]
    assert "of 1 process" in measured
    assert made(None) == "Not measured yet.\n"
    assert made(None) in replaced(measured, None, made)


def test_the_steps_of_growth_show_what_did_best() -> None:
    """Each step has the figures of its fastest row; the server is full at one second a second."""
    text = growth_block(Results("2026-01-31", FACTS, [*ROWS, *GROWN]))
    assert "| one PostgreSQL, many workers | 2 processes | 400 | 30.0 | 50.0 |" in text
    assert "| 20,000 jobs/s a processor |" in text
    assert "| one SQLite file, one worker | not measured yet |" in text
    assert "W4" not in text


def test_the_chart_is_a_picture_with_a_bar_for_each_system() -> None:
    """The SVG is well-formed; a system that failed has no bar."""
    picture = ET.fromstring(chart("W4 <drain>", ROWS))  # noqa: S314 - made here
    names = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{names}rect")) == 2
    assert "prefers-color-scheme: dark" in chart("", ROWS)
