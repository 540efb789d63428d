"""What each action of an operator does. Refusals of a service are raised, and told elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request

from soniq import paging
from soniq.dashboard.operations import Operation, Work
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import Dashboard
from soniq.dashboard.users import User
from soniq.errors import InvalidOption, JobNotFound, JobProcessing
from soniq.jobs import Jobs

# So many are replayed while the browser waits; more go on behind its back.
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, to what; ``message`` says so to whoever did it.

    ``page``: the route and its parameters that show what came of it, if that is another page.
    """

    action: str
    target: str
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    page: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was done; ``message`` says why."""

    message: str


# An operation has noted itself.
Outcome = Done | Failed | Operation
Act = Callable[[Request, Dashboard, User], Awaitable[Outcome]]


async def cancel_job(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Cancel a job that waits, or have one stopped that runs."""
    job_id = request.path_params["id"]
    jobs = dashboard.soniq.jobs
    if not await jobs.cancel(job_id):
        if await jobs.get(job_id) is None:
            raise no_job(job_id)
        return Failed(f"Job {job_id} can't be cancelled: it has ended.")
    return Done(
        "jobs.cancel", job_id, f"Job {job_id} is cancelled, or will be once it has stopped."
    )


async def retry_job(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Run a job again, in the way that its state calls for."""
    job_id = request.path_params["id"]
    retried = await dashboard.soniq.jobs.retry(job_id)
    detail = {"how": retried.how, "job": retried.job_id}
    message = (
        f"Job {job_id} is due now."
        if retried.how == "hastened"
        else f"Job {job_id} is queued again as {retried.job_id}."
    )
    return Done("jobs.retry", job_id, message, detail, ("job", retried.job_id))


async def clone_job(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Enqueue another job like one."""
    job_id = request.path_params["id"]
    new_id = await dashboard.soniq.jobs.clone(job_id)
    message = f"Job {new_id} is queued, with the arguments of {job_id}."
    return Done("jobs.clone", job_id, message, {"job": new_id}, ("job", new_id))


async def delete_job(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Delete a job that does not run."""
    job_id = request.path_params["id"]
    if not await dashboard.soniq.jobs.delete(job_id):
        raise no_job(job_id)
    return Done("jobs.delete", job_id, f"Job {job_id} is deleted.")


async def bulk(request: Request, dashboard: Dashboard, user: User) -> Outcome:
    """Begin to cancel, retry or delete the jobs of the fields ``id``, or all that ``q`` finds."""
    form: dict[str, str] = request.state.form
    action = form.get("action", "")
    ids = [value for name, value in request.state.fields if name == "id"]
    if action not in ONE_BY_ONE or ("q" not in form and not ids):
        message = "The form lacks `q` (or `id`), or an `action`: cancel, retry or delete."
        raise Refused(400, message)
    start = partial(dashboard.operations.start, f"jobs.{action}", by=user.actor)
    act = partial(act_on, partial(ONE_BY_ONE[action], dashboard.soniq.jobs))
    if ids:
        return await start(", ".join(ids), partial(each, ids, act), expected=len(ids))
    preview = await dashboard.reading.preview(form["q"])
    found = dashboard.reading.matching(form["q"])
    if action == "cancel":
        found = paging.filtered(found, lambda job: job.finished_at is None)
    return await start(
        form["q"],
        lambda told: paging.act_on_all(found, lambda job: act(job.id), told=told),
        expected=preview.count if preview.exact else None,
    )


async def each(
    ids: Sequence[str], act: Callable[[str], Awaitable[object]], told: Callable[[int], None]
) -> int:
    """Deal with jobs one by one; return for how many that could be done."""
    count = 0
    for job_id in ids:
        count += await act_on(act, job_id)
        told(count)
    return count


async def act_on(act: Callable[[str], Awaitable[object]], job_id: str) -> bool:
    """Deal with one of many jobs; tell whether that could be done."""
    try:
        return bool(await act(job_id))
    except (JobNotFound, JobProcessing, InvalidOption):
        return False


ONE_BY_ONE = {"cancel": Jobs.cancel, "retry": Jobs.retry, "delete": Jobs.delete}


async def pause_queue(request: Request, dashboard: Dashboard, user: User) -> Outcome:
    """Let no worker claim from a queue."""
    queue = request.path_params["name"]
    reason = request.state.form.get("reason", "")
    await dashboard.soniq.queues.pause(queue, by=user.actor, reason=reason)
    message = f"Queue {queue} is paused; jobs that run go on."
    return Done("queues.pause", queue, message, {"reason": reason})


async def resume_queue(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Let workers claim from a queue again."""
    queue = request.path_params["name"]
    if not await dashboard.soniq.queues.resume(queue):
        return Failed(f"Queue {queue} was not paused.")
    return Done("queues.resume", queue, f"Queue {queue} goes on.")


async def replay_letter(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Queue a dead letter again as a new job."""
    letter_id = request.path_params["id"]
    new_id = await dashboard.soniq.dead_letter.replay(letter_id)
    message = f"Dead letter {letter_id} is queued again as job {new_id}."
    return Done("dead_letters.replay", letter_id, message, {"job": new_id}, ("job", new_id))


async def delete_letter(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Delete a dead letter."""
    letter_id = request.path_params["id"]
    if not await dashboard.soniq.dead_letter.delete(letter_id):
        message = f"There is no dead letter {letter_id} (any more)."
        raise JobNotFound(message)
    return Done("dead_letters.delete", letter_id, f"Dead letter {letter_id} is deleted.")


async def replay_failures(request: Request, dashboard: Dashboard, user: User) -> Outcome:
    """Replay the dead letters of one kind: the first few as a try, or begin with all."""
    fingerprint = request.path_params["fingerprint"]
    first = read_first(request.state.form.get("first", ""))
    letters = dashboard.soniq.dead_letter

    async def work(told: Callable[[int], None]) -> int:
        return len(await letters.replay_matching(fingerprint=fingerprint, first=first, told=told))

    if first is None or first > MOST_AT_ONCE:
        return await dashboard.operations.start("failures.replay", fingerprint, work, by=user.actor)
    count = await work(lambda _: None)
    if count == 0:
        return Failed("None of these was left to replay: all have been replayed before.")
    message = f"Replayed {count}: see what becomes of them before you replay the others."
    return Done("failures.replay", fingerprint, message, {"count": count})


async def delete_failures(request: Request, dashboard: Dashboard, user: User) -> Outcome:
    """Begin to delete the dead letters of one kind."""
    fingerprint = request.path_params["fingerprint"]
    letters = dashboard.soniq.dead_letter
    work: Work = lambda told: letters.delete_matching(fingerprint=fingerprint, told=told)  # noqa: E731
    return await dashboard.operations.start("failures.delete", fingerprint, work, by=user.actor)


async def run_schedule(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Enqueue the job of a schedule now, besides its ticks."""
    name = request.path_params["name"]
    job_id = await dashboard.soniq.scheduler.run_now(name)
    message = f"Job {job_id} of {name} is queued."
    return Done("schedules.run", name, message, {"job": job_id})


async def pause_schedule(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Let a schedule fire no more."""
    name = request.path_params["name"]
    await dashboard.soniq.scheduler.pause(name)
    return Done("schedules.pause", name, f"Schedule {name} is paused.")


async def resume_schedule(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Let a schedule fire again."""
    name = request.path_params["name"]
    await dashboard.soniq.scheduler.resume(name)
    return Done("schedules.resume", name, f"Schedule {name} goes on.")


async def quiet_worker(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Have a worker claim no more."""
    worker_id = request.path_params["id"]
    await dashboard.soniq.workers.quiet(worker_id)
    message = f"Worker {worker_id} will finish what it has, and claim no more."
    return Done("workers.quiet", worker_id, message)


async def resume_worker(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Have a quiet worker claim again."""
    worker_id = request.path_params["id"]
    await dashboard.soniq.workers.resume(worker_id)
    return Done("workers.resume", worker_id, f"Worker {worker_id} will claim jobs again.")


async def stop_worker(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Have a worker end as by SIGTERM."""
    worker_id = request.path_params["id"]
    await dashboard.soniq.workers.stop(worker_id)
    return Done("workers.stop", worker_id, f"Worker {worker_id} will finish what it has, and end.")


async def stop_operation(request: Request, dashboard: Dashboard, _: User) -> Outcome:
    """Stop an operation where it is."""
    operation_id = request.path_params["id"]
    if not dashboard.operations.stop(operation_id):
        return Failed("This operation does not run, or not in the process that you have reached.")
    return Done("operations.stop", operation_id, "Stopped. What has been done stays done.")


def no_job(job_id: str) -> JobNotFound:
    """Return the error for a job that there is not."""
    return JobNotFound(f"There is no job {job_id} (any more); it may be among the dead letters.")


def read_first(text: str) -> int | None:
    """Return how many to begin with, None for all.

    Raises:
        Refused: 400 for anything else.
    """
    if not text:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) <= MOST_AT_ONCE:
        return int(text)
    raise Refused(400, f"`first` is {text!r}: give 1 to {MOST_AT_ONCE}, or leave it empty for all.")
