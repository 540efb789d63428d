"""How claims and settles find their rows among 200,000, whatever the statistics say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from soniq import settings
from soniq.backends import ids, sqltext
from soniq.backends.postgres import PostgresBackend, filters
from soniq.backends.postgres.pool import FOLDER, SESSION
from soniq.clock import SystemClock
from soniq.history import EPOCH
from soniq.job import JobStatus
from soniq.search import ArgumentIs, JobSearch, spell
from tests.support.postgres import Server, run_apart

Plan = dict[str, Any]
WORKER = UUID(int=7)
LIMIT = 50
WALKS = {"Index Scan", "Index Only Scan"}
TABLES = (
    "soniq_jobs",
    "soniq_schedules",
    "soniq_schedule_ticks",
    "soniq_rollups",
    "soniq_attempts",
    "soniq_dead_letter_jobs",
)

# As many jobs that are due as jobs for tomorrow, which come first by their priority.
FILL = """
INSERT INTO soniq_jobs
    (id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at)
SELECT gen_random_uuid(), 'mail.send', 'default', $1, now() + $2 * interval '1 second', '{}', 4,
    now()
FROM generate_series(1, 100000)
"""
# Jobs in three more queues, due in turns and before all others, however old these are.
SPREAD = """
INSERT INTO soniq_jobs
    (id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at)
SELECT gen_random_uuid(), 'mail.send', queue, 100,
    now() - interval '1 day' + number * interval '1 millisecond', '{}', 4, now()
FROM unnest('{a,b,c}'::text[]) AS queue CROSS JOIN generate_series(1, 100) AS number
"""
# The longest of these queues, and a hundred others, paused.
PAUSE = """
INSERT INTO soniq_paused_queues (queue, paused_at, paused_by, reason)
SELECT 'queue ' || number, now(), 'ana', '' FROM generate_series(1, 100) AS number
UNION ALL SELECT 'default', now(), 'ana', ''
"""

# Rows that were rolled back stay in the index until somebody has walked past them. That is
# not to be the next test, which counts its pages.
TIDY = """
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FROM (
    SELECT FROM soniq_jobs WHERE status = 'queued' AND queue < 'default' ORDER BY queue, priority
) AS before;
SELECT count(*) FROM (
    SELECT FROM soniq_jobs WHERE status = 'queued' AND queue > 'default' ORDER BY queue, priority
) AS after;
"""

# As many schedules to come as paused ones whose ticks lie in the past; ticks of the last week.
SCHEDULE = """
INSERT INTO soniq_schedules
    (name, status, origin, every, timezone, missed, args, queue, priority, max_attempts, anchor_at,
    next_at, created_at, updated_at)
SELECT $1 || number, $1, 'added', 60, 'UTC', 'one', '{}', 'default', 100, 4, now(),
    now() + $2 * number * interval '1 second', now(), now()
FROM generate_series(1, 5000) AS number
"""
TICKS = """
INSERT INTO soniq_schedule_ticks (name, tick_at, fired_at)
SELECT 'active' || 1 + number % 500, now() - number * interval '10 seconds', now()
FROM generate_series(1, 50000) AS number
"""
# Each minute of a week, and an attempt for every tenth job.
ROLLUPS = """
INSERT INTO soniq_rollups
    (minute, worker_id, session, queue, job_name, outcome, count, wait_seconds, run_seconds, waits,
    runs)
SELECT date_bin('1 minute', now(), 'epoch') - number * interval '1 minute',
    '00000000-0000-0000-0000-000000000007', 1, 'default', 'mail.send', 'complete', 1, 0, 0,
    array_fill(0, ARRAY[13]), array_fill(0, ARRAY[13])
FROM generate_series(0, 7 * 1440) AS number
"""
ATTEMPTS = """
INSERT INTO soniq_attempts
    (job_id, fence, attempt, worker_id, outcome, started_at, finished_at)
SELECT id, 1, 1, '00000000-0000-0000-0000-000000000007', 'retry', now(), now()
FROM soniq_jobs
LIMIT 20000
"""
LETTERS = """
INSERT INTO soniq_dead_letter_jobs
    (id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    finished_at)
SELECT id, job_name, queue, priority, args, 4, 4, 'timeout', now(), now(), now()
FROM soniq_jobs
LIMIT 20000
"""


@pytest.fixture(scope="module", params=["missing", "stale", "fresh"])
def crowded_url(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[str]:
    """Fill a database with 200,000 jobs, with statistics of three kinds."""
    name = postgres_server.clone()
    url = postgres_server.url_of(name)
    run_apart(lambda: fill(url, request.param))
    yield url
    postgres_server.drop(name)


async def fill(url: str, statistics: str) -> None:
    """Write the jobs; ``stale`` statistics are of the empty table."""
    connection = await asyncpg.connect(url)
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    if statistics == "stale":
        await connection.execute("VACUUM ANALYZE")
    await connection.execute(FILL, 100, -60)
    await connection.execute(FILL, 1, 86_400)
    await connection.execute(SCHEDULE, "active", 1)
    await connection.execute(SCHEDULE, "paused", -1)
    await connection.execute(TICKS)
    await connection.execute(ROLLUPS)
    await connection.execute(ATTEMPTS)
    await connection.execute(LETTERS)
    if statistics == "fresh":
        await connection.execute("VACUUM ANALYZE")
    await connection.close()


@pytest.fixture
async def crowded(crowded_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect like Soniq itself, in a transaction that leaves nothing behind."""
    connection = await asyncpg.connect(crowded_url, server_settings=SESSION)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.execute(TIDY)
    await connection.close()


async def plan_of(
    connection: asyncpg.Connection[asyncpg.Record], verb: str, *args: object
) -> list[Plan]:
    """Run a statement and return the nodes of its plan with their counts."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sqltext.read(FOLDER, verb)}"
    (document,) = json.loads(await connection.fetchval(explain, *args))
    return list(nodes(document["Plan"]))


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield a node and all below it."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_touched(plan: Sequence[Plan]) -> int:
    """Return the largest number of rows that any node produced or threw away."""
    counts = "Actual Rows", "Rows Removed by Filter"
    return max(sum(total(node, count) for count in counts if count in node) for node in plan)


def total(node: Plan, count: str) -> int:
    """Return the smallest sum that the mean of a node's loops can stand for.

    Means are rounded: since PostgreSQL 18 to hundredths, before that to whole rows, so that 50 rows
    in three loops are told as 17 each.
    """
    mean, loops = node[count], node["Actual Loops"]
    step = 1 if isinstance(mean, int) else 0.01
    fewest: float = (mean - step / 2) * loops if loops > 1 else mean
    return max(ceil(round(fewest, 3)), 0)


def types_on_jobs(plan: Sequence[Plan]) -> set[str]:
    """Return in which ways the table of jobs is read."""
    return types_on("soniq_jobs", plan)


def types_on(table: str, plan: Sequence[Plan]) -> set[str]:
    """Return in which ways a table is read."""
    return {
        node["Node Type"]
        for node in plan
        if node.get("Relation Name") == table and "Scan" in node["Node Type"]
    }


def rows_taken(plan: Sequence[Plan]) -> int:
    """Return how many rows a statement has written."""
    return sum(round(node["Actual Rows"]) for node in plan if node["Node Type"] == "ModifyTable")


async def locked_in_vain(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return how many jobs this transaction has locked and not taken: the rows themselves tell."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM soniq_jobs "
        "WHERE status = 'queued' AND xmax = pg_current_xact_id()::xid"
    )
    return count


def pages_read(plan: Sequence[Plan]) -> int:
    """Return how many pages the search for rows looked at; their change may tidy up indexes."""
    return max(
        node["Shared Hit Blocks"] + node["Shared Read Blocks"]
        for node in plan
        if node["Node Type"] != "ModifyTable"
    )


async def test_claim_from_one_queue(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """Without any sort, along the index, and with no look at what is due tomorrow."""
    plan = await plan_of(crowded, "jobs/claim", None, "default", LIMIT, WORKER, [])
    assert types_on_jobs(plan) <= WALKS | {"Tid Scan"}
    assert "Sort" not in {node["Node Type"] for node in plan}
    assert rows_touched(plan) <= LIMIT
    assert rows_taken(plan) == LIMIT
    assert await locked_in_vain(crowded) == 0


@pytest.mark.parametrize("queues", [None, ["default", "other"]])
async def test_claim_across_queues(
    crowded: asyncpg.Connection[asyncpg.Record], queues: list[str] | None
) -> None:
    """Where one queue has due jobs they are taken along the index, with no look at others."""
    plan = await plan_of(
        crowded, "jobs/claim_across", None, queues, LIMIT, WORKER, [], 2 * LIMIT, [], []
    )
    assert types_on_jobs(plan) <= WALKS | {"Tid Scan"}
    assert rows_touched(plan) <= LIMIT
    assert rows_taken(plan) == LIMIT
    assert await locked_in_vain(crowded) == 0


@pytest.mark.parametrize("queues", [None, ["a", "default", "b", "c"]])
async def test_claim_from_several_queues_at_once(
    crowded: asyncpg.Connection[asyncpg.Record], queues: list[str] | None
) -> None:
    """The first due jobs of each queue are merged; only those taken are locked."""
    await crowded.execute(SPREAD)
    plan = await plan_of(
        crowded, "jobs/claim_across", None, queues, LIMIT, WORKER, [], 2 * LIMIT, [], []
    )
    assert types_on_jobs(plan) <= WALKS | {"Tid Scan"}
    assert rows_touched(plan) <= 2 * LIMIT + 4 * 4
    assert rows_taken(plan) == LIMIT
    assert await locked_in_vain(crowded) == 0


@pytest.mark.parametrize("queues", [None, ["default"], ["default", "other"]])
async def test_claim_from_floors_on(
    crowded: asyncpg.Connection[asyncpg.Record], queues: list[str] | None
) -> None:
    """Rows that died at the front are not walked past: neither for a claim nor for what is due."""
    claim = sqltext.read(FOLDER, "jobs/claim")
    gone = await crowded.fetch(claim, None, "default", 20_000, WORKER, [])
    scheduled_at, job_id = max((job["scheduled_at"], job["id"]) for job in gone)
    floors = ["default"], [100], [scheduled_at], [job_id]
    plan = await plan_of(
        crowded, "jobs/claim_after", None, queues, LIMIT, WORKER, [], 2 * LIMIT, [], [], *floors
    )
    assert types_on_jobs(plan) <= WALKS | {"Tid Scan"}
    assert rows_taken(plan) == LIMIT
    assert await locked_in_vain(crowded) == 0
    assert pages_read(plan) < 1000
    plan = await plan_of(crowded, "jobs/due_in_after", None, queues, [], *floors)
    assert types_on_jobs(plan) <= WALKS
    assert pages_read(plan) < 1000
    plan = await plan_of(crowded, "jobs/below", [], *floors)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 1  # the floor itself
    plan = await plan_of(crowded, "jobs/due_in", None, queues, [])
    assert pages_read(plan) > 10_000


async def test_pauses_are_looked_up_not_walked(
    crowded: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Once for a queue at most; of the jobs that wait in one that is paused none is looked at."""
    await crowded.execute(SPREAD)
    await crowded.execute(PAUSE)
    limits, reach, floors = (LIMIT, WORKER, []), (2 * LIMIT, [], []), ([], [], [], [])
    for taken, verb, *args in (
        (0, "jobs/claim", None, "default", *limits),
        (0, "jobs/claim_across", None, ["default"], *limits, *reach),
        (LIMIT, "jobs/claim_across", None, None, *limits, *reach),
        (LIMIT, "jobs/claim_after", None, None, *limits, *reach, *floors),
        (0, "jobs/due_in", None, None, []),
        (0, "jobs/due_in_after", None, None, [], *floors),
        (0, "stats/unserved", None),
    ):
        plan = await plan_of(crowded, verb, *args)
        looks = [node for node in plan if node.get("Relation Name") == "soniq_paused_queues"]
        assert {node["Node Type"] for node in looks} == {"Index Only Scan"}
        assert sum(node["Actual Loops"] for node in looks) <= 4
        assert pages_read(plan) < 400
        assert rows_taken(plan) == taken
    assert await locked_in_vain(crowded) == 0


async def test_due_in(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """One look at each priority of each queue tells what is due first."""
    plan = await plan_of(crowded, "jobs/due_in", None, None, [])
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 10


async def test_unserved(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """So it is for a probe that asks which queues nobody serves."""
    plan = await plan_of(crowded, "stats/unserved", None)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 10


@pytest.mark.parametrize(
    ("search", "touched"),
    [
        (JobSearch(), LIMIT + 1),
        (JobSearch(queue="default", status=JobStatus.QUEUED, name="mail.*"), LIMIT + 1),
        (JobSearch(queue="other"), 1001),
        (JobSearch(status=JobStatus.DONE), 1001),
        (JobSearch(worker="0", error="x", attempts_from=1, older_than=1, text="y"), 1001),
        (JobSearch(args=(ArgumentIs(("user", "id"), "1"),)), 1001),
    ],
    ids=lambda value: spell(value) if isinstance(value, JobSearch) else None,
)
async def test_search_of_jobs(
    crowded: asyncpg.Connection[asyncpg.Record], search: JobSearch, touched: int
) -> None:
    """Backward along the primary key, whatever is looked for, and no further than the window."""
    facts = (*filters.parameters(search), search.status)
    plan = await plan_of(crowded, "jobs/search", None, None, 1000, LIMIT, *facts)
    assert types_on_jobs(plan) <= WALKS
    assert {node.get("Scan Direction") for node in plan} <= {None, "Backward"}
    assert "Sort" not in {node["Node Type"] for node in plan}
    assert rows_touched(plan) == touched


async def test_ahead(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """No more is looked at than is counted, however many wait; what is due tomorrow is not."""
    await crowded.execute(SPREAD)
    last = "SELECT id FROM soniq_jobs WHERE queue = $1 ORDER BY priority DESC, id DESC LIMIT 1"
    for queue in ("default", "a"):
        job_id = await crowded.fetchval(last, queue)
        plan = await plan_of(crowded, "jobs/ahead", None, job_id, 1000)
        assert types_on_jobs(plan) <= WALKS
        assert rows_touched(plan) <= 1000
        assert pages_read(plan) < 1500


async def test_looks_at_what_comes_before_a_job_end_there(
    crowded: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Though jobs without end are due at the same moment, as those of a bulk are.

    PostgreSQL 18 ends a scan for ``(moment, id) < (…)`` at that place, older ones after the moment.
    """
    second = await crowded.fetchrow(
        "SELECT scheduled_at, id FROM soniq_jobs WHERE queue = 'default' AND priority = 100 "
        "ORDER BY scheduled_at, id OFFSET 1 LIMIT 1"
    )
    assert second is not None
    moment, job_id = second
    plan = await plan_of(crowded, "jobs/ahead", None, job_id, 1000)
    assert pages_read(plan) < 50
    first_of_all = UUID(int=0)  # nothing waits below
    plan = await plan_of(crowded, "jobs/below", [], ["default"], [100], [moment], [first_of_all])
    assert pages_read(plan) < 50


async def test_running_ended_and_hasten(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """Those that run, and those that have ended, have an index; each job by its id is one probe."""
    claim = sqltext.read(FOLDER, "jobs/claim")
    [job] = await crowded.fetch(claim, None, "default", 1, WORKER, [])
    plan = await plan_of(crowded, "jobs/running", 1000)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) == 1
    plan = await plan_of(crowded, "jobs/runs", 1000)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) == 1
    plan = await plan_of(crowded, "jobs/get_many", [job["id"], uuid4()])
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) == 1
    since = await crowded.fetchval("SELECT now() - interval '1 second'")
    plan = await plan_of(crowded, "jobs/ended", since, 1000)
    assert types_on_jobs(plan) <= WALKS
    assert "Sort" not in {node["Node Type"] for node in plan}
    assert rows_touched(plan) == 0
    plan = await plan_of(crowded, "jobs/hasten", None, job["id"])
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 1


@pytest.mark.parametrize(("queue", "touched"), [("default", LIMIT + 1), ("other", 1001)])
async def test_search_of_dead_letters(
    crowded: asyncpg.Connection[asyncpg.Record], queue: str, touched: int
) -> None:
    """A page is full as soon as it can be; where little matches, the window is the end of it."""
    search = (*filters.parameters(JobSearch(queue=queue)), None)
    plan = await plan_of(crowded, "dead_letters/search", None, None, 1000, LIMIT, *search)
    assert types_on("soniq_dead_letter_jobs", plan) <= WALKS
    assert "Sort" not in {node["Node Type"] for node in plan}
    assert rows_touched(plan) == touched


async def test_what_is_known_of_dead_letters(
    crowded: asyncpg.Connection[asyncpg.Record],
) -> None:
    """The latest burials are read along the index, and no more than are asked for."""
    for verb in ("dead_letters/burials", "dead_letters/count"):
        plan = await plan_of(crowded, verb, 1000)
        assert types_on("soniq_dead_letter_jobs", plan) <= WALKS
        assert rows_touched(plan) == 1000


async def test_standings(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """How queues stand is told from a bounded part of each, along the indexes."""
    plan = await plan_of(crowded, "stats/standings", None, 2000)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 2001
    plan = await plan_of(crowded, "stats/crowded", None, ["default"], 1000)
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 1000
    plan = await plan_of(crowded, "stats/sample", None, ["default"])
    assert types_on_jobs(plan) == {"Sample Scan"}
    assert pages_read(plan) <= 500


async def test_arrivals(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """What came of late is a walk along each primary key, no longer than the bound."""
    since = datetime.now(UTC) - timedelta(hours=1)
    plan = await plan_of(crowded, "stats/arrivals", since, ids.first_of(EPOCH), 1000)
    assert types_on_jobs(plan) <= WALKS
    assert types_on("soniq_dead_letter_jobs", plan) <= WALKS
    assert rows_touched(plan) <= 2000
    plan = await plan_of(crowded, "stats/kept")
    assert types_on_jobs(plan) <= WALKS
    assert rows_touched(plan) <= 1


async def test_estimated_standings(crowded_url: str) -> None:
    """Where too many wait to be counted the numbers are near the true ones all the same."""
    backend = PostgresBackend(crowded_url, settings.load(database_url=crowded_url), SystemClock())
    await backend.open()
    [standing] = await backend.stats.standings(bound=1000)
    await backend.close()
    assert not standing.exact
    assert standing.due == pytest.approx(100_000, rel=0.3)
    assert standing.later == pytest.approx(100_000, rel=0.3)
    assert standing.oldest_due_at is not None
    assert standing.next_due_at is not None
    assert standing.oldest_due_at < standing.next_due_at


async def test_settle(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """Every settled job is one probe of the primary key."""
    claim = sqltext.read(FOLDER, "jobs/claim")
    claimed = await crowded.fetch(claim, None, "default", LIMIT, WORKER, [])
    ids = [record["id"] for record in claimed]
    fences = [record["fence"] for record in claimed]
    nothing = [None] * len(ids)
    columns = ids, fences, nothing, nothing
    for verb, *args in (
        ("jobs/complete", None, WORKER, *columns, True),
        ("jobs/complete_again", WORKER, *columns),
        ("jobs/complete", None, WORKER, *columns, True),
    ):
        plan = await plan_of(crowded, verb, *args)
        assert types_on_jobs(plan) == {"Index Scan"}
        assert {node.get("Index Name") for node in plan} == {None, "soniq_jobs_pkey"}
        assert rows_touched(plan) == LIMIT
    for _ in ("first", "repeated"):
        plan = await plan_of(crowded, "jobs/complete_plain", None, WORKER, ids, 1, True)
        assert {node.get("Index Name") for node in plan} == {None, "soniq_jobs_pkey"}
        assert rows_touched(plan) == LIMIT


async def test_complete_within(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """So it is at the end of a handler's transaction, on a connection without our settings."""
    claim = sqltext.read(FOLDER, "jobs/claim")
    [record] = await crowded.fetch(claim, None, "default", 1, WORKER, [])
    await crowded.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
    [begun] = await crowded.fetch(sqltext.read(FOLDER, "jobs/begin"))
    facts = str(WORKER), str(record["id"]), record["fence"], begun["number"], "True"
    plan = await plan_of(crowded, "jobs/complete_within", None, *facts)
    assert types_on_jobs(plan) == {"Index Scan"}
    assert rows_touched(plan) == 1


async def test_rollups(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """An hour of a week is a range of the primary key; so is what is pruned."""
    until = datetime.now(UTC)
    since = until - timedelta(hours=1)
    plan = await plan_of(crowded, "stats/rollups", since, until, None, None, 60.0, True)
    assert types_on("soniq_rollups", plan) <= WALKS | {"Bitmap Heap Scan"}
    assert {node["Index Name"] for node in plan if "Index Name" in node} == {"soniq_rollups_pkey"}
    assert 60 <= rows_touched(plan) <= 61
    plan = await plan_of(crowded, "stats/prune", None, 6 * 86_400.0)
    assert types_on("soniq_rollups", plan) <= WALKS | {"Bitmap Heap Scan"}
    assert rows_touched(plan) <= 1441


async def test_attempts(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """Those of one job are a range of the primary key, also when the job is deleted or pruned."""
    [job] = await crowded.fetch("SELECT job_id AS id FROM soniq_attempts LIMIT 1")
    plan = await plan_of(crowded, "jobs/attempts", job["id"])
    assert types_on("soniq_attempts", plan) <= WALKS | {"Bitmap Heap Scan"}
    for verb, *args in (
        ("jobs/prune", None, 0.0, 1000),
        ("jobs/delete", job["id"]),
        ("dead_letters/delete", job["id"]),
    ):
        plan = await plan_of(crowded, verb, *args)
        assert types_on("soniq_attempts", plan) <= WALKS | {"Bitmap Heap Scan"}


@pytest.mark.parametrize("known", [[], ["active1"]])
async def test_agenda(crowded: asyncpg.Connection[asyncpg.Record], known: list[str]) -> None:
    """The schedules that come next are the first of their index, in its order."""
    plan = await plan_of(crowded, "schedules/agenda", None, known, LIMIT)
    assert {node.get("Index Name") for node in plan} == {None, "soniq_schedules_next"}
    assert "Sort" not in {node["Node Type"] for node in plan}
    assert rows_touched(plan) <= LIMIT


async def test_fire(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """Each schedule and each tick that is fired is one probe of a primary key."""
    agenda = sqltext.read(FOLDER, "schedules/agenda")
    coming = [dict(record) for record in await crowded.fetch(agenda, None, [], LIMIT)]
    names, dues = [row["name"] for row in coming], [row["next_at"] for row in coming]
    now = dues[-1] + timedelta(seconds=1)
    later = [due + timedelta(minutes=1) for due in dues]
    plan = await plan_of(
        crowded, "schedules/fire",
        now, names, [1] * LIMIT, dues, later, [0] * LIMIT,
        names, dues, [uuid4() for _ in names], 100,
    )  # fmt: skip
    assert types_on("soniq_schedules", plan) == {"Index Scan"}
    assert types_on("soniq_schedule_ticks", plan) <= {"Index Scan", "Index Only Scan"}
    indexes = {node.get("Index Name") for node in plan}
    assert "soniq_schedule_ticks_pkey" in indexes
    assert indexes <= {
        None, "soniq_schedules_pkey", "soniq_schedules_next", "soniq_schedule_ticks_pkey"
    }  # fmt: skip
    inserted = [node for node in plan if node.get("Operation") == "Insert"]
    assert {node["Relation Name"] for node in inserted} == {"soniq_jobs", "soniq_schedule_ticks"}
    # A batch is held against itself, in memory, and each schedule's last ticks are counted.
    assert rows_touched(plan) <= LIMIT * 101


async def test_history(crowded: asyncpg.Connection[asyncpg.Record]) -> None:
    """The last ticks of one schedule come along the index."""
    plan = await plan_of(crowded, "schedules/ticks", "active7", LIMIT)
    assert rows_touched(plan) <= LIMIT


async def test_the_session_is_the_one_that_was_looked_at(postgres: PostgresBackend) -> None:
    """The backend's own connections have the settings that these plans depend on."""
    (record,) = await postgres._db.repeat(
        lambda connection: connection.fetch(
            "SELECT current_setting('enable_seqscan') AS seqscan, "
            "current_setting('synchronous_commit') AS durable"
        )
    )
    assert dict(record) == {"seqscan": "off", "durable": "on"}
