"""How queues and workers stand when somebody looks: gauges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

from soniq.clock import Clock
from soniq.observability.labels import Capped
from soniq.observability.watch import Watch
from soniq.standing import QueueStanding

Families = Mapping[str, GaugeMetricFamily]

# Each with what it means, its label, and what stands for queues that share the name ``other``.
OF_QUEUES: dict[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "soniq_queue_depth": ("Jobs that could start now, but wait", sum),
    "soniq_queue_oldest_seconds": ("How long the first of them has waited; 0 if none does", max),
    "soniq_queue_workers": ("Living workers that serve the queue", min),
    "soniq_queue_paused": ("1 while the queue is paused, else 0", max),
    "soniq_queue_dead_letters": ("Dead letters of the queue", sum),
}
SLOTS = "soniq_worker_slots"
OF_PROCESS = {
    "soniq_listener_up": "1 while wake-ups reach the worker here at once, 0 while it polls",
    "soniq_event_loop_lag_seconds": "How long the event loop has just taken for its turn",
    "soniq_held_snapshot_seconds": "Age of the oldest snapshot that a session of the server holds",
}


class Standing:
    """Looks when it is asked, and leaves out what is not known."""

    def __init__(self, watch: Watch, clock: Clock, most_names: int) -> None:
        self._watch = watch
        self._clock = clock
        self._queue = Capped(most_names)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges as they are now."""
        if on_event_loop():
            self._watch.look_soon()
        else:
            self._watch.look_from_thread()
        families = self.families()
        self._fill_queues(families)
        self._fill_process(families)
        return families.values()

    def families(self) -> Families:
        """Return the gauges without values, by name."""
        gauge = GaugeMetricFamily
        slots = gauge(SLOTS, "Handlers that run here, and that could beside them", labels=["state"])
        return {
            **{name: gauge(name, text, labels=["queue"]) for name, (text, _) in OF_QUEUES.items()},
            SLOTS: slots,
            **{name: gauge(name, text) for name, text in OF_PROCESS.items()},
        }

    def _fill_queues(self, families: Families) -> None:
        now, found = self._clock.now(), dict[str, list[tuple[float, ...]]]()
        for standing in self._watch.queues.value or ():
            found.setdefault(self._queue(standing.queue), []).append(figures(standing, now))
        for queue, rows in found.items():
            for (name, (_, together)), column in zip(
                OF_QUEUES.items(), zip(*rows, strict=True), strict=True
            ):
                families[name].add_metric([queue], together(column))

    def _fill_process(self, families: Families) -> None:
        watch, workers = self._watch, self._watch.workers
        if workers:
            busy = sum(worker.running for worker in workers)
            free = sum(worker.concurrency for worker in workers) - busy
            families[SLOTS].add_metric(["busy"], busy)
            families[SLOTS].add_metric(["free"], max(free, 0))
        known = (
            float(all(worker.listening for worker in workers)) if workers else None,
            watch.lag,
            watch.held_snapshot.value,
        )
        for name, value in zip(OF_PROCESS, known, strict=True):
            if value is not None:
                families[name].add_metric([], value)


def figures(standing: QueueStanding, now: datetime) -> tuple[float, ...]:
    """Return the values of ``OF_QUEUES`` for one queue."""
    oldest = standing.oldest_due_at
    return (
        standing.due,
        max((now - oldest).total_seconds(), 0.0) if oldest else 0.0,
        standing.served_by,
        float(standing.pause is not None),
        standing.dead_letter,
    )


def on_event_loop() -> bool:
    """Tell whether an event loop runs in this thread: then nothing may be waited for."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
