"""``--metrics-port``: where a worker or scheduler tells how it does, if that is wanted."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soniq.errors import ExtraMissing

if TYPE_CHECKING:
    from soniq.app import Soniq


@dataclass(frozen=True, slots=True)
class Address:
    """What the command line says; what it leaves open, the settings say.

    ``place``: the number of this process among those of its supervisor, from 0. Each has a port of
    its own: the first one that which was asked for, the others those that follow.
    """

    port: int | None = None
    host: str | None = None
    place: int = 0

    def serving(
        self, app: Soniq, *, awaits_worker: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        """Return the block (``async with``) in which metrics and health are served, if at all.

        Raises:
            ConfigurationError: they can't be.
            ExtraMissing: the package for it is not installed.
        """
        port = app.settings.metrics_port if self.port is None else self.port
        if port is None:
            return nullcontext()
        try:
            from soniq.observability.server import serving  # noqa: PLC0415 - needs the extra
        except ModuleNotFoundError as error:
            if error.name != "prometheus_client":
                raise
            message = (
                "--metrics-port (SONIQ_METRICS_PORT) needs the package prometheus-client: "
                "pip install 'soniq[prometheus]'."
            )
            raise ExtraMissing(message) from None
        # Any free port is a port of its own already.
        return serving(
            app,
            port and port + self.place,
            host=self.host or app.settings.metrics_host,
            awaits_worker=awaits_worker,
        )
