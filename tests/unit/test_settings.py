"""Settings: keyword over environment over default; mistakes are told with the cure."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from soniq import Soniq, settings
from soniq.backends import connect, kind_of, sqlite_path
from soniq.clock import SystemClock
from soniq.errors import ConfigurationError


def test_keyword_wins_over_environment_wins_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source fills in what the one before it leaves open."""
    assert settings.load().concurrency == 10
    monkeypatch.setenv("SONIQ_CONCURRENCY", "20")
    monkeypatch.setenv("SONIQ_QUEUES", "a, b,")
    monkeypatch.setenv("SONIQ_JOBS_MODULES", "shop.jobs,shop.mail")
    monkeypatch.setenv("SONIQ_LOG_LEVEL", "")
    loaded = settings.load()
    assert (loaded.concurrency, loaded.queues) == (20, ("a", "b"))
    assert loaded.jobs_modules == ("shop.jobs", "shop.mail")
    assert loaded.log_level == "INFO"
    assert settings.load(concurrency=30, queues=["c"]).concurrency == 30
    assert settings.load(concurrency=None).concurrency == 20


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"concurency": 1}, "Did you mean 'concurrency'"),
        ({"zzz": 1}, "Unknown setting 'zzz'"),
        ({"concurrency": 0}, "SONIQ_CONCURRENCY"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"result_ttl": float("nan")}, "result_ttl"),
        ({"backend": "oracle"}, "backend"),
        ({"heartbeat_interval": 30, "heartbeat_timeout": 30}, "living workers look dead"),
        ({"enqueue_validation": "maybe"}, "enqueue_validation"),
    ],
)
def test_bad_settings_name_themselves(given: dict[str, Any], match: str) -> None:
    """A wrong name or value is a ValueError that says which and what would do."""
    with pytest.raises(ConfigurationError, match=match) as caught:
        settings.load(**given)
    assert isinstance(caught.value, ValueError)


def test_passwords_stay_hidden() -> None:
    """Neither settings nor their errors show a password."""
    loaded = settings.load(database_url="postgresql://me:hunter2@db/shop")
    assert "hunter2" not in repr(loaded) + str(loaded.model_dump())
    with pytest.raises(ConfigurationError) as caught:
        Soniq(database_url="mysql://me:hunter2@db/shop")
    assert "hunter2" not in str(caught.value)


def test_unknown_environment_variables_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the environment gets a warning with the nearest name."""
    monkeypatch.setenv("SONIQ_CONCURENCY", "5")
    with pytest.warns(UserWarning, match="Did you mean 'SONIQ_CONCURRENCY'"):
        settings.load()


def test_settings_are_frozen() -> None:
    """Nobody changes a setting behind the app's back."""
    with pytest.raises(ValueError, match="frozen"):
        settings.load().concurrency = 3  # type: ignore[misc]  # the point


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://h/d", "postgres"),
        ("postgres://h/d", "postgres"),
        ("sqlite:///a", "sqlite"),
        ("jobs.db", "sqlite"),
        ("/var/jobs.sqlite", "sqlite"),
        ("jobs.sqlite3", "sqlite"),
    ],
)
def test_kind_of_a_url(url: str, kind: str) -> None:
    """The scheme or the ending tells the backend."""
    assert kind_of(url) == kind


@pytest.mark.parametrize("url", ["mysql://h/d", "jobs.txt", "redis://x", ""])
def test_urls_of_no_known_kind(url: str) -> None:
    """Anything else is refused with the forms that are known."""
    with pytest.raises(ConfigurationError, match="postgresql://"):
        kind_of(url)


def test_paths_of_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sqlite:/// takes relative and absolute paths; without a file there is no URL."""
    monkeypatch.chdir(tmp_path)
    assert sqlite_path("sqlite:///jobs.db") == tmp_path / "jobs.db"
    assert sqlite_path("sqlite:////var/jobs.db") == Path("/var/jobs.db")
    assert sqlite_path("jobs.db") == tmp_path / "jobs.db"
    assert sqlite_path(None) == tmp_path / "soniq.db"
    for nothing in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ConfigurationError, match="names no file"):
            sqlite_path(nothing)


def test_default_database_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a URL the jobs go into soniq.db, and one warning says so."""
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING, "soniq"):
        backend = connect(settings.load(), SystemClock())
    assert backend.name == "sqlite"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(tmp_path / "soniq.db") in caplog.text


def test_production_needs_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """In production nothing is assumed: a missing URL is an error with the cure."""
    monkeypatch.setenv("SONIQ_ENVIRONMENT", "production")
    with pytest.raises(ConfigurationError, match="SONIQ_DATABASE_URL"):
        Soniq()
    assert Soniq(backend="memory").backend.name == "memory"


def test_backend_overrides_the_url() -> None:
    """backend= says what to take; PostgreSQL can't do without a URL."""
    assert Soniq(database_url="jobs.db", backend="memory").backend.name == "memory"
    with pytest.raises(ConfigurationError, match="needs database_url"):
        Soniq(backend="postgres")
