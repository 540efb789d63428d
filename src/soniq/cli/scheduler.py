"""``soniq scheduler``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soniq.cli.options import (
    DatabaseUrl,
    LogFormat,
    MetricsHost,
    MetricsPort,
    Target,
    counted,
)

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.cli.metrics import Address


def scheduler(
    target: Target = None,
    *,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = None,
    log_format: LogFormat = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fire recurring jobs until SIGTERM or Ctrl-C; workers run them.

    Any number may run at once: each tick is fired by one of them.
    """
    # Imported late: `soniq --help` needs none of it and is to be quick.
    import asyncio  # noqa: PLC0415

    from soniq.cli import worker_run  # noqa: PLC0415
    from soniq.cli.metrics import Address  # noqa: PLC0415

    app = worker_run.prepare(target, database_url, log_format=log_format)
    asyncio.run(work(app, Address(metrics_port, metrics_host)))


async def work(app: Soniq, metrics: Address) -> None:
    """Run a scheduler under the signals of this process; close the app afterwards."""
    import logging  # noqa: PLC0415
    import os  # noqa: PLC0415

    from soniq.cli import load  # noqa: PLC0415

    logger = logging.getLogger("soniq.scheduler")
    logger.info(
        "Scheduler %d starts: %s in this code; database %s",
        os.getpid(), counted(len(app.scheduler.declared), "schedule"), load.place_of(app),
    )  # fmt: skip
    try:
        async with metrics.serving(app):
            await app.run_scheduler(handle_signals=True)
    finally:
        await app.close()
    logger.info("Scheduler %d ended", os.getpid())
