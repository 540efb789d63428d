"""Who sent a request: by a key in a header, by the cookie of a login, or as ``auth=`` says."""

from __future__ import annotations

import hmac
import inspect
import math
import secrets
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.problem import Refused
from soniq.dashboard.signing import Signer, digest
from soniq.dashboard.throttle import Throttle
from soniq.dashboard.users import KEYHOLDER, LOCAL, Auth, Identity, User

SESSION_COOKIE = "soniq_session"
SESSION_SECONDS = 12 * 3600
CSRF_SECONDS = 24 * 3600
BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who sent a request. ``session``: what a token of theirs is bound to.

    ``by_key``: a key in a header says so, which no other site can make a browser send.
    """

    user: User | None
    session: str = ""
    by_key: bool = False

    @property
    def bearer(self) -> str:
        """Whom a token against forgery belongs to."""
        return f"{self.user.name if self.user else ''}/{self.session}"


class Gate:
    """Tells who somebody is; ``closed``: everybody has to say so."""

    def __init__(
        self, *, auth: Auth | None, api_key: str | None, signer: Signer, throttle: Throttle
    ) -> None:
        self._auth = auth
        self._key = None if api_key is None else digest(api_key)
        self._signer = signer
        self._throttle = throttle
        self.closed = auth is not None or api_key is not None

    @property
    def with_key(self) -> bool:
        """Whether there is a key to log in with."""
        return self._key is not None

    async def admit(self, request: Request) -> Admitted:
        """Return who sent the request.

        Raises:
            Refused: 401 for a wrong key in a header, 429 after too many of them.
        """
        if not self.closed:
            return Admitted(LOCAL)
        given = key_in_headers(request) if self.with_key else None
        if given is not None and self._matches(request, given):
            return Admitted(KEYHOLDER, by_key=True)
        session = self._session_of(request)
        if session is not None:
            return Admitted(KEYHOLDER, session)
        user = await self._ask(request)
        if user is None and given is not None:
            self._throttle.fail(address_of(request))
            raise Refused(401, "This is not the key.", www_authenticate="Bearer")
        return Admitted(user)

    def is_key(self, request: Request, given: str) -> bool:
        """Tell whether somebody has given the key; counts if not.

        Raises:
            Refused: 429 after too many wrong ones from this address.
        """
        right = self._matches(request, given)
        if not right:
            self._throttle.fail(address_of(request))
        return right

    def _matches(self, request: Request, given: str) -> bool:
        """Tell whether it is the key; Refused (429) where too many wrong ones came from there.

        A wrong one is not counted: it may be a token that ``auth=`` knows.
        """
        wait = self._throttle.wait(address_of(request))
        if wait > 0:
            seconds = math.ceil(wait)
            message = f"Too many wrong keys from this address. Try again in {seconds} s."
            raise Refused(429, message, retry_after=str(seconds))
        return self._key is not None and hmac.compare_digest(digest(given), self._key)

    def csrf(self, admitted: Admitted) -> str:
        """Return the token that writes of theirs have to carry."""
        return self._signer.token("csrf", admitted.bearer, seconds=CSRF_SECONDS)

    def check_csrf(self, admitted: Admitted, token: str) -> None:
        """Refuse a write without a token that was shown to the same person (Refused: 403)."""
        if not self._signer.accepts("csrf", admitted.bearer, token):
            message = (
                "The page that this came from is too old, or from somebody else's session. Load "
                "it again and repeat what you did; nothing was changed."
            )
            raise Refused(403, message)

    def log_in(self, request: Request, response: Response) -> None:
        """Have a browser keep that its user has given the key."""
        session = self._signer.pack("session", secrets.token_urlsafe(16), seconds=SESSION_SECONDS)
        keep(request, response, SESSION_COOKIE, session, seconds=SESSION_SECONDS)

    def log_out(self, request: Request, response: Response) -> None:
        """Have a browser forget it."""
        forget(request, response, SESSION_COOKIE)

    def _session_of(self, request: Request) -> str | None:
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie is None or self._key is None:
            return None
        return cast("str | None", self._signer.unpack("session", cookie))

    async def _ask(self, request: Request) -> User | None:
        if self._auth is None:
            return None
        answer = self._auth(request)
        return user_of(await answer if inspect.isawaitable(answer) else answer)


def key_in_headers(request: Request) -> str | None:
    """Return the key that a header holds, if one does."""
    authorization = request.headers.get("authorization", "")
    if authorization[: len(BEARER)].lower() == BEARER:
        return authorization[len(BEARER) :].strip()
    return request.headers.get("x-api-key")


def address_of(request: Request) -> str:
    """Return where a request comes from; nothing where the server does not know."""
    return request.client.host if request.client else ""


def user_of(identity: Identity) -> User | None:
    """Return who an ``auth=`` function means.

    Raises:
        TypeError: it returned something else than a user, a role or None.
    """
    if identity is None or isinstance(identity, User):
        return identity
    if identity in {"viewer", "operator"}:
        return User(identity, identity)
    message = f"auth= returned {identity!r}: return a User, 'viewer', 'operator' or None."
    raise TypeError(message)


def keep(request: Request, response: Response, name: str, value: str, *, seconds: int) -> None:
    """Have a browser keep a cookie for this dashboard alone."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def forget(request: Request, response: Response, name: str) -> None:
    """Have a browser forget a cookie."""
    response.delete_cookie(
        name,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
