"""Log records that say which job they are about, for any handler; and one JSON object a line.

Importing this changes nothing: no logger is touched before you add what is here to a handler.
"""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from soniq.context import current_job

# What every record about a job carries.
FIELDS = ("job_id", "job_name", "attempt", "queue", "worker_id")
# What a record has by itself, and what formatters add to it: the rest was given as ``extra``.
STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class JobFields(logging.Filter):
    """Give each record the fields of the job in which it is logged; let all of them pass.

    ``job_id``, ``job_name``, ``attempt``, ``queue`` and ``worker_id`` are None outside of jobs, so
    that a format may name them. What a record brings along as ``extra`` is left as it is. It
    belongs on handlers: a filter on a logger does not see what is logged below that logger. With a
    ``QueueHandler`` it belongs on that, not on what reads the queue.

    Example:
        .. code-block:: python

            handler.addFilter(JobFields())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete a record."""
        found = job_fields()
        for name in FIELDS:
            if not hasattr(record, name):
                setattr(record, name, found.get(name))
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, pid, logger, message, and the traceback if any.

    In between stands what else the record carries: the fields of the job, unless they are None,
    and what was given as ``extra``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in STANDARD and not (name in FIELDS and value is None):
                line.setdefault(name, value)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, default=shown)


def add_job_context(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the fields of the running job to an event: a processor for structlog.

    Fields that the event has already are left as they are; outside of jobs nothing is added.

    Example:
        .. code-block:: python

            structlog.configure(processors=[add_job_context, structlog.processors.JSONRenderer()])
    """
    del logger, method_name  # structlog passes them to every processor
    for name, value in job_fields().items():
        event_dict.setdefault(name, value)
    return event_dict


def job_fields() -> dict[str, Any]:
    """Return ``FIELDS`` of the job that this code runs in; nothing outside of jobs."""
    context = current_job()
    return {} if context is None else {name: getattr(context, name) for name in FIELDS}


def shown(value: object) -> str:
    """Return something that JSON does not know as text, also where it can't be shown."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - user code: a broken __str__ must not cost the line
        return f"<{type(value).__qualname__}>"
