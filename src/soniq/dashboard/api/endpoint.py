"""One operation of the API: how it is called, what it takes and returns, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq.dashboard.answers import as_json
from soniq.dashboard.api.parameters import Parameter, read_query
from soniq.dashboard.deeds import Act, Failed
from soniq.dashboard.operations import Operation
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.users import User, can_write


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: whose, and with which parameters."""

    dashboard: Dashboard
    user: User
    path: Mapping[str, str]
    query: Mapping[str, Any]
    request: Request


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an action: ``message`` says it, ``detail`` has the ids of new jobs."""

    action: str
    target: str
    message: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. ``returns``: the class of the answer, from which its schema is made.

    ``shape``: whether it returns one, a list of them, or a page of a search.
    """

    path: str
    summary: str
    answer: Callable[[Call], Awaitable[object]]
    returns: type
    shape: Literal["one", "list", "page"] = "one"
    parameters: Sequence[Parameter] = ()
    method: Literal["GET", "POST", "DELETE"] = "GET"

    @property
    def name(self) -> str:
        """Its id, such as ``get_jobs_id_why``."""
        words = self.path.removeprefix("/api/").translate(str.maketrans("/-", "__", "{}"))
        return f"{self.method.lower()}_{words}"


def acting(method: Literal["POST", "DELETE"], path: str, summary: str, act: Act) -> Endpoint:
    """Return the operation that does what an action of the pages does, and notes it likewise.

    What can't be done as things stand is answered with 409.
    """

    async def answer(call: Call) -> object:
        dashboard = call.dashboard
        outcome = await act(call.request, dashboard, call.user)
        dashboard.forget()
        if isinstance(outcome, Failed):
            raise Refused(409, outcome.message)
        if isinstance(outcome, Operation):
            return Acted(outcome.action, outcome.subject, "Begun.", {"operation": outcome.id})
        deed = (outcome.action, outcome.target, outcome.detail)
        await dashboard.soniq.audit.note(call.user.actor, *deed)
        return Acted(outcome.action, outcome.target, outcome.message, outcome.detail)

    return Endpoint(path, summary, answer, Acted, method=method)


def routes_of(endpoints: Sequence[Endpoint]) -> list[Route]:
    """Return the routes of operations, in order; those of one path must stand together."""
    grouped = groupby(endpoints, key=lambda endpoint: endpoint.path)
    return [route_of(path, list(group)) for path, group in grouped]


def route_of(path: str, endpoints: Sequence[Endpoint]) -> Route:
    """Return one route for all operations of a path."""
    by_method = {endpoint.method: endpoint for endpoint in endpoints}

    async def serve(request: Request) -> Response:
        endpoint = by_method["GET" if request.method == "HEAD" else request.method]  # type: ignore[index]
        user: User = request.state.user
        query = read_query(endpoint.parameters, request.query_params.multi_items())
        call = Call(dashboard_of(request), user, request.path_params, query, request)
        response = as_json(shaped(endpoint, await endpoint.answer(call)))
        if can_write(request):
            # For programs that are known by a cookie: they send it back with what they change.
            response.headers["x-soniq-csrf"] = request.state.csrf
        return response

    name = endpoints[0].name
    return Route(path, serve, methods=list(by_method), name=name)


def shaped(endpoint: Endpoint, value: Any) -> object:
    """Return the document of an answer."""
    match endpoint.shape:
        case "list":
            return {"items": value}
        case "page":
            return {"items": value.items, "looked_at": value.looked_at, "next": value.next}
        case "one":
            return value
