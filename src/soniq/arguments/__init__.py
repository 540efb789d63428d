"""Arguments on their way through the database: bound, checked, encoded, restored.

The rule: what arrives equals what was given, or it is refused before anything is written. Values
are JSON or what pydantic can turn into JSON; the handler's annotations turn them back.
"""

from __future__ import annotations

from soniq.arguments.codec import ArgumentCodec
from soniq.arguments.jsontext import decode, fingerprint
from soniq.arguments.model import check_model
from soniq.arguments.untyped import encode_plain, encode_result

__all__ = [
    "ArgumentCodec",
    "check_model",
    "decode",
    "encode_plain",
    "encode_result",
    "fingerprint",
]
