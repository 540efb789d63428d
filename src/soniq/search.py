"""What to look for among jobs: conditions, and the words with qualifiers that spell them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from soniq.durations import read_duration, spell_duration
from soniq.errors import InvalidSearch
from soniq.job import JobStatus

T = TypeVar("T")


class ArgumentIs(NamedTuple):
    """An argument, by the keys and indexes that lead to it, and its value as text.

    ``args.user.id:42`` is ``ArgumentIs(("user", "id"), "42")``; a string is compared without its
    quotes, any other value by its JSON text as it was written. In a list a step is the number of
    an item: 0 for the first, -1 for the last.
    """

    path: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Conditions that all have to hold; None (or nothing) where there is none.

    Text is compared exactly, but for ``error`` and ``text``, which are contained without regard to
    the case of A to Z. A ``name`` that ends in ``*`` stands for all that begin like that.
    ``worker`` is the beginning of a worker's id. ``text`` is a part of the name, or the beginning
    of the id.
    ``older_than`` and ``younger_than`` are seconds since the job was created. ``reason`` is that
    of a dead letter.
    """

    queue: str | None = None
    status: JobStatus | None = None
    name: str | None = None
    worker: str | None = None
    error: str | None = None
    args: tuple[ArgumentIs, ...] = ()
    attempts_from: int | None = None
    attempts_to: int | None = None
    older_than: float | None = None
    younger_than: float | None = None
    text: str | None = None
    reason: str | None = None


class Found(NamedTuple, Generic[T]):
    """One page of a search, newest first.

    ``looked_at``: how many rows were looked at for it, matching or not. ``next``: the id to give as
    ``after`` to go on; None where nothing is left. A page may hold fewer than were wanted, even
    none, and still have a ``next``: then as many rows as may be had been looked at.
    """

    items: list[T]
    looked_at: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Preview(Generic[T]):
    """What an action on all that match a search would meet.

    ``count`` of them, or at least so many where ``exact`` is False; the five newest as a
    ``sample``; how many in which ``queues``, the fullest first.
    """

    count: int
    exact: bool
    sample: list[T]
    queues: dict[str, int]


QUOTED = r'"(?:[^"\\]|\\.)*"'
# `args.user."first name":Ada`, `state:queued`, `mail`, `"two words"`: always a whole word.
WORD = re.compile(
    rf"""(?:
        (?P<key>[A-Za-z_-]+) (?P<path>(?:\.(?:{QUOTED}|[^\s".:]+))*) :
        (?P<value>{QUOTED}|(?!")\S*)
      | (?P<text>{QUOTED}|[^\s":]+)
    )(?=\s|$)""",
    re.VERBOSE | re.DOTALL,
)
STEP = re.compile(rf"\.({QUOTED}|[^\s\".:]+)", re.DOTALL)
ESCAPED = re.compile(r'\\(["\\])')
COMPARED = re.compile(r"(<=|>=|<|>|)(.*)", re.DOTALL)
NUMBER = re.compile(r"[0-9]{1,9}")
# What needs no quotes.
PLAIN_STEP = re.compile(r'[^\s".:]+')
PLAIN_VALUE = re.compile(r'[^\s"]\S*')
PLAIN_TEXT = re.compile(r'[^\s":]+')


def parse_search(text: str) -> JobSearch:
    r"""Return the search that words such as ``state:queued task:mail.* age:>1h`` spell.

    All words have to hold. ``task:NAME queue:NAME state:STATE worker:ID reason:REASON error:TEXT
    args.KEY.KEY:VALUE attempts:3 attempts:>3 attempts:<=2 age:>1h age:<5m``; a bare word is a part
    of the name or the beginning of the id. What holds blanks, or a quote in front, stands in
    quotes: ``error:"timed out"``, in which ``\"`` is a quote and ``\\`` a backslash.

    Raises:
        InvalidSearch: a word that is none, with those that are known.
    """
    found: dict[str, Any] = {}
    arguments: list[ArgumentIs] = []
    for word in words_of(text):
        if word["key"] == "args":
            arguments.append(read_argument(word))
            continue
        for name, value in read_word(word).items():
            if name in found:
                message = f"{word[0]!r} comes too late: the search has such a word already."
                raise InvalidSearch(message)
            found[name] = value
    return JobSearch(**found, args=tuple(arguments))


def words_of(text: str) -> Iterator[re.Match[str]]:
    """Yield the words of a search; InvalidSearch for what is none."""
    place, end = 0, len(text.rstrip())
    while place < end:
        place += len(text[place:]) - len(text[place:].lstrip())
        word = WORD.match(text, place)
        if word is None:
            wrong = text[place:].split(maxsplit=1)[0]
            message = (
                f"Can't read {wrong!r}: put what holds blanks, quotes or colons into quotes, "
                'such as error:"timed out" or args."a.b":1, and close each quote.'
            )
            raise InvalidSearch(message)
        yield word
        place = word.end()


def read_argument(word: re.Match[str]) -> ArgumentIs:
    """Return the condition that a word ``args.…:…`` spells."""
    path = tuple(unquoted(step) for step in STEP.findall(word["path"]))
    if not path:
        message = f"{word[0]!r}: say which argument, such as args.user_id:42 or args.items.0:a."
        raise InvalidSearch(message)
    return ArgumentIs(path, value_of(word))


def read_word(word: re.Match[str]) -> dict[str, Any]:
    """Return the fields of a search that a word other than ``args`` gives."""
    if word["text"] is not None:
        return {"text": unquoted(word["text"])}
    reader = READERS.get(word["key"])
    if reader is None or word["path"]:
        known = ", ".join(f"{key}:" for key in READERS)
        message = (
            f"Unknown word {word['key'] + word['path']!r} in {word[0]!r}: known are {known}, "
            "args.KEY:, and bare text. Put text that holds a colon into quotes."
        )
        raise InvalidSearch(message)
    return reader(value_of(word), word[0])


def value_of(word: re.Match[str]) -> str:
    """Return the value of a word with a key."""
    if not word["value"]:
        message = f'{word[0]!r} lacks a value; {word[0]}"" looks for empty text.'
        raise InvalidSearch(message)
    return unquoted(word["value"])


def unquoted(text: str) -> str:
    """Return what a quoted or a plain text stands for."""
    return ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text


def read_state(value: str, word: str) -> dict[str, Any]:
    """Return the field of ``state:queued``."""
    if value not in set(JobStatus):
        known = ", ".join(JobStatus)
        message = f"{word!r} is no state: known are {known} (dead jobs are in the dead letters)."
        raise InvalidSearch(message)
    return {"status": JobStatus(value)}


def read_attempts(value: str, word: str) -> dict[str, Any]:
    """Return the fields of ``attempts:3``, ``attempts:>3`` or ``attempts:<=3``."""
    sign, number = compared(value)
    if not NUMBER.fullmatch(number) or (sign == "<" and not int(number)):
        message = f"{word!r}: write attempts:3, attempts:>3, attempts:>=3, attempts:<3 or so."
        raise InvalidSearch(message)
    bound = int(number)
    least = {} if sign.startswith("<") else {"attempts_from": bound + (sign == ">")}
    most = {} if sign.startswith(">") else {"attempts_to": bound - (sign == "<")}
    return least | most


def read_age(value: str, word: str) -> dict[str, Any]:
    """Return the field of ``age:>1h`` or ``age:<5m``."""
    sign, text = compared(value)
    if not sign:
        message = f"{word!r}: write age:>1h for older, or age:<1h for younger."
        raise InvalidSearch(message)
    try:
        seconds = read_duration(text)
    except ValueError as error:
        message = f"{word!r}: {error}"
        raise InvalidSearch(message) from None
    return {"older_than" if sign.startswith(">") else "younger_than": seconds}


def compared(value: str) -> tuple[str, str]:
    """Return the sign that a value begins with, or nothing, and the rest."""
    found = COMPARED.fullmatch(value)
    return (found[1], found[2]) if found else ("", value)


def reader_of(field: str) -> Callable[[str, str], dict[str, Any]]:
    """Return what reads a word whose value is taken as it is."""
    return lambda value, _: {field: value}


# Words whose values are text, with the fields that they give.
TEXTS = {
    "task": "name",
    "queue": "queue",
    "worker": "worker",
    "reason": "reason",
    "error": "error",
}
READERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    **{key: reader_of(field) for key, field in TEXTS.items()},
    "state": read_state,
    "attempts": read_attempts,
    "age": read_age,
}


def spell(search: JobSearch) -> str:
    """Return words that ``parse_search`` takes for this very search; no words for one of all."""
    words: list[str] = []
    if search.text is not None:
        words.append(quoted(search.text, PLAIN_TEXT))
    if search.status is not None:
        words.append(f"state:{search.status}")
    for key, field in TEXTS.items():
        value: str | None = getattr(search, field)
        if value is not None:
            words.append(f"{key}:{quoted(value, PLAIN_VALUE)}")
    for one in search.args:
        path = ".".join(quoted(step, PLAIN_STEP) for step in one.path)
        words.append(f"args.{path}:{quoted(one.value, PLAIN_VALUE)}")
    words += spell_attempts(search.attempts_from, search.attempts_to)
    for sign, age in ((">", search.older_than), ("<", search.younger_than)):
        if age is not None:
            words.append(f"age:{sign}{spell_duration(age)}")
    return " ".join(words)


def spell_attempts(least: int | None, most: int | None) -> list[str]:
    """Return the words for a number of attempts."""
    if least is not None and least == most:
        return [f"attempts:{least}"]
    words = [] if least is None else [f"attempts:>={least}"]
    return words if most is None else [*words, f"attempts:<={most}"]


def quoted(text: str, plain: re.Pattern[str]) -> str:
    """Return text as a word spells it: in quotes, unless it is plain."""
    if plain.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
