"""Checks of the schema: its steps and its indexes."""

from __future__ import annotations

from soniq.doctor.case import Case
from soniq.doctor.check import POSTGRES, check
from soniq.doctor.finding import Verdict, error, ok, warning
from soniq.doctor.words import listed


@check("schema-pending", "Steps of the schema")
def pending(case: Case) -> Verdict:
    """Look for steps that are still to be applied."""
    missing = [f"{one.version:04}_{one.name}" for one in case.migrations if one.applied_at is None]
    if missing:
        return error(f"still to be applied: {listed(missing)}", "soniq setup")
    return ok(f"{len(case.migrations)} steps are applied")


@check("schema-newer", "Version of the schema", backends=("postgres", "sqlite"))
def newer(case: Case) -> Verdict:
    """Look for steps that a newer Soniq has applied."""
    known = max((one.version for one in case.migrations), default=0)
    found: int = case.fact("schema_version")
    if found > known:
        return warning(
            f"the database is at version {found}, Soniq {case.version} knows up to {known}",
            "pip install --upgrade soniq",
        )
    return ok(f"version {found}")


@check("missing-index", "Indexes that there should be", backends=("postgres", "sqlite"))
def missing_index(case: Case) -> Verdict:
    """Look for indexes that somebody has dropped: claims then walk through whole tables."""
    missing: dict[str, str] = case.fact("missing_indexes")
    if missing:
        return error(f"not there: {listed(missing)}", " ".join(missing.values()))
    return ok("all are there")


@check("invalid-index", "Indexes that can't be used", backends=POSTGRES)
def invalid_index(case: Case) -> Verdict:
    """Look for indexes that were left half done: they cost writes and help no query."""
    invalid: list[str] = case.fact("invalid_indexes")
    if invalid:
        cures = (f"REINDEX INDEX CONCURRENTLY {name};" for name in invalid)
        return error(f"invalid: {listed(invalid)}", " ".join(cures))
    return ok("all are valid")
