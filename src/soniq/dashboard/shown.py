"""Jobs as they may be shown: secrets in their arguments are hidden."""

from __future__ import annotations

from typing import Any

from soniq.dashboard.state import Dashboard
from soniq.job import DeadLetter, Job


def shown_job(dashboard: Dashboard, job: Job | DeadLetter) -> dict[str, Any]:
    """Return the fields of a job or dead letter by name, without what is secret."""
    return {**job, "args": dashboard.redact(job.job_name, job.args)}
