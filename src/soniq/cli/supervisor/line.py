"""From a worker to its supervisor: what happens; and whether anybody is still there to hear it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import suppress
from typing import Any


class Line:
    """The worker's end. When the supervisor is gone, however it went, this process drains.

    ``descriptor``: that of the socket, as the supervisor gave it.
    """

    def __init__(self, descriptor: int) -> None:
        # Not for programs that a handler starts: they would hold the line open.
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        threading.Thread(target=self._listen, name="soniq-line", daemon=True).start()

    def tell(self, **facts: Any) -> None:
        """Send one message, if anybody listens."""
        with suppress(OSError):
            self._socket.sendall(json.dumps(facts).encode() + b"\n")

    def _listen(self) -> None:
        with suppress(OSError):
            while self._socket.recv(1024):
                pass  # a supervisor has nothing to say but that it is there
        os.kill(os.getpid(), signal.SIGTERM)
