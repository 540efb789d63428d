"""The demo's plan, its counts and its figures, without a database."""

from __future__ import annotations

import ast
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniq.cli.demo import corpus
from soniq.cli.demo.history import Rows, describe_owner
from soniq.cli.demo.plan import (
    QUEUE,
    History,
    Item,
    Kind,
    all_items,
    make_plan,
    read_item,
)
from soniq.cli.demo.summary import percentile, suggestions, summarize
from soniq.job import DeadLetter, Job, JobStatus, Worker

PATHS = [f"file{n}.py" for n in range(130)]
EVERYTHING = frozenset(all_items(PATHS))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Job(
    id="1",
    job_name=Kind.FILE,
    queue=QUEUE,
    priority=100,
    status=JobStatus.DONE,
    args={"path": "a.py", "run": 2},
    attempts=1,
    max_attempts=4,
    scheduled_at=NOW,
    created_at=NOW,
    started_at=NOW + timedelta(seconds=1),
    result={"lines": 10, "functions": 1, "classes": 2, "imports": 3},
)
LETTER = DeadLetter(
    id="9",
    job_name=Kind.DOOMED,
    queue=QUEUE,
    priority=50,
    args={"run": 2},
    attempts=3,
    max_attempts=3,
    reason="max_retries_exceeded",
    scheduled_at=NOW,
    created_at=NOW,
    started_at=NOW + timedelta(seconds=3),
    finished_at=NOW,
    worker_id=None,
    last_error=None,
    last_traceback=None,
)
WORKER = Worker("w", "host", 1, None, 10, (), NOW, NOW, NOW + timedelta(seconds=7), alive=True)


def test_the_first_run_is_number_one() -> None:
    """With nothing in the database everything is to be enqueued."""
    plan = make_plan(History(), PATHS)
    assert (plan.number, plan.continued, set(plan.to_enqueue)) == (1, False, EVERYTHING)


def test_every_file_is_there_once_and_plain_ones_come_last() -> None:
    """Each file has one job; the bulk is enqueued at the end, in one call."""
    items = all_items(PATHS)
    assert sorted(item.path for item in items if item.path) == sorted(PATHS)
    kinds = [item.kind for item in items]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert set(kinds) == set(Kind)


def test_a_finished_run_is_followed_by_the_next() -> None:
    """Nothing waits: the next number, everything anew."""
    plan = make_plan(History(4, EVERYTHING, waiting=0), PATHS)
    assert (plan.number, plan.continued, len(plan.to_enqueue)) == (5, False, len(EVERYTHING))


def test_an_unfinished_run_goes_on_with_what_it_has() -> None:
    """All was enqueued, some of it waits: nothing is enqueued, whatever files there are now."""
    plan = make_plan(History(4, EVERYTHING, waiting=1), [*PATHS, "new.py"])
    assert (plan.number, plan.continued, plan.to_enqueue) == (4, True, ())


@given(st.sets(st.sampled_from(sorted(k for k in Kind if k is not Kind.FILE))), st.booleans())
def test_a_run_cut_off_while_enqueueing_gets_the_rest(kinds: set[Kind], waits: bool) -> None:
    """Whatever was enqueued before the plain files: exactly the rest is enqueued."""
    known = frozenset(item for item in EVERYTHING if item.kind in kinds)
    plan = make_plan(History(1, known, waiting=int(waits)), PATHS)
    assert frozenset(plan.to_enqueue) == EVERYTHING - known
    assert plan.continued == bool(known)


def test_deleted_dead_letters_do_not_reopen_a_run() -> None:
    """Cleaning up after a finished run does not make it unfinished."""
    known = frozenset(item for item in EVERYTHING if item.kind is not Kind.DOOMED)
    assert History(1, known, waiting=0).finished


@given(st.sampled_from(sorted(Kind)), st.text(), st.integers(1))
def test_arguments_lead_back_to_the_item(kind: Kind, path: str, run: int) -> None:
    """What a job carries is enough to know it again."""
    item = Item(kind, path)
    assert read_item(kind.value, item.args(run)) == (run, item)


@pytest.mark.parametrize(
    ("name", "args"), [("other", {"run": 1}), (Kind.FILE, {}), (Kind.FILE, {"run": 1, "path": 2})]
)
def test_foreign_rows_are_left_alone(name: str, args: dict[str, object]) -> None:
    """A row that the demo has not made is none of its items."""
    assert read_item(name, args) is None


def test_rows_tell_what_is_known_and_what_waits() -> None:
    """Jobs and dead letters are known; queued and running jobs wait."""
    jobs = [replace(JOB, status=status) for status in JobStatus]
    history = Rows(2, jobs, [LETTER]).history()
    assert history == History(2, frozenset({Item(Kind.FILE, "a.py"), Item(Kind.DOOMED)}), 2)


def test_a_source_file_is_counted(tmp_path: Path) -> None:
    """Lines, functions, classes and imports at every depth."""
    path = tmp_path / "a.py"
    path.write_text(
        "import a\n"
        "class A:\n"
        "    async def f(self): from b import c\n"
        "try:\n    def g(): pass\nexcept E:\n    import d\nelse:\n    pass\n"
        "match x:\n    case 1:\n        def h(): return lambda: 1 if 2 else 3\n"
    )
    assert corpus.count(path) == corpus.Counts(lines=12, functions=3, classes=1, imports=3)


def test_all_statements_are_found() -> None:
    """The quick walk finds what the slow one of the standard library finds."""
    tree = ast.parse((corpus.stdlib() / "argparse.py").read_bytes())
    slow = sum(isinstance(node, ast.stmt) for node in ast.walk(tree))
    assert sum(isinstance(n, ast.stmt) for n in corpus.statements(tree.body)) == slow


def test_the_standard_library_is_large() -> None:
    """There are over a thousand files, none of them installed by somebody."""
    files = corpus.source_files(corpus.stdlib())
    assert len(files) > 500
    assert "ast.py" in files
    assert not any("site-packages" in file for file in files)


@pytest.mark.parametrize(
    ("values", "percent", "value"),
    [([], 50, 0), ([3], 95, 3), ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4], 95, 4), ([1, 2], 0, 1)],
)
def test_percentiles(values: list[float], percent: int, value: float) -> None:
    """The value that so many percent do not exceed."""
    assert percentile(values, percent) == value


def test_the_figures_of_a_run() -> None:
    """States, attempts, waits, totals and the largest files, from rows alone."""
    jobs = [
        JOB,
        replace(JOB, attempts=2, args={"path": "b.py"}, result={**JOB.result, "lines": 20}),
        replace(JOB, status=JobStatus.CANCELLED, attempts=0, started_at=None, result=None),
    ]
    summary = summarize(Rows(2, jobs, [LETTER]), settled=30, seconds=2.0)
    assert summary.states == {"done": 2, "cancelled": 1}
    assert summary.dead_letters == {"max_retries_exceeded": 1}
    assert (summary.attempts, summary.first_try, summary.retried) == (6, 1, 2)
    assert (summary.jobs_per_second, summary.wait_p50, summary.wait_p95) == (15.0, 1.0, 3.0)
    assert summary.totals == {"lines": 30, "functions": 2, "classes": 4, "imports": 6}
    assert summary.largest == [("b.py", 20), ("a.py", 10)]


def test_a_run_of_nothing_has_figures() -> None:
    """No division by zero where nothing was done."""
    assert summarize(Rows(1, [], []), settled=0, seconds=0.0).jobs_per_second == 0


def test_suggestions_name_the_dead_letter_and_no_password() -> None:
    """The commands can be typed as they stand; a password is never printed."""
    text = "\n".join(suggestions([LETTER], "postgresql://me:secret@db/shop"))
    assert "soniq dead-letter show 9 " in text
    assert "secret" not in text
    assert "replay" not in "\n".join(suggestions([], None))


def test_owners_of_running_jobs_are_described() -> None:
    """Gone for good, killed a moment ago, or at work."""
    here = socket.gethostname()
    dead = replace(WORKER, hostname=here, pid=2**22 + 1)
    assert "taken back now" in describe_owner(None, 1, NOW)
    assert "taken back now" in describe_owner(replace(WORKER, alive=False), 2, NOW)
    assert "2 jobs belong to a worker that is gone" in describe_owner(dead, 2, NOW)
    assert "in about 7 s" in describe_owner(dead, 2, NOW)
    assert "another worker" in describe_owner(replace(WORKER, hostname="far"), 1, NOW)
    assert "another worker" in describe_owner(replace(dead, pid=os.getpid()), 1, NOW)
