from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

import pytest

from bench.page import BEGIN, END, OPERATORS, operators_block, replaced
from bench.pages import ask, commands
from bench.pages.__main__ import OPEN, SERVE, followed, shown
from bench.pages.fill import fill
from bench.pages.shop import RARE, Shop
from bench.pages.table import missed
from bench.results import Results, Row
from bench.side import Side
from soniq import Soniq
from tests.support.postgres import Server
from tests.system.test_bench import FACTS

JOBS, MINUTES = 600, 2


@pytest.fixture(scope="module")
def shop() -> Shop:
    """A shop with few jobs."""
    return Shop(JOBS, MINUTES, 1, datetime.now(UTC))


@pytest.fixture(scope="module")
def file(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file that holds it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.db'}"
    fill(url, shop)
    return url


def test_pages_and_live_updates_have_figures(file: str, shop: Shop) -> None:
    """Every page that is asked for is there; tabs hear of a change, also where they load."""
    given = argparse.Namespace(seconds=0.01, changes=1)
    with Side(SERVE, "serve", {"url": file}) as side:
        port = int(side.expect("ready")["port"])
        client = ask.Client(port)
        for page, path in ask.addresses(shop).items():
            [figures] = ask.measure(client, path, 1)
            assert figures["total_ms"] >= figures["first_ms"] > 0, page
            # How queues stand is asked for first, and not again by who comes right after.
            assert figures["statements"] > figures["live_statements"], page
            assert figures["bytes"] > figures["live_bytes"] > 0, page
        [with_doctor] = ask.repeated(client, "/", 1, forget="all")
        [without] = ask.repeated(client, "/", 1)
        assert with_doctor["statements"] > without["statements"]
        client.close()
        [heard] = asyncio.run(followed(port, side.pid, file, "20 pages that load", given))
        assert 0 < heard["first_heard_ms"] <= heard["last_ms"]


def test_commands_find_what_they_are_asked_for(file: str, shop: Shop) -> None:
    """None of them fails; one that does would raise."""
    typed = commands.commands(shop)
    assert commands.run(typed["soniq jobs why ID"], file)["total_ms"] > 0


async def test_both_databases_hold_the_same(file: str, shop: Shop, postgres_server: Server) -> None:
    """Queues stand alike, and searches find the same."""
    name = postgres_server.clone()
    url = postgres_server.url_of(name)
    await asyncio.to_thread(fill, url, shop)
    found: list[object] = []
    for one in (file, url):
        async with Soniq(database_url=one) as app:
            rare = await app.jobs.search(f'error:"{RARE}"')
            stands = [
                (q.queue, q.due, q.later, q.processing, q.dead_letter)
                for q in await app.queues.list()
                if q.queue != "seen"
            ]
            total = await app.stats.total()
            groups = await app.dead_letter.groups()
            found.append(
                (stands, [job.id for job in rare.items], total.completed, groups.looked_at)
            )
    postgres_server.drop(name)
    assert found[0] == found[1]
    assert len(stands) == 20
    assert rare.items
    assert groups.looked_at == shop.letters


def row(scenario: str, case: str, **figures: float) -> Row:
    """Return a row with one run."""
    return Row(scenario, "Title", case, "sqlite", "soniq", "total_ms", "soniq", [figures])


ROWS = [
    row("pages", "Overview", first_ms=200.0, total_ms=201.0, bytes=2048, statements=8),
    row("commands", "soniq --help", total_ms=100.0),
]


def test_what_misses_its_aim_is_said() -> None:
    """The overview is meant to be there within 150 ms, the help within 200."""
    assert missed(ROWS) == ["*Overview* (sqlite) takes 200 ms; 150 are the aim."]


def test_the_page_gets_the_figures_between_its_marks() -> None:
    """Figures replace those that were there; the rest of the page stays."""
    results = Results("2026-01-31", FACTS, ROWS)
    page = OPERATORS.read_text(encoding="utf-8")
    measured = replaced(page, results, operators_block)
    assert replaced(measured, results, operators_block) == measured
    assert measured.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert measured.partition(END)[2] == page.partition(END)[2]
    assert "| Overview | 200 | 200 | 201 |  | 2.00 |  | 8 |  |  |" in measured
    assert "| soniq --help | 100 | 100 |" in measured
    assert operators_block(None) in replaced(measured, None, operators_block)
    assert "takes 200 ms" in shown(results)


def test_every_case_of_open_pages_has_its_numbers() -> None:
    """One and many, with and without what each then loads."""
    assert {number for number, loads in OPEN.values() if not loads} == {1, 200}
    assert any(loads for _, loads in OPEN.values())
