"""Checks of the settings and of the environment that they come from."""

from __future__ import annotations

from soniq.doctor.case import Case
from soniq.doctor.check import check
from soniq.doctor.finding import Verdict, error, ok, warning
from soniq.doctor.words import listed


@check("database-url", "Where the jobs are")
def database_url(case: Case) -> Verdict:
    """Look whether it is the default: a file in whichever directory a process starts in."""
    if case.settings.database_url or case.backend != "sqlite":
        return ok("a database is named" if case.settings.database_url else "none is needed")
    told = "no database_url: the jobs are in soniq.db of the working directory"
    cure = "export SONIQ_DATABASE_URL=sqlite:////var/lib/app/soniq.db"
    return error(told, cure) if case.settings.production else warning(told, cure)


@check("memory-backend", "What keeps the jobs")
def memory_backend(case: Case) -> Verdict:
    """Look whether this is the memory backend, which is for tests."""
    if case.backend != "memory":
        return ok(f"they are in {case.backend}")
    told = "the memory backend loses all jobs with its process"
    cure = "export SONIQ_DATABASE_URL=postgresql://…"
    return error(told, cure) if case.settings.production else warning(told, cure)


@check("environment", "SONIQ_* variables")
def environment(case: Case) -> Verdict:
    """Look for variables that nobody reads; most are typing errors."""
    if case.strangers:
        told = listed(case.strangers)
        return warning(f"nobody reads {told}", "unset them, or see docs/reference/settings.md")
    return ok("all are known")
