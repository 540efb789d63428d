"""What all pages have in common: how things stand, where one is, and whether a part is enough."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.live import Snapshot
from soniq.dashboard.paths import path_of, root_of, url
from soniq.dashboard.render import render
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views import links, words
from soniq.dashboard.views.queues import totals

# What a page asks to be told of; see Live.
ON_TICK = "tick from:#live throttle:1s"


class Sure(NamedTuple):
    """A question that a page asks before something is done for good."""

    title: str
    text: str
    action: str
    label: str


async def page(
    request: Request,
    template: str,
    /,
    *,
    section: str,
    snapshot: Snapshot | None = None,
    follow: str | None = None,
    stream: str | None = None,
    status: int = 200,
    **context: Any,
) -> Response:
    """Return a page, or its ``<main>`` alone for a page that is already there.

    Args:
        request: what is answered.
        template: the name of the template; it extends ``page.html``.
        section: the route in the navigation that the page belongs to.
        snapshot: how things stand, where the page has read that already.
        follow: when the page is to be loaded again by itself, as htmx spells it.
        stream: the address that tells when; without, that which tells of how things stand.
        status: of the answer.
        context: what the template shows.
    """
    dashboard = dashboard_of(request)
    standing = snapshot or await dashboard.live.snapshot()
    confirm = request.query_params.get("confirm", "")
    base = {
        "section": section,
        "now": dashboard.soniq.clock.now(),
        "here": here(request),
        "back": here(request, without=("confirm",)),
        "confirm": confirm,
        "follow": None if confirm else follow,
        "stream": stream or url(request, "live", since=standing.position),
        "fragment": request.headers.get("hx-request") == "true",
        "searched": links.words,
        "shell": words.shell,
        "failing": totals(standing.standings).dead_letter,
    }
    response = render(request, template, status, **base, **context)
    response.headers["Vary"] = "HX-Request"
    return response


def here(request: Request, *, without: tuple[str, ...] = ()) -> str:
    """Return the path and query that were asked for, but for some of its parameters."""
    kept = [
        (name, value) for name, value in request.query_params.multi_items() if name not in without
    ]
    path = root_of(request.scope, "root_path") + quote(path_of(request.scope))
    return f"{path}?{urlencode(kept)}" if kept else path
