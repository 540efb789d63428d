"""Which searches are answered: none that would tell, by what it finds, what is masked. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from soniq.backends.conditions import lower
from soniq.backends.filters import spelled_at
from soniq.errors import InvalidSearch
from soniq.job import DeadLetter, Job
from soniq.redact import Redactor
from soniq.search import JobSearch


def check_search(search: JobSearch, redactor: Redactor) -> None:
    """Refuse a search for an argument by whose name its value is masked.

    Raises:
        InvalidSearch: with the name.
    """
    for path, _ in search.args:
        secret = next(filter(redactor.is_secret, path), None)
        # A number of tokens is shown; whether it is one, each job tells: see `is_open`.
        if secret is not None and not secret.lower().endswith("tokens"):
            message = (
                f"Can't search for args.{'.'.join(path)}: {secret!r} is masked here, and what is "
                "found would tell its value. `soniq jobs list` searches for it."
            )
            raise InvalidSearch(message)


def may_tell(search: JobSearch) -> bool:
    """Tell whether a search compares anything that may be masked."""
    return bool(search.args) or search.error is not None


def is_open(search: JobSearch, row: Job | DeadLetter, redactor: Redactor) -> bool:
    """Tell whether what the search has found of a row may be seen: it was found by nothing else."""
    return arguments_are_open([path for path, _ in search.args], row, redactor) and (
        search.error is None or lower(search.error) in lower(redactor.text(row.last_error or ""))
    )


def arguments_are_open(
    paths: Iterable[Iterable[str]], row: Job | DeadLetter, redactor: Redactor
) -> bool:
    """Tell whether the arguments at these places are shown as they are."""
    shown = redactor.args(row.job_name, row.args) if paths else {}
    return all(spelled_at(row.args, path) == spelled_at(shown, path) for path in paths)
