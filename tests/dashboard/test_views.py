"""What pages show, made from what services return."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from soniq.dashboard.views import audit, columns, jobs, links, numbers, times, tree, words, workers
from soniq.dashboard.views.alarms import alarms
from soniq.dashboard.views.attempts import THINNEST, timeline
from soniq.dashboard.views.chart import WINDOWS, busy, window_of
from soniq.dashboard.views.queues import empty, queue_row, queue_rows, totals
from soniq.dashboard.views.schedules import in_words, schedule_row
from soniq.dashboard.views.settings import MASK, setting_rows
from soniq.dashboard.views.tracebacks import frames
from soniq.figures import Bin, Figures
from soniq.history import AuditEntry, PastAttempt
from soniq.job import DeadLetter, Job, JobStatus, Worker
from soniq.schedule import Origin, Schedule, ScheduleStatus
from soniq.search import parse_search
from soniq.settings import load
from soniq.standing import Pause, QueueStanding

NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FIGURES = Figures(3600, 5, 1, 0, 0, 1.0, 0.1, 0.5, 0.2, 0.9)


def a_job(**changes: Any) -> Job:
    """Return a job that has been due for a minute, but for the changes."""
    job = Job(
        id="01890000-0000-7000-8000-00000000000a",
        job_name="mail.send",
        queue="mail",
        priority=100,
        status=JobStatus.QUEUED,
        args={},
        attempts=0,
        max_attempts=4,
        scheduled_at=NOW - 60 * SECOND,
        created_at=NOW - 90 * SECOND,
    )
    return replace(job, **changes)


def a_worker(**changes: Any) -> Worker:
    """Return a living worker, but for the changes."""
    worker = Worker(
        "w1", "host-1", 4711, None, 10, ("mail.send",), NOW, NOW, NOW + 30 * SECOND, alive=True
    )
    return replace(worker, **changes)


def a_schedule(**changes: Any) -> Schedule:
    """Return a schedule that fires in a minute, but for the changes."""
    schedule = Schedule(
        name="mail.digest", status=ScheduleStatus.ACTIVE, origin=Origin.CODE, cron="30 2 * * *",
        every=None, timezone="UTC", missed="one", args={}, queue="mail", priority=100,
        max_attempts=4, unique_key=None, anchor_at=NOW, next_at=NOW + 60 * SECOND, last_at=None,
        last_job_id=None, missed_count=0, missed_at=None, paused_at=None, orphaned_at=None,
        created_at=NOW, updated_at=NOW, revision=1,
    )  # fmt: skip
    return replace(schedule, **changes)


# --- words and numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "\u2013"),
        (-3, "0 s"),
        (0, "0 s"),
        (0.0004, "<1 ms"),
        (0.0021, "2.1 ms"),
        (0.432, "432 ms"),
        (0.9999, "1.0 s"),
        (1.44, "1.4 s"),
        (9.97, "10 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (7200, "2 h"),
        (86_399.9, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_one_or_two_units(seconds: float | None, said: str) -> None:
    """What is shown is rounded to what is shown, so that no unit is full."""
    assert times.span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "now"),
        (-0.5, "now"),
        (59, "59 s ago"),
        (150, "2 min ago"),
        (-7300, "in 2 h"),
        (3 * 86_400, "3 d ago"),
        (100 * 86_400, "2025-09-23"),
    ],
)
def test_moments_are_told_from_now(seconds: float, said: str) -> None:
    """A moment is told by how far it is; the exact one stands behind it."""
    moment = NOW - timedelta(seconds=seconds)
    element = str(times.ago(moment, NOW))
    assert element.endswith(f">{said}</time>")
    assert f'datetime="{moment.isoformat()}"' in element
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in element


def test_big_integers_are_exact() -> None:
    """No digit is lost, however many there are."""
    number = 2**80 + 1
    assert numbers.count(number).replace("\u202f", "") == str(number)
    assert numbers.count(12_345, False) == "≈\u202f12\u202f345"
    assert tree.branch({"n": number}).children[0].text == str(number)


@pytest.mark.parametrize(
    ("rate", "said"),
    [(None, "\u2013"), (0, "0"), (12.34, "12.3 /s"), (1234.5, "1\u202f234 /s"), (0.5, "30.0 /min"),
     (1 / 3600, "1.0 /h"), (1 / 86_400, "1.0 /day"), (1e-9, "<1 /day")],
)  # fmt: skip
def test_rates_have_the_unit_that_leaves_a_number(rate: float | None, said: str) -> None:
    """Rates are per second, minute, hour or day."""
    assert numbers.rate(rate) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [(None, "\u2013"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (150 * 2**20, "150 MiB"),
     (2**60, "1048576 TiB")],
)  # fmt: skip
def test_sizes_have_few_digits(size: int | None, said: str) -> None:
    """Bytes are told in powers of 1024."""
    assert numbers.size(size) == said


def test_texts_are_cut_to_a_line() -> None:
    """Errors of many lines become one; ids keep the end that differs."""
    assert words.first_line("\n  \n  ValueError: a\tb \nmore") == "ValueError: a b"
    assert words.clip("x" * 200, 10) == "x" * 9 + "…"
    assert words.clip(None) == ""
    assert words.short("01890000-0000-7000-8000-00000000000a") == "…0000000a"
    assert (words.some(1, "job"), words.some(2, "job")) == ("1 job", "2 jobs")
    assert (words.reason("timeout"), words.reason("brand_new")) == ("ran too long", "brand new")


# --- values and errors ----------------------------------------------------------------------------


def test_values_become_trees() -> None:
    """Objects and arrays hold what they hold, in order; null, true and false are their own."""
    made = tree.branch({"b": [1, None, True], "a": {"x": "<b>"}, "e": {}})
    assert [child.key for child in made.children] == ["b", "a", "e"]
    assert [child.kind for child in made.children[0].children] == ["number", "null", "true"]
    assert made.children[1].children[0].text == "<b>"
    assert (made.summary, made.children[2].summary) == ("{ 3 }", "{}")


def test_large_values_are_cut_and_say_so() -> None:
    """A page never grows with the size of an argument."""
    many = tree.branch(list(range(10_000)))
    assert (len(many.children), many.left_out, many.open) == (200, 9800, False)
    long = tree.branch("x" * 30_000)
    assert (len(long.text), long.left_out) == (20_000, 10_000)
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    assert tree.branch(deep).kind == "array"


def test_arguments_fit_on_a_line() -> None:
    """They are cut where the line ends, without looking at the rest."""
    assert tree.one_line({"to": "a@b", "n": 2**60, "l": [1, 2], "o": {"k": 1}}) == (
        f"to=a@b, n={2**60}, l=[2], o={{k}}"
    )
    assert len(tree.one_line({"text": "x" * 10_000, "more": 1})) == 80
    assert tree.one_line({}) == ""


TRACEBACK = """Traceback (most recent call last):
  File "/srv/venv/lib/python3.12/site-packages/soniq/worker/execute.py", line 1, in call
    return await handler()
           ^^^^^^^^^^^^^^^
  File "/srv/venv/lib/python3.12/asyncio/runners.py", line 2, in run
    run()
  File "/srv/shop/mail.py", line 41, in send
    connect()
ConnectionError: first
  second line of it"""


def test_frames_of_libraries_are_set_apart() -> None:
    """Neighbours are folded together; nothing is lost or moved."""
    pieces = frames(TRACEBACK)
    assert [(piece.kind, piece.frames) for piece in pieces] == [
        ("text", 0), ("library", 2), ("own", 1), ("text", 0)
    ]  # fmt: skip
    assert "\n".join(piece.text for piece in pieces) == TRACEBACK
    assert frames(None) == []
    assert [piece.kind for piece in frames("no traceback")] == ["text"]


# --- jobs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "due"),
        ({"scheduled_at": NOW + SECOND}, "scheduled"),
        ({"scheduled_at": NOW + SECOND, "last_error": "E"}, "retry waits"),
        ({"status": JobStatus.PROCESSING}, "running"),
        ({"status": JobStatus.DONE}, "done"),
        ({"status": JobStatus.CANCELLED}, "cancelled"),
    ],
)
def test_states_are_finer_than_statuses(changes: dict[str, Any], word: str) -> None:
    """A queued job is due, or scheduled, or waits for its retry."""
    assert jobs.state_of(a_job(**changes), NOW).word == word


def test_waits_and_runs_are_those_of_the_latest_attempt() -> None:
    """What has not begun has waited until now; what is for later has not."""
    ran = a_job(status=JobStatus.DONE, started_at=NOW - 50 * SECOND, finished_at=NOW - 47 * SECOND)
    assert (jobs.waited(ran, NOW), jobs.ran(ran, NOW)) == (10.0, 3.0)
    assert (jobs.waited(a_job(), NOW), jobs.ran(a_job(), NOW)) == (60.0, None)
    assert jobs.waited(a_job(scheduled_at=NOW + SECOND), NOW) is None


def test_only_what_can_be_done_is_offered() -> None:
    """A due job needs no retry; one that has ended can't be cancelled."""
    later, done = a_job(scheduled_at=NOW + SECOND), a_job(status=JobStatus.DONE)
    running = a_job(status=JobStatus.PROCESSING)
    assert [jobs.can_retry(job, NOW) for job in (a_job(), later, running, done)] == [
        False, True, False, True
    ]  # fmt: skip
    assert [jobs.can_cancel(job) for job in (later, running, done)] == [True, True, False]


def past(attempt: int, begin: float, end: float, outcome: str = "retry") -> PastAttempt:
    """Return an attempt that ran between two seconds after NOW."""
    return PastAttempt(attempt, "w1", outcome, NOW + begin * SECOND, NOW + end * SECOND, "E: x")


def test_a_timeline_shares_one_axis() -> None:
    """Bars of attempts follow each other, each wait up to its run."""
    job = a_job(
        status=JobStatus.DONE, attempts=3, created_at=NOW, worker_id="w2",
        started_at=NOW + 90 * SECOND, finished_at=NOW + 100 * SECOND,
    )  # fmt: skip
    steps = timeline(job, [past(2, 40, 50), past(1, 10, 20)], NOW + 500 * SECOND)
    assert [(step.attempt, step.outcome) for step in steps] == [
        (1, "retry"), (2, "retry"), (3, "complete")
    ]  # fmt: skip
    assert [(step.waited, step.ran) for step in steps] == [(10, 10), (20, 10), (40, 10)]
    bars = [bar for step in steps for bar in (step.waiting, step.running) if bar]
    assert [(bar.start, bar.width) for bar in bars] == [
        (0, 10), (10, 10), (20, 20), (40, 10), (50, 40), (90, 10)
    ]  # fmt: skip


def test_a_timeline_tells_what_is_to_come() -> None:
    """A waiting job has a last row without a run; a moment is thick enough to be seen."""
    job = a_job(attempts=1, created_at=NOW, scheduled_at=NOW + 100 * SECOND, last_error="E")
    first, coming = timeline(job, [past(1, 0, 0.001)], NOW + 10 * SECOND)
    assert (coming.attempt, coming.outcome, coming.running) == (2, "queued", None)
    assert first.running is not None
    assert first.running.width == THINNEST
    assert coming.waiting.start + coming.waiting.width == pytest.approx(100, abs=0.01)


def test_a_dead_letter_ends_with_its_burial() -> None:
    """Nothing is to come of it."""
    letter = DeadLetter(
        "x", "mail.send", "mail", 100, {}, 1, 1, "timeout", NOW, NOW, NOW, NOW, "w1", "E", None
    )
    assert [step.outcome for step in timeline(letter, [past(1, 0, 5, "bury")], NOW)] == ["bury"]
    assert timeline(letter, [], NOW) == []


def test_columns_are_those_of_the_url() -> None:
    """Unknown names are left out, the task stays, and the usual ones are not spelled."""
    assert [column.name for column in columns.chosen(["id,nonsense", "worker"])] == [
        "task", "id", "worker"
    ]  # fmt: skip
    assert columns.spelled(columns.chosen(["id"])) == "task,id"
    assert columns.spelled(columns.chosen([])) is None


def test_links_search_for_what_was_counted() -> None:
    """Names that hold blanks or quotes are spelled so that they are found."""
    queue = 'odd "queue" name'
    assert parse_search(links.words(queue=queue, status=JobStatus.DONE)).queue == queue
    assert links.by_state(parse_search("task:a state:done"))["queued"] == "state:queued task:a"
    assert links.without_state("task:a state:done") == "task:a"
    assert links.without_state("not:a:search") == "not:a:search"


# --- queues, workers, schedules -------------------------------------------------------------------


def standing(**changes: Any) -> QueueStanding:
    """Return how a queue stands in which much is due, but for the changes."""
    return replace(empty("mail"), due=50, oldest_due_at=NOW - 60 * SECOND, served_by=1, **changes)


def test_a_queue_is_empty_after_a_while() -> None:
    """If it drains: paused or not served, or without a rate, that can't be told."""
    assert queue_row(standing(), FIGURES, NOW).eta == 50.0
    pause = Pause("mail", NOW, "ana", "")
    assert queue_row(standing(pause=pause), FIGURES, NOW).eta is None
    assert queue_row(replace(standing(), served_by=0), FIGURES, NOW).eta is None
    assert queue_row(standing(), None, NOW).eta is None


def test_queues_are_unserved_after_a_moment() -> None:
    """A pause, a worker or a first few seconds are no alarm."""
    lonely = replace(standing(), served_by=0)
    assert queue_row(lonely, None, NOW).unserved
    assert not queue_row(standing(), None, NOW).unserved
    assert not queue_row(replace(lonely, pause=Pause("mail", NOW, "a", "")), None, NOW).unserved
    assert not queue_row(replace(lonely, oldest_due_at=NOW - SECOND), None, NOW).unserved


def test_queues_of_the_past_are_listed_too() -> None:
    """What ran within the hour in a queue that is empty by now still has its row."""
    rows = queue_rows([standing()], {"gone": FIGURES}, NOW)
    assert [(row.name, row.standing.due) for row in rows] == [("gone", 0), ("mail", 50)]


def test_totals_leave_paused_queues_out_of_the_oldest() -> None:
    """What is held back on purpose is not late."""
    paused = replace(
        standing(pause=Pause("b", NOW, "a", "")), queue="b", oldest_due_at=NOW - 900 * SECOND
    )
    total = totals([standing(), replace(paused, exact=False)])
    assert (total.due, total.exact, total.oldest_due_at) == (100, False, NOW - 60 * SECOND)


def test_alarms_name_what_is_wrong() -> None:
    """No worker at all, or queues that nobody serves; then pauses, then workers that are gone."""
    pause = Pause("b", NOW, "ana", "provider down")
    rows = queue_rows([replace(standing(), served_by=0), replace(empty("b"), pause=pause)], {}, NOW)
    said = [(alarm.look, alarm.text) for alarm in alarms(rows, [])]
    assert said == [
        ("bad", "No worker is running, and 50 jobs are due."),
        ("warn", "The queue b is paused by ana (provider down): 0 jobs due."),
    ]
    assert [alarm.text for alarm in alarms(rows[1:], [a_worker()])] == [
        "No worker serves the queue mail: 50 jobs are due, for 1 min."
    ]
    assert [alarm.look for alarm in alarms([], [a_worker(alive=False)])] == ["warn"]
    assert alarms([queue_row(standing(), FIGURES, NOW)], [a_worker()]) == []


def test_workers_are_told_by_what_they_do() -> None:
    """The living first; jobs stand with their worker, those of nobody apart."""
    one, gone = a_worker(), a_worker(id="w0", alive=False, wish="quiet")
    mine, lost = a_job(worker_id="w1"), a_job(worker_id="w9")
    rows = workers.worker_rows([gone, one], [mine, lost])
    assert [(row.word, list(row.jobs)) for row in rows] == [("at work", [mine]), ("gone", [])]
    assert workers.orphans([one, gone], [mine, lost]) == [lost]
    words_of = [workers.row_of(a_worker(wish=wish), []).word for wish in (None, "quiet", "stop")]
    assert words_of == ["idle", "quiet", "stopping"]
    assert workers.row_of(a_worker(loop_lag=0.7), []).late


def test_versions_are_those_of_the_living() -> None:
    """Whoever has ended does not count."""
    fleet = [a_worker(version="2"), a_worker(version="1"), a_worker(version="0", alive=False)]
    assert workers.versions(fleet) == ["1", "2"]


def test_schedules_are_told_in_words() -> None:
    """Cron strings in English, intervals as durations, and how they stand."""
    assert in_words(a_schedule()) == "At 02:30"
    assert in_words(a_schedule(cron=None, every=5400.0)) == "Every 1 h 30 min"
    late = NOW - timedelta(minutes=5)
    stands = [
        schedule_row(schedule, NOW).word
        for schedule in (
            a_schedule(),
            a_schedule(next_at=late),
            a_schedule(next_at=late, status=ScheduleStatus.PAUSED),
            a_schedule(orphaned_at=NOW),
        )
    ]
    assert stands == ["active", "overdue", "paused", "not in the code"]


# --- the rest -------------------------------------------------------------------------------------


def test_windows_have_steps_of_whole_minutes() -> None:
    """An unknown name is the shortest window."""
    assert all(window.seconds % window.step == 0 for window in WINDOWS)
    assert [window_of(name).name for name in ("24h", "nonsense", None)] == ["24h", "1h", "1h"]


def test_idle_steps_are_left_out_of_the_table() -> None:
    """Only steps in which something ended are listed, the latest first."""
    nothing = replace(FIGURES, completed=0, failed=0)
    series = [Bin(NOW, FIGURES), Bin(NOW + SECOND, nothing), Bin(NOW + 2 * SECOND, FIGURES)]
    assert busy(series) == [series[2], series[0]]


def test_secrets_among_settings_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting says where it comes from, and no secret says what it is."""
    monkeypatch.setenv("SONIQ_CONCURRENCY", "7")
    monkeypatch.setenv("SONIQ_PRIORITY", "3")
    key = "a key that nobody guesses"
    rows = setting_rows(load(dashboard_api_key=key, database_url="postgres://u:pw@h/d", priority=5))
    by_name = {row.name: row for row in rows}
    assert (by_name["concurrency"].value, by_name["concurrency"].origin) == ("7", "environment")
    assert (by_name["priority"].value, by_name["priority"].origin) == ("5", "code")
    assert (by_name["audit_ttl"].value, by_name["audit_ttl"].origin) == ("7776000", "default")
    assert by_name["dashboard_api_key"].value == by_name["database_url"].value == MASK
    assert not [row for row in rows if key in row.value or "pw" in row.value]


def test_audit_entries_lead_to_their_targets() -> None:
    """Where an action has one target; many jobs lead to the operation."""
    entry = AuditEntry("e", NOW, "dashboard:ana", "schedules.pause", "a/b", {})
    assert audit.way(entry) == ("schedule", {"name": "a/b"})
    assert audit.way(replace(entry, action="queues.pause")) == ("queues", {})
    assert audit.way(replace(entry, detail={"operation": "o"})) == ("operation", {"id": "o"})
    assert audit.way(replace(entry, action="made.up")) is None
