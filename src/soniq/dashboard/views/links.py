"""Searches behind numbers: the words that find what was counted. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from soniq.errors import InvalidSearch
from soniq.job import JobStatus
from soniq.search import JobSearch, parse_search, spell


def words(**conditions: Any) -> str:
    """Return the words that search for jobs with these conditions, as ``JobSearch`` names them."""
    return spell(JobSearch(**conditions))


def by_state(search: JobSearch) -> dict[str, str]:
    """Return the words of the same search for each state, and for all of them (under ``all``)."""
    states: list[tuple[str, JobStatus | None]] = [("all", None)]
    states += [(status.value, status) for status in JobStatus]
    return {name: spell(replace(search, status=status)) for name, status in states}


def without_state(text: str) -> str:
    """Return a search without its state: dead letters have none. A bad search stays as it is."""
    try:
        return spell(replace(parse_search(text), status=None))
    except InvalidSearch:
        return text
