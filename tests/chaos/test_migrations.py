"""Many programs set up one database at once, and some die while they do."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soniq import Soniq
from tests.chaos.figures import figure
from tests.chaos.tables import tables
from tests.chaos.zygote import Order, Zygote
from tests.support.postgres import Server

TOGETHER = 20
DATABASES = {"postgres": 20, "sqlite": 5}


@contextmanager
def fresh(store: str, server: Server, folder: Path, number: int) -> Iterator[str]:
    """Give the URL of a database that does not exist."""
    if store == "sqlite":
        yield f"sqlite:///{folder}/fresh-{number}.db"
        return
    name = server.new_name()
    try:
        yield server.url_of(name)
    finally:
        server.drop(name)


async def is_complete(url: str) -> bool:
    """Tell whether every step has been applied, once."""
    async with Soniq(url) as app:
        steps = await app.migrations()
    async with tables(url) as reader:
        [(applied,)] = await reader.fetch("SELECT count(*) FROM soniq_migrations")
    return all(step.applied_at for step in steps) and applied == len(steps)


async def test_all_of_many_setups_succeed(
    store: str, postgres_server: Server, zygote: Zygote, tmp_path: Path
) -> None:
    """20 processes at once, on fresh databases: each exits with 0, the schema is complete."""
    began = time.monotonic()
    codes: list[int] = []
    for number in range(DATABASES[store]):
        with fresh(store, postgres_server, tmp_path, number) as url:
            order = Order(url, str(tmp_path), role="setup")
            racers = [zygote.start(order) for _ in range(TOGETHER)]
            codes += [await asyncio.to_thread(zygote.wait, racer) for racer in racers]
            assert await is_complete(url)
    figure(
        f"setup at once on {store}",
        setups=len(codes),
        failed=sum(map(bool, codes)),
        seconds=round(time.monotonic() - began, 1),
    )
    assert set(codes) == {0}, (tmp_path / "talk.log").read_text()


async def test_a_setup_that_dies_is_healed(
    store: str, postgres_server: Server, zygote: Zygote, tmp_path: Path
) -> None:
    """SIGKILL between any two steps of a migration: the next setup completes it."""
    died = 0
    while True:
        with fresh(store, postgres_server, tmp_path, died) as url:
            crash = f"migrate.between:{died + 1}"
            setup = zygote.start(Order(url, str(tmp_path), role="setup", crash=crash))
            code = await asyncio.to_thread(zygote.wait, setup)
            again = zygote.start(Order(url, str(tmp_path), role="setup"))
            assert await asyncio.to_thread(zygote.wait, again) == 0
            assert await is_complete(url)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        died += 1
    figure(f"setup killed on {store}", kills=died, healed=died)
    assert died >= 3, "there are steps enough to die between"
