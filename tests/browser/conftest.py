"""One browser and one server loop for each process; for each test a database and a context."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import launched
from tests.browser.site import Loop, Site, served
from tests.browser.watch import Watch
from tests.support.demo_state import write_file

NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
# Two cores may be busy with other things: a page that takes as long as this is broken.
PATIENCE_MILLISECONDS = 15_000
OpenSite = Callable[..., Site]
OpenTab = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none, tests fail."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as driver:
        running = launched(driver)
        yield running
        running.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """Where servers and apps run."""
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory, loop: Loop) -> Path:
    """A file with a day in a small shop, to be copied."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    loop.run(write_file(str(path)))
    return path


@pytest.fixture
def open_site(loop: Loop, demo_file: Path, tmp_path: Path) -> Iterator[OpenSite]:
    """Serve dashboards: ``open_site(demo=True, write=True, …)``, each on a file of its own."""
    with ExitStack() as stack:
        opened: list[Site] = []

        def make(*, demo: bool = True, write: bool = True, **options: Any) -> Site:
            path = tmp_path / f"{len(opened)}.db"
            if demo:
                shutil.copy(demo_file, path)
            opened.append(stack.enter_context(served(loop, path, write=write, **options)))
            return opened[-1]

        yield make


@pytest.fixture
def site(open_site: OpenSite) -> Site:
    """A dashboard that may write, after a day in the shop."""
    return open_site()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[OpenTab]:
    """Open tabs: ``open_tab(site, color_scheme="dark", …)``, each in a fresh context.

    A test fails if a page of it does what no page must do; see ``Watch``.
    """
    watches: list[Watch] = []
    contexts: list[BrowserContext] = []

    def make(site: Site, *, refusals_are_fine: bool = False, **options: Any) -> Page:
        options.setdefault("viewport", WIDE)
        context = browser.new_context(base_url=site.url, **options)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        watch = Watch(site.url, refusals_are_fine=refusals_are_fine)
        watch.follow(context)
        watches.append(watch)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []
    assert all(watch.requests for watch in watches)


@pytest.fixture
def tab(site: Site, open_tab: OpenTab) -> Page:
    """A tab for the dashboard of ``site``."""
    return open_tab(site)
