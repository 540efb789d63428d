"""One call of ``soniq top``: look, show, wait, until that is enough."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from soniq.app import Soniq
from soniq.cli import load, render
from soniq.cli.top import screen
from soniq.cli.top.keys import quitting
from soniq.cli.top.look import look
from soniq.cli.top.screen import Show
from soniq.errors import DatabaseUnreachable


def run(database_url: str | None, *, once: bool, interval: float, as_json: bool) -> None:
    """Show looks until q or Ctrl-C, or the first one alone."""
    load.run(database_url, lambda app: watch(app, once=once, interval=interval, as_json=as_json))


async def watch(app: Soniq, *, once: bool, interval: float, as_json: bool) -> None:
    """Show looks in the way that suits whoever reads them."""
    # Before the screen is cleared: where nothing can be seen the reason must stay.
    first = await look(app)
    if render.on_terminal() and not once and not as_json:
        with quitting() as enough, screen.live() as show:
            show(first)
            await again(app, show, enough, interval)
        return
    show = screen.as_json if as_json else screen.printed
    show(first)
    if not once:
        await again(app, show, asyncio.Event(), interval)


async def again(app: Soniq, show: Show, enough: asyncio.Event, interval: float) -> None:
    """Wait, look and show, again and again; a database that is away for a while ends nothing."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), interval)
        if enough.is_set():
            return
        try:
            show(await look(app))
        except DatabaseUnreachable as error:
            show(str(error))
