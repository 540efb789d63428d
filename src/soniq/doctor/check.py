"""A check: what it is about, and the function that looks whether all is well with that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from soniq.doctor.case import Case, Unknown
from soniq.doctor.finding import Finding, Verdict, skipped

Look = Callable[[Case], Verdict]
POSTGRES = ("postgres",)
SQLITE = ("sqlite",)
EVERYWHERE = ("postgres", "sqlite", "memory")


@dataclass(frozen=True, slots=True)
class Check:
    """One question about an installation.

    ``title``: what it is about. ``backends``: where the question makes sense.
    """

    id: str
    title: str
    look: Look
    backends: tuple[str, ...] = EVERYWHERE

    def examine(self, case: Case) -> Finding:
        """Return what the check says; ``skipped`` where it can't know or makes no sense."""
        elsewhere = f"this is {case.backend}; it makes sense only on {' and '.join(self.backends)}"
        try:
            verdict = self.look(case) if case.backend in self.backends else skipped(elsewhere)
        except Unknown as missing:
            verdict = skipped(str(missing))
        return Finding(self.id, verdict.severity, self.title, verdict.evidence, verdict.cure)


def check(
    check_id: str, title: str, *, backends: tuple[str, ...] = EVERYWHERE
) -> Callable[[Look], Check]:
    """Make a check of the function that looks."""
    return lambda look: Check(check_id, title, look, backends)
