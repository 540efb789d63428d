"""Soniq without one of its safety features, to see what each costs. Nobody may work like that.

What a setting can switch off is switched off so; the rest is taken out of the running worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from soniq.backends import sqltext
from soniq.settings import Settings
from soniq.worker import worker

# A module, the name of something in it, and what stands in its place.
Patch = tuple[ModuleType, str, Any]

BY_SETTING: Mapping[str, Mapping[str, Any]] = {
    "deadlines": {"job_timeout": 0},
    "results": {"result_ttl": 0},
    "rollups": {"rollups": False},
}
# The parameters stay: a statement has to name all that it is given.
UNFENCED: Mapping[str, Mapping[str, str]] = {
    "jobs/complete": {
        "    AND job.fence = claim.fence\n": "",
        "    AND job.worker_id = $2\n": "    AND $2::uuid IS NOT NULL\n",
    },
    "jobs/complete_plain": {
        "    AND job.fence = $4\n": "    AND $4::integer IS NOT NULL\n",
        "    AND job.worker_id = $2\n": "    AND $2::uuid IS NOT NULL\n",
    },
}


def without_fence() -> list[Patch]:
    """Complete a job by its id alone, whoever owns it by now."""
    read = sqltext.read

    @cache
    def unfenced(folder: Path, verb: str) -> str:
        text = read(folder, verb)
        for fence, replacement in UNFENCED.get(verb, {}).items():
            if fence not in text:
                message = f"{verb} has no {fence.strip()!r} that could be taken out."
                raise ValueError(message)
            text = text.replace(fence, replacement)
        return text

    return [(sqltext, "read", unfenced)]


class NoHeartbeat:
    """Nobody registers the worker and nobody renews its lease."""

    others = 0

    def __init__(self, *_: Any, **__: Any) -> None: ...

    async def start(self) -> None:
        """Start nothing."""

    async def stop(self, *, leave: bool = True) -> None:
        """Stop nothing."""


class NoMaintenance:
    """Nobody looks for jobs of dead workers, or deletes what is past its time."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    async def nothing(self) -> None:
        """Do nothing, at whatever pace."""

    rescue = rescue_in_company = listen = prune = roll_up = nothing


def without_leases() -> list[Patch]:
    """Work without a heartbeat and without maintenance."""
    return [(worker, "Heartbeat", NoHeartbeat), (worker, "Maintenance", NoMaintenance)]


PATCHES: Mapping[str, Callable[[], list[Patch]]] = {
    "fence": without_fence,
    "leases": without_leases,
}


def known() -> list[str]:
    """Return the features that this version has and that can be taken out."""
    settable = [
        name for name, given in BY_SETTING.items() if given.keys() <= Settings.model_fields.keys()
    ]
    return [*PATCHES, *settable]


def settings_without(features: Iterable[str]) -> dict[str, Any]:
    """Return the settings that switch features off."""
    return {k: v for feature in features for k, v in BY_SETTING.get(feature, {}).items()}


def take_out(features: Iterable[str]) -> None:
    """Take out of this process what no setting can switch off.

    Raises:
        AttributeError, ValueError: it is not where it was: this file has to be brought up to date.
    """
    for feature in features:
        for module, name, replacement in PATCHES[feature]() if feature in PATCHES else ():
            getattr(module, name)
            setattr(module, name, replacement)
