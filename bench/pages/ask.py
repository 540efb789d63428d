"""Ask for pages as a browser does, and take the time."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import time
from urllib.parse import quote_plus

from bench.pages.shop import RARE, TASKS, Shop
from bench.run import Figures
from bench.side import Failed

PATIENCE = 60.0
PAGE_ROWS = 50
FINGERPRINT = re.compile(rb'/failures/([0-9a-f]+)"')
LIVE = {"HX-Request": "true"}


class Client:
    """One connection that is kept, as browsers keep it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[float, float, bytes]:
        """Return the milliseconds to the first byte and to the last, and the body.

        Raises:
            Failed: the answer is an error.
        """
        began = time.perf_counter()
        self._connection.request("GET", path, headers=headers or {})
        answer = self._connection.getresponse()
        first = time.perf_counter()
        body = answer.read()
        ended = time.perf_counter()
        if answer.status != http.client.OK:
            message = f"{path} answered {answer.status}: {body[:200]!r}"
            raise Failed(message)
        return (first - began) * 1000, (ended - began) * 1000, body

    def statements(self, forget: str = "") -> int:
        """Return how many statements the server has run; have it forget what it has kept."""
        path = f"/bench?forget={forget}" if forget else "/bench"
        counted: int = json.loads(self.get(path)[2])["statements"]
        return counted

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def addresses(shop: Shop) -> dict[str, str]:
    """Return what is asked for; what stands in braces is looked up."""
    failed = shop.jobs // 2 // 33 * 33
    searches = {
        "by task and state": f"task:{TASKS[3]} state:queued",
        "by queue and age": "queue:mail-slow age:>1h",
        "by an argument": f"args.customer.id:{shop.jobs // 2 % 9000}",
        "by a rare error": f'error:"{RARE.partition(":")[0]}"',
        "that finds nothing": "error:unheard-of",
    }
    return {
        "Overview": "/",
        "Overview, 24 hours": "/?window=24h",
        "Jobs": "/jobs",
        **{f"Jobs {told}": f"/jobs?q={quote_plus(words)}" for told, words in searches.items()},
        "Jobs, page 100": f"/jobs?after={shop.id_of(max(1, shop.jobs - 99 * PAGE_ROWS))}",
        "a job": f"/jobs/{shop.id_of(failed)}",
        "Queues": "/queues",
        "Failures": "/failures",
        "a failure": "/failures/{fingerprint}",
        "Schedules": "/schedules",
        "Workers": "/workers",
        "System": "/system",
    }


def measure(client: Client, path: str, requests: int) -> list[Figures]:
    """Ask for a page again and again, each time as if nobody had looked for a while.

    The first run also has the figures of the very first request, and what is the same for all.
    """
    if "{fingerprint}" in path:
        path = path.format(fingerprint=fingerprint(client))
    cold, _, _ = client.get(path)
    runs = repeated(client, path, requests)
    runs[0] |= {"cold_first_ms": cold}
    return runs


def repeated(client: Client, path: str, requests: int, *, forget: str = "pages") -> list[Figures]:
    """Ask for a page that was asked for before; see ``bench.pages.serve`` for ``forget``."""
    runs: list[Figures] = []
    for _ in range(requests):
        client.statements(forget)
        first, total, _ = client.get(path)
        runs.append({"first_ms": first, "total_ms": total})
    runs[0] |= counted(client, path, forget)
    return runs


def counted(client: Client, path: str, forget: str) -> Figures:
    """Return the statements of a page and of its refresh right after it, and the bytes of both."""
    before = client.statements(forget)
    body = client.get(path)[2]
    between = client.statements()
    fragment = client.get(path, LIVE)[2]
    after = client.statements()
    return {
        "statements": between - before,
        "live_statements": after - between,
        "bytes": len(body),
        "gzip_bytes": len(gzip.compress(body, 6)),
        "live_bytes": len(fragment),
    }


def fingerprint(client: Client) -> str:
    """Return that of the first failure."""
    found = FINGERPRINT.search(client.get("/failures")[2])
    if found is None:
        message = "the page of failures names none"
        raise Failed(message)
    return found[1].decode()
