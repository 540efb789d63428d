"""Debian's Chromium, driven by Playwright, which could bring one of its own only by downloading."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It asks nobody for anything by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launched(driver: Playwright) -> Browser:
    """Start the browser.

    Raises:
        FileNotFoundError: there is none.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        message = "There is no Chromium on this computer: `make browser` installs Debian's."
        raise FileNotFoundError(message)
    return driver.chromium.launch(executable_path=path, args=list(FLAGS))
