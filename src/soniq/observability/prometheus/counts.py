"""What a process did: counters and histograms, fed by the events of its app."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Histogram
from prometheus_client.core import Metric

from soniq.clock import Clock
from soniq.events import (
    Events,
    JobEnqueued,
    JobRaised,
    JobRescued,
    JobReturned,
    JobSettled,
    JobStarted,
    LeaseLost,
    PassFailed,
    ScheduleFired,
    ScheduleMissed,
)
from soniq.histogram import BOUNDS
from soniq.observability.labels import Capped


class Counts:
    """Counts from ``listen`` on."""

    def __init__(self, clock: Clock, most_names: int) -> None:
        self._clock = clock
        self._queue, self._job = Capped(most_names), Capped(most_names)
        self._enqueued = counter("soniq_jobs_enqueued", "Jobs enqueued here", "queue", "task")
        self._finished = counter(
            "soniq_jobs_finished", "Attempts that ended here, by what became of the job",
            "queue", "task", "outcome",
        )  # fmt: skip
        self._wait = histogram(
            "soniq_job_wait_seconds", "From when a job was due to the start of its handler"
        )
        self._run = histogram(
            "soniq_job_run_seconds", "From the start of a handler to its end, unless it was stopped"
        )
        self._lost = counter("soniq_lease_lost", "Outcomes refused since the claim was lost")
        self._rescued = counter("soniq_rescued", "Jobs taken back here from workers that were gone")
        self._restarts = counter(
            "soniq_loop_restarts",
            "Passes of a background loop that failed and were repeated",
            "loop",
        )
        self._missed = counter("soniq_schedule_missed", "Ticks of schedules that nobody fired")
        self._all = (
            self._enqueued, self._finished, self._wait, self._run, self._lost, self._rescued,
            self._restarts, self._missed,
        )  # fmt: skip

    def listen(self, events: Events) -> None:
        """Hear what happens."""
        events.on(JobEnqueued, lambda e: self._count_enqueued(e.queue, e.job_name))
        events.on(ScheduleFired, self._on_fired)
        events.on(JobStarted, self._on_started)
        events.on(JobReturned, self._on_end)
        events.on(JobRaised, self._on_end)
        events.on(JobSettled, self._on_settled)
        events.on(LeaseLost, lambda _: self._lost.inc())
        events.on(JobRescued, lambda _: self._rescued.inc())
        events.on(PassFailed, lambda e: self._restarts.labels(e.loop).inc())
        events.on(ScheduleMissed, lambda e: self._missed.inc(e.count))

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted so far."""
        for one in self._all:
            for metric in one.collect():
                # When a series began is of no use, and one more series for each.
                metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
                yield metric

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without values."""
        for one in self._all:
            yield from one.describe()

    def _on_fired(self, event: ScheduleFired) -> None:
        if event.job_id is not None:
            self._count_enqueued(event.queue, event.name)

    def _count_enqueued(self, queue: str, job: str) -> None:
        self._enqueued.labels(*self._named(queue, job)).inc()

    def _on_started(self, event: JobStarted) -> None:
        job = event.context
        due = job.scheduled_at or job.created_at
        if due is not None:
            # By the clock of this host: it may be ahead of the database's, or behind.
            seconds = (self._clock.now() - due).total_seconds()
            self._wait.labels(*self._named(job.queue, job.job_name)).observe(max(seconds, 0.0))

    def _on_end(self, event: JobReturned | JobRaised) -> None:
        job = event.context
        self._run.labels(*self._named(job.queue, job.job_name)).observe(event.seconds)

    def _on_settled(self, event: JobSettled) -> None:
        outcome = type(event.outcome).__name__.lower()
        self._finished.labels(*self._named(event.queue, event.job_name), outcome).inc()

    def _named(self, queue: str, job: str) -> tuple[str, str]:
        return self._queue(queue), self._job(job)


def counter(name: str, documentation: str, *labels: str) -> Counter:
    """Return a counter that is in no registry by itself; ``_total`` will follow its name."""
    return Counter(name, documentation, labels, registry=None)


def histogram(name: str, documentation: str) -> Histogram:
    """Return a histogram of the durations of jobs, with the bounds that rollups have."""
    return Histogram(name, documentation, ("queue", "task"), buckets=BOUNDS, registry=None)
