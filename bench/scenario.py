"""A scenario: what is measured, of whom, and which of its figures is the one to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench.run import Bench, Figures
from bench.systems import Store, System


@dataclass(frozen=True, slots=True)
class Case:
    """A variant of a scenario; the name is empty where there is only one.

    ``variants`` are rows to compare within a case, where those are not systems: the name of each,
    and the options that a system then has beside its own. Others than Soniq stand before the name.
    ``base`` is the one to compare with.
    """

    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    base: str | None = None

    def entrants(self, system: System) -> list[System]:
        """Return what a system enters the case as: itself, or one for each variant."""
        if not self.variants:
            return [system]
        prefix = "" if system.name == "soniq" else f"{system.name}, "
        return [
            replace(system, name=prefix + name, options={**system.options, **options})
            for name, options in self.variants.items()
        ]


Run = Callable[[Bench, System, Store, Case], Figures]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``run`` measures one case once, in a fresh place.

    ``headline`` is the figure that is shown with its spread and as a ratio to ``base``. ``needs``
    is the command that a system has to have; ``only`` names adapters, where not all take part.
    ``runs`` is the most that makes sense; ``seldom`` scenarios run only when they are asked for.
    """

    name: str
    title: str
    run: Run
    headline: str = "jobs_per_s"
    base: str = "soniq"
    needs: str = "worker"
    stores: tuple[Store, ...] = ("postgres", "redis", "sqlite", "memory")
    only: tuple[str, ...] | None = None
    cases: tuple[Case, ...] = (Case(),)
    runs: int | None = None
    seldom: bool = False

    def takes(self, system: System, store: Store) -> bool:
        """Tell whether a system takes part, on one of its stores."""
        return (
            store in self.stores
            and store in system.stores
            and self.needs in system.can
            and (self.only is None or system.adapter in self.only)
        )
