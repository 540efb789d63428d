"""Jobs: search them, look at one, ask why it waits; cancel, retry or delete it."""

from __future__ import annotations

from dataclasses import dataclass

from soniq.dashboard import deeds
from soniq.dashboard.api.endpoint import Call, Endpoint, acting
from soniq.dashboard.api.parameters import (
    AFTER,
    LIMIT,
    QUERY,
    QUEUE,
    SEARCH,
    STEP,
    TASK,
    WINDOW,
    Parameter,
)
from soniq.figures import Bin, Figures
from soniq.job import Job
from soniq.search import Found
from soniq.why import Why

MUST_QUERY = Parameter("q", "text", SEARCH, required=True)
# Steps of one answer: a week by the minute.
MOST_STEPS = 10_080


@dataclass(frozen=True, slots=True)
class JobType:
    """A task, and the figures of its jobs."""

    name: str
    figures: Figures


async def search(call: Call) -> Found[Job]:
    """Return a page of jobs, newest first."""
    query = call.query
    return await call.dashboard.reading.jobs(query["q"], limit=query["limit"], after=query["after"])


async def one(call: Call) -> Job:
    """Return one job."""
    job_id = call.path["id"]
    job = await call.dashboard.reading.job(job_id)
    if job is None:
        raise deeds.no_job(job_id)
    return job


async def why(call: Call) -> Why:
    """Return why a job is where it is."""
    return await call.dashboard.reading.why(call.path["id"])


async def timeline(call: Call) -> list[Bin]:
    """Return figures step by step."""
    query = call.query
    return await call.dashboard.soniq.stats.series(
        window=query["window"], step=query["step"], queue=query["queue"], name=query["task"]
    )


async def types(call: Call) -> list[JobType]:
    """Return the tasks whose jobs have ended lately."""
    figures = await call.dashboard.soniq.stats.by_task(window=call.query["window"])
    return [JobType(name, of_task) for name, of_task in figures.items()]


PAGED = (LIMIT, AFTER)
ENDPOINTS = [
    Endpoint("/api/jobs", "Search jobs, newest first.", search, Job, "page", (QUERY, *PAGED)),
    Endpoint(
        "/api/jobs/search", "The same, with `q` in any case.", search, Job, "page",
        (MUST_QUERY, *PAGED),
    ),
    Endpoint(
        "/api/jobs/timeline", "Figures of the past, step by step, oldest first.", timeline, Bin,
        "list", (WINDOW, STEP, QUEUE, TASK),
    ),
    Endpoint(
        "/api/jobs/types", "Tasks whose jobs have ended lately, with their figures.", types,
        JobType, "list", (WINDOW,),
    ),
    Endpoint("/api/jobs/{id}", "Look at one job.", one, Job),
    acting("DELETE", "/api/jobs/{id}", "Delete a job that does not run.", deeds.delete_job),
    Endpoint("/api/jobs/{id}/why", "Why a job is where it is.", why, Why),
    acting("POST", "/api/jobs/{id}/cancel", "Cancel a job.", deeds.cancel_job),
    acting("POST", "/api/jobs/{id}/retry", "Run a job again.", deeds.retry_job),
]  # fmt: skip
