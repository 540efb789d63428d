"""Leave secrets out of what is shown: by the names of values, in texts by what is around them."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

T = TypeVar("T")
Hook = Callable[[str, dict[str, Any]], Mapping[str, Any]]

REDACTED = "[redacted]"
# Anywhere in a name, however it is written: api_key, apiKey, X-API-Key, stripe.api_key_2.
KEYS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "access_key",
    "private_key",
    "signing_key",
    "encryption_key",
    "authorization",
    "credential",
    "cookie",
    "credit_card",
    "card_number",
    "account_number",
    "signature",
    "session_id",
    "social_security",
)
# Too short to be looked for within other words.
WORDS = ("auth", "pwd", "pass", "pin", "otp", "cvv", "cvc", "ssn", "jwt", "bearer", "sid", "iban")
# Names may be data, of which there is no end.
REMEMBERED = 10_000
# Under these a list of headers or variables tells what the value beside is.
NAMING = ("name", "key", "header", "field")
SPLIT = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# What is secret wherever it stands.
PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
LOGIN = re.compile(r"(://[^\s/:@\"'<>]*:)[^\s/\"'<>]+@")
LOGIN_TOKEN = re.compile(r"(://)[^\s/:@\"'<>]{16,}@")
SCHEME = re.compile(r"\b(Bearer|Basic)(\s+)(?=\S*\d|\S{16})[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
TOKENS = re.compile(
    r"\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)[-_][\w-]{8,}|\bsk-[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abprs]-[\w-]{8,}|\bA(?:KIA|SIA)[A-Z0-9]{12,}|\bAIza[\w-]{30,}"
)
# Cookies are many, with signs between them that end any other value.
COOKIES = re.compile(r"(\bcookies?\s*[:=]\s*)(?![\s\"'{\[(])[^\r\n\"']+", re.IGNORECASE)

# A name in a text, with what may follow it and be part of it. Bounded, so that no text takes long.
NAME = r"(?P<name>(?:{parts})[\w.-]{{0,40}}|(?<![A-Za-z0-9])(?:{words})(?:[_.-]\w{{0,40}})?(?!\w))"
# The sign between a name and its value, and the value to its end: quoted (also within quotes), in
# brackets, a number in groups, two words, or up to what can't belong to it.
VALUE = r"""
    (?P<sign>\\*["']?\]?\s*(?:=>|[:=])\s*(?:[bru](?=["']))?|>(?=[^<\s])|\s+(?=\\*["']))
    (?: (?P<open>\\+["'])(?:(?!(?P=open)).)*(?:(?P=open)|\Z)
      | "(?:[^"\\]|\\.)*(?:"|\Z)
      | '(?:[^'\\]|\\.)*(?:'|\Z)
      | \{[^{}]*(?:\}|\Z) | \[(?!redacted\])[^\[\]]*(?:\]|\Z) | \([^()]*(?:\)|\Z) | <[^<>]*(?:>|\Z)
      | \d(?:[ -]?\d){7,}
      | (?:Bearer|Basic|Digest|Token)\s+[^\s,;&"']+
      | [^\s,;&"'(){}\[\]<>](?:[^\s,;&(){}\[\]<>]|[,;(){}\[\]<>](?=[\w$!#%^*@]))*
    )
"""
# A name and a value as words of a command line: --password hunter2, '--password', 'hunter2'.
FLAG = (
    r"(?P<flag>(?<![\w-])--[\w-]{{0,40}}?(?:{parts})[\w-]{{0,40}}[\"']?,?\s+[\"']?)"
    r"(?!\[redacted)[^\s\"',\]]+"
)


class Redactor:
    """Replaces secrets by ``"[redacted]"`` and leaves everything else exactly as it is.

    Args:
        keys: names to look for besides the usual ones (setting ``redact_keys``).
        hook: is given the name and a copy of the arguments of a job, and returns what may be
            shown of them; what it returns is gone through like everything else.
    """

    def __init__(self, keys: Iterable[str] = (), *, hook: Hook | None = None) -> None:
        names = [*KEYS, *keys]
        self._parts = tuple(filter(None, ("".join(words_of(name)) for name in names)))
        parts, words = pattern_of(names), "|".join(WORDS)
        name = NAME.format(parts=parts, words=words)
        self._pairs = re.compile(name + VALUE, re.VERBOSE | re.IGNORECASE | re.DOTALL)
        self._flags = re.compile(FLAG.format(parts=parts), re.IGNORECASE)
        self._hook = hook
        self._known: dict[str, bool] = {}

    def is_secret(self, name: str) -> bool:
        """Tell whether what has this name is not to be shown."""
        known = self._known.get(name)
        if known is None:
            words = words_of(name)
            joined = "".join(words)
            known = any(part in joined for part in self._parts) or not set(words).isdisjoint(WORDS)
            if len(self._known) < REMEMBERED:
                self._known[name] = known
        return known

    def args(self, job_name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a job as they may be shown.

        A hook that raises shows nothing of them.
        """
        if self._hook is None:
            return self._members(args)
        try:
            shown = dict(self._hook(job_name, copy.deepcopy(args)))
        except Exception as error:  # noqa: BLE001 - user code; what it was to hide must not be shown
            return {REDACTED: f"the redact hook raised {type(error).__name__}"}
        return self._members(shown)

    def value(self, value: Any) -> Any:
        """Return a JSON value as it may be shown."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._members(cast("dict[str, Any]", value))
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            if self._is_pair(items):
                return [items[0], hidden(items[1])]
            return [self.value(item) for item in items]
        return value

    def text(self, text: str) -> str:
        """Return a text, such as an error or a traceback, as it may be shown.

        Hidden are the values in ``key=value`` and ``"key": "value"``, passwords in URLs, private
        keys, and tokens that are known by their form.
        """
        if "-----BEGIN" in text:
            text = PEM.sub(REDACTED, text)
        if "://" in text:
            text = LOGIN.sub(rf"\1{REDACTED}@", text)
            text = LOGIN_TOKEN.sub(rf"\1{REDACTED}@", text)
        if "--" in text:
            text = self._flags.sub(rf"\g<flag>{REDACTED}", text)
        text = COOKIES.sub(rf"\1{REDACTED}", text)
        text = self._pairs.sub(hide_value, text)
        text = SCHEME.sub(rf"\1\2{REDACTED}", text)
        return TOKENS.sub(REDACTED, text)

    def row(self, row: T) -> T:
        """Return a job, dead letter, attempt, group or audit entry as it may be shown."""
        found = cast("Any", row)
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(found):
            value = getattr(found, field.name)
            if value is None:
                continue
            if field.name == "args":
                changes["args"] = self.args(found.job_name, value)
            elif field.name in {"result", "detail", "headers"}:
                changes[field.name] = self.value(value)
            elif field.name in {"error", "traceback", "last_error", "last_traceback"}:
                changes[field.name] = self.text(value)
        return cast("T", dataclasses.replace(found, **changes))

    def _members(self, members: dict[str, Any]) -> dict[str, Any]:
        if self._is_named(members):
            return {**members, "value": hidden(members["value"])}
        return {
            name: hidden(value) if self._hides(name, value) else self.value(value)
            for name, value in members.items()
        }

    def _hides(self, name: str, value: Any) -> bool:
        # How many tokens a model may take is no secret.
        is_count = type(value) is int and name.lower().endswith("tokens")
        return self.is_secret(name) and not is_count

    def _is_pair(self, items: Sequence[Any]) -> bool:
        return len(items) == 2 and isinstance(items[0], str) and self.is_secret(items[0])  # noqa: PLR2004 - a pair

    def _is_named(self, members: dict[str, Any]) -> bool:
        return "value" in members and any(
            isinstance(name := members.get(naming), str) and self.is_secret(name)
            for naming in NAMING
        )


class Plain(Redactor):
    """Leaves everything as it is, for whoever has asked for that."""

    def args(self, job_name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments."""
        del job_name
        return args

    def value(self, value: Any) -> Any:
        """Return the value."""
        return value

    def text(self, text: str) -> str:
        """Return the text."""
        return text

    def row(self, row: T) -> T:
        """Return the row."""
        return row


def words_of(name: str) -> list[str]:
    """Return the words that a name is made of, in lower case."""
    return [word.lower() for word in SPLIT.split(name) if word]


def pattern_of(names: Iterable[str]) -> str:
    """Return a pattern for names, however their words are joined."""
    every = (map(re.escape, words_of(name)) for name in names)
    return "|".join(filter(None, map(r"[\s_.-]?".join, every)))


def hide_value(found: re.Match[str]) -> str:
    """Return a name and its sign, with nothing of its value."""
    return f"{found['name']}{found['sign']}{REDACTED}"


def hidden(value: Any) -> Any:
    """Return what stands for a secret; that there is none may be seen."""
    return None if value is None else REDACTED
