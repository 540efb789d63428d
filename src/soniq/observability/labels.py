"""How many values a label may have: each one is a series for as long as the process lives."""

from __future__ import annotations

OTHER = "other"
MOST = 100


class Capped:
    """The first ``most`` distinct names keep their own; all that come later are ``other``."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return what a name is called as a label."""
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(name)
        return name
