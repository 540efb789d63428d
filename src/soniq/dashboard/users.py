"""Who looks at the dashboard, and what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

Role = Literal["viewer", "operator"]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, by the name that the audit log keeps. A viewer looks; an operator acts, too."""

    name: str
    role: Role = "viewer"

    @property
    def actor(self) -> str:
        """What the audit log calls them."""
        return f"dashboard:{self.name}"


Identity = User | Role | None
Auth = Callable[[Request], Identity | Awaitable[Identity]]

# Who is served where nobody can be told apart: whoever sits at this computer.
LOCAL = User("local", "operator")
# Whoever has the key.
KEYHOLDER = User("key", "operator")


def can_write(request: Request) -> bool:
    """Tell whether whoever sent the request may change something here."""
    user: User | None = request.state.user
    writable: bool = request.app.state.dashboard.write
    return writable and user is not None and user.role == "operator"
