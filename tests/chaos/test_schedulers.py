"""Five schedulers, killed and stopped again and again: each tick has exactly one job."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.scheduler_process import SABOTAGE
from tests.support.jobs import until
from tests.support.processes import unmeasured

ROOT = Path(__file__).parents[2]
SECOND = timedelta(seconds=1)
SCHEDULERS = 5
BLOWS = 100
SEED = 4711
# One of five is hit at a time; whoever it is, the jobs of its ticks come within that time.
TAKEOVER = 2 * SECOND
AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'soniq-listen' AND datname = current_database()
"""


@dataclass
class Schedulers:
    """Processes on one database; ``strike`` hits one of them and sees to it that five are left."""

    environment: dict[str, str]
    log: Path
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        """Start one more."""
        with self.log.open("ab") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.scheduler_process"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        self.processes.append(process)

    async def strike(self) -> None:
        """Kill one and start another in its place, or stop one for a while."""
        victim = self.chance.choice(self.processes)
        if self.chance.random() < 0.5:
            self.struck["killed"] += 1
            victim.kill()
            victim.wait()
            self.processes.remove(victim)
            self.start()
        else:
            self.struck["stopped"] += 1
            victim.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.chance.uniform(0.1, 1.5))
            victim.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill all."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


@contextmanager
def schedulers(url: str, folder: Path, **more: str) -> Iterator[Schedulers]:
    """Run five; all of them end with the block."""
    environment = {**unmeasured(), "SONIQ_DATABASE_URL": url, **more}
    made = Schedulers(environment, folder / "log")
    try:
        for _ in range(SCHEDULERS):
            made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
async def onlooker(postgres_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect to the same database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@dataclass(frozen=True, slots=True)
class Record:
    """What the database says: the ticks of all jobs, and how late each job was made."""

    ticks: list[datetime]
    latest: timedelta

    def wrong(self) -> list[str]:
        """Return what is not as it should be."""
        twice = [tick for tick, number in Counter(self.ticks).items() if number > 1]
        first, last = self.ticks[0], self.ticks[-1]
        all_of_them = {first + n * SECOND for n in range((last - first) // SECOND + 1)}
        lost = sorted(all_of_them - set(self.ticks))
        return [f"{tick}: twice" for tick in twice] + [f"{tick}: lost" for tick in lost]


async def record_of(onlooker: asyncpg.Connection[asyncpg.Record]) -> Record:
    """Read the jobs: nobody runs or prunes them."""
    jobs = await onlooker.fetch(
        "SELECT scheduled_at, created_at FROM soniq_jobs ORDER BY scheduled_at, id"
    )
    return Record(
        [job["scheduled_at"] for job in jobs],
        max(job["created_at"] - job["scheduled_at"] for job in jobs),
    )


async def count(onlooker: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return the number of jobs."""
    number: int = await onlooker.fetchval("SELECT count(*) FROM soniq_jobs")
    return number


@pytest.mark.timeout(400)
async def test_each_tick_has_one_job_whoever_is_killed_or_stopped(
    postgres_url: str, onlooker: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    """A hundred blows against five schedulers: no tick lost, none twice, none later than 2 s."""

    async def all_at_work() -> bool:
        return bool(await onlooker.fetchval(AT_WORK) == SCHEDULERS)

    with schedulers(postgres_url, tmp_path) as struck:
        for _ in range(BLOWS):
            await until(all_at_work, patience=60)
            await asyncio.sleep(struck.chance.uniform(0, 1))
            await struck.strike()
        record = await record_of(onlooker)
    assert record.wrong() == []
    assert record.latest <= TAKEOVER
    assert len(record.ticks) >= BLOWS // 2
    assert min(struck.struck["killed"], struck.struck["stopped"]) >= BLOWS // 4


@pytest.mark.timeout(120)
async def test_without_the_guards_the_same_check_sees_doubles(
    postgres_url: str, onlooker: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    """Five schedulers that fire what they planned, whatever the row says by then."""

    async def seen() -> bool:
        return await count(onlooker) > 0 and bool((await record_of(onlooker)).wrong())

    with schedulers(postgres_url, tmp_path, **{SABOTAGE: "1"}):
        await until(seen, patience=60)
    assert any("twice" in what for what in (await record_of(onlooker)).wrong())
