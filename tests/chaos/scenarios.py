"""The runs that a plan can name: each does what the plan says and returns the history."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.checker import dead, lost, violations
from tests.chaos.figures import figure
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.history import History
from tests.chaos.plan import Plan
from tests.chaos.zygote import Order, Zygote

# Kills from outside know no innocence: a job that is hit three times, in the end alone, would be
# taken for what kills the process. That rule has a test of its own.
SETTINGS = {"max_crashes": 1000}
IN_TRANSACTION = ("transaction.before_commit", "transaction.committed", "handler.after")
CHARGES_EACH = 10  # jobs for each worker that is to die over them


@dataclass(frozen=True, slots=True)
class Result:
    """A run that is over. ``wrong`` holds a line for each broken promise."""

    plan: Plan
    history: History
    seconds: float
    wrong: list[str]

    def report(self) -> str:
        """Return what is wrong and how to see it again."""
        return "\n".join([*self.wrong, "Again:", self.plan.replay()])


async def run(plan: Plan, zygote: Zygote, url: str, folder: str) -> Result:
    """Carry out a plan on an empty database, publish its figures, and return what came of it."""
    order = Order(
        url,
        folder,
        concurrency=plan.concurrency,
        settings=SETTINGS,
        sabotage=tuple(plan.sabotage),
    )
    began = time.monotonic()
    async with fleet(zygote, order) as made:
        await SCENARIOS[plan.name](plan, made)
        codes = await made.stop()
        history = await made.history()
    wrong = violations(history)
    wrong += [f"a worker ended with exit code {code}" for code in codes if code]
    result = Result(plan, history, time.monotonic() - began, wrong)
    publish(result)
    return result


async def kills(plan: Plan, made: Fleet) -> None:
    """Kill workers at chance moments and at crash points, while the producer keeps up."""
    for _ in range(plan.workers):
        made.start()
    each = plan.jobs // (plan.kills or 1) if plan.kills else plan.jobs
    for step in plan.steps():
        if len(made.kills) >= plan.kills:
            break
        await enqueue_work(plan, made, min(each, plan.jobs - len(made.enqueues)))
        await asyncio.sleep(step.after)
        if not await made.bury():
            living = list(made.living.values())
            await made.kill(living[int(step.victim * len(living))])
        while len(made.living) < plan.workers:
            made.start(crash=step.crash)
        if len(made.kills) % 50 == 0:
            await made.look()
    await settle_down(plan, made)


async def charges(plan: Plan, made: Fleet) -> None:
    """Let every worker die in the middle of a handler's transaction, or right behind it."""
    await die_charging(plan, made, "chaos.charge", IN_TRANSACTION)


async def plain_charges(plan: Plan, made: Fleet) -> None:
    """Let every worker die between an effect and the outcome, with nothing to tie them."""
    await die_charging(plan, made, "chaos.charge_plainly", ("handler.after",))


async def die_charging(plan: Plan, made: Fleet, task: str, points: Sequence[str]) -> None:
    """Start workers that end at one of these points, until there were enough."""
    chance = random.Random(plan.seed)
    while len(made.kills) < plan.kills:
        while len(made.living) < plan.workers:
            await made.enqueue(task, [{}] * CHARGES_EACH)
            made.start(crash=f"{chance.choice(points)}:{chance.randint(1, 3)}")
        await asyncio.sleep(plan.pause)
        await made.bury()
    await settle_down(plan, made)


async def settle_down(plan: Plan, made: Fleet) -> None:
    """Enqueue what is left of the jobs and wait for the end of all, with workers that may stay."""
    await enqueue_work(plan, made, plan.jobs - len(made.enqueues))
    deadline = time.monotonic() + plan.patience
    while time.monotonic() < deadline and not await made.until_all_ended(0.5):
        await made.bury()  # a crash point may still be armed
        while len(made.living) < plan.workers:
            made.start()
    await made.look()


async def enqueue_work(plan: Plan, made: Fleet, count: int) -> None:
    """Enqueue ordinary jobs."""
    if count > 0:
        durations = plan.durations(len(made.enqueues), count)
        await made.enqueue("chaos.work", [{"seconds": seconds} for seconds in durations])


SCENARIOS: dict[str, Callable[[Plan, Fleet], Awaitable[None]]] = {
    "kills": kills,
    "charges": charges,
    "plain-charges": plain_charges,
}


def recovery_times(history: History) -> list[float]:
    """Return, for each job that a kill has hit, the seconds from the kill to its next start."""
    killed = {kill.process: kill.at for kill in history.kills}
    return sorted(
        again.at - killed[before.process]
        for starts in history.steps("start").values()
        for before, again in pairwise(starts)
        if before.process in killed
    )


def publish(result: Result) -> None:
    """Tell the figures of a run."""
    plan, history = result.plan, result.history
    times = recovery_times(history)
    figure(
        f"{plan.name} on {plan.backend}" + "".join(f", no {guard}" for guard in plan.sabotage),
        seed=plan.seed,
        jobs=len(history.enqueues),
        kills=len(history.kills),
        lost=lost(history),
        dead_letters=len(dead(history)),
        extra_runs=history.extra(),
        charged_twice=sum(number > 1 for number in history.committed.values()),
        jobs_hit=sum(kill.held or 0 for kill in history.kills),
        most_crashes=max((row.crashes for row in history.rows), default=0),
        recovery_median=round(statistics.median(times), 2) if times else None,
        recovery_most=round(times[-1], 2) if times else None,
        seconds=round(result.seconds, 1),
    )
