"""Data may hold anything; a terminal must only get to see text."""

from __future__ import annotations

import re
import unicodedata

# To the last @: one inside of the password, or a slash that should have been encoded, must not
# spill half of it.
LOGIN_SECRET = re.compile(r"(://[^:@/?#]*:).*@", re.DOTALL)
URL_SECRETS = re.compile(r"(?i)([?&](?:password|sslpassword|passfile)=)[^&]*")
MASK = "***"


def escape(text: str, *, lines: bool = False) -> str:
    r"""Return text with everything that is not plainly visible spelled out, such as ``\x1b``.

    ``lines`` keeps line feeds and turns tabs into blanks; otherwise they are spelled out, too.
    """
    if lines:
        return "\n".join(escape(line) for line in text.expandtabs(4).split("\n"))
    if text.isprintable():
        return text
    return "".join(character if visible(character) else spell(character) for character in text)


def visible(character: str) -> bool:
    """Tell whether a character is a letter, a sign or a blank of any width."""
    return character.isprintable() or unicodedata.category(character) == "Zs"


def spell(character: str) -> str:
    r"""Return a character as Python writes it in source, such as ``\n`` or ``\u202e``."""
    return character.encode("unicode_escape").decode("ascii")


def mask_url(url: str) -> str:
    """Return a database URL that may be shown: the password is replaced by ``***``."""
    return URL_SECRETS.sub(rf"\g<1>{MASK}", LOGIN_SECRET.sub(rf"\g<1>{MASK}@", url))
