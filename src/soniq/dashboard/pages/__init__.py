"""The pages: GET routes that show how things stand, and change nothing."""

from __future__ import annotations

from starlette.routing import Route

from soniq.dashboard.pages import (
    bulk,
    dead_letter,
    failures,
    job,
    jobs,
    login,
    operation,
    overview,
    queues,
    schedules,
    system,
    workers,
)

ROUTES: list[Route] = [
    Route("/", overview.overview, methods=["GET"], name="overview"),
    Route("/jobs", jobs.jobs, methods=["GET"], name="jobs"),
    Route("/jobs/{id}", job.job, methods=["GET"], name="job"),
    Route("/queues", queues.queues, methods=["GET"], name="queues"),
    Route("/failures", failures.failures, methods=["GET"], name="failures"),
    Route("/failures/{fingerprint}", failures.failure, methods=["GET"], name="failure"),
    Route("/dead-letters/{id}", dead_letter.dead_letter, methods=["GET"], name="dead_letter"),
    Route("/schedules", schedules.schedules, methods=["GET"], name="schedules"),
    Route("/schedules/{name:path}", schedules.schedule, methods=["GET"], name="schedule"),
    Route("/workers", workers.workers, methods=["GET"], name="workers"),
    Route("/system", system.system, methods=["GET"], name="system"),
    Route("/bulk", bulk.bulk, methods=["GET"], name="bulk"),
    Route("/operations/{id}", operation.operation, methods=["GET"], name="operation"),
    Route("/login", login.login, methods=["GET"], name="login"),
]
