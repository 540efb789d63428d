"""Keep the garbage collector's pauses short in a process that does nothing but work."""

from __future__ import annotations

import gc


def keep_pauses_short() -> None:
    """Let the garbage collector look at nothing that exists already, from now on.

    Modules, tasks and settings stay for as long as the process lives. To look at all of them once
    more stops an event loop for a tenth of a second, every few seconds while there is much to do.

    For a process of our own only: what is garbage by now is collected before, but what becomes
    garbage later, of all that exists now, is never found if it refers to itself. See
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
