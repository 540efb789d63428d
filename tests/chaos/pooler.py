"""PgBouncer in transaction mode before a server, as unfriendly as it gets."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.support.postgres import PREFIX
from tools.embedded import free_port

PACKAGE = "pgbouncer"
INSTALL = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE),
)
QUIETLY = {"DEBIAN_FRONTEND": "noninteractive"}
INSTALL_SECONDS, START_SECONDS = 120, 10.0
# Two servers for everybody, the next transaction always on the other one: nothing that only a
# session could keep survives. Unknown startup parameters are refused unless ``tolerated``.
CONFIGURATION = """
[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
server_round_robin = 1
default_pool_size = 2
max_client_conn = 200
server_login_retry = 1
ignore_startup_parameters = {tolerated}
"""


def pgbouncer() -> str | None:
    """Return the path of the program, installed if that can be done here; None if not."""
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(PACKAGE, path=search)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with suppress(subprocess.SubprocessError):
            for command in INSTALL:
                subprocess.run(
                    command,
                    check=True,
                    timeout=INSTALL_SECONDS,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=os.environ | QUIETLY,
                )
        found = shutil.which(PACKAGE, path=search)
    return found


@contextmanager
def running_pooler(program: str, direct: str, *, tolerated: str = "") -> Iterator[str]:
    """Run PgBouncer before the server of a database; yield the URL that leads through it.

    ``tolerated``: startup parameters that it accepts and forgets.
    """
    server, port = urlsplit(direct), free_port()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    (folder / "users").write_text(f'"{server.username}" ""\n')
    (folder / "configuration").write_text(
        CONFIGURATION.format(
            host=server.hostname,
            server_port=server.port or 5432,
            port=port,
            folder=folder,
            tolerated=tolerated,
        )
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, folder / "configuration"],
            user=unprivileged(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, folder / "log")
        netloc = f"{server.username}@127.0.0.1:{port}"
        yield server._replace(netloc=netloc).geturl()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def unprivileged() -> int | None:
    """Return the user to run as; PgBouncer refuses to be root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def wait_for(port: int, log: Path) -> None:
    """Return when somebody listens there; fail with what was said instead."""
    for _ in range(int(START_SECONDS / 0.05)):
        with suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@contextmanager
def transaction_pooler(
    direct: str, monkeypatch: pytest.MonkeyPatch, *, tolerated: str = ""
) -> Iterator[str]:
    """Yield a URL behind which no session can be relied on.

    Where PgBouncer can't be had, the direct one: Soniq is made to believe that there is a pooler.
    """
    if program := pgbouncer():
        with running_pooler(program, direct, tolerated=tolerated) as url:
            yield url
        return
    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
        yield direct
