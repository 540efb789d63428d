"""What operators do: POST routes that act, note it in the audit log, and lead to the next page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq.dashboard import deeds, login
from soniq.dashboard.answers import see_other
from soniq.dashboard.deeds import Act, Failed
from soniq.dashboard.operations import Operation
from soniq.dashboard.paths import url
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.users import User
from soniq.errors import DatabaseError, SoniqError


def acting(path: str, act: Act, name: str) -> Route:
    """Return the route of one action.

    What went as wished is noted with its author, then told on the next page. What Soniq refuses,
    such as to delete a job that runs, is told and not noted: it has changed nothing.
    """

    async def endpoint(request: Request) -> Response:
        dashboard = dashboard_of(request)
        user: User = request.state.user  # the guard lets nobody act without a name
        try:
            outcome = await act(request, dashboard, user)
        except DatabaseError:
            raise
        except SoniqError as error:
            return see_other(request, str(error), "failed")
        dashboard.forget()
        if isinstance(outcome, Failed):
            return see_other(request, outcome.message, "failed")
        if isinstance(outcome, Operation):
            return see_other(request, to=url(request, "operation", id=outcome.id))
        await dashboard.soniq.audit.note(user.actor, outcome.action, outcome.target, outcome.detail)
        page = outcome.page and url(request, outcome.page[0], id=outcome.page[1])
        return see_other(request, outcome.message, otherwise=page)

    return Route(path, endpoint, methods=["POST"], name=name)


ROUTES = [
    acting("/jobs/{id}/cancel", deeds.cancel_job, "cancel_job"),
    acting("/jobs/{id}/retry", deeds.retry_job, "retry_job"),
    acting("/jobs/{id}/clone", deeds.clone_job, "clone_job"),
    acting("/jobs/{id}/delete", deeds.delete_job, "delete_job"),
    acting("/bulk", deeds.bulk, "start_bulk"),
    acting("/queues/{name:path}/pause", deeds.pause_queue, "pause_queue"),
    acting("/queues/{name:path}/resume", deeds.resume_queue, "resume_queue"),
    acting("/dead-letters/{id}/replay", deeds.replay_letter, "replay_letter"),
    acting("/dead-letters/{id}/delete", deeds.delete_letter, "delete_letter"),
    acting("/failures/{fingerprint}/replay", deeds.replay_failures, "replay_failures"),
    acting("/failures/{fingerprint}/delete", deeds.delete_failures, "delete_failures"),
    acting("/schedules/{name:path}/run", deeds.run_schedule, "run_schedule"),
    acting("/schedules/{name:path}/pause", deeds.pause_schedule, "pause_schedule"),
    acting("/schedules/{name:path}/resume", deeds.resume_schedule, "resume_schedule"),
    acting("/workers/{id}/quiet", deeds.quiet_worker, "quiet_worker"),
    acting("/workers/{id}/resume", deeds.resume_worker, "resume_worker"),
    acting("/workers/{id}/stop", deeds.stop_worker, "stop_worker"),
    acting("/operations/{id}/stop", deeds.stop_operation, "stop_operation"),
    Route("/login", login.log_in, methods=["POST"], name="log_in"),
    Route("/logout", login.log_out, methods=["POST"], name="log_out"),
]
