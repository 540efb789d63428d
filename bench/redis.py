"""The few words that the bench says to Redis: is it there, what is it, empty one database."""

from __future__ import annotations

import socket

HOST, PORT, DATABASE = "localhost", 6379, 15
URL = f"redis://{HOST}:{PORT}/{DATABASE}"


def ask(*words: str) -> str:
    """Send one command to the bench's own database; return the raw answer.

    Raises:
        OSError: nobody answers.
    """
    with socket.create_connection((HOST, PORT), timeout=2) as connection:
        connection.sendall(encoded("SELECT", str(DATABASE)) + encoded(*words))
        connection.sendall(encoded("QUIT"))
        answer = b""
        while read := connection.recv(1 << 16):
            answer += read
    return answer.decode(errors="replace").removeprefix("+OK\r\n")


def encoded(*words: str) -> bytes:
    """Return a command as Redis reads it."""
    parts = [f"*{len(words)}"]
    for word in words:
        parts += [f"${len(word.encode())}", word]
    return "\r\n".join([*parts, ""]).encode()


def answers() -> bool:
    """Tell whether a server listens."""
    try:
        return "PONG" in ask("PING")
    except OSError:
        return False


def told() -> dict[str, str]:
    """Return what the server says of itself."""
    lines = (line.partition(":") for line in ask("INFO").splitlines())
    return {name: value for name, colon, value in lines if colon}


def pid() -> int:
    """Return the process of the server."""
    return int(told()["process_id"])


def facts() -> dict[str, str]:
    """Return what a reader of figures wants to know."""
    wanted = ("redis_version", "aof_enabled", "mem_allocator")
    given = told()
    kept = {name: given[name] for name in wanted if name in given}
    kept["appendfsync"] = ask("CONFIG", "GET", "appendfsync").splitlines()[4]
    return kept
