"""Settings as rows: what is set, and where that comes from; never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soniq.dashboard.views.times import NOTHING
from soniq.settings import Settings

MASK = "••••••"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as it may be shown. ``origin``: code, environment or default."""

    name: str
    value: str
    origin: str


def setting_rows(settings: Settings) -> list[SettingRow]:
    """Return every setting, sorted by name."""
    outside = from_environment(settings)
    return [
        SettingRow(name, shown(getattr(settings, name)), origin_of(name, settings, outside))
        for name in sorted(type(settings).model_fields)
    ]


def from_environment(settings: Settings) -> Settings | None:
    """Return what the environment alone would make of the settings; None if that can't be used."""
    try:
        return type(settings)()
    except ValueError:
        return None


def origin_of(name: str, settings: Settings, outside: Settings | None) -> str:
    """Tell where a setting comes from. Code wins over the environment."""
    if name not in settings.model_fields_set:
        return "default"
    if outside is None or name not in outside.model_fields_set:
        return "code"
    return "environment" if getattr(outside, name) == getattr(settings, name) else "code"


def shown(value: Any) -> str:
    """Return a value as text, the secret ones masked."""
    if value is None:
        return NOTHING
    if hasattr(value, "get_secret_value"):
        return MASK
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or NOTHING  # pyright: ignore[reportUnknownArgumentType]
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)
