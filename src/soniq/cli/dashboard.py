"""``soniq dashboard``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli.exits import Exit, fail
from soniq.cli.options import DatabaseUrl, Target

if TYPE_CHECKING:
    import socket

    from starlette.applications import Starlette

    from soniq.app import Soniq
    from soniq.dashboard.state import Dashboard

# Addresses that stand for all that a computer has.
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - to tell them, not to bind them

Host = Annotated[str, typer.Option(help="The address to listen at.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")]
Write = Annotated[
    bool | None,
    typer.Option(
        "--write/--read-only",
        help="Whether operators may act (default: SONIQ_DASHBOARD_WRITE_ENABLED, else read-only).",
    ),
]
Hosts = Annotated[
    str | None,
    typer.Option(
        "--hosts",
        help="Host names that it goes by, such as jobs.example.com (SONIQ_DASHBOARD_HOSTS).",
    ),
]
RootPath = Annotated[
    str, typer.Option("--root-path", help="The path that a proxy takes off, such as /jobs.")
]


def dashboard(
    target: Target = None,
    *,
    host: Host = "127.0.0.1",
    port: Port = 6161,
    write: Write = None,
    hosts: Hosts = None,
    root_path: RootPath = "",
    database_url: DatabaseUrl = None,
) -> None:
    """Show jobs, queues and workers in a browser, until SIGTERM or Ctrl-C.

    Whoever is on this computer may look; SONIQ_DASHBOARD_API_KEY lets in who has the key.
    """
    # Imported late: `soniq --help` needs none of it and is to be quick.
    import asyncio  # noqa: PLC0415

    from soniq.cli.worker import split  # noqa: PLC0415
    from soniq.dashboard import create_dashboard_app, require  # noqa: PLC0415

    require(("starlette", "jinja2", "uvicorn"))
    from soniq.dashboard.security import as_host, is_loopback  # noqa: PLC0415
    from soniq.dashboard.serve import listen  # noqa: PLC0415

    app = app_for(target, database_url)
    names = list(app.settings.dashboard_hosts) if hosts is None else split(hosts)
    if not is_loopback(host):
        refuse_the_world(app, host, names)
    own = [] if host in EVERYWHERE else [as_host(host)]
    page = create_dashboard_app(app, write=write, hosts=[*names, *own])
    asyncio.run(work(app, page, listen(host, port), root_path))


def refuse_the_world(app: Soniq, host: str, names: list[str]) -> None:
    """End the command (exit code 2) where others could reach the dashboard, but should not.

    Without a key everybody could look; without a name nobody could.
    """
    if app.settings.dashboard_api_key is None:
        message = (
            f"{host} can be reached from other computers, and without a key everybody there could "
            "look. Set SONIQ_DASHBOARD_API_KEY first, or leave --host away to serve this computer "
            "alone."
        )
        raise fail(message, Exit.USAGE)
    if not names and host in EVERYWHERE:
        message = (
            f"{host} stands for every address of this computer. Say by which names the dashboard "
            "may be asked for, such as --hosts jobs.example.com (SONIQ_DASHBOARD_HOSTS)."
        )
        raise fail(message, Exit.USAGE)


def app_for(target: str | None, database_url: str | None) -> Soniq:
    """Return the app that is named, or one on the database that is meant."""
    from soniq import settings as configuration  # noqa: PLC0415
    from soniq.app import Soniq  # noqa: PLC0415
    from soniq.cli import load, logs, worker_run  # noqa: PLC0415

    settings = configuration.load()
    if target or settings.app or settings.jobs_modules:
        return worker_run.prepare(target, database_url)
    app = Soniq(database_url=database_url or load.default_file())
    logs.configure(app.settings.log_level, app.settings.log_format)
    return app


async def work(app: Soniq, page: Starlette, listening: socket.socket, root_path: str) -> None:
    """Serve the dashboard under the signals of this process; close the app afterwards."""
    from soniq.cli import load  # noqa: PLC0415
    from soniq.dashboard.serve import serve  # noqa: PLC0415

    board: Dashboard = page.state.dashboard
    address = address_of(listening) + root_path.rstrip("/")

    def ready() -> None:
        typer.echo(
            f"Dashboard: {address}/ ({access(board)}); jobs at {load.place_of(app)}", err=True
        )

    try:
        await load.refuse_empty(app)
        await serve(page, listening, root_path=root_path, ready=ready)
    finally:
        listening.close()
        await app.close()


def address_of(listening: socket.socket) -> str:
    """Return the address that leads to a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def access(board: Dashboard) -> str:
    """Return who may do what, in words."""
    who = "with the key" if board.gate.with_key else "from this computer alone"
    return f"{'reading and acting' if board.write else 'read-only'}, {who}"
