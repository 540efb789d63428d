"""Where the log of a worker goes: stderr, for people or as JSON lines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from soniq.cli.escape import escape
from soniq.errors import ConfigurationError


class ConsoleFormatter(logging.Formatter):
    """``12:31:07 WARNING soniq.worker  message``; what is not visible text is spelled out."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines for a record."""
        return escape(super().format(record), lines=True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str, kind: str) -> None:
    """Log to stderr, unless the application has set up logging itself.

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
    handler.setFormatter(JsonFormatter() if kind == "json" else ConsoleFormatter())
    logging.getLogger().addHandler(handler)
    logging.getLogger("soniq").setLevel(number)
