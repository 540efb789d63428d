"""What pages show, made from what services return. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from soniq.dashboard.assets import shipped
from soniq.dashboard.views import audit, numbers, times, tracebacks, tree, words

FILTERS: Mapping[str, Callable[..., Any]] = {
    "ago": times.ago,
    "at": times.at,
    "span": times.span,
    "epoch": times.epoch,
    "count": numbers.count,
    "rate": numbers.rate,
    "size": numbers.size,
    "some": words.some,
    "short": words.short,
    "clip": words.clip,
    "first_line": words.first_line,
    "reason": words.reason,
    "outcome": words.outcome,
    "kind": words.kind,
    "branch": tree.branch,
    "line": tree.one_line,
    "frames": tracebacks.frames,
    "shipped": shipped,
    "way": audit.way,
}
