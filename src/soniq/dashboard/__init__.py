"""The dashboard: pages and a JSON API over the services of an app, as one ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from soniq.errors import ExtraMissing

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from soniq.app import Soniq
    from soniq.dashboard.users import Auth
    from soniq.redact import Hook

__all__ = ["create_dashboard_app"]

NEEDED = ("starlette", "jinja2")


def create_dashboard_app(
    soniq: Soniq,
    *,
    auth: Auth | None = None,
    api_key: str | None = None,
    write: bool | None = None,
    hosts: Sequence[str] | None = None,
    redact: Hook | None = None,
) -> Starlette:
    """Return the dashboard of an app, to be mounted under any path or to be served alone.

    Without ``auth`` and without a key it serves clients on this computer only.

    Args:
        soniq: the app to look at and to operate.
        auth: called with the Starlette request, sync or async; returns who it is (a ``User``, or
            the role ``"viewer"`` or ``"operator"``), or None for nobody. It must not block.
        api_key: a key of at least 16 characters; whoever has it is an operator (the setting
            ``dashboard_api_key``).
        write: whether operators may change anything (the setting ``dashboard_write_enabled``).
        hosts: names under which it may be reached besides those of this computer, such as
            ``jobs.example.com`` or ``*.example.com`` (the setting ``dashboard_hosts``).
        redact: called with the name and a copy of the arguments of a job; returns what may be
            shown of them. Values with names such as ``password`` are hidden in any case (the
            setting ``redact_keys`` adds names).

    Raises:
        ExtraMissing: Starlette or Jinja2 is not installed.
        ConfigurationError: a key that is too short, or a host name that can't be one.

    Example:
        .. code-block:: python

            site.mount("/jobs", create_dashboard_app(soniq, auth=who_is_it))
    """
    require(NEEDED)
    from soniq.dashboard.app import assemble  # noqa: PLC0415 - only where it is installed

    return assemble(soniq, auth=auth, api_key=api_key, write=write, hosts=hosts, redact=redact)


def require(packages: Sequence[str]) -> None:
    """Raise ExtraMissing where one of these packages is not installed."""
    missing = [name for name in packages if not is_installed(name)]
    if missing:
        message = (
            f"The dashboard needs {' and '.join(missing)}, which this environment lacks: "
            "pip install 'soniq[dashboard]'."
        )
        raise ExtraMissing(message)


def is_installed(package: str) -> bool:
    """Tell whether a package can be imported, without doing so."""
    try:
        return find_spec(package) is not None
    except ValueError:  # somebody has taken it out of reach
        return False
