"""How long commands take from start to end, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.pages.shop import Shop
from bench.run import Figures
from bench.side import Failed

SONIQ = str(Path(sys.executable).with_name("soniq"))


def commands(shop: Shop) -> dict[str, list[str]]:
    """Return the commands by how they are typed; the first one is Python itself, as the base."""
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "soniq --help": [SONIQ, "--help"],
        "soniq status": [SONIQ, "status"],
        "soniq jobs list": [SONIQ, "jobs", "list"],
        "soniq jobs why ID": [SONIQ, "jobs", "why", shop.id_of(shop.jobs // 40 * 20 + 17)],
    }


def run(command: Sequence[str], url: str) -> Figures:
    """Run a command once, its output thrown away.

    Raises:
        Failed: it failed, or there is nothing behind it.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SONIQ_")}
    environment["SONIQ_DATABASE_URL"] = url
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise Failed(done.stderr.decode(errors="replace")[-200:])
    return {"total_ms": seconds * 1000}
