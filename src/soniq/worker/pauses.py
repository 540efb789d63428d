"""Keep the garbage collector's pauses short in a process that does nothing but work."""

from __future__ import annotations

import gc
from typing import Final

# A claim makes some thousand objects, which live until their jobs have ended. The collector's own
# measure (700) has it look at them several times meanwhile, and find nothing.
YOUNG: Final = 10_000


def keep_pauses_short() -> None:
    """Let the garbage collector look seldom, and at nothing that exists already, from now on.

    Modules, tasks and settings stay for as long as the process lives. To look at all of them once
    more stops an event loop for a tenth of a second, every few seconds while there is much to do.
    And to look at what is new after every 700 objects takes a fifth of the time of a worker that
    runs a thousand jobs at once; it is after 10,000 from now on, or after as many as were set if
    these are more.

    For a process of our own only: what is garbage by now is collected before, but what becomes
    garbage later, of all that exists now, is never found if it refers to itself. See
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    young, *older = gc.get_threshold()
    if young:  # 0: somebody has turned it off
        gc.set_threshold(max(young, YOUNG), *older)
