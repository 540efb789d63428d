"""The names of OpenTelemetry for messaging that Soniq uses, and the version that they are of.

They are still in development there: a later version may rename them. This is the only place that
would have to change.
"""

from __future__ import annotations

VERSION = "1.44.0"
SCHEMA_URL = f"https://opentelemetry.io/schemas/{VERSION}"

SYSTEM = "messaging.system"
OPERATION_TYPE = "messaging.operation.type"
OPERATION_NAME = "messaging.operation.name"
DESTINATION = "messaging.destination.name"
MESSAGE_ID = "messaging.message.id"
BATCH_COUNT = "messaging.batch.message_count"
CLIENT_ID = "messaging.client.id"
ERROR_TYPE = "error.type"

SENT = "messaging.client.sent.messages"
CONSUMED = "messaging.client.consumed.messages"
CALL_DURATION = "messaging.client.operation.duration"
RUN_DURATION = "messaging.process.duration"
# The buckets that the conventions advise; without advice they would be those for milliseconds.
CALL_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

SEND, PROCESS = "send", "process"

# Not of OpenTelemetry: what has no name there.
TASK = "soniq.task.name"
ATTEMPT = "soniq.job.attempt"
