"""What a check has found: whether something is wrong, the proof, and the cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from soniq.job import Row

Severity = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True, eq=False)
class Finding(Row):
    """What one check says.

    ``severity``: ``ok``; ``warning``, something to see to; ``error``, jobs are lost, stuck or about
    to be; or ``skipped``, it could not be told, and ``evidence`` says why not. ``cure``: a command
    to run or a statement to execute; empty unless something is wrong.
    """

    id: str
    severity: Severity
    title: str
    evidence: str
    cure: str = ""


class Verdict(NamedTuple):
    """A finding before it is known which check has made it."""

    severity: Severity
    evidence: str
    cure: str = ""


def ok(evidence: str) -> Verdict:
    """Say that all is as it should be."""
    return Verdict("ok", evidence)


def warning(evidence: str, cure: str) -> Verdict:
    """Say that something should be seen to."""
    return Verdict("warning", evidence, cure)


def error(evidence: str, cure: str) -> Verdict:
    """Say that jobs are lost, stuck, or about to be."""
    return Verdict("error", evidence, cure)


def skipped(evidence: str) -> Verdict:
    """Say that it can't be told."""
    return Verdict("skipped", evidence)
