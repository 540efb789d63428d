"""Which dead letters a command means: filters and a search in words become one choice."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from soniq import durations
from soniq.cli.exits import Exit, fail
from soniq.search import JobSearch, parse_search, spell


@dataclass(frozen=True, slots=True)
class Choice:
    """The letters that match ``search`` and, where they are given, ``fingerprint`` and an age.

    ``older_than``: seconds since they ended.
    """

    search: JobSearch
    fingerprint: str | None = None
    older_than: float | None = None

    @property
    def is_everything(self) -> bool:
        """Tell whether all letters are meant."""
        return self == Choice(JobSearch())

    @property
    def is_exact(self) -> bool:
        """Tell whether queue, name and reason say it all, to the letter."""
        search = self.search
        plain = JobSearch(queue=search.queue, name=search.name, reason=search.reason)
        whole = search.name is None or not search.name.endswith("*")
        return whole and self == Choice(plain)

    @property
    def words(self) -> str:
        """What is meant, for people who read it later."""
        words = [spell(self.search)] if self.search != JobSearch() else []
        if self.fingerprint is not None:
            words.append(f"fingerprint:{self.fingerprint}")
        if self.older_than is not None:
            words.append(f"older-than:{durations.spell_duration(self.older_than)}")
        return " ".join(words) or "all"

    @property
    def options(self) -> str:
        """The options by which a command means the same."""
        if self.is_everything:
            return "--all"
        words = ["--fingerprint", self.fingerprint] if self.fingerprint is not None else []
        if self.search != JobSearch():
            words += ["--search", spell(self.search)]
        if self.older_than is not None:
            words += ["--older-than", durations.spell_duration(self.older_than)]
        return shlex.join(words)


def choose(
    text: str | None,
    *,
    queue: str | None = None,
    name: str | None = None,
    reason: str | None = None,
    error: str | None = None,
    fingerprint: str | None = None,
    older_than: float | None = None,
) -> Choice:
    """Return what the options of a command mean together.

    Raises:
        InvalidSearch: a word that means nothing.
        Exit: an option and a word say the same thing twice.
    """
    search = parse_search(text or "")
    given = {"queue": queue, "name": name, "reason": reason, "error": error}
    filters = {field: value for field, value in given.items() if value is not None}
    for field in filters:
        if getattr(search, field) is not None:
            message = f"--{field} and the words of the search both name one: give it once."
            raise fail(message, Exit.USAGE)
    found = replace(search, **filters)  # type: ignore[arg-type]  # all are text
    return Choice(found, fingerprint, older_than)
