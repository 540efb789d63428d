"""Texts that only this dashboard can have written: sessions, messages, tokens against forgery."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from hashlib import sha256
from typing import Any

from soniq.clock import Clock


class Signer:
    """Signs what a browser is to keep, and takes back only what is unchanged and still valid.

    ``secret``: the same in all processes that serve one dashboard; None makes one up for this
    process. Each ``purpose`` is signed by a key of its own.
    """

    def __init__(self, secret: bytes | None, clock: Clock) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock

    def pack(self, purpose: str, value: Any, *, seconds: int) -> str:
        """Return a text that holds ``value`` (JSON) and is valid for so long."""
        body = json.dumps([self._now() + seconds, value], separators=(",", ":"))
        text = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
        return f"{text}.{self._mac(purpose, text)}"

    def unpack(self, purpose: str, text: str) -> Any:
        """Return what a text of ``pack`` holds; None if it is not one, or no longer valid."""
        body, _, mac = text.partition(".")
        if not same(mac, self._mac(purpose, body)):
            return None
        ends, value = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return value if self._now() < ends else None

    def token(self, purpose: str, bound_to: str, *, seconds: int) -> str:
        """Return a text that proves, for so long, that this dashboard has shown it to somebody."""
        ends = self._now() + seconds
        return f"{ends}.{self._mac(purpose, f'{ends}.{bound_to}')}"

    def accepts(self, purpose: str, bound_to: str, token: str) -> bool:
        """Tell whether ``token`` was made for the same purpose and bearer, and is still valid."""
        ends, _, mac = token.partition(".")
        if not same(mac, self._mac(purpose, f"{ends}.{bound_to}")):
            return False
        return self._now() < int(ends)

    def _mac(self, purpose: str, text: str) -> str:
        key = hmac.digest(self._secret, purpose.encode(), sha256)
        return hmac.new(key, text.encode(), sha256).hexdigest()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def same(given: str, wanted: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def digest(key: str) -> bytes:
    """Return what is kept of a key to compare with: never the key itself."""
    return sha256(key.encode()).digest()
