"""Settings from keywords, then the environment, then defaults; frozen once made."""

from __future__ import annotations

import difflib
import os
import warnings
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from soniq.errors import ConfigurationError

PREFIX = "SONIQ_"


def split_commas(value: object) -> object:
    """Turn ``"a, b"`` from the environment into a tuple; leave anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Everything that can be set. Durations are in seconds, sizes in bytes.

    Each field is read from ``SONIQ_<NAME>`` unless given as a keyword. No file is ever read.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True
    )

    database_url: SecretStr | None = None
    environment: str = "development"
    backend: Literal["postgres", "sqlite", "memory"] | None = None
    app: str | None = None
    jobs_modules: Names = ()
    concurrency: int = Field(default=10, ge=1)
    queues: Names | None = None
    max_retries: int = Field(default=3, ge=0)
    priority: int = Field(default=100, ge=1, le=1000)
    job_timeout: Seconds = 300.0
    result_ttl: Seconds = 86_400.0
    rollups: bool = True
    rollup_ttl: Seconds = 7 * 86_400.0
    audit_ttl: Seconds = 90 * 86_400.0
    poll_interval: PositiveSeconds = 1.0
    heartbeat_interval: PositiveSeconds = 5.0
    heartbeat_timeout: PositiveSeconds = 30.0
    cleanup_interval: PositiveSeconds = 30.0
    shutdown_timeout: Seconds = 30.0
    pool_min_size: int = Field(default=1, ge=0)
    pool_max_size: int = Field(default=10, ge=1)
    sync_pool_size: int = Field(default=8, ge=1)
    process_pool_size: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    max_args_bytes: int = Field(default=256 * 1024, ge=2)
    max_crashes: int = Field(default=3, ge=1)
    unknown_task_grace: Seconds = 600.0
    enqueue_validation: Literal["strict", "warn", "none"] = "strict"
    task_name_pattern: str = r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*"
    dashboard_api_key: SecretStr | None = None
    dashboard_secret: SecretStr | None = None
    dashboard_write_enabled: bool = False
    dashboard_hosts: Names = ()
    redact_keys: Names = ()
    log_level: str = "INFO"
    log_format: Literal["console", "json"] = "console"
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    metrics_host: str = "127.0.0.1"

    @property
    def production(self) -> bool:
        """Tell whether this is production, where nothing may be assumed."""
        return self.environment.lower() in {"production", "prod"}


def load(**given: Any) -> Settings:
    """Return the settings of keywords, environment and defaults; None is as if not given.

    Raises:
        ConfigurationError: an unknown keyword, or a value that can't be used.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in given.keys() - Settings.model_fields.keys():
        message = f"Unknown setting {name!r}.{nearest(name, Settings.model_fields)}"
        raise ConfigurationError(message)
    warn_of_strangers()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    if settings.heartbeat_timeout <= settings.heartbeat_interval:
        message = (
            f"heartbeat_timeout ({settings.heartbeat_timeout:g} s) must be longer than "
            f"heartbeat_interval ({settings.heartbeat_interval:g} s), or living workers look dead."
        )
        raise ConfigurationError(message)
    return settings


def origin(settings: Settings, name: str) -> str:
    """Return where a setting comes from: ``keyword``, ``environment`` or ``default``."""
    if name not in settings.model_fields_set:
        return "default"
    # A keyword wins; one that says the same as the environment can't be told from it.
    try:
        from_environment = Settings()
    except ValidationError:
        return "keyword"
    if name not in from_environment.model_fields_set:
        return "keyword"
    same = getattr(from_environment, name) == getattr(settings, name)
    return "environment" if same else "keyword"


def explain(error: ValidationError) -> str:
    """Return one line for each bad setting, without ever showing a value that may be secret."""
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        lines.append(f"Setting {name} ({PREFIX}{name.upper()}): {problem['msg']}.")
    return " ".join(lines)


def nearest(name: str, known: Any) -> str:
    """Return `` Did you mean 'x'?`` for the closest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def strangers() -> list[str]:
    """Return the ``SONIQ_*`` variables of this process that nobody reads."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return [
        name
        for name in os.environ
        if (upper := name.upper()).startswith(PREFIX)
        and upper not in known
        and not upper.startswith("SONIQ_TEST_")
    ]


def warn_of_strangers() -> None:
    """Warn of ``SONIQ_*`` variables that nobody reads: most are typing errors."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in strangers():
        hint = nearest(name.upper(), known)
        warnings.warn(f"Unknown environment variable {name}.{hint}", stacklevel=3)
