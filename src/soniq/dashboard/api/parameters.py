"""What a query may say: each parameter with its type and range, read and described in one place."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from soniq.dashboard.problem import Refused

LARGEST_PAGE = 200
LONGEST_TEXT = 1000
# As long as rollups are kept unless the settings say otherwise.
LONGEST_WINDOW = 7 * 86_400.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query. Numbers have a least and a largest value, texts a length."""

    name: str
    kind: Literal["text", "id", "integer", "seconds"]
    description: str
    default: str | float | None = None
    least: float = 0
    largest: float = LONGEST_TEXT
    required: bool = False

    def read(self, text: str) -> Any:
        """Return what a text stands for.

        Raises:
            Refused: 400 for what is out of range.
        """
        match self.kind:
            case "text":
                return self._read_text(text)
            case "id":
                return self._read_id(text)
            case "integer" | "seconds":
                return self._read_number(text)

    def schema(self) -> dict[str, Any]:
        """Return what OpenAPI has to say about its values."""
        described = self._kind()
        return described if self.default is None else {**described, "default": self.default}

    def _kind(self) -> dict[str, Any]:
        match self.kind:
            case "text":
                return {"type": "string", "maxLength": int(self.largest)}
            case "id":
                return {"type": "string", "format": "uuid"}
            case "integer":
                least, largest = int(self.least), int(self.largest)
                return {"type": "integer", "minimum": least, "maximum": largest}
            case "seconds":
                return {"type": "number", "minimum": self.least, "maximum": self.largest}

    def _read_text(self, text: str) -> str:
        if len(text) > self.largest:
            self._refuse(f"has {len(text)} characters, more than {self.largest:.0f}")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse("holds a character that no stored text can hold")
        return text

    def _read_id(self, text: str) -> str:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            self._refuse("is no id (a UUID)")

    def _read_number(self, text: str) -> float:
        try:
            number = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            number = math.nan
        if not self.least <= number <= self.largest:
            kind = "a whole number" if self.kind == "integer" else "a number of seconds"
            self._refuse(f"is not {kind} from {self.least:g} to {self.largest:g}")
        return number

    def _refuse(self, what: str) -> NoReturn:
        raise Refused(400, f"The parameter `{self.name}` {what}.")


LIMIT = Parameter("limit", "integer", "At most so many.", 50, 1, LARGEST_PAGE)
AFTER = Parameter("after", "id", "Go on behind this one: `next` of the page before.")
QUEUE = Parameter("queue", "text", "Only of this queue.")
TASK = Parameter("task", "text", "Only of this task.")
WINDOW = Parameter(
    "window", "seconds", "Of the last so many seconds.", 3600.0, MINUTE, LONGEST_WINDOW
)
STEP = Parameter(
    "step", "seconds", "Seconds of each step, in whole minutes.", MINUTE, MINUTE, 86_400.0
)
SEARCH = (
    "Words with qualifiers, such as `state:queued queue:mail args.user.id:42 attempts:>3`; a bare "
    "word is a part of the task's name or the beginning of an id."
)
QUERY = Parameter("q", "text", SEARCH, "")


def read_query(known: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
    """Return the values of all known parameters by name, defaults where nothing was given.

    Raises:
        Refused: 400 for an unknown parameter, one that is given twice, or a value out of range.
    """
    by_name = {parameter.name: parameter for parameter in known}
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in by_name:
            listed = ", ".join(f"`{one}`" for one in by_name) or "none"
            raise Refused(400, f"Unknown parameter `{name}`: known here are {listed}.")
        if name in values:
            raise Refused(400, f"The parameter `{name}` is given twice.")
        values[name] = by_name[name].read(text)
    for parameter in known:
        if parameter.required and parameter.name not in values:
            raise Refused(400, f"The parameter `{parameter.name}` is missing.")
        values.setdefault(parameter.name, parameter.default)
    return values
