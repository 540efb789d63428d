"""Wake-ups between the handles of one memory database."""

from __future__ import annotations

from collections.abc import Collection

from soniq.backends.bells import Bells
from soniq.backends.contract import Queues


class MemoryWakeups:
    """Rouses every handle at once, whatever its thread and loop."""

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self._bell = bells.hang()

    async def wake(self, queues: Collection[str]) -> None:
        """Rouse those who wait for any of these queues."""
        self._bells.ring(queues)

    def wake_after(self, connection: object, queues: Collection[str]) -> None:  # noqa: ARG002
        """Rouse at once: no caller can hold a transaction on this backend."""
        self._bells.ring(queues)

    @property
    def prompt(self) -> bool:
        """True: there is nobody outside of this process."""
        return True

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Return when woken (also since the last ``wait``) or after ``timeout`` seconds."""
        with self._bell.listening(queues) as sleeper:
            await sleeper.sleep(timeout)
        return ()
