"""Where the log of a worker goes: stderr, for people or as JSON lines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from soniq.cli.escape import escape
from soniq.errors import ConfigurationError


class ConsoleFormatter(logging.Formatter):
    """``12:31:07 WARNING soniq.worker: message``; what is not visible text is spelled out.

    ``with_pid``: each line also says which process wrote it.
    """

    def __init__(self, *, with_pid: bool = False) -> None:
        pid = "[%(process)d] " if with_pid else ""
        super().__init__(f"%(asctime)s %(levelname)-7s {pid}%(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines for a record."""
        return escape(super().format(record), lines=True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, pid, logger, message, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str, kind: str, *, with_pid: bool = False) -> None:
    """Log to stderr, unless the application has set up logging itself.

    ``with_pid``: lines for people say which process wrote them; those of JSON always do.

    Raises:
        ConfigurationError: a level that logging does not have.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        message = f"log_level={level!r} (SONIQ_LOG_LEVEL): give DEBUG, INFO, WARNING or ERROR."
        raise ConfigurationError(message)
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else ConsoleFormatter(with_pid=with_pid))
    logging.getLogger().addHandler(handler)
    logging.getLogger("soniq").setLevel(number)
