"""What happens is seen without anybody loading anything; what somebody has chosen stays."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.site import QUEUE, Site

LOADS = "performance.getEntriesByType('navigation').length + performance.timeOrigin"
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(16, 20, 24)"


def opened(tab: Page, address: str) -> Page:
    """Open a page that follows what happens, and wait until it does."""
    tab.goto(address)
    expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    expect(tab.locator("#live")).to_be_visible()
    return tab


def test_every_load_follows(tab: Page) -> None:
    """Not just now and then: scripts begin in the order that they need."""
    for _ in range(10):
        opened(tab, "/")


def test_the_overview_follows(site: Site, tab: Page) -> None:
    """A job comes, and is done: both are seen within a second or so, on the page as it is."""
    opened(tab, "/")
    loaded = tab.evaluate(LOADS)
    row = tab.locator("tr[data-row]").filter(has=tab.get_by_role("link", name=QUEUE, exact=True))
    due = row.locator("td").first
    job = site.enqueue()
    expect(due).to_have_text("1")
    site.work()
    since = time.monotonic()
    expect(due).to_have_text("0")
    seen_after = time.monotonic() - since
    assert site.value("SELECT status FROM soniq_jobs WHERE id = ?", job) == "done"
    assert tab.evaluate(LOADS) == loaded
    # A look each second, and what a busy machine adds to that.
    assert seen_after < 4


def test_the_page_of_a_job_follows(site: Site, tab: Page) -> None:
    """From waiting to done, and then it asks no more."""
    job = site.enqueue()
    opened(tab, f"/jobs/{job}")
    expect(tab.locator("h1")).to_contain_text("mail.send")
    loaded = tab.evaluate(LOADS)
    site.work()
    since = time.monotonic()
    expect(tab.locator("h1")).to_contain_text("done")
    assert time.monotonic() - since < 4
    expect(tab.locator("main")).not_to_have_attribute("hx-get", f"/jobs/{job}")
    # What scripts alone can do is still offered.
    expect(tab.get_by_role("button", name="Copy").first).to_be_visible()
    assert tab.evaluate(LOADS) == loaded


def test_the_title_and_the_icon_follow(site: Site, tab: Page) -> None:
    """A tab that nobody looks at says how many are dead."""
    tab.goto("/failures")
    dead = site.value("SELECT count(*) FROM soniq_dead_letter_jobs")
    expect(tab).to_have_title(f"({dead}) Failures · Soniq")
    opened(tab, "/")
    expect(tab).to_have_title(f"({dead}) Overview · Soniq")
    site.enqueue("mail.break")
    site.work()
    expect(tab).to_have_title(f"({dead + 1}) Overview · Soniq")
    expect(tab.locator("nav .badge")).to_have_text(f"{dead + 1} dead letters")


def test_what_is_open_stays_open(site: Site, tab: Page) -> None:
    """News change what has changed; where somebody is, what they have opened and ticked stays."""
    opened(tab, "/workers")
    details = tab.locator("details").first
    details.locator("summary").click()
    site.write("UPDATE soniq_workers SET running = ?, hostname = ?", [(2, "renamed")])
    expect(tab.locator("h2").first).to_contain_text("renamed")
    expect(details).to_have_attribute("open", "")


def test_the_theme_is_kept(site: Site, open_tab: OpenTab) -> None:
    """Automatic, light, dark: on every page, also when it is loaded again."""
    tab = open_tab(site, color_scheme="dark")
    tab.goto("/")
    assert tab.evaluate(GROUND) == DARK
    switch = tab.get_by_role("button", name="Theme:")
    switch.click()
    expect(switch).to_have_text("Theme: light")
    assert tab.evaluate(GROUND) == LIGHT
    tab.reload()
    assert tab.evaluate(GROUND) == LIGHT
    tab.goto("/queues")
    assert tab.evaluate(GROUND) == LIGHT
    switch.click()
    switch.click()
    expect(switch).to_have_text("Theme: auto")
    tab.emulate_media(color_scheme="light")
    assert tab.evaluate(GROUND) == LIGHT


def test_a_page_that_hears_nothing_says_so(site: Site, open_tab: OpenTab) -> None:
    """It stays as it was, and no longer claims to be live."""
    tab = open_tab(site, refusals_are_fine=True)
    opened(tab, "/")
    site.hush()
    expect(tab.locator("#live")).to_have_text("not live")
    expect(tab.locator("#live")).to_be_visible()
    expect(tab.locator("tr[data-row]").first).to_be_visible()
