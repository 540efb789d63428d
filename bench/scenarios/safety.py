"""Safety: what each feature costs that nobody needs on a good day.

Each case drains by the worker as it is and by one without the feature, in turn. The ratio is that
of the first to the second: what is left of the speed with the feature on.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.peers.soniq_without import known
from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS = 100_000
OFF = "switched off"
TITLES = {
    "fence": "fence: a completion names claim and worker",
    "leases": "leases: heartbeat and maintenance",
    "rollups": "rollups: counts for each minute",
    "deadlines": "deadlines: handlers that run too long are cancelled",
    "results": "results: what handlers return is kept",
}


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Drain by one process."""
    jobs = bench.sizes.jobs(JOBS)
    with bench.place(system, store) as place:
        bench.fill(place, jobs)
        return bench.drain(place, jobs, **case.parameters)


def switched(name: str, features: Sequence[str]) -> Case:
    """Return the case of features that are on or off together."""
    # Without a value there is no result to be kept.
    parameters = {"returns": True} if "results" in features else {}
    return Case(name, parameters, {OFF: {"without": list(features)}, "soniq": {}})


SCENARIO = Scenario(
    "safety",
    "drain with and without a safety feature",
    run,
    base=OFF,
    stores=("postgres",),
    only=("soniq",),
    cases=(
        *(switched(TITLES[feature], [feature]) for feature in TITLES if feature in known()),
        switched("all of these", known()),
    ),
)
