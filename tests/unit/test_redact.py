"""Secrets are not shown: thirty are planted in arguments and errors; the rest is left alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniq.history import AuditEntry, PastAttempt
from soniq.job import DeadLetter
from soniq.redact import REDACTED, Redactor

AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
PLAIN = Redactor()


def canary(number: int) -> str:
    """Return a secret that is found wherever it is shown."""
    return f"canary{number:02d}x"


# 14 in arguments, however their names are written and however deep they lie.
ARGUMENTS: dict[str, Any] = {
    "password": canary(0),
    "dbPasswd": canary(1),
    "X-API-Key": canary(2),
    "stripe.api_key_2": canary(3),
    "nested": {"list": [{"deep": {"AccessToken": canary(4)}}, ["Authorization", canary(5)]]},
    "headers": [{"name": "Cookie", "value": canary(6)}, {"name": "Accept", "value": "text"}],
    "clientSecret": {"any": ["value", canary(7)]},
    "url": f"postgresql://ana:{canary(8)}@db/shop?sslmode=require",
    "dsn": f"host=db password={canary(9)} dbname=shop",
    "creditCard": canary(10),
    "pin": [canary(11)],
    "private_key": canary(12),
    "body": json.dumps({"token": canary(13), "order": 5}),
    "order": 123456789012345678901234567890,
    "amount": 1e308,
    "max_tokens": 4096,
    "note": "the author's opinion of a compass",
    "refresh_token": None,
}
# 16 in errors and tracebacks.
ERROR = f"""HTTPError: 401 for https://ana:{canary(14)}@example.org/v1?api_key={canary(15)}&page=2
{{"password": "{canary(16)}", "order": 5}} and {{'session_id': '{canary(17)}', 'n': 1}}
Authorization: Bearer {canary(18)}.abc
set-cookie: a=b; session={canary(19)}
"""
TRACEBACK = f"""Traceback (most recent call last):
  File "/srv/shop.py", line 7, in pay
    connect(host="db", password="{canary(20)} \\" {canary(21)}", port=5432)
subprocess.CalledProcessError: Command '['mysql', '--password', '{canary(22)}', '-h', 'db']'
DB_PASSWORD={canary(23)} and body "{{\\"client_secret\\": \\"{canary(24)}\\", \\"a\\": 1}}"
<soap:Password>{canary(25)}</soap:Password><order>5</order>
-----BEGIN RSA PRIVATE KEY-----
{canary(26)}
-----END RSA PRIVATE KEY-----
remote: https://ghp_{canary(27)}abcdefghijkl@example.org/x was refused, key sk_live_{canary(28)}
token = ['{canary(29)}']
"""
LEFT = (
    "HTTPError: 401", "page=2", '"order": 5', "'n': 1", 'host="db"', "port=5432", "'-h', 'db'",
    "<order>5</order>", "line 7, in pay", "was refused", "@example.org/x",
)  # fmt: skip


def letter(**changes: Any) -> DeadLetter:
    """Return a dead letter that is full of secrets."""
    facts: dict[str, Any] = {
        "id": "x", "job_name": "shop.pay", "queue": "money", "priority": 100,
        "args": ARGUMENTS, "attempts": 1, "max_attempts": 1, "reason": "timeout",
        "scheduled_at": AT, "created_at": AT, "started_at": AT, "finished_at": AT,
        "worker_id": None, "last_error": ERROR, "last_traceback": TRACEBACK,
    }  # fmt: skip
    return DeadLetter(**facts | changes)


def canaries_in(value: Any) -> list[int]:
    """Return which secrets a value shows."""
    text = json.dumps(value, default=str)
    return [number for number in range(30) if f"canary{number:02d}" in text]


def test_thirty_are_planted() -> None:
    """The check can fail: unredacted, all of them are found."""
    assert canaries_in(dict(letter())) == list(range(30))


def test_none_is_shown() -> None:
    """Not one in a dead letter, an attempt, an audit entry or a result."""
    assert canaries_in(dict(PLAIN.row(letter()))) == []
    attempt = PastAttempt(1, "w", "retry", AT, AT, error=ERROR, traceback=TRACEBACK)
    assert canaries_in(str(PLAIN.row(attempt))) == []
    entry = AuditEntry("x", AT, "cli:ana@host", "jobs.clone", "y", {"args": ARGUMENTS})
    assert canaries_in(dict(PLAIN.row(entry))) == []
    assert canaries_in(PLAIN.value([ARGUMENTS, ERROR, TRACEBACK])) == []


def test_the_rest_is_left_as_it_is() -> None:
    """Numbers to the last digit, other values, and what stands beside a secret."""
    shown = PLAIN.row(letter())
    kept = ("order", "amount", "max_tokens", "note", "refresh_token")
    assert {name: shown.args[name] for name in kept} == {name: ARGUMENTS[name] for name in kept}
    assert type(shown.args["order"]) is int
    assert shown.args["headers"][1] == {"name": "Accept", "value": "text"}
    assert shown.args["url"] == f"postgresql://ana:{REDACTED}@db/shop?sslmode=require"
    assert shown.args["dsn"] == f"host=db password={REDACTED} dbname=shop"
    assert shown.args["clientSecret"] == REDACTED
    told = f"{shown.last_error}{shown.last_traceback}"
    assert [part for part in LEFT if part not in told] == []
    assert (shown.id, shown.created_at) == ("x", AT)
    assert canaries_in(dict(letter())) == list(range(30))


def test_what_is_shown_is_shown_once_more() -> None:
    """Nothing changes where a secret is hidden already."""
    shown = PLAIN.row(letter())
    assert dict(PLAIN.row(shown)) == dict(shown)


SAFE = st.text("bdefghjlmuvxyz ", max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | SAFE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_without_secrets_comes_back_equal(value: Any) -> None:
    """Of the same types, in the same order."""
    assert repr(PLAIN.value(value)) == repr(value)


@given(VALUES, st.text("abcXYZ019_-.", max_size=8), st.text("abcXYZ019_-.", max_size=8))
def test_a_secret_is_hidden_whatever_it_is(value: Any, before: str, after: str) -> None:
    """Under any name that holds one of the words, in any case; only that there is none is told."""
    for word in ("Password", "api_key", "PRIVATE-KEY"):
        shown = PLAIN.value({f"{before}{word}{after}": value})
        assert list(shown.values()) == [None if value is None else REDACTED]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Whatever a text holds, hiding twice is hiding once."""
    shown = PLAIN.text(text)
    assert PLAIN.text(shown) == shown


def test_names_of_ones_own() -> None:
    """They are added to the usual ones, and found however they are written."""
    own = Redactor(["licence-plate", "contraseña"])
    args = {"licencePlate": "a", "Licence_Plate_2": "b", "contraseña": "c", "password": "d", "x": 1}
    assert own.args("a", args) == dict.fromkeys(list(args)[:4], REDACTED) | {"x": 1}
    assert own.text("licence plate: abc, contraseña='d'") == (
        f"licence plate: {REDACTED}, contraseña={REDACTED}"
    )
    assert PLAIN.args("a", args) == {**args, "password": REDACTED}


def test_a_hook_decides_per_job() -> None:
    """It may hide more, not less, and can't change what the job holds."""

    def hook(job_name: str, args: dict[str, Any]) -> dict[str, Any]:
        args["order"] = f"{job_name} hides it"
        args["token"] = args["order"]
        return args

    redactor = Redactor(hook=hook)
    args = {"order": 5, "password": "x"}
    assert redactor.args("shop.pay", args) == {
        "order": "shop.pay hides it", "password": REDACTED, "token": REDACTED
    }  # fmt: skip
    assert args == {"order": 5, "password": "x"}


def test_a_hook_that_fails_shows_nothing() -> None:
    """What it was to hide stays hidden."""

    def hook(*_: object) -> dict[str, Any]:
        message = canary(0)
        raise ValueError(message)

    shown = Redactor(hook=hook).row(letter()).args
    assert canaries_in(shown) == []
    assert list(shown) == [REDACTED]


NASTY = (
    "a", "token", "token=", "--", "--token", "password:'", "://", "://a:", "a@", "bearer ",
    "sk-live-", "pin ", 'token=\\"', "token=[", "cookie=", "eyJaaaaaa.", "token=a,", "<token>",
)  # fmt: skip


@pytest.mark.timeout(10)
def test_no_text_takes_for_ever() -> None:
    """As long as an error may be, and made of what patterns stumble over."""
    for part in NASTY:
        PLAIN.text(part * (100_000 // len(part) // 4))
