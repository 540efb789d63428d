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
DURATION = "messaging.process.duration"

SEND, PROCESS = "send", "process"

# Not of OpenTelemetry: what has no name there.
TASK = "soniq.task.name"
ATTEMPT = "soniq.job.attempt"
