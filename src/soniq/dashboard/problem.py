"""What can go wrong with a request, as the answers that tell of it (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.exceptions import HTTPException

from soniq.errors import (
    DatabaseError,
    DatabaseUnreachable,
    InvalidOption,
    InvalidSearch,
    JobNotFound,
    JobProcessing,
    ScheduleNotFound,
    SchemaNotReady,
    SoniqError,
    WorkerNotFound,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is not what was asked for. ``detail`` says why, and what to do about it."""

    status: int
    detail: str
    code: str = "SONIQ_DASHBOARD_REFUSED"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def title(self) -> str:
        """The name of the status."""
        return HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Problem"


class Refused(Exception):
    """Raised to end a request with a problem for an answer."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.problem = Problem(status, detail, headers=named)


STATUSES: tuple[tuple[type[SoniqError], int], ...] = (
    (JobNotFound, 404),
    (ScheduleNotFound, 404),
    (WorkerNotFound, 404),
    (JobProcessing, 409),
    (InvalidOption, 400),
    (InvalidSearch, 400),
    (SchemaNotReady, 503),
    (DatabaseUnreachable, 503),
    (DatabaseError, 503),
)
UNREACHABLE = (
    "The database can't be reached at the moment. Workers try again by themselves; this page does "
    "when you load it again. `soniq status` says more."
)
UNEXPECTED = "This should not have happened. The log of the server that runs this page says more."


def problem_of(error: Exception) -> Problem:
    """Return the answer for an error: words of Soniq's own errors, nothing of any other.

    What a database says of itself (its host, its user) is for the log, not for a page.
    """
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail, headers=dict(error.headers or {}))
    if isinstance(error, SoniqError):
        for kind, status in STATUSES:
            if isinstance(error, kind):
                hidden = isinstance(error, DatabaseError) and not isinstance(error, SchemaNotReady)
                retry = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
                return Problem(status, UNREACHABLE if hidden else str(error), error.code, retry)
    return Problem(500, UNEXPECTED, "SONIQ_ERROR")
