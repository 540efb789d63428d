"""A message about what was just done, for the page that is shown next."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.gate import forget, keep
from soniq.dashboard.signing import Signer
from soniq.dashboard.users import User

COOKIE = "soniq_flash"
SECONDS = 60
# Cookies hold 4 KiB at most, signed and encoded.
LONGEST = 1000

Kind = Literal["done", "failed"]


class Flash:
    """The message, if there is one: ``{% if flash %}{{ flash.message }}{% endif %}``.

    It is gone once a page has asked for its text; one that only looks whether there is one leaves
    it for the next.
    """

    def __init__(self, message: str = "", kind: Kind = "done") -> None:
        self._message = message
        self.kind: Kind = kind
        self.shown = False

    def __bool__(self) -> bool:
        """Tell whether there is a message."""
        return bool(self._message)

    @property
    def message(self) -> str:
        """The text."""
        self.shown = True
        return self._message


def read(request: Request, signer: Signer) -> Flash:
    """Return the message that the last request has left for this one's user."""
    text = request.cookies.get(COOKIE)
    left = signer.unpack(purpose(request), text) if text else None
    return Flash() if left is None else Flash(*left)


def leave(
    request: Request, response: Response, signer: Signer, message: str, kind: Kind = "done"
) -> None:
    """Leave a message for the next page."""
    value = [message if len(message) <= LONGEST else f"{message[:LONGEST]}…", kind]
    text = signer.pack(purpose(request), value, seconds=SECONDS)
    keep(request, response, COOKIE, text, seconds=SECONDS)


def remove(request: Request, response: Response) -> None:
    """Have the browser forget what has been shown."""
    forget(request, response, COOKIE)


def purpose(request: Request) -> str:
    """Return what a message is signed for: one user's eyes."""
    user: User | None = request.state.user
    return f"flash {user.name if user else ''}"
