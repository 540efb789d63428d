"""Where the log of a worker goes: stderr, for people or as JSON lines."""

from __future__ import annotations

import logging
import sys

from soniq.cli.escape import escape
from soniq.errors import ConfigurationError
from soniq.observability.logging import JobFields, JsonFormatter


class ConsoleFormatter(logging.Formatter):
    """``12:31:07 WARNING soniq.worker: message``; what is not visible text is spelled out.

    Where the record names a job and the message does not, ``(name id, attempt 1)`` follows.
    ``with_pid``: each line also says which process wrote it.
    """

    def __init__(self, *, with_pid: bool = False) -> None:
        pid = "[%(process)d] " if with_pid else ""
        super().__init__(f"%(asctime)s %(levelname)-7s {pid}%(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines for a record."""
        return escape(super().format(record), lines=True)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line, without the traceback that may follow."""
        line, job_id = super().formatMessage(record), getattr(record, "job_id", None)
        if job_id is None or str(job_id) in record.message:
            return line
        name, attempt = getattr(record, "job_name", "job"), getattr(record, "attempt", "?")
        return f"{line} ({name} {job_id}, attempt {attempt})"


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
    handler.addFilter(JobFields())
    handler.setFormatter(JsonFormatter() if kind == "json" else ConsoleFormatter(with_pid=with_pid))
    logging.getLogger().addHandler(handler)
    logging.getLogger("soniq").setLevel(number)
