"""Which errors are the same failure: what varies from one to the next is left out. Pure text."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import NamedTuple

# As much of an error is looked at as ``DeadLetterStore.burials`` tells of it.
LOOKED_AT = 500
SHOWN = 200
DIGITS = 12
# What stands for whatever varies.
GAP = "…"

KIND = re.compile(r"[^\s:]+(?=:|$)")
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
# A quotation mark within a word is an apostrophe.
QUOTED = (
    re.compile(r"""(?:(?<!\w)|(?<=\b[bruf]))'(?:[^'\\]|\\.)*'(?!\w)"""),
    re.compile(r'''"(?:[^"\\]|\\.)*"'''),
    re.compile(r"`[^`]*`"),
    re.compile(r"[“„«][^“”„«»]*[”“»]"),
)
OPEN = re.compile(r"""(?<!\w)['"`“„«][^'"`“”„«»]*$""")
# In this order: what comes first keeps the later ones from seeing parts of it.
VARYING = (
    re.compile(r"\b[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b"),
    re.compile(
        rf"\b\d{{4}}-\d{{2}}-\d{{2}}[T ]{CLOCK}(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d{{2}}:?\d{{2}}))?"
    ),
    re.compile(rf"\b{DAY}, \d{{1,2}} {MONTH} \d{{4}} {CLOCK}(?: (?:GMT|UTC|[+-]\d{{4}}))?"),
    re.compile(rf"\b{DAY} {MONTH} +\d{{1,2}} {CLOCK} \d{{4}}\b"),
    re.compile(r"(?<=://)[^\s/@]+(?=@)"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<=[\w/]\?)[^\s'\"<>]+"),
    re.compile(r"\b0[xX][0-9a-fA-F]+\b"),
    re.compile(r"(?<=/tmp/)[^\s/'\"]+|\btmp[a-z0-9_]{8}\b"),
    re.compile(r"(?:(?<![\w)\]…])[-+]|\b)\d+(?:\.\d+)?[eE][-+]?\d+\b"),
    # Hexadecimal, and ids of letters and digits in no order.
    re.compile(r"(?<![^\W_])(?=\d*[a-fA-F])(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}(?![^\W_])"),
    re.compile(r"(?<![^\W_])(?=[A-Za-z]*\d+[A-Za-z])[A-Za-z0-9]{8,}(?![^\W_])"),
    # Numbers and what is made of them: dates, addresses, versions, amounts.
    re.compile(r"(?:(?<![\w)\]…])[-+])?\d+(?:[-:.,/_]\d+)*(?:[eE][-+]?\d+)?(?!\d)"),
)
SEVERAL = re.compile(r"(?<!\w)…(?:[\s,;:/._-]+…)+(?!\w)|('…')(?:, ?'…')+")


class Fingerprint(NamedTuple):
    """``id``: the same for the same failure. ``error``: its text, with … for what varies."""

    id: str
    error: str


def fingerprint(error: str | None, *, job_name: str, reason: str) -> Fingerprint:
    """Return by what a dead letter is known for the same failure as others.

    They are the same if they are of one task, of one reason, and if their errors differ only in
    numbers, ids, addresses, times, quoted text and the like. Ids are 12 hexadecimal digits, the
    same in every process and on every backend; another version of Soniq may count them otherwise.
    """
    text = normalised((error or "")[:LOOKED_AT])
    parts = json.dumps([job_name, reason, text]).encode()
    return Fingerprint(hashlib.sha256(parts).hexdigest()[:DIGITS], text)


@lru_cache(maxsize=2048)
def normalised(error: str) -> str:
    """Return an error without what varies: the kind of error as it is, a message with … in it."""
    text = " ".join(error.split())
    kind = KIND.match(text)
    start = kind.end() if kind else 0
    message = text[start:]
    for quoted in QUOTED:
        message = quoted.sub(f"'{GAP}'", message)
    if len(error) >= LOOKED_AT:
        # The other quotation mark has been cut off.
        message = OPEN.sub(f"'{GAP}'", message)
    for varying in VARYING:
        message = varying.sub(GAP, message)
    message = SEVERAL.sub(lambda found: found[1] or GAP, message)
    return (text[:start] + message)[:SHOWN]
