"""The systems that are compared; their versions are pinned here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Store = Literal["postgres", "sqlite", "memory", "redis"]

PGQUEUER = ("pgqueuer[asyncpg]==1.6.0", "uvloop==0.23.0")
PROCRASTINATE = ("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9")
OBAN = ("oban==0.7.0",)
TASKIQ_PG = ("taskiq==0.11.20", "taskiq-pg==0.2.0", "asyncpg==0.32.0")  # no newer taskiq
TASKIQ_REDIS = ("taskiq==0.13.0", "taskiq-redis==1.2.4")
SAQ_POSTGRES = ("saq[postgres]==0.26.4", "psycopg[binary]==3.3.9", "uvloop==0.23.0")
SAQ_REDIS = ("saq[redis]==0.26.4", "typing-extensions==4.16.0", "uvloop==0.23.0")
ARQ = ("arq==0.28.0",)
CELERY = ("celery[redis]==5.7.0",)
GRAPHILE = ("graphile-worker==0.17.3", "pg==8.23.1")  # 0.18 needs Node 22


@dataclass(frozen=True, slots=True)
class System:
    """A system with the options that it is run with.

    ``needs`` are the packages of its environment; without any it runs in the project's own.
    ``share`` is the part of a scenario's jobs that it gets, for systems that would take too long.
    ``live`` systems run only what is enqueued while their worker listens.
    ``can`` are the commands that its adapter carries out.
    ``node`` systems are for Node: packages and adapter (an ``.mjs``) are.
    """

    name: str
    adapter: str
    stores: tuple[Store, ...]
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    share: float = 1.0
    python: str | None = None
    live: bool = False
    node: bool = False
    can: frozenset[str] = frozenset({"one", "concurrent", "bulk", "latency", "worker"})

    @property
    def module(self) -> str:
        """Return the module of the adapter."""
        return f"bench.peers.{self.adapter}"


ALL = frozenset({"one", "concurrent", "bulk", "within", "latency", "worker"})
PRODUCES = frozenset({"one", "concurrent", "bulk", "within"})

SYSTEMS = (
    System("soniq", "soniq", ("postgres", "sqlite", "memory"), can=ALL),
    System("INSERT", "bare", ("postgres", "sqlite"), can=PRODUCES),
    System(
        "INSERT, NOTIFY, UPDATE",
        "bare",
        ("postgres",),
        options={"calls": True},
        can=frozenset({"latency"}),
    ),
    System("pgqueuer", "pgqueuer", ("postgres",), PGQUEUER, can=ALL, share=0.5),
    System(
        "pgqueuer tuned",
        "pgqueuer",
        ("postgres",),
        PGQUEUER,
        {"batch_size": 500, "uvloop": True},
        can=ALL,
    ),
    System("procrastinate", "procrastinate", ("postgres",), PROCRASTINATE, share=0.05),
    System("oban", "oban", ("postgres",), OBAN, share=0.2, python=">=3.12"),
    System("taskiq-pg", "taskiq", ("postgres",), TASKIQ_PG, share=0.1, live=True),
    System("saq postgres", "saq", ("postgres",), SAQ_POSTGRES, share=0.1),
    System(
        "graphile-worker tuned",
        "graphile",
        ("postgres",),
        GRAPHILE,
        {"concurrentJobs": 24, "localQueue": 500, "completeJobBatchDelay": 0},
        node=True,
    ),
    System("taskiq-redis", "taskiq", ("redis",), TASKIQ_REDIS, share=0.2),
    System("saq redis", "saq", ("redis",), SAQ_REDIS, share=0.2),
    System("arq", "arq", ("redis",), ARQ, share=0.05),
    System("celery", "celery", ("redis",), CELERY, share=0.2),
)
BASES = frozenset({"INSERT", "INSERT, NOTIFY, UPDATE"})


def named(names: list[str] | None) -> list[System]:
    """Return the systems of these names, bases included; all without names.

    A name also stands for those that begin with it: ``pgqueuer`` for ``pgqueuer tuned``.

    Raises:
        ValueError: a name that no system has.
    """
    if names is None:
        return list(SYSTEMS)
    for name in names:
        if not any(system.name.startswith(name) for system in SYSTEMS):
            known = ", ".join(system.name for system in SYSTEMS)
            message = f"Unknown system {name!r}. Known: {known}."
            raise ValueError(message)
    chosen = tuple(names)
    return [one for one in SYSTEMS if one.name.startswith(chosen) or one.name in BASES]
