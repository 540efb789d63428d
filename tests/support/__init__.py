"""What tests share: a clock that stands still, databases to throw away, and jobs to put in them."""

from __future__ import annotations

from tests.support.clock import FrozenClock

__all__ = ["FrozenClock"]
